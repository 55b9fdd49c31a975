//! Sessions: opened, attached again, moved, expired, closed.

use zoa_proto::Request;
use zoa_proto::SessionId;

use crate::world::Received;
use crate::world::World;
use crate::world::get_data;
use crate::world::set_data;

#[test]
fn a_session_comes_back_with_its_password_and_its_old_connection_ends() {
    let mut world = World::new();
    let mut old = world.dial();
    let opened = world.attach(&mut old, SessionId::NONE, &[0; 16]);
    world.create(&mut old, "/eph", 1);
    let mut new = world.dial();
    let attached = world.attach(&mut new, opened.session, &opened.password);
    assert_eq!(attached.session, opened.session);
    world.wake(&mut old);
    old.flush();
    assert!(old.ended, "the former connection is closed");
    let read = world.request(&mut new, &get_data("/eph", false));
    assert_eq!(new.reply(read).error(), 0, "the ephemeral is still there");
}

#[test]
fn a_wrong_password_is_answered_as_an_expired_session() {
    let mut world = World::new();
    let mut old = world.dial();
    let opened = world.attach(&mut old, SessionId::NONE, &[0; 16]);
    for guess in [
        vec![0; 16],
        vec![],
        vec![1; 300],
        opened.password[..15].to_vec(),
    ] {
        let mut thief = world.dial();
        let attached = world.attach(&mut thief, opened.session, &guess);
        assert_eq!((attached.timeout_ms, attached.session), (0, SessionId(0)));
        thief.flush();
        assert!(thief.ended);
    }
    world.wake(&mut old);
    assert!(!old.ended, "the rightful connection does not notice");
}

#[test]
fn passwords_are_not_those_the_original_would_compute() {
    let mut world = World::new();
    let mut first = world.dial();
    let opened = world.attach(&mut first, SessionId::NONE, &[0; 16]);
    // java.util.Random(sessionId ^ 0xB3415C00).nextBytes, written out: the password of the original.
    let mut seed = (opened.session.0 ^ 0xB341_5C00 ^ 0x5_DEEC_E66D) & ((1 << 48) - 1);
    let mut guess = Vec::new();
    for _ in 0..4 {
        seed = (seed.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB)) & ((1 << 48) - 1);
        guess.extend_from_slice(
            &u32::try_from((seed >> 16) & 0xffff_ffff)
                .expect("32 bits")
                .to_le_bytes(),
        );
    }
    let mut thief = world.dial();
    assert_eq!(
        world.attach(&mut thief, opened.session, &guess).timeout_ms,
        0
    );
}

#[test]
fn a_delayed_write_through_a_former_connection_is_not_applied() {
    let mut world = World::new();
    let mut old = world.dial();
    let opened = world.attach(&mut old, SessionId::NONE, &[0; 16]);
    world.create(&mut old, "/a", 0);
    let mut new = world.dial();
    let request = zoa_proto::ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: zoa_proto::Zxid::ZERO,
        timeout_ms: 10_000,
        session: opened.session,
        password: &opened.password,
        read_only: None,
    };
    let mut bytes = Vec::new();
    request.encode_frame(&mut bytes).expect("short");
    world.send(&mut new, &bytes);
    world.request(&mut old, &set_data("/a", b"late"));
    world.commit_all();
    assert!(
        old.take_all().is_empty(),
        "a former connection is told nothing"
    );
    assert!(old.ended);
    world.wake(&mut new);
    new.take_frame().expect("the connect response");
    let read = world.request(&mut new, &get_data("/a", false));
    let Received::Reply { body, .. } = new.reply(read) else {
        panic!("a reply")
    };
    assert_eq!(&body[4..8], b"data");
}

#[test]
fn ephemeral_vanishes_with_its_session_and_not_before() {
    let mut world = World::new();
    let mut watcher = world.connect();
    let mut owner = world.connect();
    world.create(&mut owner, "/eph", 1);
    world.pass(9_000);
    let ping = world.request(&mut watcher, &Request::Ping);
    watcher.reply(ping);
    let read = world.request(&mut watcher, &get_data("/eph", true));
    assert_eq!(watcher.reply(read).error(), 0, "not before its timeout");
    world.pass(2_500);
    world.wake(&mut owner);
    owner.flush();
    assert!(owner.ended, "the expired session's connection is closed");
    let received = watcher.take_all();
    assert!(
        matches!(received.as_slice(), [Received::Event { path, .. }] if path == "/eph"),
        "{received:?}"
    );
}

