//! A client whose chroot is missing.

use std::time::Duration;

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_recipes::Error;
use zoa_recipes::FarmClient;
use zoa_recipes::Instance;
use zoa_recipes::Lock;
use zoa_recipes::NewTask;
use zoa_recipes::Registry;
use zoa_recipes::Semaphore;
use zoa_server::testing::LocalServer;

use crate::Outcome;

/// What it comes to, which is no endless try.
async fn refused<T>(trying: impl Future<Output = Result<T, Error>>) -> Option<Error> {
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, trying).await.ok()?.err()
}

#[tokio::test]
async fn what_would_be_made_in_a_chroot_that_is_missing_is_an_error_and_no_endless_try() -> Outcome
{
    let server = LocalServer::start();
    let address = server.connect_string();
    let client = Client::connect(&format!("{address}/app")).await?;
    let no_chroot = |path: &str| {
        let path = path.to_owned();
        Some(Error::NoChroot { path })
    };
    let mut farm = FarmClient::new(&client, "/farm");
    let tasks = [NewTask::new(b"1")];
    assert_eq!(
        refused(farm.submit(&tasks)).await,
        no_chroot("/farm/queue-__receipts__")
    );
    let lock = Lock::new(&client, "/lock");
    assert_eq!(refused(lock.acquire()).await, no_chroot("/lock"));
    for (path, parent) in [("/semaphore", "/"), ("/a/b/semaphore", "/a/b")] {
        let semaphore = Semaphore::new(&client, path, 2);
        assert_eq!(refused(semaphore.acquire()).await, no_chroot(parent));
    }
    let registry = Registry::new(&client, "/services");
    let instance = Instance {
        id: "a".to_owned(),
        address: "10.0.0.7".to_owned(),
        port: 1,
    };
    let registering = registry.register("s", instance);
    assert_eq!(refused(registering).await, no_chroot("/services/s"));
    // Once it is there all goes on.
    let plain = Client::connect(&address).await?;
    plain.create("/app", b"", CreateMode::Persistent).await?;
    farm.submit(&tasks).await?;
    assert!(plain.exists("/app/farm/queue").await?.is_some());
    Ok(())
}
