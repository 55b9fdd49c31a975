//! Every operation of the protocol, on our server, through both faces.

use std::time::Duration;

use zoa_client::AddWatchMode;
use zoa_client::CreateMode;
use zoa_client::CreateOptions;
use zoa_client::ErrorCode;
use zoa_client::EventKind;
use zoa_client::EventType;
use zoa_client::Multi;
use zoa_client::Outcome;
use zoa_client::Version;
use zoa_client::blocking;
use zoa_server::testing::LocalServer;

use crate::suite;

#[tokio::test]
async fn data_versions_and_stats_are_as_the_server_has_them() {
    suite::nodes(&LocalServer::start().connect_string()).await;
}

#[tokio::test]
async fn ephemerals_go_with_their_session_and_sequences_count() {
    suite::modes(&LocalServer::start().connect_string()).await;
}

#[tokio::test]
async fn acls_keep_out_whom_they_do_not_name() {
    suite::acls(&LocalServer::start().connect_string()).await;
}

#[tokio::test]
async fn a_multi_is_all_or_nothing() {
    suite::multis(&LocalServer::start().connect_string()).await;
}

#[tokio::test]
async fn a_watch_fires_once_or_is_dropped() {
    suite::one_shot_watches(&LocalServer::start().connect_string()).await;
}

#[tokio::test]
async fn a_persistent_watch_fires_until_it_is_removed() {
    suite::lasting_watches(&LocalServer::start().connect_string()).await;
}

#[tokio::test]
async fn a_chroot_is_in_front_of_every_path() {
    suite::chroots(&LocalServer::start().connect_string()).await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    suite::refusals(&LocalServer::start().connect_string()).await;
}

#[tokio::test]
async fn containers_and_times_to_live_are_made() {
    let server = LocalServer::start();
    let client = suite::connect(&server.connect_string()).await;
    let ttl = CreateOptions::new(CreateMode::PersistentWithTtl).ttl(Duration::from_secs(60));
    for (path, options) in [
        ("/c", CreateOptions::new(CreateMode::Container)),
        ("/t", ttl),
    ] {
        let created = client.create(path, b"", options).await;
        assert_eq!(created.expect("offered"), path);
    }
    client.close().await;
}

/// The peer suite shows that they work where they are offered.
#[tokio::test]
async fn what_our_server_does_not_offer_yet_is_refused_and_not_applied() {
    let server = LocalServer::start();
    let client = suite::connect(&server.connect_string()).await;
    let refused = client.sasl(b"token").await.expect_err("not offered");
    assert_eq!(
        (refused.code(), refused.outcome()),
        (ErrorCode::Unimplemented, Outcome::Done)
    );
    client.close().await;
}

#[test]
fn the_blocking_face_does_the_same_without_a_runtime() {
    let server = LocalServer::start();
    let client = blocking::Client::connect(&server.connect_string()).expect("connected");
    let created = client.create2("/a", b"one", CreateMode::Persistent);
    assert_eq!(created.expect("created").path, "/a");
    let (data, watch) = client.get_data_and_watch("/a").expect("read");
    assert_eq!(data.text(), "one");
    let mut events = client
        .watch("/a", AddWatchMode::PersistentRecursive)
        .expect("set");
    client.set_data("/a", "two", Version(0)).expect("set");
    let changed = EventType::Node(EventKind::NodeDataChanged);
    assert_eq!(watch.wait().map(|event| event.event), Ok(changed));
    let event = events.wait_for(suite::PATIENCE).expect("an event");
    assert_eq!(event.expect("none left out").path, "/a");
    let multi = Multi::new().delete("/a", Version(1));
    assert_eq!(client.multi(&multi).expect("applied").len(), 1);
    assert_eq!(client.exists("/a"), Ok(None));
    assert!(client.close());
    assert_eq!(
        events.wait().map(|event| event.map(|one| one.event)),
        Some(Ok(EventType::Node(EventKind::NodeDeleted)))
    );
    assert_eq!(events.wait(), None);
}

#[test]
fn many_threads_share_one_blocking_client() {
    let server = LocalServer::start();
    let client = blocking::Client::connect(&server.connect_string()).expect("connected");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = client.clone();
            scope.spawn(move || {
                for number in 0..50 {
                    let path = format!("/{thread}-{number}");
                    let made = client.create(&path, &path, CreateMode::Persistent);
                    assert_eq!(made.as_deref(), Ok(path.as_str()));
                    let read = client.get_data(&path).expect("read");
                    assert_eq!(read.text(), path);
                }
            });
        }
    });
    assert_eq!(client.get_children("/").expect("listed").len(), 401);
    // Many at once from one thread, without a runtime.
    let handle = client.handle();
    let many: Vec<_> = (0..500).map(|_| handle.exists("/0-0")).collect();
    for pending in many {
        assert!(pending.wait().expect("asked").is_some());
    }
    assert!(client.close());
}
