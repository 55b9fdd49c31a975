//! Closing: what is pending is answered first, and the session ends on the server if one can be reached.

use zoa_client_core::Action;
use zoa_client_core::SessionState;
use zoa_proto::ConnectResponse;
use zoa_proto::Reply;

use crate::script::Script;
use crate::script::config;
use crate::script::delete;

#[test]
fn a_session_is_closed_behind_what_is_pending() {
    let mut script = Script::connected();
    script.submit(1, delete("/a"));
    script.client.close(0, 1_000);
    assert_eq!(
        script.refused(delete("/b")).to_string(),
        "no session: the client is closed"
    );
    let sent = script.sent();
    assert!(
        sent[0].starts_with("1: Delete") && sent[1].starts_with("2: CloseSession"),
        "{sent:?}"
    );
    script.reply(1, 1, Ok(Reply::Empty));
    script.reply(2, 2, Ok(Reply::Empty));
    assert_eq!(
        script.events(),
        ["1: Empty", "Closed { session_ended: true }"]
    );
    script.poll_actions();
    let connection = script.connection;
    assert_eq!(
        script.actions.pop_back(),
        Some(Action::Close { connection })
    );
    assert_eq!(
        (script.client.state(), script.client.poll_timeout()),
        (SessionState::Closed, None)
    );
}

#[test]
fn without_a_connection_one_is_looked_for_to_close_the_session() {
    let mut script = Script::connected();
    script
        .client
        .handle_disconnected(0, script.connection, None);
    script.events();
    script.client.close(0, 1_000);
    script.connect();
    script.grant();
    script.events();
    assert!(script.sent()[0].contains("CloseSession"));
    // The answer is lost; a session that is gone at the next try is what was wanted.
    script
        .client
        .handle_disconnected(script.now_ms, script.connection, None);
    script.events();
    script.connect();
    script.asked();
    let mut bytes = Vec::new();
    ConnectResponse::rejected(Some(false))
        .encode_frame(&mut bytes)
        .expect("a short frame");
    script.receive(&bytes);
    assert_eq!(script.events(), ["Closed { session_ended: true }"]);
}

#[test]
fn patience_ends_and_what_waits_is_told() {
    let mut script = Script::connected();
    script
        .client
        .handle_disconnected(0, script.connection, None);
    script.submit(1, delete("/a"));
    script.client.close(0, 300);
    script.events();
    script.pass_to(300);
    assert_eq!(
        script.events(),
        [
            "Closed { session_ended: false }",
            "1: not applied: the client is closed"
        ]
    );
}

#[test]
fn a_client_without_a_session_closes_at_once() {
    let mut script = Script::new(config("a"));
    script.submit(1, delete("/a"));
    script.client.close(0, 1_000);
    assert_eq!(
        script.events(),
        [
            "Closed { session_ended: true }",
            "1: not applied: the client is closed"
        ]
    );
}
