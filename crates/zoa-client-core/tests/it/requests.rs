//! Requests: order, outcomes told truthfully, timeouts, the chroot, auth.

use zoa_client_core::Offline;
use zoa_client_core::Submission;
use zoa_client_core::SubmitError;
use zoa_proto::AclList;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::PathError;
use zoa_proto::PathList;
use zoa_proto::Reply;
use zoa_proto::Request;
use zoa_proto::Stat;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::request::Create;
use zoa_proto::request::SetWatches;

use crate::script::Script;
use crate::script::config;
use crate::script::delete;
use crate::script::found;
use crate::script::read;

const LOST: &str = "connection lost: the server closed the connection";

#[test]
fn requests_are_sent_at_once_and_answered_in_order() {
    let mut script = Script::connected();
    for tag in 1..=3 {
        script.submit(tag, read("/a", false));
    }
    assert_eq!(script.sent().len(), 3);
    script.reply(1, 1, Ok(found()));
    script.reply(2, 1, Err(ErrorCode::NoNode));
    script.reply(3, 1, Ok(found()));
    assert_eq!(script.events(), ["1: Data", "2: NONODE", "3: Data"]);
    assert_eq!(script.client.pending_count(), 0);
}

// G-02
#[test]
fn a_lost_write_is_unknown_and_a_lost_read_or_unsent_write_is_not_applied() {
    let mut script = Script::connected();
    script.submit(1, delete("/a"));
    script.submit(2, read("/a", false));
    script.sent();
    script.submit(3, delete("/b"));
    let all_but_one = script
        .client
        .poll_transmit()
        .map_or(0, |transmit| transmit.bytes.len() - 1);
    script
        .client
        .handle_transmitted(0, script.connection, all_but_one);
    script
        .client
        .handle_disconnected(0, script.connection, None);
    assert_eq!(
        script.events(),
        [
            "suspended: the server closed the connection".to_owned(),
            format!("1: unknown: {LOST}"),
            format!("2: not applied: {LOST}"),
            format!("3: not applied: {LOST}"),
        ]
    );
}

// G-26
#[test]
fn what_a_server_that_stops_has_not_answered_was_not_applied() {
    let mut script = Script::connected_with(config("127.0.0.1,127.0.0.2"));
    for tag in 1..=3 {
        script.submit(tag, delete("/a"));
    }
    script.sent();
    script.reply(1, 1, Ok(Reply::Empty));
    script.reply_header(Xid::PING, 1, Some(ErrorCode::ConnectionLoss));
    // Nothing that follows is believed.
    script.reply(2, 1, Ok(Reply::Empty));
    let stops = "not applied: connection lost: the server stops";
    assert_eq!(
        script.events(),
        [
            "1: Empty".to_owned(),
            "suspended: the server stops".to_owned(),
            format!("2: {stops}"),
            format!("3: {stops}"),
        ]
    );
    let due_ms = script.client.poll_timeout().expect("it goes on");
    assert_eq!(due_ms, script.now_ms, "the next server is tried at once");
}

#[test]
fn replies_that_came_before_the_end_are_read() {
    let mut script = Script::connected();
    script.submit(1, delete("/a"));
    script.submit(2, delete("/b"));
    script.sent();
    script.reply(1, 1, Ok(Reply::Empty));
    script
        .client
        .handle_disconnected(0, script.connection, None);
    let events = script.events();
    assert_eq!(events[0], "1: Empty");
    assert_eq!(events[2], format!("2: unknown: {LOST}"));
}

#[test]
fn requests_wait_for_a_connection_in_order() {
    let mut script = Script::new(config("127.0.0.1"));
    for tag in 1..=3 {
        script.submit(tag, delete("/a"));
    }
    script.connect();
    script.grant();
    script.events();
    script.submit(4, delete("/b"));
    let xids: Vec<String> = script
        .sent()
        .iter()
        .map(|sent| sent[..2].to_owned())
        .collect();
    assert_eq!(xids, ["1:", "2:", "3:", "4:"]);
}

#[test]
fn requests_fail_with_the_attempt_when_the_caller_wants_it_so() {
    let mut config = config("127.0.0.1");
    config.offline = Offline::FailWithAttempt;
    let mut script = Script::new(config);
    script.submit(1, delete("/a"));
    script.connect();
    script.asked();
    script
        .client
        .handle_disconnected(0, script.connection, None);
    let lost =
        "1: not applied: connection lost: the server closed the connection during the handshake";
    assert_eq!(script.events()[1], lost);
}

