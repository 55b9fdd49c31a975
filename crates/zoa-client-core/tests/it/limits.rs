//! Every bound of the crate, hit once.

use zoa_client_core::Action;
use zoa_client_core::SubmitError;
use zoa_client_core::limits::ADDRESSES_PER_NAME_MAX;
use zoa_client_core::limits::AUTHS_MAX;
use zoa_client_core::limits::NOTICES_MAX;
use zoa_client_core::limits::PASSWORD_LEN_MAX;
use zoa_client_core::limits::PENDING_MAX;
use zoa_client_core::limits::REPLY_LEN_MAX;
use zoa_client_core::limits::REQUEST_LEN_MAX;
use zoa_client_core::limits::UNSENT_LEN_MAX;
use zoa_client_core::limits::WATCHES_MAX;
use zoa_proto::ConnectResponse;
use zoa_proto::Reply;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Version;
use zoa_proto::request::SetData;

use crate::script::Script;
use crate::script::config;
use crate::script::delete;
use crate::script::found;
use crate::script::read;

fn set_data(data: &[u8]) -> Request<'_> {
    Request::SetData(SetData {
        path: "/a",
        data: Some(data),
        version: Version::ANY,
    })
}

/// What a set of `/a` takes beside its data.
const SET_LEN: usize = 8 + 4 + 2 + 4 + 4;

#[test]
fn a_request_longer_than_servers_accept_is_refused() {
    let mut script = Script::connected();
    assert_eq!(config("a").request_len_max, REQUEST_LEN_MAX);
    let mut data = vec![0; REQUEST_LEN_MAX - SET_LEN];
    script.submit(1, set_data(&data));
    data.push(0);
    let len = REQUEST_LEN_MAX + 1;
    let due = SubmitError::RequestTooLong {
        len,
        len_max: REQUEST_LEN_MAX,
    };
    assert_eq!(script.refused(set_data(&data)), due);
    assert_eq!(script.sent().len(), 1, "nothing of it is sent");
}

#[test]
fn requests_are_bounded_in_number_and_outcomes_not_polled_count() {
    let mut script = Script::connected();
    assert_eq!(config("a").pending_max, PENDING_MAX);
    for tag in 0..u32::try_from(PENDING_MAX).expect("a small number") {
        script.submit(tag, delete("/a"));
    }
    assert_eq!(
        script.refused(delete("/a")),
        SubmitError::TooManyPending(PENDING_MAX)
    );
    script.sent();
    script
        .client
        .handle_disconnected(0, script.connection, None);
    assert!(script.client.poll_event().is_some());
    assert!(script.client.poll_event().is_some());
    script.submit(1, delete("/a"));
    assert_eq!(
        script.refused(delete("/a")),
        SubmitError::TooManyPending(PENDING_MAX)
    );
    assert_eq!(script.events().len(), PENDING_MAX - 1);
    script.submit(2, delete("/a"));
}

#[test]
fn unsent_bytes_are_bounded_with_and_without_a_connection() {
    assert_eq!(config("a").unsent_len_max, UNSENT_LEN_MAX);
    let data = vec![0; 1_000];
    let framed_len = 4 + SET_LEN + data.len();
    for mut script in [Script::connected(), Script::new(config("a"))] {
        let mut count = 0;
        let refused = loop {
            match script.client.submit(0, set_data(&data).into(), count) {
                Ok(()) => count += 1,
                Err(refused) => break refused.error,
            }
        };
        let unsent = framed_len * usize::try_from(count).expect("a count");
        assert_eq!(refused, SubmitError::TooMuchUnsent(unsent));
        assert!(unsent <= UNSENT_LEN_MAX && unsent + framed_len > UNSENT_LEN_MAX);
    }
}

#[test]
fn watches_are_bounded_and_those_asked_for_count() {
    assert_eq!(config("a").watches_max, WATCHES_MAX);
    let mut config = config("127.0.0.1");
    config.watches_max = 2;
    let mut script = Script::connected_with(config);
    script.watch(1, read("/a", true));
    script.sent();
    script.reply(1, 1, Ok(found()));
    script.events();
    script.watch(2, read("/b", true));
    let third = zoa_client_core::Submission {
        request: read("/c", true),
        watcher: Some(zoa_client_core::WatcherId(3)),
        outside_chroot: false,
    };
    let refused = script.client.submit(0, third, 3).expect_err("one too many");
    assert_eq!(refused.error, SubmitError::TooManyWatches(2));
    script.submit(4, read("/c", false));
}

#[test]
fn auth_entries_are_bounded() {
    let mut script = Script::connected();
    for tag in 0..u32::try_from(AUTHS_MAX).expect("a small number") {
        script
            .client
            .add_auth(0, "digest", &tag.to_be_bytes(), tag)
            .expect("it is taken");
    }
    let refused = script
        .client
        .add_auth(0, "digest", b"x", 99)
        .expect_err("one too many");
    assert_eq!(
        (refused.error, refused.tag),
        (SubmitError::TooManyAuths(AUTHS_MAX), 99)
    );
}

#[test]
fn a_reply_of_the_greatest_length_is_read_and_a_longer_one_is_not() {
    assert_eq!(config("a").reply_len_max, REPLY_LEN_MAX);
    let mut config = config("127.0.0.1");
    config.reply_len_max = 100_000;
    let mut script = Script::connected_with(config);
    script.submit(1, read("/a", false));
    script.submit(2, read("/a", false));
    script.sent();
    let stat = zoa_proto::Stat::default();
    let mut data = vec![1; 100_000 - 16 - 4 - 68];
    script.reply(
        1,
        1,
        Ok(Reply::Data {
            data: Some(&data),
            stat,
        }),
    );
    assert_eq!(script.events(), ["1: Data"]);
    data.push(1);
    script.reply(
        2,
        1,
        Ok(Reply::Data {
            data: Some(&data),
            stat,
        }),
    );
    assert_eq!(
        script.events()[0],
        "suspended: the server sent a frame of 100001 bytes, at most 100000 are allowed"
    );
}

#[test]
fn only_the_first_addresses_of_a_name_are_tried() {
    let mut script = Script::new(config("a"));
    let Some(Action::Resolve { connection, .. }) = script.client.poll_action() else {
        panic!("a name is to be resolved");
    };
    let addresses: Vec<_> = (0..=255).map(|last| [10, 0, 0, last].into()).collect();
    script.client.handle_resolved(0, connection, &addresses);
    let mut tried = 0;
    while let Some(action) = script.client.poll_action() {
        tried += 1;
        script
            .client
            .handle_disconnected(0, action.connection(), None);
    }
    assert_eq!(tried, ADDRESSES_PER_NAME_MAX);
}

#[test]
fn notices_that_nobody_reads_are_left_out() {
    let mut script = Script::new(config("a"));
    for _ in 0..1_000 {
        script.pass();
    }
    assert_eq!(script.events().len(), NOTICES_MAX);
}

#[test]
fn a_password_longer_than_any_server_gives_is_refused() {
    for (len, due) in [
        (PASSWORD_LEN_MAX, "connected 0x7 9000 new"),
        (
            PASSWORD_LEN_MAX + 1,
            "127.0.0.1:2181: the server gave a session password of 65 bytes",
        ),
    ] {
        let mut script = Script::new(config("127.0.0.1"));
        script.connect();
        script.asked();
        let mut bytes = Vec::new();
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms: 9_000,
            session: SessionId(7),
            password: &vec![1; len],
            read_only: None,
        };
        response.encode_frame(&mut bytes).expect("a short frame");
        script.receive(&bytes);
        assert_eq!(script.events(), [due]);
    }
}
