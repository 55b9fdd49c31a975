//! multi: all or nothing (G-14).

use zoa_proto::CreateFlags;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::OpCode;
use zoa_proto::Version;
use zoa_proto::request::Check;
use zoa_proto::request::Create;
use zoa_proto::request::CreateTtl;
use zoa_proto::request::Delete;
use zoa_proto::request::GetData;
use zoa_proto::request::SetData;

use crate::world::Done;
use crate::world::DoneInMulti;
use crate::world::OPEN;
use crate::world::SESSION;
use crate::world::World;
use crate::world::acl_list;

const ANY: Version = Version::ANY;

fn create<'a>(path: &'a str, flags: i32, scratch: &'a mut Vec<u8>) -> MultiOp<'a> {
    let flags = CreateFlags(flags);
    MultiOp::Create2(Create {
        path,
        data: Some(b"data"),
        acl: acl_list(OPEN, scratch),
        flags,
    })
}

const fn delete(path: &str) -> MultiOp<'_> {
    MultiOp::Delete(Delete { path, version: ANY })
}

const fn set(path: &str) -> MultiOp<'_> {
    MultiOp::SetData(SetData {
        path,
        data: Some(b"more data"),
        version: ANY,
    })
}

const fn check(path: &str, version: i32) -> MultiOp<'_> {
    MultiOp::Check(Check {
        path,
        version: Version(version),
    })
}

#[test]
fn operations_see_those_before_them_and_share_one_zxid() {
    let mut world = World::new();
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let heard = world.multi(&[
        create("/a", 0, &mut one),
        check("/a", 0),
        create("/a/b", 2, &mut two),
        set("/a"),
        check("/a", 1),
        set("/a"),
        delete("/a/b0000000000"),
    ]);
    let stat = world.stat("/a");
    assert_eq!(
        (stat.czxid, stat.mzxid, stat.pzxid),
        (heard.zxid, heard.zxid, heard.zxid)
    );
    assert_eq!(
        (stat.version, stat.cversion, stat.num_children),
        (Version(2), Version(2), 0)
    );
    let [DoneInMulti::Created(path, Some(created)), rest @ ..] = heard.multi() else {
        panic!("{heard:?}");
    };
    assert_eq!((path.as_str(), created.num_children), ("/a", 0));
    assert_eq!(rest[0], DoneInMulti::Checked);
    assert!(matches!(&rest[1], DoneInMulti::Created(path, _) if path == "/a/b0000000000"));
    assert!(matches!(rest[2], DoneInMulti::DataSet(stat) if stat.version == Version(1)));
    assert_eq!(
        rest[4],
        DoneInMulti::DataSet({
            let mut with_child = stat;
            (with_child.num_children, with_child.cversion) = (1, Version(1));
            with_child
        })
    );
    assert_eq!(rest[5], DoneInMulti::Deleted);
    let expected = [
        "NodeCreated /a",
        "NodeChildrenChanged /",
        "NodeCreated /a/b0000000000",
        "NodeChildrenChanged /a",
        "NodeDataChanged /a",
        "NodeDataChanged /a",
        "NodeDeleted /a/b0000000000",
        "NodeChildrenChanged /a",
    ];
    assert_eq!(heard.triggers, expected);
}

/// Goal: whatever an earlier operation did, a later failure takes it back to the last bit.
/// Method: the digest covers every stat, all data, all ACLs; the lists and counts beside it are
/// compared one by one.
#[test]
fn a_failed_multi_leaves_no_trace_but_its_zxid() {
    let mut world = World::new();
    world.create("/p");
    for name in ["a", "b", "c", "d"] {
        world.create(&format!("/p/{name}"));
    }
    world.create_with("/e1", 1, OPEN);
    world.create_with("/e2", 1, OPEN);
    let before = observed(&world);
    let mut scratch: [Vec<u8>; 5] = Default::default();
    let [one, two, three, four, five] = &mut scratch;
    let heard = world.multi(&[
        delete("/p/b"),
        delete("/p/d"),
        create("/p/b", 0, one),
        create("/p/b/deep", 0, two),
        set("/p/b/deep"),
        set("/p/a"),
        set("/p/a"),
        delete("/e1"),
        create("/e1", 1, three),
        create("/p/s", 3, four),
        delete("/p/a"),
        delete("/p/c"),
        set("/p"),
        create("/p/b", 0, five),
        check("/never", 0),
    ]);
    let errors: Vec<DoneInMulti> = std::iter::repeat_n(None, 13)
        .chain([
            Some(ErrorCode::NodeExists),
            Some(ErrorCode::RuntimeInconsistency),
        ])
        .map(DoneInMulti::Error)
        .collect();
    assert_eq!(heard.multi(), errors);
    assert!(heard.triggers.is_empty());
    assert_eq!(observed(&world), before);
    // The sequence goes on as if nothing had been.
    assert_eq!(
        world.create_with("/p/s", 2, OPEN).created(),
        "/p/s0000000004"
    );
    // And everything can still be taken apart.
    for path in [
        "/p/a",
        "/p/b",
        "/p/c",
        "/p/d",
        "/p/s0000000004",
        "/p",
        "/e1",
        "/e2",
    ] {
        assert_eq!(world.delete(path, -1).result, Ok(Done::Deleted), "{path}");
    }
}