#[test]
fn closing_a_session_answers_and_ends_the_connection() {
    let mut world = World::new();
    let mut client = world.connect();
    let close = world.write(&mut client, &Request::CloseSession);
    assert_eq!(close.error(), 0);
    assert!(client.ended);
}

#[test]
fn a_client_that_has_seen_more_than_the_server_is_turned_away_without_a_word() {
    let mut world = World::new();
    let mut client = world.dial();
    let request = zoa_proto::ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: zoa_proto::Zxid::new(9, 9),
        timeout_ms: 10_000,
        session: SessionId::NONE,
        password: &[],
        read_only: None,
    };
    let mut bytes = Vec::new();
    request.encode_frame(&mut bytes).expect("short");
    world.send(&mut client, &bytes);
    assert!(client.ended);
    assert!(client.take_frame().is_none());
}

#[test]
fn a_session_whose_client_left_before_it_was_answered_expires_all_the_same() {
    let mut world = World::new();
    let mut hasty = world.dial();
    world.send_connect(&mut hasty);
    drop(hasty);
    world.commit_all();
    let sessions = |world: &World| world.core.with_tree(|tree| tree.sessions_count());
    assert_eq!(
        sessions(&world),
        1,
        "it was opened, though nobody heard of it"
    );
    world.pass(20_000);
    assert_eq!(sessions(&world), 0);
}

#[test]
fn sessions_of_an_earlier_life_expire_after_the_timeout_that_was_settled_last() {
    let mut world = World::new();
    let mut client = world.dial();
    let opened = world.attach(&mut client, SessionId::NONE, &[0; 16]);
    drop(client);
    let mut reborn = world.after_a_restart();
    let sessions = |world: &World| world.core.with_tree(|tree| tree.sessions_count());
    assert_eq!(sessions(&reborn), 1);
    let timeout_ms = u64::try_from(opened.timeout_ms).expect("positive");
    reborn.pass(timeout_ms - 1);
    assert_eq!(sessions(&reborn), 1, "not before its timeout");
    reborn.pass(2_000);
    assert_eq!(sessions(&reborn), 0, "and not long after");
}

#[test]
fn a_server_that_stops_answers_what_is_under_way_and_takes_nothing_more() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let under_way = world.request(&mut client, &set_data("/a", b"under way"));
    world.core.stop_taking();
    world.request(&mut client, &set_data("/a", b"too late"));
    world.request(&mut client, &get_data("/a", false));
    assert_eq!(world.proposed_count(), 1);
    let peer = core::net::SocketAddr::from((core::net::Ipv4Addr::LOCALHOST, 1));
    let refused = world.core.accept(peer, world.now).expect_err("it stops");
    assert_eq!(refused, zoa_core::ConnectionRefused::Stopping);
    world.commit_all();
    world.core.end_connections();
    world.wake(&mut client);
    assert_eq!(client.reply(under_way).error(), 0);
    assert!(client.take_all().is_empty());
    assert!(client.ended);
}

// G-26
#[test]
fn a_server_that_stops_tells_that_it_took_nothing_more_once_all_is_answered() {
    let farewell = (zoa_proto::Xid::PING.0, zoa_proto::ErrorCode::ConnectionLoss);
    let mut world = World::new();
    let (mut client, mut idle) = (world.connect(), world.connect());
    world.create(&mut client, "/a", 0);
    let under_way = world.request(&mut client, &set_data("/a", b"under way"));
    world.core.stop_taking();
    assert_eq!(world.core.connections_to_tell(), 2);
    world.wake(&mut idle);
    assert_eq!(world.core.connections_to_tell(), 1);
    assert_eq!(idle.reply(farewell.0).error(), farewell.1.to_wire());
    assert!(idle.ended);
    world.request(&mut client, &set_data("/a", b"too late"));
    assert!(client.take_all().is_empty(), "an answer is owed first");
    world.commit_all();
    world.wake(&mut client);
    assert_eq!(client.reply(under_way).error(), 0);
    assert_eq!(client.reply(farewell.0).error(), farewell.1.to_wire());
    assert!(client.ended);
    world.request(&mut client, &set_data("/a", b"later still"));
    assert_eq!(world.proposed_count(), 0, "as it was said");
    assert!(client.take_all().is_empty());
}

