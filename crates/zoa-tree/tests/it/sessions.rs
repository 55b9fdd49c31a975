//! Sessions: open, attach, close, expire, and who may speak for one.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_tree::Owner;
use zoa_tree::Settings;
use zoa_tree::TxnOp;

use crate::world::Done;
use crate::world::OTHER;
use crate::world::OWNER;
use crate::world::PASSWORD;
use crate::world::SESSION;
use crate::world::World;

const ELSEWHERE: Owner = Owner {
    server: PeerId(2),
    connection: 9,
};

fn attach<'a>(password: &'a [u8]) -> TxnOp<'a> {
    let timeout_ms = 5000;
    TxnOp::AttachSession {
        timeout_ms,
        password,
    }
}

#[test]
fn an_opened_session_is_known_with_its_owner_and_timeout() {
    let mut world = World::new();
    let heard = world.open(OTHER);
    assert_eq!(heard.result, Ok(Done::Opened(30_000)));
    let session = world.tree.session(OTHER).unwrap();
    assert_eq!(
        (session.id(), session.timeout_ms(), session.owner()),
        (OTHER, 30_000, OWNER)
    );
    assert_eq!(world.tree.sessions().count(), 2);
    assert_eq!(world.tree.sessions_count(), 2);
}

#[test]
fn an_id_that_is_taken_is_never_given_again() {
    let mut world = World::new();
    world.create_mode("/e", CreateMode::Ephemeral);
    world.owner = ELSEWHERE;
    assert_eq!(world.open(SESSION).error(), ErrorCode::SystemError);
    assert_eq!(world.tree.session(SESSION).unwrap().owner(), OWNER);
    assert_eq!(world.ephemerals(SESSION, ""), ["/e"]);
    assert_eq!(world.open(SessionId::NONE).error(), ErrorCode::BadArguments);
}

#[test]
fn attaching_moves_the_owner_and_takes_no_zxid() {
    let mut world = World::new();
    let before = world.tree.last_zxid();
    assert_eq!(
        world.apply(attach(&PASSWORD)).result,
        Ok(Done::Attached(5000, None))
    );
    world.owner = ELSEWHERE;
    let heard = world.apply(attach(&PASSWORD));
    assert_eq!(heard.result, Ok(Done::Attached(5000, Some(OWNER))));
    assert_eq!((heard.zxid, world.tree.last_zxid()), (before, before));
    let session = world.tree.session(SESSION).unwrap();
    assert_eq!((session.timeout_ms(), session.owner()), (5000, ELSEWHERE));
}

#[test]
fn a_wrong_password_and_an_unknown_session_get_the_same_answer() {
    let mut world = World::new();
    world.owner = ELSEWHERE;
    for wrong in [&b""[..], b"0123456789abcdeF", b"0123456789abcdef0"] {
        assert_eq!(
            world.apply(attach(wrong)).error(),
            ErrorCode::SessionExpired
        );
    }
    assert_eq!(world.tree.session(SESSION).unwrap().owner(), OWNER);
    world.session = OTHER;
    assert_eq!(
        world.apply(attach(&PASSWORD)).error(),
        ErrorCode::SessionExpired
    );
}

/// Goal: a delayed write through an old connection cannot overtake the new one (G-12).
#[test]
fn only_the_connection_that_attached_last_may_write() {
    let mut world = World::new();
    world.owner = ELSEWHERE;
    world.apply(attach(&PASSWORD));
    world.owner = OWNER;
    assert_eq!(world.create("/a").error(), ErrorCode::SessionMoved);
    assert_eq!(
        world.apply(TxnOp::CloseSession).error(),
        ErrorCode::SessionMoved
    );
    assert_eq!(world.apply(TxnOp::Sync).error(), ErrorCode::SessionMoved);
    let refused = TxnOp::Refuse {
        error: ErrorCode::ThrottledOp,
    };
    assert_eq!(world.apply(refused).error(), ErrorCode::SessionMoved);
    assert!(!world.exists("/a"));
    world.owner = ELSEWHERE;
    assert_eq!(world.apply(refused).error(), ErrorCode::ThrottledOp);
    assert_eq!(world.create("/a").created(), "/a");
}

