//! delete.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;

use crate::world::Done;
use crate::world::OPEN;
use crate::world::SESSION;
use crate::world::World;

#[test]
fn a_deleted_znode_is_gone_and_its_parent_tells() {
    let mut world = World::new();
    world.create("/p");
    world.create("/p/a");
    let heard = world.delete("/p/a", 0);
    assert_eq!(heard.result, Ok(Done::Deleted));
    assert_eq!(
        heard.triggers,
        ["NodeDeleted /p/a", "NodeChildrenChanged /p"]
    );
    assert!(!world.exists("/p/a"));
    assert_eq!(world.stat("/p").pzxid, heard.zxid);
    let heard = world.delete("/p", -1);
    assert_eq!(heard.triggers, ["NodeDeleted /p", "NodeChildrenChanged /"]);
}

#[test]
fn an_ephemeral_can_be_deleted_before_its_session_ends() {
    let mut world = World::new();
    for path in ["/a", "/b", "/c"] {
        world.create_mode(path, CreateMode::Ephemeral);
    }
    world.delete("/a", -1);
    assert_eq!(world.ephemerals(SESSION, ""), ["/b", "/c"]);
    assert_eq!(world.tree.ephemerals_count(), 2);
}

#[test]
fn errors_come_in_the_reference_order() {
    let mut world = World::new();
    world.create_with("/locked", 0, &[(1 | 4, "world", "anyone")]);
    world.create("/locked/a");
    world.create("/p");
    world.create("/p/a");
    let mut check = |path: &str, version, expected| {
        assert_eq!(world.delete(path, version).error(), expected, "{path:?}");
    };
    check("", -1, ErrorCode::BadArguments);
    check("a", -1, ErrorCode::BadArguments);
    check("/a\0", -1, ErrorCode::BadArguments);
    for predefined in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        check(predefined, -1, ErrorCode::BadArguments);
    }
    // A malformed path is just not there.
    for malformed in [
        "/missing/a",
        "/p/a/",
        "//p",
        "/p//a",
        "/./p",
        "p/a",
        "/\u{FFFD}",
    ] {
        check(malformed, -1, ErrorCode::NoNode);
    }
    // The permission on the parent before the znode, the version before its children.
    check("/locked/missing", -1, ErrorCode::NoAuth);
    check("/locked/a", 7, ErrorCode::NoAuth);
    check("/p", 7, ErrorCode::BadVersion);
    check("/p", 0, ErrorCode::NotEmpty);
    check("/p", -1, ErrorCode::NotEmpty);
    assert!(world.exists("/p/a"));
}

#[test]
fn below_zookeeper_znodes_are_like_others() {
    let mut world = World::new();
    world.create_with("/zookeeper/quota/x", 0, OPEN);
    assert_eq!(
        world.delete("/zookeeper/quota/x", -1).result,
        Ok(Done::Deleted)
    );
}

#[test]
fn memory_counts_go_back_to_where_they_were() {
    let mut world = World::new();
    let before = (world.tree.node_count(), world.tree.approximate_data_size());
    for number in 0..3000 {
        world.create(&format!("/n{number}"));
    }
    assert_eq!(world.tree.node_count(), before.0 + 3000);
    for number in 0..3000 {
        world.delete(&format!("/n{number}"), -1);
    }
    assert_eq!(
        (world.tree.node_count(), world.tree.approximate_data_size()),
        before
    );
}
