//! What a server refuses for good is an error, and no endless try.

use std::time::Duration;

use zoa_client::Acl;
use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::ErrorCode;
use zoa_client::Perms;
use zoa_client::Version;
use zoa_recipes::Error;
use zoa_recipes::FarmClient;
use zoa_recipes::FarmLeader;
use zoa_recipes::FarmWorker;
use zoa_recipes::NewTask;
use zoa_recipes::Semaphore;
use zoa_server::testing::LocalServer;

use crate::Outcome;

/// From now on this znode can only be read.
async fn close(client: &Client, path: &str) -> Outcome {
    allow(client, path, Perms::READ).await
}

/// From now on nothing else can be done to this znode.
async fn allow(client: &Client, path: &str, perms: Perms) -> Outcome {
    let acl = Acl {
        perms,
        scheme: "world".to_owned(),
        id: "anyone".to_owned(),
    };
    client.set_acl(path, &[acl], Version::ANY).await?;
    Ok(())
}

fn refused(path: &str, code: ErrorCode) -> Error {
    let path = path.to_owned();
    Error::Refused { path, code }
}

#[tokio::test]
async fn a_semaphore_that_may_not_be_made_is_an_error_and_no_endless_try() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    client.create("/a", b"", CreateMode::Persistent).await?;
    close(&client, "/a").await?;
    let semaphore = Semaphore::new(&client, "/a/semaphore", 2);
    let lease = tokio::time::timeout(Duration::from_secs(10), semaphore.acquire()).await?;
    let no_auth = refused("/a/semaphore", ErrorCode::NoAuth);
    assert_eq!(lease.map(|_| ()), Err(no_auth));
    Ok(())
}

#[tokio::test]
async fn a_task_that_cannot_be_moved_is_neither_cancelled_nor_tried_again_nor_tried_for_ever()
-> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, "/farm");
    let tasks = vec![NewTask::new(b"1"), NewTask::new(b"2")];
    let [queued, dead] = <[String; 2]>::try_from(farm.submit(&tasks).await?)
        .map_err(|names| format!("{names:?}"))?;
    assert!(farm.cancel(&dead).await?);
    let (queued_at, dead_at) = (
        format!("/farm/queue/{queued}"),
        format!("/farm/dead/{dead}"),
    );
    for stuck in [&queued_at, &dead_at] {
        let child = format!("{stuck}/child");
        client.create(&child, b"", CreateMode::Persistent).await?;
    }
    let cancelled = tokio::time::timeout(Duration::from_secs(10), farm.cancel(&queued)).await?;
    assert_eq!(cancelled, Err(refused(&queued_at, ErrorCode::NotEmpty)));
    let revived = farm.revive(&dead).await;
    assert_eq!(revived, Err(refused(&dead_at, ErrorCode::NotEmpty)));
    Ok(())
}

#[tokio::test]
async fn a_leader_whose_znode_was_written_to_gives_up_its_place_and_leads_anew() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let leader = FarmLeader::new(&client, "/farm", "leader");
    tokio::spawn(async move { leader.run().await });
    let mut farm = FarmClient::new(&client, "/farm");
    let mut worker = FarmWorker::register(&client, "/farm", 1).await?;
    farm.submit(&[NewTask::new(b"1")]).await?;
    worker.next().await?.done(b"").await?;
    let places = client.get_children("/farm/leader").await?;
    let first = format!("/farm/leader/{}", places.first().ok_or("nobody leads")?);
    client.set_data(&first, b"by hand", Version::ANY).await?;
    farm.submit(&[NewTask::new(b"2")]).await?;
    let assignment = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assert_eq!(assignment.payload(), b"2");
    assert!(client.exists(&first).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn what_may_not_be_read_stops_no_leader() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut worker = FarmWorker::register(&client, "/farm", 1).await?;
    let mut farm = FarmClient::new(&client, "/farm");
    let persistent = CreateMode::Persistent;
    for path in ["/farm/assigned/gone", "/farm/assigned/closed"] {
        client.create(path, b"", persistent).await?;
    }
    let path = "/farm/assigned/unlisted";
    client.create(path, b"", persistent).await?;
    allow(&client, path, Perms::CREATE).await?;
    for path in [
        "/farm/workers/closed",
        "/farm/queue/000-by-hand-0000000001",
        "/farm/queue/000d-by-hand-0000000002",
        "/farm/failed/000-by-hand-0000000003",
        "/farm/assigned/gone/000-by-hand-0000000004.1",
    ] {
        client.create(path, b"{}\n", persistent).await?;
        allow(&client, path, Perms::WRITE).await?;
    }
    let leader = FarmLeader::new(&client, "/farm", "leader");
    let leading = tokio::spawn(async move { leader.run().await });
    for _ in 0..3 {
        farm.submit(&[NewTask::new(b"good")]).await?;
        let assignment = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
        assignment.done(b"").await?;
    }
    assert!(!leading.is_finished());
    Ok(())
}

#[tokio::test]
async fn a_leader_that_may_not_set_the_clock_ends_and_stands_in_nobodys_way() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    for path in ["/farm", "/farm/clock"] {
        client.create(path, b"", CreateMode::Persistent).await?;
    }
    close(&client, "/farm/clock").await?;
    let leader = FarmLeader::new(&client, "/farm", "leader");
    let ended = tokio::time::timeout(Duration::from_secs(10), leader.run()).await?;
    let no_auth = refused("/farm/clock", ErrorCode::NoAuth);
    assert_eq!(ended.map(|_| ()), Err(no_auth));
    while !client.get_children("/farm/leader").await?.is_empty() {}
    Ok(())
}
