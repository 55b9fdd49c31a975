//! Sessions that only their server knows, and servers that only read.

use zoa_core::Serving;
use zoa_core::SessionRules;
use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::ConnectResponse;
use zoa_proto::CreateFlags;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::request;
use zoa_tree::Touch;
use zoa_tree::Tree;

use crate::world::Client;
use crate::world::World;
use crate::world::get_data;
use crate::world::set_data;

fn world(upgrade: bool) -> World {
    World::with(|config| {
        config.sessions = SessionRules {
            local: true,
            upgrade,
        };
    })
}

/// What the server says to a connect request, which it answers at once.
fn answer(client: &mut Client) -> (i32, SessionId, Vec<u8>, Option<bool>) {
    let frame = client
        .take_frame()
        .expect("an answer to the connect request");
    let response = ConnectResponse::decode(&frame).expect("well-formed");
    let password = response.password.to_vec();
    (
        response.timeout_ms,
        response.session,
        password,
        response.read_only,
    )
}

/// A client with a local session, its id and its password.
fn connect(world: &mut World) -> (Client, SessionId, Vec<u8>) {
    let mut client = world.dial();
    world.send_connect(&mut client);
    assert_eq!(world.proposed_count(), 0, "nothing is replicated");
    let (timeout_ms, session, password, read_only) = answer(&mut client);
    assert_eq!((timeout_ms, read_only), (10_000, Some(false)));
    (client, session, password)
}

fn sessions_count(world: &World) -> u64 {
    world.core.with_tree(Tree::sessions_count)
}

fn multi_with_ephemeral(world: &mut World, client: &mut Client) -> i32 {
    let (mut scratch, mut ops) = (Vec::new(), Vec::new());
    let create = request::Create {
        path: "/in-multi",
        data: None,
        acl: AclList::collect_into([AclRef::OPEN], &mut scratch),
        flags: CreateFlags(1),
    };
    let ops = MultiOps::collect_into([MultiOp::Create2(create)], &mut ops);
    world.request(client, &Request::Multi(ops))
}

#[test]
fn a_local_session_reads_and_writes_and_is_in_no_tree() {
    let mut world = world(false);
    let (mut client, session, _) = connect(&mut world);
    assert_ne!(session, SessionId::NONE);
    assert_eq!(world.create(&mut client, "/a", 0).error(), 0);
    assert_eq!(world.write(&mut client, &set_data("/a", b"x")).error(), 0);
    let xid = world.request(&mut client, &get_data("/a", true));
    assert_eq!(client.reply(xid).error(), 0);
    assert_eq!(sessions_count(&world), 0);
}

#[test]
fn a_local_session_has_no_ephemerals_unless_it_may_become_another() {
    let mut world = world(false);
    let (mut client, ..) = connect(&mut world);
    let refused = ErrorCode::EphemeralOnLocalSession.to_wire();
    assert_eq!(world.create(&mut client, "/e", 1).error(), refused);
    multi_with_ephemeral(&mut world, &mut client);
    assert_eq!(world.proposed_count(), 1);
    world.commit_all();
    assert_eq!(sessions_count(&world), 0);
    assert!(
        world
            .core
            .with_tree(|tree| tree.find("/in-multi").is_none())
    );
}

#[test]
fn who_wants_an_ephemeral_becomes_a_replicated_session_first() {
    let mut world = world(true);
    let (mut client, session, password) = connect(&mut world);
    world.create(&mut client, "/plain", 0);
    assert_eq!(sessions_count(&world), 0);
    multi_with_ephemeral(&mut world, &mut client);
    assert_eq!(world.proposed_count(), 2, "its opening and the write");
    world.commit_all();
    client.flush();
    client.take_all();
    assert_eq!(sessions_count(&world), 1);
    assert_eq!(world.create(&mut client, "/e", 1).error(), 0);
    // It is touched by what comes in, and attached to as any other.
    for _ in 0..4 {
        world.pass(5_000);
        world.request(&mut client, &Request::Ping);
    }
    assert_eq!(sessions_count(&world), 1);
    let mut again = world.dial();
    let attached = world.attach(&mut again, session, &password);
    assert_eq!(attached.session, session);
    world.wake(&mut client);
    assert!(client.ended);
    world.request(&mut again, &Request::CloseSession);
    assert_eq!(world.proposed_count(), 1);
    world.commit_all();
    assert!(world.core.with_tree(|tree| tree.find("/e").is_none()));
}