/// Goal: ephemerals go in the very zxid that ends their session, each with its triggers (G-10).
#[test]
fn a_closed_session_takes_its_ephemerals_in_one_zxid() {
    let mut world = World::new();
    world.create("/p");
    world.open(OTHER);
    for path in ["/p/b", "/p/a", "/z"] {
        world.create_mode(path, CreateMode::Ephemeral);
    }
    world.create("/p/stays");
    world.session = OTHER;
    world.create_mode("/p/other", CreateMode::Ephemeral);
    world.session = SESSION;
    let heard = world.apply(TxnOp::CloseSession);
    assert_eq!(heard.result, Ok(Done::Closed(OWNER)));
    let expected = [
        "NodeDeleted /p/a",
        "NodeChildrenChanged /p",
        "NodeDeleted /p/b",
        "NodeChildrenChanged /p",
        "NodeDeleted /z",
        "NodeChildrenChanged /",
    ];
    assert_eq!(heard.triggers, expected);
    assert_eq!(world.children("/p"), ["other", "stays"]);
    assert_eq!(world.stat("/p").pzxid, heard.zxid);
    assert_eq!(world.stat("/").pzxid, heard.zxid);
    assert!(world.tree.session(SESSION).is_none());
    assert_eq!(world.tree.ephemerals_count(), 1);
}

#[test]
fn a_session_that_is_gone_can_do_nothing() {
    let mut world = World::new();
    world.apply(TxnOp::CloseSession);
    let before = world.tree.last_zxid();
    assert_eq!(world.create("/a").error(), ErrorCode::SessionExpired);
    assert_eq!(world.multi(&[]).error(), ErrorCode::SessionExpired);
    assert_eq!(
        world.apply(TxnOp::CloseSession).error(),
        ErrorCode::SessionExpired
    );
    assert_eq!(
        world.apply(TxnOp::ExpireSession).error(),
        ErrorCode::SessionExpired
    );
    assert_eq!(world.tree.last_zxid().0, before.0 + 4, "each takes a zxid");
    assert_eq!(
        world.apply(attach(&PASSWORD)).error(),
        ErrorCode::SessionExpired
    );
    assert_eq!(world.apply(TxnOp::Sync).error(), ErrorCode::SessionExpired);
    assert_eq!(world.tree.last_zxid().0, before.0 + 4, "these take none");
}

#[test]
fn an_expired_session_goes_whoever_owns_it() {
    let mut world = World::new();
    world.create_mode("/e", CreateMode::Ephemeral);
    world.owner = ELSEWHERE;
    let heard = world.apply(TxnOp::ExpireSession);
    assert_eq!(heard.result, Ok(Done::Closed(OWNER)));
    assert_eq!(heard.triggers, ["NodeDeleted /e", "NodeChildrenChanged /"]);
    assert!(!world.exists("/e"));
}

#[test]
fn ephemerals_are_listed_by_the_start_of_their_path() {
    let mut world = World::new();
    world.create("/ab");
    for path in ["/a", "/ab/x", "/ab/y", "/b"] {
        world.create_mode(path, CreateMode::Ephemeral);
    }
    for all in ["", "/", " / ", "\t"] {
        assert_eq!(
            world.ephemerals(SESSION, all),
            ["/a", "/ab/x", "/ab/y", "/b"]
        );
    }
    assert_eq!(world.ephemerals(SESSION, "/a"), ["/a", "/ab/x", "/ab/y"]);
    assert_eq!(world.ephemerals(SESSION, "/ab/"), ["/ab/x", "/ab/y"]);
    assert_eq!(world.ephemerals(SESSION, " /a"), [""; 0]);
    assert_eq!(world.ephemerals(OTHER, ""), [""; 0]);
}

#[test]
fn many_ephemerals_come_and_go_in_any_order() {
    let mut world = World::new();
    let path = |number: usize| format!("/e{number}");
    for number in 0..500 {
        world.create_mode(&path(number), CreateMode::Ephemeral);
    }
    for number in (0..500).step_by(3).chain((1..500).rev().step_by(7)) {
        world.delete(&path(number), -1);
    }
    let left = (0..500)
        .filter(|number| world.exists(&path(*number)))
        .count();
    assert_eq!(world.ephemerals(SESSION, "").len(), left);
    assert_eq!(
        world.tree.session(SESSION).unwrap().ephemerals_count(),
        left
    );
    let heard = world.apply(TxnOp::CloseSession);
    assert_eq!(heard.triggers.len(), 2 * left);
    assert_eq!(world.tree.node_count(), 5);
}

#[test]
fn a_local_session_writes_without_being_known_and_has_no_ephemerals() {
    let mut world = World::new();
    world.session = SessionId(0x7777);
    assert_eq!(world.create("/a").error(), ErrorCode::SessionExpired);
    world.settings = Settings::LOCAL_SESSION;
    assert_eq!(world.create("/a").created(), "/a");
    assert_eq!(world.apply(TxnOp::Sync).result, Ok(Done::Synced));
    for mode in [CreateMode::Ephemeral, CreateMode::EphemeralSequential] {
        // The reference says so before it looks at the path.
        let refused = world.create_mode("/nowhere/e", mode);
        assert_eq!(refused.error(), ErrorCode::EphemeralOnLocalSession);
    }
    assert!(world.tree.session(SessionId(0x7777)).is_none());
}
