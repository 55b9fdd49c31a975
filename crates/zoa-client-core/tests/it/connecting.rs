//! Finding a server and attaching the session: names, addresses, back-off, deadlines, expiry.

use std::io::ErrorKind;

use zoa_client_core::Action;
use zoa_client_core::ConnectString;
use zoa_client_core::SessionState;
use zoa_client_core::SessionTicket;
use zoa_proto::ConnectResponse;
use zoa_proto::SessionId;
use zoa_proto::Zxid;

use crate::script::Script;
use crate::script::TIMEOUT_MS;
use crate::script::config;
use crate::script::delete;

/// Answers every question for a name with "unknown", and collects names and times.
fn resolved_names(script: &mut Script, count: usize) -> Vec<(String, u64)> {
    let mut names = Vec::new();
    while names.len() < count {
        script.poll_actions();
        match script.actions.pop_front() {
            Some(Action::Resolve { connection, host }) => {
                names.push((host.name, script.now_ms));
                script.client.handle_unresolved(script.now_ms, connection);
            }
            Some(other) => panic!("{other:?} before anything resolved"),
            None => script.pass(),
        }
    }
    names
}

#[test]
fn names_are_resolved_again_at_every_attempt_and_rounds_come_slower() {
    let mut script = Script::new(config("a,b"));
    let names = resolved_names(&mut script, 8);
    let order: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(order, ["a", "b", "a", "b", "a", "b", "a", "b"]);
    assert_eq!(names[1].1, 0, "the first round goes at once");
    let waits: Vec<u64> = names.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    assert!(waits[1] >= 50 && waits[6] > 100, "{waits:?}");
    assert_eq!(script.events()[0], "a:2181: the name does not resolve");
    assert_eq!(script.client.state(), SessionState::Connecting);
}

#[test]
fn every_address_of_a_name_is_tried_before_the_next_host() {
    let mut script = Script::new(config("a:1,b:2"));
    script.poll_actions();
    let Some(Action::Resolve { connection, .. }) = script.actions.pop_front() else {
        panic!("a name is to be resolved");
    };
    let addresses = ["10.0.0.1".parse().expect("v4"), "::1".parse().expect("v6")];
    script.client.handle_resolved(0, connection, &addresses);
    let mut tried = Vec::new();
    for _ in 0..2 {
        script.poll_actions();
        let Some(Action::Connect {
            connection,
            address,
            ..
        }) = script.actions.pop_front()
        else {
            panic!("an address is to be tried");
        };
        tried.push(address.to_string());
        script
            .client
            .handle_disconnected(0, connection, Some(ErrorKind::ConnectionRefused));
    }
    tried.sort();
    assert_eq!(tried, ["10.0.0.1:1", "[::1]:1"]);
    assert_eq!(
        script.events(),
        ["a:1: the connection failed: connection refused"; 2]
    );
    script.pass();
    script.poll_actions();
    assert!(
        matches!(script.actions.pop_front(), Some(Action::Resolve { host, .. }) if host.name == "b")
    );
}

#[test]
fn a_resolver_or_socket_that_never_answers_is_given_up_in_time() {
    let mut script = Script::new(config("a,127.0.0.1"));
    assert_eq!(script.client.poll_timeout(), Some(4_500));
    script.poll_actions();
    let Some(Action::Resolve { connection, .. }) = script.actions.pop_front() else {
        panic!("a name is to be resolved");
    };
    script.pass();
    assert_eq!(script.events(), ["a:2181: no connection within 4500 ms"]);
    script.poll_actions();
    assert_eq!(
        script.actions.pop_front(),
        Some(Action::Close { connection })
    );
    script.client.handle_resolved(
        script.now_ms,
        connection,
        &["10.0.0.1".parse().expect("v4")],
    );
    script.pass();
    script.poll_actions();
    assert!(
        matches!(script.actions.pop_front(), Some(Action::Connect { address, .. }) if address.port() == 2181 && address.ip().is_loopback()),
        "what the old attempt answers late is ignored"
    );
}

#[test]
fn a_server_that_accepts_and_never_answers_is_given_up_in_time() {
    let mut script = Script::new(config("127.0.0.1"));
    script.connect();
    script.asked();
    script.submit(1, delete("/a"));
    assert_eq!(script.client.poll_timeout(), Some(TIMEOUT_MS));
    script.pass();
    assert_eq!(
        script.events(),
        ["127.0.0.1:2181: connected, but no answer to the handshake within 9000 ms"]
    );
    script.poll_actions();
    let connection = script.connection;
    assert_eq!(
        script.actions.pop_front(),
        Some(Action::Close { connection })
    );
    script.connect();
    script.grant();
    assert_eq!(script.events(), ["connected 0x7 9000 new"]);
    assert_eq!(script.sent().len(), 1, "the request has waited");
}

#[test]
fn a_server_that_closes_in_the_handshake_is_left_for_the_next() {
    let mut script = Script::new(config("127.0.0.1:1,127.0.0.2:2"));
    script.connect();
    script.asked();
    let connection = script.connection;
    script.client.handle_disconnected(0, connection, None);
    assert_eq!(
        script.events(),
        ["127.0.0.1:1: the server closed the connection during the handshake"]
    );
    script.connect();
    assert_eq!(script.client.server().map(|(host, _)| host.port), Some(2));
}

