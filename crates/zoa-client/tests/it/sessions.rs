//! Sessions: their states, what survives a lost connection, and how they end.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use zoa_client::AddWatchMode;
use zoa_client::Backoff;
use zoa_client::Client;
use zoa_client::ClientBuilder;
use zoa_client::ConnectError;
use zoa_client::ConnectionError;
use zoa_client::CreateMode;
use zoa_client::ErrorCode;
use zoa_client::EventKind;
use zoa_client::EventType;
use zoa_client::KeeperState;
use zoa_client::Listener;
use zoa_client::Missed;
use zoa_client::Outcome;
use zoa_client::ProtocolError;
use zoa_client::Reason;
use zoa_client::SessionEvent;
use zoa_client::SessionState;
use zoa_client::SubmitError;
use zoa_client::Version;
use zoa_client::blocking;
use zoa_client::limits::PROBE_ANSWER_LEN_MAX;
use zoa_client::limits::WATCH_EVENTS_MAX;
use zoa_proto::ReplyHeader;
use zoa_proto::WatchedEvent;
use zoa_proto::Zxid;
use zoa_proto::encode_event;
use zoa_proto::encode_reply;
use zoa_server::testing::LocalServer;

use crate::fake;
use crate::suite;
use crate::suite::PATIENCE;

fn builder(connect_string: &str) -> ClientBuilder {
    Client::builder(connect_string).backoff(Backoff {
        min_ms: 5,
        max_ms: 20,
    })
}

async fn next(events: &mut Listener<SessionEvent>) -> SessionEvent {
    let event = tokio::time::timeout(PATIENCE, events.next()).await;
    event.expect("a state in time").expect("no end")
}

