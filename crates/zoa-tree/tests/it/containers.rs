//! Containers and znodes with a time to live: how they are made, and when they go (reference 2.4).

use zoa_proto::CreateFlags;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::request::Create;
use zoa_proto::request::CreateTtl;
use zoa_proto::request::DeleteContainer;
use zoa_tree::Settings;
use zoa_tree::TxnOp;
use zoa_tree::limits::TTL_MS_MAX;

use crate::world::Done;
use crate::world::Heard;
use crate::world::OPEN;
use crate::world::World;
use crate::world::acl_list;

fn world() -> World {
    let mut world = World::new();
    world.settings = Settings::EXTENDED_TYPES;
    world
}

fn container(world: &mut World, path: &str, flags: i32) -> Heard {
    let mut scratch = Vec::new();
    let acl = acl_list(OPEN, &mut scratch);
    world.request(&Request::CreateContainer(Create {
        path,
        data: None,
        acl,
        flags: CreateFlags(flags),
    }))
}

fn with_ttl(world: &mut World, path: &str, (flags, ttl_ms): (i32, i64)) -> Heard {
    let mut scratch = Vec::new();
    let acl = acl_list(OPEN, &mut scratch);
    world.request(&Request::CreateTtl(CreateTtl {
        path,
        data: None,
        acl,
        flags: CreateFlags(flags),
        ttl_ms,
    }))
}

fn reap(world: &mut World, path: &str, never_used_ms_max: u32) -> Result<Done, ErrorCode> {
    let heard = world.apply(TxnOp::Reap {
        path,
        never_used_ms_max,
    });
    heard.result
}

#[test]
fn they_look_like_persistent_znodes_and_may_have_children() {
    let mut world = world();
    let made = container(&mut world, "/c", 4);
    let stat = world.stat("/c");
    assert_eq!(made.result, Ok(Done::Created("/c".to_owned(), Some(stat))));
    assert_eq!(made.triggers, ["NodeCreated /c", "NodeChildrenChanged /"]);
    assert_eq!(stat.ephemeral_owner, SessionId::NONE);
    with_ttl(&mut world, "/t", (5, 1000));
    assert_eq!(world.stat("/t").ephemeral_owner, SessionId::NONE);
    assert_eq!(world.create("/c/a").created(), "/c/a");
    assert_eq!(world.create("/t/a").created(), "/t/a");
    assert_eq!(world.tree.reaped_count(), 2);
    world.delete("/t/a", -1);
    assert_eq!(world.delete("/t", -1).result, Ok(Done::Deleted));
    assert_eq!(world.tree.reaped_count(), 1);
}

#[test]
fn the_operation_decides_what_is_made_and_the_flags_have_to_fit() {
    let mut world = world();
    for flags in 5..=6 {
        let refused = world.create_with("/x", flags, OPEN);
        assert_eq!(refused.error(), ErrorCode::BadArguments, "{flags}");
    }
    for flags in [-1, 5, 6, 7] {
        let refused = container(&mut world, "/x", flags);
        assert_eq!(refused.error(), ErrorCode::BadArguments, "{flags}");
    }
    for (flags, ttl_ms) in [(0, -1), (4, 1000), (5, 0), (6, -1), (5, TTL_MS_MAX + 1)] {
        let refused = with_ttl(&mut world, "/x", (flags, ttl_ms));
        assert_eq!(refused.error(), ErrorCode::BadArguments, "{flags} {ttl_ms}");
    }
    assert_eq!(container(&mut world, "/c", 2).created(), "/c0000000000");
    assert_eq!(
        with_ttl(&mut world, "/t", (6, TTL_MS_MAX)).created(),
        "/t0000000001"
    );
}

/// As the reference: there are clients that take a plain create with this flag for createContainer.
#[test]
fn a_plain_create_with_the_flag_of_a_container_makes_a_znode_that_stays() {
    let mut world = world();
    assert_eq!(world.create_with("/c", 4, OPEN).created(), "/c");
    assert_eq!(world.tree.reaped_count(), 0);
    world.create("/c/a");
    world.delete("/c/a", -1);
    assert_eq!(reap(&mut world, "/c", 1), Err(ErrorCode::BadVersion));
}

#[test]
fn a_time_to_live_has_to_be_allowed() {
    let mut world = World::new();
    for refused in [
        with_ttl(&mut world, "/x", (5, 1000)),
        with_ttl(&mut world, "/x", (6, -1)),
        container(&mut world, "/x", 5),
        world.create_with("/x", 5, OPEN),
        world.create_with("/x", 6, OPEN),
    ] {
        assert_eq!(refused.error(), ErrorCode::Unimplemented);
    }
    let refused = with_ttl(&mut world, "/x", (0, 1000));
    assert_eq!(refused.error(), ErrorCode::BadArguments);
    assert!(container(&mut world, "/c", 4).result.is_ok());
}

