//! Bad servers, bad names, bad input: a clear error in time, never a hang, never a panic.

use std::time::Duration;

use tokio::time::Instant;
use zoa_client::Backoff;
use zoa_client::Client;
use zoa_client::ClientBuilder;
use zoa_client::ConnectError;
use zoa_client::ConnectionError;
use zoa_client::CreateMode;
use zoa_client::Error;
use zoa_client::ErrorCode;
use zoa_client::ErrorKind;
use zoa_client::Notice;
use zoa_client::Offline;
use zoa_client::Outcome;
use zoa_client::ProtocolError;
use zoa_client::Reason;
use zoa_client::Version;
use zoa_proto::Xid;

use crate::fake;
use crate::fake::Peer;

/// Within this everything here has to end, on a busy machine too.
const TIMEOUT: Duration = Duration::from_millis(1_500);

fn builder(address: &str) -> ClientBuilder {
    Client::builder(address)
        .session_timeout(Duration::from_secs(10))
        .connect_within(TIMEOUT)
        .attempt_timeout(Duration::from_millis(300))
        .request_timeout(TIMEOUT)
        .backoff(Backoff {
            min_ms: 10,
            max_ms: 50,
        })
}

/// Runs `work`, which must end soon after the timeout.
async fn in_time<R>(work: impl Future<Output = R>) -> R {
    let limit = TIMEOUT * 4;
    let done = tokio::time::timeout(limit, work).await;
    done.expect("it must not hang")
}

