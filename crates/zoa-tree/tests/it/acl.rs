//! Who may do what: permissions of each operation, setACL, getACL, the ACLs that triggers carry.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::Perms;
use zoa_proto::Version;
use zoa_proto::request::Check;
use zoa_tree::Access;
use zoa_tree::Settings;

use crate::world::Done;
use crate::world::DoneInMulti;
use crate::world::OPEN;
use crate::world::World;

const JOE: &[(&str, &str)] = &[("digest", "joe:hash")];

/// A tree with `/p/a`, both with these permissions for the world.
fn world_with(perms: u32) -> World {
    let mut world = World::new();
    world.create("/p");
    world.create("/p/a");
    world.create("/p/a/b");
    world.set_acl("/p/a", &[(perms, "world", "anyone")], -1);
    world.set_acl("/p", &[(perms, "world", "anyone")], -1);
    world
}

/// Whether each operation may be done with these permissions on the znode and its parent: create
/// below, delete, setData, setACL, check, the reads, getACL.
fn allowed(perms: u32) -> Vec<bool> {
    let may = |done: Result<Done, ErrorCode>| match done {
        Err(ErrorCode::NoAuth) => false,
        Err(ErrorCode::NotEmpty) | Ok(_) => true,
        Err(other) => panic!("{other}"),
    };
    let mut world = world_with(perms);
    let access = world.access();
    let reads = [
        world.tree.read_data("/p/a", &access).is_ok(),
        world.tree.read_exists("/p/a", &access).is_ok(),
        world.tree.read_children("/p/a", &access).is_ok(),
        world.tree.read_children_count_all("/p/a", &access).is_ok(),
    ];
    assert!(
        reads.iter().all(|read| *read == reads[0]),
        "all reads need READ"
    );
    let acl = world.tree.read_acl("/p/a", &access).is_ok();
    let path = "/p/a";
    let check = world.multi(&[MultiOp::Check(Check {
        path,
        version: Version::ANY,
    })]);
    vec![
        may(world.create("/p/new").result),
        may(world.delete("/p/a", -1).result),
        may(world.set_data("/p/a", b"x", -1).result),
        check.multi() == [DoneInMulti::Checked],
        reads[0],
        acl,
        may(world.set_acl("/p/a", OPEN, -1).result),
    ]
}

#[test]
fn each_operation_needs_its_own_permission() {
    let table = [
        (0, [false, false, false, false, false, false, false]),
        (1, [false, false, false, true, true, true, false]),
        (2, [false, false, true, false, false, false, false]),
        (4, [true, false, false, false, false, false, false]),
        (8, [false, true, false, false, false, false, false]),
        (16, [false, false, false, false, false, true, true]),
        (31, [true, true, true, true, true, true, true]),
    ];
    for (perms, expected) in table {
        assert_eq!(allowed(perms), expected, "{perms}");
    }
}

#[test]
fn a_digest_identity_opens_what_is_its_own() {
    let mut world = World::new();
    world.create_with("/a", 0, &[(31, "digest", "joe:hash")]);
    assert_eq!(world.set_data("/a", b"x", -1).error(), ErrorCode::NoAuth);
    world.be(&[("digest", "joe:other")]);
    assert_eq!(world.set_data("/a", b"x", -1).error(), ErrorCode::NoAuth);
    world.be(JOE);
    assert!(world.set_data("/a", b"x", -1).result.is_ok());
}

#[test]
fn the_superuser_and_skip_acl_pass_everything() {
    let mut world = World::new();
    world.create_with("/a", 0, &[(0, "digest", "joe:hash")]);
    world.settings = Settings::SKIP_ACL;
    assert!(world.set_data("/a", b"x", -1).result.is_ok());
    assert!(world.tree.read_data("/a", &world.access()).is_ok());
    world.settings = Settings::NONE;
    assert_eq!(world.set_data("/a", b"x", -1).error(), ErrorCode::NoAuth);
    world.be(&[("super", "")]);
    assert!(world.set_data("/a", b"x", -1).result.is_ok());
    assert!(world.tree.read_data("/a", &world.access()).is_ok());
}

#[test]
fn set_acl_moves_only_aversion_and_fires_nothing() {
    let mut world = World::new();
    world.create("/a");
    let before = world.stat("/a");
    let heard = world.set_acl("/a", &[(31, "ip", "127.0.0.1")], 0);
    let stat = world.stat("/a");
    assert_eq!(heard.result, Ok(Done::AclSet(stat)));
    assert!(heard.triggers.is_empty());
    let mut expected = before;
    expected.aversion = Version(1);
    assert_eq!(stat, expected);
    assert_eq!(world.set_acl("/a", OPEN, 1).error(), ErrorCode::NoAuth);
    world.be(&[("ip", "127.0.0.1")]);
    assert_eq!(world.set_acl("/a", OPEN, 0).error(), ErrorCode::BadVersion);
    assert!(world.set_acl("/a", OPEN, 1).result.is_ok());
}

