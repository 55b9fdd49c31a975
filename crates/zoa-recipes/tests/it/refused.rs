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
use zoa_recipes::NewTask;
use zoa_recipes::Semaphore;
use zoa_server::testing::LocalServer;

use crate::Outcome;

/// From now on this znode can only be read.
async fn close(client: &Client, path: &str) -> Outcome {
    let acl = Acl {
        perms: Perms::READ,
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