#[tokio::test]
async fn a_session_survives_a_restart_of_the_server_with_its_watches_and_ephemerals() {
    let mut server = LocalServer::start();
    let client = builder(&server.connect_string()).start().expect("started");
    let mut states = client.session_events();
    let session = match next(&mut states).await {
        SessionEvent::Connected {
            session,
            is_new: true,
            read_only: false,
            ..
        } => session,
        other => panic!("{other:?}"),
    };
    client
        .create("/e", b"", CreateMode::Ephemeral)
        .await
        .expect("created");
    let (_, watch) = client.get_data_and_watch("/e").await.expect("read");
    let mut all = client
        .watch("/", AddWatchMode::PersistentRecursive)
        .await
        .expect("set");

    // On a thread, since stopping waits for the connections to end.
    let mut server = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    })
    .await
    .expect("restarted");
    assert!(matches!(
        next(&mut states).await,
        SessionEvent::Suspended(_)
    ));
    match next(&mut states).await {
        SessionEvent::Connected {
            session: again,
            is_new: false,
            ..
        } => assert_eq!(again, session),
        other => panic!("{other:?}"),
    }
    assert!(client.surely_alive_for() > Duration::ZERO);
    let other = suite::connect(&server.connect_string()).await;
    other
        .set_data("/e", b"x", Version::ANY)
        .await
        .expect("it is still there");
    let changed = EventType::Node(EventKind::NodeDataChanged);
    assert_eq!(watch.await.expect("it fires").event, changed);
    assert_eq!(suite::next(&mut all).await.event, changed);
    assert!(client.close().await);
    let session_ended = true;
    assert_eq!(
        next(&mut states).await,
        SessionEvent::Closed { session_ended }
    );
    assert_eq!(states.next().await, None);
    assert_eq!(client.state(), SessionState::Closed);
    assert_eq!(client.keeper_state(), KeeperState::Closed);
    let late = client.get_data("/e").await.expect_err("closed");
    assert!(late.is_final());
    assert_eq!(
        (late.code(), late.outcome()),
        (ErrorCode::Closing, Outcome::NotApplied)
    );
    server.stop();
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_told_so_and_never_sent_again() {
    let writes = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&writes);
    // The first write is read and the connection cut; all later ones are answered.
    let address = fake::serve(move |peer| {
        peer.shake_hands(false);
        while let Some(xid) = peer.read_xid() {
            if seen.fetch_add(1, Ordering::Relaxed) == 0 {
                return;
            }
            peer.write(&fake::error_reply(xid, ErrorCode::NodeExists));
        }
    });
    let client = builder(&address.to_string())
        .connect()
        .await
        .expect("connected");
    let lost = client
        .create("/a", b"", CreateMode::Persistent)
        .await
        .expect_err("cut");
    assert_eq!(
        (lost.outcome(), lost.code()),
        (Outcome::Unknown, ErrorCode::ConnectionLoss)
    );
    assert!(!lost.is_final());
    let next = client
        .create("/b", b"", CreateMode::Persistent)
        .await
        .expect_err("refused");
    assert_eq!(
        (next.outcome(), next.code()),
        (Outcome::Done, ErrorCode::NodeExists)
    );
    assert_eq!(writes.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_session() {
    let server = LocalServer::start();
    let other = suite::connect(&server.connect_string()).await;
    let client = suite::connect(&server.connect_string()).await;
    let clone = client.clone();
    client
        .create("/e", b"", CreateMode::Ephemeral)
        .await
        .expect("created");
    drop(client);
    let (stat, gone) = other.exists_and_watch("/e").await.expect("asked");
    assert!(stat.is_some(), "a clone is left");
    drop(clone);
    let event = tokio::time::timeout(PATIENCE, gone).await;
    let event = event.expect("in time").expect("it fires");
    assert_eq!(event.event, EventType::Node(EventKind::NodeDeleted));
}

#[test]
fn when_the_runtime_ends_whoever_waits_is_told() {
    let server = LocalServer::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = server.connect_string();
    let client = runtime
        .block_on(Client::connect(&address))
        .expect("connected");
    let events = client.session_events();
    let (_, watch) = runtime
        .block_on(client.exists_and_watch("/x"))
        .expect("asked");
    drop(runtime);
    let mut events = events;
    let session_ended = false;
    assert_eq!(
        events.wait_for(PATIENCE),
        Some(SessionEvent::Closed { session_ended })
    );
    assert!(watch.wait().is_err());
    let late = client.get_data("/x").wait().expect_err("no driver");
    assert!(late.is_final());
    assert_eq!(late.outcome(), Outcome::NotApplied);
}

#[tokio::test]
async fn a_ticket_carries_the_session_over_and_one_that_is_gone_is_refused() {
    let server = LocalServer::start();
    let first = suite::connect(&server.connect_string()).await;
    first
        .create("/e", b"", CreateMode::Ephemeral)
        .await
        .expect("created");
    let ticket = first.ticket().expect("it has a session");
    let second = builder(&server.connect_string())
        .session(ticket.clone())
        .connect()
        .await
        .expect("attached");
    assert_eq!(second.session_id(), first.session_id());
    assert!(second.exists("/e").await.expect("asked").is_some());
    assert!(second.close().await);
    let gone = builder(&server.connect_string())
        .session(ticket)
        .connect()
        .await
        .expect_err("it is gone");
    assert_eq!(gone, ConnectError::Ended(Reason::SessionExpired));
}

#[tokio::test]
async fn an_identity_that_is_refused_ends_the_session() {
    let server = LocalServer::start();
    let client = builder(&server.connect_string())
        .auth("no-such-scheme", b"x")
        .start()
        .expect("started");
    let mut states = client.session_events();
    while next(&mut states).await != SessionEvent::AuthFailed {}
    assert_eq!(states.next().await, None);
    let late = client.get_data("/").await.expect_err("over");
    assert_eq!(late.code(), ErrorCode::AuthFailed);
    assert!(!format!("{client:?}").contains("no-such-scheme"));
}

#[tokio::test]
async fn a_read_only_server_is_taken_only_if_that_is_allowed() {
    let address = fake::serve(|peer| {
        peer.shake_hands(true);
        peer.read_to_end();
    })
    .to_string();
    let error = builder(&address)
        .connect_within(Duration::from_millis(300))
        .connect()
        .await
        .expect_err("not allowed");
    let unasked = ConnectionError::Protocol(ProtocolError::ReadOnlyUnasked);
    assert!(error.to_string().contains(&unasked.to_string()), "{error}");
    let client = builder(&address)
        .allow_read_only()
        .connect()
        .await
        .expect("allowed");
    assert_eq!(client.state(), SessionState::ConnectedReadOnly);
}

#[tokio::test]
async fn of_a_server_that_answers_a_probe_without_end_only_the_beginning_is_read() {
    let read_only = fake::serve(|peer| {
        peer.shake_hands(true);
        peer.read_to_end();
    });
    // It says that it takes writes, and does not stop talking before it is left.
    let talker = fake::serve(|peer| {
        if peer.is_probe() {
            peer.write(b"rw");
            peer.write(&[b'x'; PROBE_ANSWER_LEN_MAX]);
            peer.read_to_end();
        } else {
            peer.shake_hands(false);
            peer.read_to_end();
        }
    });
    let client = builder(&format!("{read_only},{talker}"))
        .keep_host_order()
        .allow_read_only()
        .connect()
        .await
        .expect("read-only at first");
    let mut states = client.session_events();
    let writable = async {
        while !matches!(
            next(&mut states).await,
            SessionEvent::Connected {
                read_only: false,
                ..
            }
        ) {}
    };
    let moved = tokio::time::timeout(PATIENCE, writable).await;
    moved.expect("what was read was enough");
    assert_eq!(client.state(), SessionState::Connected);
}

#[tokio::test]
async fn events_that_nobody_takes_are_counted_and_the_gap_is_told() {
    const EXTRA: usize = 10;
    let address = fake::serve(|peer| {
        peer.shake_hands(false);
        // The reply to addWatch, more events than fit, and the reply to the getData behind them.
        let (Some(watch), Some(read)) = (peer.read_xid(), peer.read_xid()) else {
            return;
        };
        let mut bytes = Vec::new();
        let header = ReplyHeader {
            xid: watch,
            zxid: Zxid(1),
            error: None,
        };
        encode_reply(&mut bytes, header, |writer| {
            zoa_proto::Reply::ErrorResponse(None).encode(writer);
        });
        let event = WatchedEvent {
            kind: EventKind::NodeDataChanged,
            path: "/a",
            zxid: Zxid(2),
        };
        for _ in 0..WATCH_EVENTS_MAX + EXTRA {
            encode_event(&mut bytes, &event);
        }
        bytes.extend(fake::data_reply(read, b"new"));
        peer.write(&bytes);
        peer.read_to_end();
    });
    let client = builder(&address.to_string())
        .connect()
        .await
        .expect("connected");
    let watch = client.watch("/a", AddWatchMode::Persistent);
    let read = client.get_data("/a");
    let mut events = watch.await.expect("set");
    // Whoever has the new data can see all events before them.
    read.await.expect("read");
    for _ in 0..WATCH_EVENTS_MAX {
        assert!(matches!(events.try_next(), Some(Some(Ok(_)))));
    }
    let missed = u64::try_from(EXTRA).expect("small");
    assert_eq!(events.try_next(), Some(Some(Err(Missed(missed)))));
    assert_eq!(events.try_next(), None);
}

#[tokio::test]
async fn the_bounds_of_the_core_can_be_set_and_are_told() {
    let address = fake::silent_port().to_string();
    let client = builder(&address)
        .pending_max(2)
        .watches_max(1)
        .request_len_max(1_000)
        .start()
        .expect("started");
    let long = vec![0; 2_000];
    let error = client
        .set_data("/a", &long, Version::ANY)
        .await
        .expect_err("too long");
    assert_eq!(error.code(), ErrorCode::MarshallingError);
    let (_first, _watch) = (client.get_data("/a"), client.exists_and_watch("/a"));
    let error = client.get_data("/a").await.expect_err("too many");
    assert_eq!(
        error.kind(),
        &zoa_client::ErrorKind::Rejected(SubmitError::TooManyPending(2))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_on_many_threads_each_get_their_own_answer() {
    let server = LocalServer::start();
    let client = suite::connect(&server.connect_string()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..32 {
        let client = client.clone();
        tasks.spawn(async move {
            for number in 0..40 {
                let path = format!("/{task}-{number}");
                let made = client.create(&path, &path, CreateMode::Persistent);
                let read = client.get_data(&path);
                assert_eq!(made.await.as_deref(), Ok(path.as_str()));
                assert_eq!(read.await.expect("read").text(), path);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task fails");
    }
    assert_eq!(client.pending_count(), 0);
    assert!(client.close().await);
}

#[tokio::test]
async fn a_client_moves_to_other_hosts_when_it_is_told_to() {
    let (first, second) = (LocalServer::start(), LocalServer::start());
    let client = suite::connect(&first.connect_string()).await;
    let mut states = client.session_events();
    client.reconnect();
    assert_eq!(
        next(&mut states).await,
        SessionEvent::Suspended(ConnectionError::ServerChanged)
    );
    assert!(matches!(
        next(&mut states).await,
        SessionEvent::Connected { is_new: false, .. }
    ));
    let hosts = zoa_client::ConnectString::parse(&second.connect_string()).expect("one");
    client.set_hosts(&hosts);
    // The other server does not know the session.
    while !matches!(next(&mut states).await, SessionEvent::Expired(_)) {}
    let (host, address) = client.server().expect("the last one");
    assert_eq!(address, Some(second.address()));
    assert_eq!(host.to_string(), second.connect_string());
}

#[test]
fn a_blocking_client_tells_its_states_to_another_thread() {
    let server = LocalServer::start();
    let client = blocking::Client::builder(&server.connect_string())
        .start_blocking()
        .expect("started");
    let mut states = client.handle().session_events();
    let listening = std::thread::spawn(move || {
        let mut heard = Vec::new();
        while let Some(state) = states.wait() {
            heard.push(state);
        }
        heard
    });
    client.wait_connected(PATIENCE).expect("connected");
    assert_ne!(client.handle().session_timeout(), Duration::ZERO);
    assert!(client.close());
    let heard = listening.join().expect("it ends with the session");
    let session_ended = true;
    assert_eq!(heard.last(), Some(&SessionEvent::Closed { session_ended }));
}