/// Why no server was found at this address.
async fn refusal(address: &str) -> (ConnectionError, String) {
    let error = in_time(builder(address).connect())
        .await
        .expect_err("there is no server");
    let text = error.to_string();
    let ConnectError::NoServer {
        last: Some(Notice::AttemptFailed { error, .. }),
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    (error, text)
}

/// What becomes of a getData when the server, after the handshake, plays this.
async fn fate_of_read(play: impl Fn(&mut Peer, Xid) + Send + 'static) -> Error {
    let address = fake::serve(move |peer| {
        peer.shake_hands(false);
        if let Some(xid) = peer.read_xid() {
            play(peer, xid);
            peer.read_to_end();
        }
    });
    let client = builder(&address.to_string())
        .connect()
        .await
        .expect("connected");
    in_time(client.get_data("/a"))
        .await
        .expect_err("it must fail")
}

fn protocol_error(error: &Error) -> ProtocolError {
    match error.kind() {
        ErrorKind::NotApplied(Reason::ConnectionLost(ConnectionError::Protocol(error))) => *error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let (error, text) = refusal("no-such-host.invalid:2181").await;
    // Where no name server answers at all, the resolver is still waiting by then.
    let is_waiting = error == ConnectionError::ConnectTimeout(300);
    assert!(
        error == ConnectionError::Unresolved || is_waiting,
        "{error}"
    );
    assert!(text.contains("no-such-host.invalid:2181"), "{text}");
    assert!(text.contains("does not resolve") || is_waiting, "{text}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_named() {
    let address = fake::silent_port().to_string();
    let (error, text) = refusal(&address).await;
    let refused = std::io::ErrorKind::ConnectionRefused;
    assert_eq!(error, ConnectionError::Socket(refused));
    assert!(text.contains(&address), "{text}");
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_is_given_up() {
    let address = fake::serve(Peer::read_to_end);
    let (error, _) = refusal(&address.to_string()).await;
    assert_eq!(error, ConnectionError::HandshakeTimeout(300));
}

#[tokio::test]
async fn a_server_that_closes_during_the_handshake_is_told_of() {
    let address = fake::serve(|peer| drop(peer.read_frame()));
    let (error, _) = refusal(&address.to_string()).await;
    assert_eq!(error, ConnectionError::ClosedInHandshake);
}

#[tokio::test]
async fn a_request_that_waits_for_a_server_ends_in_time_as_not_applied() {
    let address = fake::silent_port().to_string();
    let client = builder(&address).start().expect("started");
    let start = Instant::now();
    let error = in_time(client.set_data("/a", b"", Version::ANY))
        .await
        .expect_err("no server");
    assert!(start.elapsed() >= TIMEOUT);
    assert_eq!(
        (error.outcome(), error.code()),
        (Outcome::NotApplied, ErrorCode::OperationTimeout)
    );
    // Or as soon as an attempt has failed, as in the original's libraries.
    let client = builder(&address)
        .offline(Offline::FailWithAttempt)
        .start()
        .expect("started");
    let error = in_time(client.get_data("/a")).await.expect_err("no server");
    assert_eq!(
        (error.outcome(), error.code()),
        (Outcome::NotApplied, ErrorCode::ConnectionLoss)
    );
}

#[tokio::test]
async fn a_request_that_is_never_answered_ends_in_time() {
    let read = fate_of_read(|_, _| {}).await;
    assert_eq!(
        (read.outcome(), read.code()),
        (Outcome::NotApplied, ErrorCode::OperationTimeout)
    );
    let address = fake::serve(|peer| {
        peer.shake_hands(false);
        peer.read_to_end();
    });
    let client = builder(&address.to_string())
        .connect()
        .await
        .expect("connected");
    let write = in_time(client.create("/a", b"", CreateMode::Persistent)).await;
    let write = write.expect_err("no answer");
    // It was sent, so nobody knows; and it is not sent again on the next connection.
    assert_eq!(
        (write.outcome(), write.code()),
        (Outcome::Unknown, ErrorCode::OperationTimeout)
    );
}

#[tokio::test]
async fn a_frame_too_long_is_refused_before_it_is_kept() {
    let error = fate_of_read(|peer, _| peer.write(&i32::MAX.to_be_bytes())).await;
    assert!(matches!(protocol_error(&error), ProtocolError::Frame(_)));
    let error = fate_of_read(|peer, _| peer.write(&(-5_i32).to_be_bytes())).await;
    assert!(matches!(protocol_error(&error), ProtocolError::Frame(_)));
}

#[tokio::test]
async fn a_frame_too_short_is_refused() {
    let error = fate_of_read(|peer, _| peer.write(&[0, 0, 0, 2, 1, 1])).await;
    assert!(matches!(protocol_error(&error), ProtocolError::Decode(_)));
    // A header alone, where a body is due.
    let error = fate_of_read(|peer, xid| {
        let mut bytes = fake::data_reply(xid, b"");
        bytes.truncate(4 + 16);
        bytes.splice(..4, 16_u32.to_be_bytes());
        peer.write(&bytes);
    })
    .await;
    assert!(matches!(protocol_error(&error), ProtocolError::Decode(_)));
}

#[tokio::test]
async fn a_frame_that_stops_in_the_middle_is_a_lost_connection() {
    let address = fake::serve(|peer| {
        peer.shake_hands(false);
        if let Some(xid) = peer.read_xid() {
            let reply = fake::data_reply(xid, b"abcdef");
            peer.write(&reply[..reply.len() - 3]);
        }
    });
    let client = builder(&address.to_string())
        .connect()
        .await
        .expect("connected");
    let error = in_time(client.get_data("/a")).await.expect_err("cut off");
    assert_eq!(error.code(), ErrorCode::ConnectionLoss);
}

#[tokio::test]
async fn a_reply_for_an_unknown_request_ends_the_connection() {
    let error = fate_of_read(|peer, _| peer.reply_data(Xid(4711), b"not yours")).await;
    assert!(matches!(
        protocol_error(&error),
        ProtocolError::OutOfOrder { got: Xid(4711), .. }
    ));
    // One reply too many: the next connection starts afresh.
    let address = fake::serve(|peer| {
        peer.shake_hands(false);
        if let Some(xid) = peer.read_xid() {
            let mut twice = fake::data_reply(xid, b"1");
            twice.extend(fake::data_reply(xid, b"2"));
            peer.write(&twice);
            peer.read_to_end();
        }
    });
    let client = builder(&address.to_string())
        .connect()
        .await
        .expect("connected");
    for _ in 0..3 {
        let data = in_time(client.get_data("/a")).await.expect("answered");
        assert_eq!(data.bytes(), b"1");
    }
}

#[tokio::test]
async fn replies_out_of_order_are_given_to_nobody() {
    let address = fake::serve(|peer| {
        peer.shake_hands(false);
        let xids = (peer.read_xid(), peer.read_xid());
        if let (Some(first), Some(second)) = xids {
            peer.reply_data(second, b"second");
            peer.reply_data(first, b"first");
            peer.read_to_end();
        }
    });
    let client = builder(&address.to_string())
        .connect()
        .await
        .expect("connected");
    let (first, second) = (client.get_data("/a"), client.get_data("/b"));
    for pending in [first, second] {
        let error = in_time(pending).await.expect_err("out of order");
        assert!(matches!(
            protocol_error(&error),
            ProtocolError::OutOfOrder { .. }
        ));
    }
}

#[tokio::test]
async fn garbage_after_the_handshake_is_no_reply() {
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[0xff; 64],
        &[0; 64],
    ] {
        let address = fake::serve(move |peer| {
            peer.read_frame();
            let mut bytes = fake::granted(false);
            bytes.extend_from_slice(garbage);
            peer.write(&bytes);
            peer.read_to_end();
        });
        let client = builder(&address.to_string()).start().expect("started");
        let error = in_time(client.get_data("/a")).await.expect_err("garbage");
        assert_ne!(error.outcome(), Outcome::Done, "{error}");
    }
}

#[tokio::test]
async fn garbage_instead_of_a_handshake_is_no_session() {
    let address = fake::serve(|peer| {
        peer.read_frame();
        peer.write(b"SSH-2.0-OpenSSH_9.2\r\n");
        peer.read_to_end();
    });
    let (error, _) = refusal(&address.to_string()).await;
    assert!(matches!(error, ConnectionError::Protocol(_)), "{error:?}");
}

#[tokio::test]
async fn a_path_that_is_not_one_is_refused_before_it_is_sent() {
    let address = fake::silent_port().to_string();
    let client = builder(&address).start().expect("started");
    for path in ["", "a", "/a/", "//", "/a/../b", "/\u{0}"] {
        let error = in_time(client.get_data(path)).await.expect_err("no path");
        assert_eq!(
            (error.code(), error.outcome(), error.path()),
            (ErrorCode::BadArguments, Outcome::NotApplied, path)
        );
        let error = in_time(client.get_data_and_watch(path))
            .await
            .expect_err("no path");
        assert_eq!(error.code(), ErrorCode::BadArguments);
    }
}

#[tokio::test]
async fn a_connect_string_that_is_not_one_is_told_at_the_start() {
    for text in [
        "",
        "host:port",
        "host:0",
        "a,,b",
        "host/chroot/",
        "::1:2181",
    ] {
        let error = Client::connect(text).await.expect_err("not one");
        assert!(
            matches!(error, ConnectError::ConnectString(_)),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn without_a_runtime_the_asynchronous_client_says_which_one_to_use() {
    let error = Client::builder("127.0.0.1")
        .start()
        .expect_err("no runtime");
    assert_eq!(error, ConnectError::NoRuntime);
    assert!(error.to_string().contains("blocking"));
}

#[test]
fn the_blocking_face_gives_up_in_time_too() {
    let start = Instant::now();
    let address = fake::serve(Peer::read_to_end).to_string();
    let error = builder(&address).connect_blocking().expect_err("silent");
    assert!(matches!(error, ConnectError::NoServer { .. }), "{error:?}");
    let client = builder(&address).start_blocking().expect("started");
    let error = client.get_data("/a").expect_err("silent");
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert!(start.elapsed() < TIMEOUT * 8);
}