/// Everything that can be seen of a small tree, except the zxid.
fn observed(world: &World) -> Vec<String> {
    let tree = &world.tree;
    let mut seen = vec![
        format!("{} znodes", tree.node_count()),
        format!("{} bytes", tree.approximate_data_size()),
        format!("{} ephemerals", tree.ephemerals_count()),
        format!("{} acls", tree.acls_count()),
        format!("{:?}", world.ephemerals(SESSION, "")),
    ];
    for path in [
        "/",
        "/p",
        "/p/a",
        "/p/b",
        "/p/b/deep",
        "/p/c",
        "/p/d",
        "/e1",
        "/e2",
    ] {
        let node = tree.find(path);
        seen.push(format!(
            "{path} {:?}",
            node.map(|node| (node.stat(), node.data()))
        ));
        if let Some(node) = node {
            let names: Vec<&str> = node.children().collect();
            let counts = (node.descendants_count(), node.children_names_len());
            seen.push(format!("{path} {names:?} {counts:?}"));
        }
    }
    seen
}

#[test]
fn the_digest_after_a_failed_multi_is_that_of_a_failed_create() {
    let failed = |is_multi: bool| {
        let mut world = World::new();
        world.create("/p");
        let (mut one, mut two) = (Vec::new(), Vec::new());
        if is_multi {
            world.multi(&[
                create("/p/a", 2, &mut one),
                set("/p"),
                create("/p", 0, &mut two),
            ]);
        } else {
            assert_eq!(world.create("/p").error(), ErrorCode::NodeExists);
        }
        world.tree.digest()
    };
    assert_eq!(failed(true), failed(false));
}

#[test]
fn an_empty_multi_succeeds_and_takes_a_zxid() {
    let mut world = World::new();
    let before = world.tree.last_zxid();
    let heard = world.multi(&[]);
    assert_eq!(heard.result, Ok(Done::Multi(Vec::new())));
    assert_eq!(heard.zxid.0, before.0 + 1);
}

#[test]
fn reads_unknown_kinds_and_unknown_flags_fail_the_whole_packet() {
    let mut world = World::new();
    let read = MultiOp::GetData(GetData {
        path: "/",
        watch: false,
    });
    let mut scratch = Vec::new();
    let flags = create("/b", 7, &mut scratch);
    for last in [read, flags] {
        let mut other = Vec::new();
        let heard = world.multi(&[create("/a", 0, &mut other), last]);
        assert_eq!(heard.error(), ErrorCode::MarshallingError);
        assert!(!world.exists("/a"));
    }
    // setACL (7) is not allowed in a multi.
    let heard = world.raw(OpCode::Multi, &[0, 0, 0, 7, 0, 255, 255, 255, 255]);
    assert_eq!(heard.error(), ErrorCode::MarshallingError);
}

#[test]
fn kinds_that_are_not_served_yet_fail_their_multi() {
    let mut world = World::new();
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let acl = acl_list(OPEN, &mut one);
    let flags = CreateFlags(5);
    let ttl = CreateTtl {
        path: "/t",
        data: None,
        acl,
        flags,
        ttl_ms: 1000,
    };
    let heard = world.multi(&[create("/a", 0, &mut two), MultiOp::CreateTtl(ttl)]);
    let expected = [None, Some(ErrorCode::Unimplemented)].map(DoneInMulti::Error);
    assert_eq!(heard.multi(), expected);
    assert!(!world.exists("/a"));
}