#[test]
fn the_session_is_attached_again_with_its_password_and_the_newest_zxid() {
    let mut script = Script::connected();
    script.submit(1, delete("/a"));
    script.sent();
    script.reply(1, 0x55, Ok(zoa_proto::Reply::Empty));
    assert_eq!(script.events(), ["1: Empty"]);
    let connection = script.connection;
    script.client.handle_disconnected(10, connection, None);
    assert_eq!(
        script.events(),
        ["suspended: the server closed the connection"]
    );
    assert_eq!(script.client.state(), SessionState::Suspended);
    script.connect();
    assert_eq!(
        script.asked(),
        (SessionId(7), Zxid(0x55), b"0123456789abcdef".to_vec())
    );
    script.grant_asked();
    assert_eq!(script.events(), ["connected 0x7 9000"]);
}

#[test]
fn a_ticket_attaches_to_the_session_of_an_earlier_client() {
    let mut config = config("127.0.0.1");
    config.session = Some(SessionTicket {
        id: SessionId(5),
        password: b"pw".to_vec(),
        last_zxid_seen: Zxid(3),
    });
    let mut script = Script::new(config);
    script.connect();
    assert_eq!(script.asked(), (SessionId(5), Zxid(3), b"pw".to_vec()));
}

// G-12
#[test]
fn a_session_that_the_server_does_not_know_has_expired_for_good() {
    let mut script = Script::connected();
    let connection = script.connection;
    script.client.handle_disconnected(10, connection, None);
    script.events();
    script.submit(1, delete("/a"));
    script.connect();
    script.asked();
    let mut bytes = Vec::new();
    ConnectResponse::rejected(Some(false))
        .encode_frame(&mut bytes)
        .expect("a short frame");
    script.receive(&bytes);
    assert_eq!(
        script.events(),
        ["Expired(Server)", "1: not applied: the session has expired"]
    );
    assert_eq!(script.client.state(), SessionState::Expired);
    assert_eq!(
        (script.client.poll_timeout(), script.client.alive_until_ms()),
        (None, None)
    );
    assert_eq!(
        script.refused(delete("/b")).to_string(),
        "no session: the session has expired"
    );
}

#[test]
fn a_refused_new_session_is_asked_of_another_server() {
    let mut script = Script::new(config("127.0.0.1:1,127.0.0.2:2"));
    script.connect();
    script.asked();
    let mut bytes = Vec::new();
    ConnectResponse::rejected(Some(false))
        .encode_frame(&mut bytes)
        .expect("a short frame");
    script.receive(&bytes);
    assert_eq!(
        script.events(),
        ["127.0.0.1:1: the server refused a new session"]
    );
    script.connect();
    assert_eq!(script.client.server().map(|(host, _)| host.port), Some(2));
}

#[test]
fn a_ping_goes_out_after_a_third_and_silence_ends_the_connection_after_two() {
    let mut script = Script::connected();
    assert_eq!(script.client.poll_timeout(), Some(3_000));
    script.pass();
    assert_eq!(script.sent(), ["-2: Ping"]);
    script.now_ms = 3_100;
    script.reply(-2, 1, Ok(zoa_proto::Reply::Empty));
    assert_eq!(script.events(), [""; 0]);
    assert_eq!(script.client.alive_until_ms(), Some(3_000 + TIMEOUT_MS));
    script.pass();
    assert_eq!((script.now_ms, script.sent().len()), (6_000, 1));
    script.pass();
    assert_eq!(script.now_ms, 3_100 + 6_000);
    assert_eq!(
        script.events(),
        ["suspended: the server was silent for 6000 ms"]
    );
}

#[test]
fn a_client_knows_when_its_session_may_be_gone_and_when_it_must_be() {
    let mut script = Script::connected();
    let connection = script.connection;
    script.client.handle_disconnected(10, connection, None);
    script.events();
    let mut seen = Vec::new();
    while script.client.poll_timeout().is_some() {
        script.pass();
        script.poll_actions();
        for event in script.events() {
            if !event.starts_with("127.0.0.1") {
                seen.push((script.now_ms, event));
            }
        }
    }
    let due = [(9_000, "MayHaveExpired"), (12_000, "Expired(Silence)")];
    assert_eq!(seen, due.map(|(at, event)| (at, event.to_owned())));
}

#[test]
fn without_expiry_by_silence_a_client_goes_on_until_a_server_has_spoken() {
    let mut config = config("127.0.0.1");
    config.expires_by_silence = false;
    let mut script = Script::connected_with(config);
    let connection = script.connection;
    script.client.handle_disconnected(10, connection, None);
    script.events();
    for _ in 0..200 {
        script.pass();
        script.poll_actions();
        script.events();
    }
    script.actions.clear();
    assert!(script.now_ms > 20 * TIMEOUT_MS);
    assert_eq!(script.client.state(), SessionState::Suspended);
    script.connect();
    script.grant();
    assert!(script.events().contains(&"connected 0x7 9000".to_owned()));
}

#[test]
fn a_new_list_of_hosts_moves_a_client_whose_server_is_not_on_it() {
    let mut script = Script::connected();
    let list = |text| ConnectString::parse(text).expect("hosts");
    script.client.set_hosts(5, &list("127.0.0.1,127.0.0.9"));
    assert_eq!(script.events(), [""; 0]);
    script.client.set_hosts(6, &list("127.0.0.9:9"));
    assert_eq!(
        script.events(),
        ["suspended: the caller asked for another server"]
    );
    script.connect();
    assert_eq!(script.client.server().map(|(host, _)| host.port), Some(9));
}

#[test]
fn actions_that_nobody_takes_do_not_pile_up() {
    let mut script = Script::new(config("127.0.0.1,a,b"));
    for _ in 0..500 {
        script.pass();
        script.events();
    }
    script.poll_actions();
    assert!(script.actions.len() <= 1, "{:?}", script.actions);
}
