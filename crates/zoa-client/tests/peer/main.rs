//! The client against the original server: the same parts as against ours. `cargo xtask test peer` starts the server and says
//! by `ZOA_PEER` where it is; without that this fails.

#[path = "../it/suite.rs"]
mod suite;

use std::time::Duration;

use zoa_client::CreateMode;
use zoa_client::CreateOptions;
use zoa_client::Version;
use zoa_client::blocking;

fn peer() -> String {
    let peer = std::env::var("ZOA_PEER");
    peer.expect("ZOA_PEER says where the original server is; run cargo xtask test peer")
}

#[tokio::test]
async fn data_versions_and_stats_are_as_the_server_has_them() {
    suite::nodes(&peer()).await;
}

#[tokio::test]
async fn ephemerals_go_with_their_session_and_sequences_count() {
    suite::modes(&peer()).await;
}

#[tokio::test]
async fn acls_keep_out_whom_they_do_not_name() {
    suite::acls(&peer()).await;
}

#[tokio::test]
async fn a_multi_is_all_or_nothing() {
    suite::multis(&peer()).await;
}

#[tokio::test]
async fn a_watch_fires_once_or_is_dropped() {
    suite::one_shot_watches(&peer()).await;
}

#[tokio::test]
async fn a_persistent_watch_fires_until_it_is_removed() {
    suite::lasting_watches(&peer()).await;
}

#[tokio::test]
async fn a_chroot_is_in_front_of_every_path() {
    suite::chroots(&peer()).await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    suite::refusals(&peer()).await;
}

#[tokio::test]
async fn containers_and_times_to_live_are_made() {
    let client = suite::connect(&peer()).await;
    let ttl = CreateOptions::new(CreateMode::PersistentWithTtl).ttl(Duration::from_secs(60));
    let container = CreateOptions::new(CreateMode::Container);
    for options in [container, ttl] {
        let path = client.create("/c", b"", options).await;
        assert_eq!(path.as_deref(), Ok("/c"));
        client.delete("/c", Version::ANY).await.expect("deleted");
    }
    client.close().await;
}

#[test]
fn the_blocking_face_does_the_same_without_a_runtime() {
    let client = blocking::Client::connect(&peer()).expect("connected");
    let path = client.create("/blocking", b"one", CreateMode::Ephemeral);
    assert_eq!(path.as_deref(), Ok("/blocking"));
    assert_eq!(client.get_data("/blocking").expect("read").text(), "one");
    assert!(client.close());
}