#[test]
fn errors_of_set_acl_come_in_the_reference_order() {
    let mut world = World::new();
    world.create_with("/locked", 0, &[(1, "world", "anyone")]);
    let bad: &[(u32, &str, &str)] = &[(1, "digest", "nobody")];
    assert_eq!(
        world.set_acl("/locked/", bad, 9).error(),
        ErrorCode::BadArguments
    );
    assert_eq!(
        world.set_acl("/missing", bad, 9).error(),
        ErrorCode::InvalidAcl
    );
    assert_eq!(
        world.set_acl("/missing", &[], 9).error(),
        ErrorCode::InvalidAcl
    );
    assert_eq!(
        world.set_acl("/missing", OPEN, 9).error(),
        ErrorCode::NoNode
    );
    assert_eq!(world.set_acl("/locked", OPEN, 9).error(), ErrorCode::NoAuth);
    world.be(&[("super", "")]);
    assert_eq!(
        world.set_acl("/locked", OPEN, 9).error(),
        ErrorCode::BadVersion
    );
}

#[test]
fn auth_stands_for_the_identities_of_the_connection() {
    let mut world = World::new();
    assert_eq!(
        world.create_with("/a", 0, &[(31, "auth", "")]).error(),
        ErrorCode::InvalidAcl
    );
    world.be(&[
        ("ip", "127.0.0.1"),
        ("digest", "joe:hash"),
        ("digest", "ann:hash"),
    ]);
    world.create_with("/a", 0, &[(31, "auth", "")]);
    assert_eq!(
        shown(&world, "/a"),
        ["digest:joe:hash:31", "digest:ann:hash:31"]
    );
}

#[test]
fn get_acl_hides_hashes_from_those_without_admin() {
    let mut world = World::new();
    let acl = &[
        (1, "world", "anyone"),
        (17, "digest", "joe:hash"),
        (1, "ip", "::1"),
    ];
    world.create_with("/a", 0, acl);
    assert_eq!(
        shown(&world, "/a"),
        ["world:anyone:1", "digest:joe:x:17", "ip:::1:1"]
    );
    world.be(JOE);
    assert_eq!(
        shown(&world, "/a"),
        ["world:anyone:1", "digest:joe:hash:17", "ip:::1:1"]
    );
    let (acl, stat) = world.tree.read_acl("/a", &world.access()).unwrap();
    assert_eq!((acl.len(), stat), (3, world.stat("/a")));
    assert!(acl.whole().is_some());
}

fn shown(world: &World, path: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let (acl, _) = world.tree.read_acl(path, &world.access()).unwrap();
    acl.for_each(&mut |entry| {
        entries.push(format!("{}:{}:{}", entry.scheme, entry.id, entry.perms.0));
    });
    entries
}

#[test]
fn equal_acls_are_stored_once_and_go_with_their_last_znode() {
    let mut world = World::new();
    let before = world.tree.acls_count();
    let acl = &[(31, "digest", "joe:hash"), (1, "world", "anyone")];
    for path in ["/a", "/b", "/c"] {
        world.create_with(path, 0, acl);
        assert_eq!(world.tree.acls_count(), before + 1);
    }
    world.be(JOE);
    world.set_acl("/a", OPEN, -1);
    world.set_acl("/b", acl, -1);
    world.delete("/c", -1);
    assert_eq!(world.tree.acls_count(), before + 1);
    world.delete("/b", -1);
    assert_eq!(world.tree.acls_count(), before);
}

/// Goal: an event is shown to whoever may read the znode it is about, as its ACL was when it
/// happened; the handle outlives the znode (G-08).
#[test]
fn triggers_carry_the_acl_of_the_znode_they_are_about() {
    let mut world = World::new();
    world.create_with("/p", 0, OPEN);
    let seen = |acls: &[zoa_tree::AclHandle]| -> Vec<bool> {
        acls.iter()
            .map(|acl| acl.allows(Perms::READ, crate::world::NOBODY.identities))
            .collect()
    };
    let secret = &[(31, "digest", "joe:hash")];
    let created = world.create_with("/p/a", CreateMode::Ephemeral.flags().0, secret);
    assert_eq!(seen(&created.acls), [false, true]);
    world.be(JOE);
    assert_eq!(seen(&world.set_data("/p/a", b"x", -1).acls), [false]);
    let deleted = world.delete("/p/a", -1);
    assert_eq!(seen(&deleted.acls), [false, true]);
    let joe = Access {
        identities: world.identities.as_ref(),
        skip_acl: false,
    };
    assert!(joe.is_allowed(&deleted.acls[0], Perms::READ));
    world.set_acl("/p", secret, -1);
    assert_eq!(seen(&world.create("/p/b").acls), [true, false]);
    assert_eq!(seen(&world.delete("/p/b", -1).acls), [true, false]);
}