/// A follower whose client has lost its connection while its local session was becoming a replicated one; its id and password.
fn interrupted_upgrade() -> (World, SessionId, Vec<u8>) {
    let mut world = world(true);
    world.core.set_leading(false, world.now);
    let (mut client, session, password) = connect(&mut world);
    multi_with_ephemeral(&mut world, &mut client);
    assert_eq!(world.proposed_count(), 2, "its opening and the write");
    drop(client);
    (world, session, password)
}

// Goal: G-10, G-11. It is one thing for everybody: what this server takes for local, its leader would expire.
#[test]
fn who_comes_back_while_its_session_becomes_a_replicated_one_gets_that_one() {
    let (mut world, session, password) = interrupted_upgrade();
    let mut again = world.dial();
    world.send_attach_as(&mut again, (session, &password), false);
    assert_eq!(again.take_frame(), None, "not before it is replicated");
    world.commit_all();
    world.wake(&mut again);
    assert_eq!(answer(&mut again).1, session);
    assert_eq!(sessions_count(&world), 1);
    world.pass(1_000);
    world.request(&mut again, &Request::Ping);
    again.take_all();
    let mut touches = Vec::new();
    world.core.take_touches(world.now, &mut touches);
    let is_fresh = |touch: &Touch| (touch.session, touch.age_ms) == (session, 0);
    assert!(touches.iter().any(is_fresh), "its leader hears of it");
    assert_eq!(world.create(&mut again, "/e", 1).error(), 0);
    world.request(&mut again, &Request::CloseSession);
    world.commit_all();
    assert_eq!(sessions_count(&world), 0);
    for path in ["/e", "/in-multi"] {
        assert!(world.core.with_tree(|tree| tree.find(path).is_none()));
    }
}

#[test]
fn a_session_whose_opening_is_lost_has_expired_for_who_comes_back() {
    let (mut world, session, password) = interrupted_upgrade();
    world.lose_proposed();
    let mut again = world.dial();
    world.send_attach_as(&mut again, (session, &password), false);
    world.commit_all();
    world.wake(&mut again);
    assert_eq!(answer(&mut again).0, 0);
    assert!(again.ended);
    assert_eq!(sessions_count(&world), 0);
}

#[test]
fn a_server_that_only_reads_attaches_nobody_whose_session_becomes_a_replicated_one() {
    let (mut world, session, password) = interrupted_upgrade();
    world.core.set_serving(Serving::ReadOnly);
    let mut again = world.dial();
    world.send_attach_as(&mut again, (session, &password), true);
    assert!(again.ended);
    assert_eq!(again.take_frame(), None, "without a word");
}

#[test]
fn a_local_session_is_attached_to_again_with_its_password_only() {
    let mut world = world(false);
    let (mut client, session, password) = connect(&mut world);
    let mut thief = world.dial();
    world.send_attach_as(&mut thief, (session, &[1; 16]), false);
    assert_eq!(answer(&mut thief).0, 0);
    assert!(thief.ended && !client.ended);
    let mut again = world.dial();
    world.send_attach_as(&mut again, (session, &password), false);
    assert_eq!(answer(&mut again).1, session);
    world.wake(&mut client);
    assert!(client.ended);
    assert_eq!(world.proposed_count(), 0);
    world.request(&mut again, &Request::Ping);
    assert!(!again.ended);
}