#[test]
fn a_container_goes_when_it_had_children_and_has_none() {
    let mut world = world();
    container(&mut world, "/c", 4);
    assert_eq!(reap(&mut world, "/c", 0), Err(ErrorCode::BadVersion));
    world.create("/c/a");
    assert_eq!(reap(&mut world, "/c", 0), Err(ErrorCode::NotEmpty));
    world.delete("/c/a", -1);
    assert_eq!(reap(&mut world, "/c", 0), Ok(Done::Deleted));
    assert!(!world.exists("/c"));
    assert_eq!(reap(&mut world, "/c", 0), Err(ErrorCode::NoNode));
}

#[test]
fn a_container_that_is_never_used_goes_after_a_while_if_the_leader_says_so() {
    let mut world = world();
    container(&mut world, "/c", 4);
    world.time_ms += 100;
    assert_eq!(reap(&mut world, "/c", 0), Err(ErrorCode::BadVersion));
    assert_eq!(reap(&mut world, "/c", 200), Err(ErrorCode::BadVersion));
    assert_eq!(reap(&mut world, "/c", 50), Ok(Done::Deleted));
}

#[test]
fn a_time_to_live_begins_anew_when_data_are_set_and_not_with_children() {
    let mut world = world();
    with_ttl(&mut world, "/t", (5, 100));
    world.time_ms += 90;
    world.set_data("/t", b"x", -1);
    world.time_ms += 90;
    assert_eq!(reap(&mut world, "/t", 0), Err(ErrorCode::BadVersion));
    world.create("/t/a");
    world.time_ms += 10;
    assert_eq!(reap(&mut world, "/t", 0), Err(ErrorCode::NotEmpty));
    world.delete("/t/a", -1);
    let gone = world.apply(TxnOp::Reap {
        path: "/t",
        never_used_ms_max: 0,
    });
    assert_eq!(gone.result, Ok(Done::Deleted));
    assert_eq!(gone.triggers, ["NodeDeleted /t", "NodeChildrenChanged /"]);
}

#[test]
fn nothing_else_goes_by_itself() {
    let mut world = world();
    world.create("/a");
    world.create_with("/e", 1, OPEN);
    world.time_ms += 1_000_000;
    for path in ["/a", "/e", "/zookeeper/quota"] {
        assert_eq!(
            reap(&mut world, path, 1),
            Err(ErrorCode::BadVersion),
            "{path}"
        );
    }
    for path in ["/", "//a", "/a/"] {
        assert_eq!(reap(&mut world, path, 1), Err(ErrorCode::NoNode), "{path}");
    }
    for path in ["", "a", "/a\0"] {
        assert_eq!(
            reap(&mut world, path, 1),
            Err(ErrorCode::BadArguments),
            "{path}"
        );
    }
}

#[test]
fn a_client_deletes_a_container_only_where_it_may_delete() {
    let mut world = world();
    let delete = |world: &mut World, path: &str| {
        let heard = world.request(&Request::DeleteContainer(DeleteContainer { path }));
        heard.result
    };
    container(&mut world, "/c", 4);
    world.create("/c/a");
    assert_eq!(delete(&mut world, "/c"), Err(ErrorCode::NotEmpty));
    assert_eq!(delete(&mut world, "/c/a"), Err(ErrorCode::BadVersion));
    world.create_with("/locked", 0, &[(4, "world", "anyone")]);
    container(&mut world, "/locked/c", 4);
    assert_eq!(delete(&mut world, "/locked/c"), Err(ErrorCode::NoAuth));
    assert_eq!(delete(&mut world, "/nowhere/c"), Err(ErrorCode::NoNode));
    assert_eq!(delete(&mut world, "nowhere"), Err(ErrorCode::BadArguments));
    world.delete("/c/a", -1);
    assert_eq!(delete(&mut world, "/c"), Ok(Done::Deleted));
}

#[test]
fn a_multi_that_fails_takes_them_back() {
    let mut world = world();
    container(&mut world, "/c", 4);
    let digest = world.tree.digest();
    let mut scratch = Vec::new();
    let acl = acl_list(OPEN, &mut scratch);
    let create = Create {
        path: "/new",
        data: None,
        acl,
        flags: CreateFlags(4),
    };
    let ttl = CreateTtl {
        path: "/ttl",
        data: None,
        acl,
        flags: CreateFlags(5),
        ttl_ms: 7,
    };
    let delete = |path| {
        MultiOp::Delete(zoa_proto::request::Delete {
            path,
            version: zoa_proto::Version::ANY,
        })
    };
    let failing = [
        MultiOp::CreateContainer(create),
        MultiOp::CreateTtl(ttl),
        delete("/c"),
        delete("/missing"),
    ];
    world.multi(&failing);
    assert_eq!(world.tree.reaped_count(), 1);
    world.multi(&failing[..3]);
    assert_eq!(world.tree.reaped_count(), 2);
    assert!(world.exists("/new") && world.exists("/ttl") && !world.exists("/c"));
    assert_ne!(world.tree.digest(), digest);
}