#[test]
fn a_request_that_is_not_answered_in_time_ends_and_takes_the_connection_with_it() {
    let mut config = config("127.0.0.1");
    config.request_timeout_ms = Some(500);
    let mut script = Script::connected_with(config);
    script.submit(1, delete("/a"));
    script.now_ms = 200;
    script.submit(2, delete("/b"));
    script.sent();
    assert_eq!(script.client.poll_timeout(), Some(500));
    script.pass();
    assert_eq!(
        script.events(),
        [
            "suspended: a request was not answered within 500 ms",
            "1: unknown: no answer within 500 ms",
            "2: unknown: connection lost: a request was not answered within 500 ms",
        ]
    );
    script.submit(3, delete("/c"));
    script.pass_to(1_100);
    assert!(
        script
            .events()
            .contains(&"3: not applied: no answer within 500 ms".to_owned())
    );
    assert_eq!(script.client.pending_count(), 0);
}

#[test]
fn paths_go_under_the_chroot_and_come_back_without_it() {
    let mut script = Script::connected_with(config("127.0.0.1/app"));
    let create = Request::Create2(Create {
        path: "/",
        data: None,
        acl: AclList::empty(),
        flags: CreateMode::EphemeralSequential.flags(),
    });
    script.submit(1, create);
    assert!(script.sent()[0].contains("path: \"/app/\""));
    let (path, stat) = ("/app/0000000003", Stat::default());
    script.reply(1, 1, Ok(Reply::PathAndStat { path, stat }));
    assert_eq!(script.events(), ["1: PathAndStat path: \"/0000000003\""]);
    let config_node = Submission {
        request: read("/zookeeper/config", false),
        watcher: None,
        outside_chroot: true,
    };
    script
        .client
        .submit(0, config_node, 2)
        .expect("it is taken");
    assert!(script.sent()[0].contains("path: \"/zookeeper/config\""));
}

#[test]
fn what_cannot_be_sent_is_refused_with_the_reason_and_nothing_is_queued() {
    let mut script = Script::connected_with(config("127.0.0.1/app"));
    assert_eq!(
        script.refused(delete("le")),
        SubmitError::BadPath(PathError::NotAbsolute)
    );
    assert_eq!(
        script.refused(Request::Ping),
        SubmitError::Reserved(OpCode::Ping)
    );
    assert_eq!(
        script.refused(Request::CloseSession),
        SubmitError::Reserved(OpCode::CloseSession)
    );
    let none = PathList::empty();
    let set_watches = Request::SetWatches(SetWatches {
        relative_zxid: Zxid(1),
        data_watches: none,
        exist_watches: none,
        child_watches: none,
    });
    assert_eq!(
        script.refused(set_watches),
        SubmitError::Reserved(OpCode::SetWatches)
    );
    assert_eq!(
        script.refused(read("/a", true)),
        SubmitError::WatcherMismatch
    );
    assert_eq!((script.client.pending_count(), script.sent().len()), (0, 0));
}

#[test]
fn auth_is_sent_first_at_every_connect_and_its_first_answer_is_told() {
    let mut script = Script::new(config("127.0.0.1"));
    script
        .client
        .add_auth(0, "digest", b"me:pw", 1)
        .expect("it is taken");
    script.submit(2, delete("/a"));
    script.connect();
    script.grant();
    script.events();
    let sent = script.sent();
    assert!(
        sent[0].starts_with("-4: Auth") && sent[1].starts_with("1: Delete"),
        "{sent:?}"
    );
    script
        .client
        .add_auth(0, "digest", b"you:pw", 3)
        .expect("it is taken");
    assert_eq!(script.sent().len(), 1);
    script.reply(-4, 0, Ok(Reply::Empty));
    assert_eq!(script.events(), ["1: Empty"]);
    script.reattach();
    script.events();
    assert_eq!(script.sent().len(), 2, "both again");
    script.reply(-4, 0, Ok(Reply::Empty));
    script.reply(-4, 0, Ok(Reply::Empty));
    assert_eq!(script.events(), ["3: Empty"]);
}

#[test]
fn a_refused_identity_ends_the_session() {
    let mut script = Script::connected();
    script
        .client
        .add_auth(0, "nonsense", b"", 1)
        .expect("it is taken");
    script.submit(2, delete("/a"));
    script.sent();
    script.reply(-4, 0, Err(ErrorCode::AuthFailed));
    let due = [
        "1: AUTHFAILED",
        "AuthFailed",
        "2: unknown: authentication failed",
    ];
    assert_eq!(script.events(), due);
    assert_eq!(
        script.refused(delete("/a")).to_string(),
        "no session: authentication failed"
    );
}

// G-25
#[test]
fn a_client_shows_no_secret() {
    let mut script = Script::connected();
    let secret = b"user:sesame";
    script
        .client
        .add_auth(0, "digest", secret, 1)
        .expect("it is taken");
    let shown = format!("{:?} {:#?}", script.client, script.client.ticket());
    assert!(shown.contains("SessionId(0x7)"), "{shown}");
    for bytes in [&secret[..], b"0123456789abcdef"] {
        let as_numbers = format!("{bytes:?}");
        let inner = as_numbers.trim_matches(['[', ']']);
        assert!(!shown.contains(inner), "{shown}");
    }
    assert!(!shown.contains("sesame"), "{shown}");
}
