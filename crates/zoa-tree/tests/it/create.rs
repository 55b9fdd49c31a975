//! create and create2.

use zoa_proto::CreateFlags;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Zxid;
use zoa_proto::request::Create;

use crate::world::Done;
use crate::world::OPEN;
use crate::world::SESSION;
use crate::world::World;
use crate::world::acl_list;

#[test]
fn a_new_znode_has_the_stat_of_its_transaction() {
    let mut world = World::new();
    let heard = world.create("/a");
    assert_eq!(heard.result, Ok(Done::Created("/a".to_owned(), None)));
    assert_eq!(heard.triggers, ["NodeCreated /a", "NodeChildrenChanged /"]);
    let expected = Stat {
        czxid: heard.zxid,
        mzxid: heard.zxid,
        pzxid: heard.zxid,
        ctime_ms: world.time_ms,
        mtime_ms: world.time_ms,
        data_length: 4,
        ..Stat::default()
    };
    assert_eq!(world.stat("/a"), expected);
    assert_eq!(world.tree.find("/a").unwrap().data(), Some(&b"data"[..]));
}

#[test]
fn create2_replies_the_stat_too() {
    let mut world = World::new();
    let mut scratch = Vec::new();
    let heard = world.request(&Request::Create2(Create {
        path: "/a",
        data: None,
        acl: acl_list(OPEN, &mut scratch),
        flags: CreateFlags(1),
    }));
    let stat = world.stat("/a");
    assert_eq!(heard.result, Ok(Done::Created("/a".to_owned(), Some(stat))));
    assert_eq!((stat.data_length, stat.ephemeral_owner), (0, SESSION));
    assert_eq!(world.tree.find("/a").unwrap().data(), None);
}

#[test]
fn children_move_cversion_by_one_each_way_and_pzxid() {
    let mut world = World::new();
    world.create("/p");
    world.create("/p/a");
    let second = world.create("/p/b").zxid;
    let stat = world.stat("/p");
    assert_eq!(
        (stat.cversion, stat.num_children, stat.pzxid),
        (Version(2), 2, second)
    );
    let gone = world.delete("/p/a", -1).zxid;
    let stat = world.stat("/p");
    assert_eq!(
        (stat.cversion, stat.num_children, stat.pzxid),
        (Version(3), 1, gone)
    );
    assert!(stat.mzxid < second, "children do not move mzxid");
}

#[test]
fn a_sequential_name_counts_all_creates_and_is_not_used_again() {
    let mut world = World::new();
    world.create("/p");
    let mode = CreateMode::PersistentSequential;
    assert_eq!(
        world.create_mode("/p/n-", mode).created(),
        "/p/n-0000000000"
    );
    world.create("/p/plain");
    assert_eq!(world.create_mode("/p/", mode).created(), "/p/0000000002");
    world.delete("/p/0000000002", -1);
    assert_eq!(world.create_mode("/p/", mode).created(), "/p/0000000003");
    assert_eq!(world.create_mode("/r", mode).created(), "/r0000000001");
}

#[test]
fn a_failed_create_takes_a_zxid_and_changes_nothing_else() {
    let mut world = World::new();
    world.create("/a");
    let (stat, root) = (world.stat("/a"), world.stat("/"));
    let heard = world.create("/a");
    assert_eq!(heard.error(), ErrorCode::NodeExists);
    assert_eq!(heard.zxid, Zxid(stat.czxid.0 + 1));
    assert!(heard.triggers.is_empty());
    assert_eq!((world.stat("/a"), world.stat("/")), (stat, root));
}

#[test]
fn errors_come_in_the_reference_order() {
    let mut world = World::new();
    world.create_with("/locked", 0, &[(1, "world", "anyone")]);
    world.create_mode("/eph", CreateMode::Ephemeral);
    world.create("/there");
    let bad_acl: &[(u32, &str, &str)] = &[];
    let mut check = |path: &str, flags, acl, expected| {
        assert_eq!(
            world.create_with(path, flags, acl).error(),
            expected,
            "{path:?}"
        );
    };
    // Flags before the path, the path's slash before the ACL, the ACL before the parent.
    check("nowhere", 7, bad_acl, ErrorCode::BadArguments);
    check("/x", -1, OPEN, ErrorCode::BadArguments);
    check("nowhere", 0, bad_acl, ErrorCode::BadArguments);
    check("", 0, bad_acl, ErrorCode::BadArguments);
    check("/a\0b", 0, bad_acl, ErrorCode::BadArguments);
    check("/missing/x", 0, bad_acl, ErrorCode::InvalidAcl);
    // The parent before its permission, that before the rest of the path, that before the name.
    check("/missing/x", 0, OPEN, ErrorCode::NoNode);
    check("a/b", 0, OPEN, ErrorCode::NoNode);
    check("/there//x", 0, OPEN, ErrorCode::NoNode);
    check("/locked/.", 0, OPEN, ErrorCode::NoAuth);
    check("/there/.", 0, OPEN, ErrorCode::BadArguments);
    check("/there/..", 0, OPEN, ErrorCode::BadArguments);
    check("/there/", 0, OPEN, ErrorCode::BadArguments);
    check("/there/a\u{1}", 0, OPEN, ErrorCode::BadArguments);
    check("//a", 0, OPEN, ErrorCode::BadArguments);
    check("/", 0, OPEN, ErrorCode::NodeExists);
    check("/there", 1, OPEN, ErrorCode::NodeExists);
    check("/eph/\u{1}", 0, OPEN, ErrorCode::BadArguments);
    check("/eph/x", 0, OPEN, ErrorCode::NoChildrenForEphemerals);
}

#[test]
fn an_ephemeral_belongs_to_its_session_and_a_sequential_one_too() {
    let mut world = World::new();
    world.create_mode("/e", CreateMode::Ephemeral);
    let path = world.create_mode("/s", CreateMode::EphemeralSequential);
    assert_eq!(path.created(), "/s0000000001");
    assert_eq!(world.stat("/e").ephemeral_owner, SESSION);
    assert_eq!(world.ephemerals(SESSION, ""), ["/e", "/s0000000001"]);
    world.create("/p");
    assert_eq!(world.stat("/p").ephemeral_owner, SessionId::NONE);
}
