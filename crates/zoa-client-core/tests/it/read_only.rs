//! Read-only servers: taken if allowed, left as soon as a writable one is found.

use zoa_client_core::Action;
use zoa_client_core::SessionState;
use zoa_proto::SessionId;

use crate::script::Script;
use crate::script::config;

#[test]
fn a_read_only_server_serves_until_a_writable_one_answers() {
    let mut config = config("127.0.0.1:1,127.0.0.2:2,127.0.0.3:3");
    config.read_only_allowed = true;
    let mut script = Script::new(config);
    script.connect();
    script.grant_as(5, 9_000, true);
    assert_eq!(script.events(), ["connected 0x5 9000 read-only new"]);
    assert_eq!(script.client.state(), SessionState::ConnectedReadOnly);
    let mut asked = Vec::new();
    let found = loop {
        script.pass();
        script.poll_actions();
        match script.actions.pop_front() {
            Some(Action::Probe { connection, host }) if asked.len() == 3 => {
                break (connection, host);
            }
            Some(Action::Probe { connection, host }) => {
                script
                    .client
                    .handle_probed(script.now_ms, connection, b"ro");
                asked.push(host.port);
            }
            other => panic!("{other:?} in place of a probe"),
        }
    };
    assert_eq!(asked, [2, 3, 2], "all but the one in use");
    script.client.handle_probed(script.now_ms, found.0, b"rw");
    assert_eq!(
        script.events(),
        ["suspended: a server was found that takes writes"]
    );
    script.connect();
    assert_eq!(
        script.client.server().map(|(host, _)| host.port),
        Some(found.1.port)
    );
    assert_eq!(
        script.asked().0,
        SessionId::NONE,
        "no other server knows a read-only server's session"
    );
    script.grant_asked();
    assert_eq!(script.events(), ["connected 0x7 9000 new"]);
}

#[test]
fn a_read_only_server_is_refused_when_it_is_not_allowed() {
    let mut script = Script::new(config("127.0.0.1"));
    script.connect();
    script.grant_as(5, 9_000, true);
    assert_eq!(
        script.events(),
        ["127.0.0.1:2181: the server is read-only, which this client did not allow"]
    );
}