#[test]
fn a_silent_local_session_is_forgotten_whoever_leads() {
    let mut world = world(false);
    world.core.set_leading(false, world.now);
    let (mut talking, ..) = connect(&mut world);
    let (mut silent, session, password) = connect(&mut world);
    for _ in 0..3 {
        world.pass(5_000);
        world.request(&mut talking, &Request::Ping);
    }
    world.wake(&mut silent);
    assert!(silent.ended && !talking.ended);
    let mut again = world.dial();
    world.send_attach_as(&mut again, (session, &password), false);
    world.commit_all();
    world.wake(&mut again);
    assert_eq!(answer(&mut again).0, 0, "it has expired");
}

#[test]
fn a_local_session_is_closed_with_nothing_proposed_after_what_it_asked_before() {
    let mut world = world(false);
    let (mut client, session, password) = connect(&mut world);
    let write = world.request(&mut client, &set_data("/missing", b""));
    let close = world.request(&mut client, &Request::CloseSession);
    assert_eq!(world.proposed_count(), 1);
    assert!(!client.ended);
    world.commit_all();
    world.wake(&mut client);
    assert_eq!(client.reply(write).error(), ErrorCode::NoNode.to_wire());
    assert_eq!(client.reply(close).error(), 0);
    assert!(client.ended);
    let mut again = world.dial();
    world.send_attach_as(&mut again, (session, &password), false);
    world.commit_all();
    world.wake(&mut again);
    assert_eq!(answer(&mut again).0, 0);
}

#[test]
fn a_server_that_only_reads_serves_those_who_said_so_and_changes_nothing() {
    let mut world = world(false);
    let mut before = world.dial();
    let (replicated, secret) = {
        let mut plain = World::new();
        let mut client = plain.dial();
        let attached = plain.attach(&mut client, SessionId::NONE, &[0; 16]);
        let tree = plain
            .core
            .with_tree_mut(|tree| std::mem::replace(tree, Tree::new(zoa_tree::HashKey([1, 2]))));
        world.core.install(tree, (1, 1), world.now);
        (attached.session, attached.password)
    };
    world.wake(&mut before);
    world.core.set_serving(Serving::ReadOnly);
    let turned_away: [(SessionId, &[u8], bool); 3] = [
        (SessionId::NONE, &[0; 16], false),
        (replicated, &secret, true),
        (SessionId(0x77), &[0; 16], true),
    ];
    for (session, password, read_only) in turned_away {
        let mut client = world.dial();
        world.send_attach_as(&mut client, (session, password), read_only);
        assert!(client.ended, "{session}");
        assert_eq!(client.take_frame(), None, "without a word");
    }
    let mut client = world.dial();
    world.send_attach_as(&mut client, (SessionId::NONE, &[0; 16]), true);
    assert_eq!(answer(&mut client).3, Some(true));
    let refused = ErrorCode::NotReadOnly.to_wire();
    for request in [
        set_data("/", b""),
        Request::Sync(request::Sync { path: "/" }),
        Request::Delete(request::Delete {
            path: "/a",
            version: zoa_proto::Version::ANY,
        }),
    ] {
        let xid = world.request(&mut client, &request);
        assert_eq!(client.reply(xid).error(), refused, "{request:?}");
    }
    let xid = world.request(&mut client, &get_data("/", true));
    assert_eq!(client.reply(xid).error(), 0);
    assert_eq!(world.proposed_count(), 0);
    world.core.set_serving(Serving::Full);
    world.wake(&mut client);
    assert!(client.ended);
}

#[test]
fn a_server_that_only_reads_has_no_session_to_give_without_local_ones() {
    let mut world = World::new();
    world.core.set_serving(Serving::ReadOnly);
    let mut client = world.dial();
    world.send_attach_as(&mut client, (SessionId::NONE, &[0; 16]), true);
    assert!(client.ended);
    assert_eq!(client.take_frame(), None);
}