#[test]
fn a_stranger_who_knows_the_id_cannot_keep_a_session_alive() {
    let mut world = World::new();
    let mut owner = world.dial();
    let opened = world.attach(&mut owner, SessionId::NONE, &[0; 16]);
    drop(owner);
    let sessions = |world: &World| world.core.with_tree(zoa_tree::Tree::sessions_count);
    for _ in 0..24 {
        let mut stranger = world.dial();
        world.attach(&mut stranger, opened.session, &[9; 16]);
        world.pass(500);
    }
    assert_eq!(sessions(&world), 0, "it was silent for twelve seconds");
}

#[test]
fn a_client_whose_last_zxid_is_negative_has_seen_nothing() {
    let mut world = World::new();
    let mut client = world.dial();
    let request = zoa_proto::ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: zoa_proto::Zxid::from_wire(-1),
        timeout_ms: 10_000,
        session: SessionId::NONE,
        password: &[],
        read_only: None,
    };
    let mut bytes = Vec::new();
    request.encode_frame(&mut bytes).expect("short");
    world.send(&mut client, &bytes);
    world.commit_all();
    assert!(client.take_frame().is_some(), "it gets a session");
}

#[test]
fn the_timeout_is_settled_between_the_bounds_whatever_is_asked_for() {
    for (asked_ms, settled_ms) in [
        (i32::MIN, 2_000),
        (-1, 2_000),
        (0, 2_000),
        (2_001, 2_001),
        (20_000, 20_000),
        (i32::MAX, 20_000),
    ] {
        let mut world = World::new();
        let mut client = world.dial();
        let request = zoa_proto::ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: zoa_proto::Zxid::ZERO,
            timeout_ms: asked_ms,
            session: SessionId::NONE,
            password: &[],
            read_only: None,
        };
        let mut bytes = Vec::new();
        request.encode_frame(&mut bytes).expect("short");
        world.send(&mut client, &bytes);
        world.commit_all();
        let frame = client.take_frame().expect("an answer");
        let response = zoa_proto::ConnectResponse::decode(&frame).expect("well-formed");
        assert_eq!(response.timeout_ms, settled_ms, "asked for {asked_ms}");
    }
}

/// Goal: who is answered counts on its session for another timeout (G-29), so nobody is whose expiry is on its way.
#[test]
fn nobody_is_answered_whose_session_is_about_to_end() {
    let mut world = World::new();
    let mut client = world.connect();
    world.pass(9_000);
    let ping = world.request(&mut client, &Request::Ping);
    client.reply(ping);
    world.pass_with_a_slow_disk(12_000);
    world.request(&mut client, &Request::Ping);
    world.request(&mut client, &get_data("/", false));
    client.flush();
    assert!(client.take_all().is_empty() && client.ended);
    world.commit_all();
    assert!(client.take_all().is_empty());
}

/// Goal: who waits for the server is not silent (G-11). A list behind a write stays in the input, and all pings behind the list stay
/// unread in the socket, however long the disk takes.
#[test]
fn a_session_does_not_expire_while_the_server_owes_it_an_answer() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/eph", 1);
    let write = world.request(&mut client, &set_data("/eph", b"slow"));
    let list = Request::GetChildren(zoa_proto::request::GetChildren {
        path: "/",
        watch: false,
    });
    let list = world.request(&mut client, &list);
    world.pass_with_a_slow_disk(25_000);
    world.commit_all();
    world.wake(&mut client);
    assert_eq!(client.reply(write).error(), 0);
    assert_eq!(client.reply(list).error(), 0);
    assert!(!client.ended);
    world.pass(9_000);
    let read = world.request(&mut client, &get_data("/eph", false));
    world.wake(&mut client);
    let received = client.take_all();
    assert_eq!(received.last().map(Received::error), Some(0), "xid {read}");
    // And who is owed nothing any more expires as ever.
    world.pass(12_000);
    client.flush();
    assert!(client.ended);
}
