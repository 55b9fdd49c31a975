//! Servers that break the protocol: the connection is dropped with a reason that says what was wrong, and nothing else happens.

use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Reply;
use zoa_proto::SessionId;

use crate::script::Script;
use crate::script::config;
use crate::script::delete;
use crate::script::found;
use crate::script::read;

/// A client with a write (xid 1) and a read (xid 2) in flight.
fn busy() -> Script {
    let mut script = Script::connected();
    script.submit(1, delete("/a"));
    script.submit(2, read("/a", false));
    script.sent();
    script
}

#[track_caller]
fn check_dropped(script: &mut Script, reason: &str) {
    assert_eq!(
        script.events(),
        [
            format!("suspended: {reason}"),
            format!("1: unknown: connection lost: {reason}"),
            format!("2: not applied: connection lost: {reason}"),
        ]
    );
    script.connect();
    script.grant();
    assert_eq!(
        script.events(),
        ["connected 0x7 9000"],
        "and the session goes on"
    );
}

#[test]
fn a_frame_too_long_or_of_negative_length() {
    let mut script = busy();
    script.receive(&i32::MAX.to_be_bytes());
    check_dropped(
        &mut script,
        "the server sent a frame of 2147483647 bytes, at most 67108864 are allowed",
    );
    let mut script = busy();
    script.receive(&(-1i32).to_be_bytes());
    check_dropped(&mut script, "the server sent a frame of negative length -1");
}

#[test]
fn a_frame_too_short_for_its_header() {
    let mut script = busy();
    script.receive(&[0, 0, 0, 0]);
    check_dropped(
        &mut script,
        "the server sent a message that cannot be read: message ends 4 bytes early",
    );
    let mut script = busy();
    script.receive(&[0, 0, 0, 5, 0, 0, 0, 1, 0]);
    check_dropped(
        &mut script,
        "the server sent a message that cannot be read: message ends 7 bytes early",
    );
}

#[test]
fn a_reply_out_of_order_or_to_nothing() {
    let mut script = busy();
    script.reply(2, 1, Ok(found()));
    check_dropped(&mut script, "the server answered request 2 where 1 was due");
    let mut script = busy();
    script.reply(77, 1, Ok(Reply::Empty));
    check_dropped(
        &mut script,
        "the server answered request 77 where 1 was due",
    );
    for xid in [-2, -4, -8] {
        let mut script = busy();
        script.reply(xid, 1, Ok(Reply::Empty));
        check_dropped(
            &mut script,
            &format!("the server answered request {xid}, which is not pending"),
        );
    }
    let mut script = Script::connected();
    script.reply(1, 1, Ok(Reply::Empty));
    assert_eq!(
        script.events(),
        ["suspended: the server answered request 1, which is not pending"]
    );
}

#[test]
fn a_reply_to_a_request_that_was_not_sent_yet() {
    let mut script = Script::connected();
    script.submit(1, delete("/a"));
    script.reply(1, 1, Ok(Reply::Empty));
    let reason = "the server answered request 1, which is not pending";
    let lost = format!("1: not applied: connection lost: {reason}");
    assert_eq!(script.events(), [format!("suspended: {reason}"), lost]);
}

#[test]
fn a_reply_before_the_watches_are_set_again() {
    let mut script = Script::connected();
    script.watch(1, read("/a", true));
    script.sent();
    script.reply(1, 5, Ok(found()));
    script.reattach();
    script.events();
    script.submit(2, read("/a", false));
    script.sent();
    script.reply(2, 9, Ok(found()));
    assert_eq!(
        script.events()[0],
        "suspended: the server answered request 2 where -8 was due"
    );
}

#[test]
fn a_reply_whose_body_ends_early_ends_its_own_request_as_unknown() {
    let mut script = busy();
    script.reply(1, 1, Ok(Reply::Empty));
    script.reply(2, 1, Ok(Reply::Count(1)));
    let reason = "the server sent a message that cannot be read: message ends 1 bytes early";
    assert_eq!(
        script.events(),
        [
            "1: Empty".to_owned(),
            format!("2: not applied: connection lost: {reason}"),
            format!("suspended: {reason}")
        ]
    );
    let mut script = Script::connected_with(config("127.0.0.1/app"));
    script.submit(1, delete("/a"));
    script.sent();
    script.reply(1, 1, Err(ErrorCode::NoNode));
    assert_eq!(script.events(), ["1: NONODE"]);
}

#[test]
fn an_event_that_cannot_be_read_and_one_that_nobody_waits_for() {
    let mut script = busy();
    script.event(EventKind::NodeCreated, "/nobody", 3);
    assert_eq!(script.events(), [""; 0]);
    let mut event = vec![0, 0, 0, 28];
    event.extend((-1i32).to_be_bytes());
    event.extend([0; 12]);
    event.extend(9i32.to_be_bytes());
    event.extend([0; 8]);
    script.receive(&event);
    check_dropped(
        &mut script,
        "the server sent a message that cannot be read: unknown event type 9",
    );
}

#[test]
fn nothing_is_read_behind_what_broke_the_protocol() {
    let mut script = busy();
    script.receive(&(-1i32).to_be_bytes());
    script.reply(1, 1, Ok(Reply::Empty));
    check_dropped(&mut script, "the server sent a frame of negative length -1");
}

fn handshake(answer: &[u8], due: &str) {
    let mut script = Script::connected();
    script
        .client
        .handle_disconnected(0, script.connection, None);
    script.events();
    script.connect();
    script.asked();
    script.receive(answer);
    assert_eq!(script.events(), [format!("127.0.0.1:2181: {due}")]);
    script.connect();
    assert_eq!(
        script.asked().0,
        SessionId(7),
        "the session is not given up"
    );
}

// G-12
#[test]
fn a_handshake_that_cannot_be_true() {
    let frame = |session, password: &[u8]| {
        let mut bytes = Vec::new();
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms: 9_000,
            session: SessionId(session),
            password,
            read_only: Some(false),
        };
        response.encode_frame(&mut bytes).expect("a short frame");
        bytes
    };
    handshake(
        &frame(8, &[1; 16]),
        "the server gave session 0x8 to a client that asked for 0x7",
    );
    handshake(
        &frame(0, &[1; 16]),
        "the server gave a session without an id",
    );
    handshake(
        &[0, 0, 0, 1, 7],
        "the server sent a message that cannot be read: message ends 3 bytes early",
    );
    handshake(
        b"HTTP/1.1 400 Bad Request\r\n",
        "the server sent a frame of 1213486160 bytes, at most 67108864 are allowed",
    );
}

#[test]
fn any_bytes_after_the_handshake_end_in_a_reason_and_no_panic() {
    let mut seed = 1u64;
    for _ in 0..5_000 {
        let mut script = busy();
        let mut bytes = Vec::new();
        for _ in 0..64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [byte, choice, ..] = seed.rotate_left(20).to_be_bytes();
            // Mostly small numbers, which make frames and xids that nearly fit.
            bytes.push(if choice < 200 { byte % 3 } else { byte });
        }
        script.receive(&bytes);
        let events = script.events();
        let told = events
            .iter()
            .filter(|event| event.starts_with("2: "))
            .count();
        assert!(told <= 1, "{events:?}");
        assert!(
            events.is_empty() || events[0].starts_with("suspended"),
            "{bytes:?}: {events:?}"
        );
    }
}
