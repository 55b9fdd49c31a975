//! A registry on a real server: whose registration is deleted when, and what strangers wrote.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Error;
use zoa_recipes::Failure;
use zoa_recipes::Instance;
use zoa_recipes::Read;
use zoa_recipes::Registry;
use zoa_recipes::Step;
use zoa_server::testing::LocalServer;

use crate::Outcome;
use crate::mishap::Heard;
use crate::mishap::Meets;
use crate::mishap::Mishap;

fn instance(id: &str, port: u16) -> Instance {
    Instance {
        id: id.to_owned(),
        address: "10.0.0.7".to_owned(),
        port,
    }
}

/// Long enough for what a dropped registration leaves to be cleaned up in the background.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn registering_again_replaces_and_the_older_registration_deletes_nothing() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let registry = Registry::new(&client, "/services");
    let mut first = registry.register("s", instance("a", 1)).await?;
    let second = registry.register("s", instance("a", 2)).await?;
    let path = "/services/s/a".to_owned();
    assert_eq!(first.set_well(false).await, Err(Error::Deleted { path }));
    drop(first);
    settle().await;
    assert_eq!(registry.instances("s").await?, [instance("a", 2)]);
    second.withdraw().await?;
    assert!(registry.instances("s").await?.is_empty());
    // An older one that knew nothing of the newer one, withdrawn in order.
    let older = registry.register("s", instance("a", 3)).await?;
    let mut newer = registry.register("s", instance("a", 4)).await?;
    older.withdraw().await?;
    newer.set_well(false).await?;
    assert!(registry.instances("s").await?.is_empty());
    newer.set_well(true).await?;
    assert_eq!(registry.instances("s").await?, [instance("a", 4)]);
    drop(newer);
    settle().await;
    assert!(registry.instances("s").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_id_that_another_session_has_is_refused_and_stays_theirs() -> Outcome {
    let server = LocalServer::start();
    let address = server.connect_string();
    let (one, other) = (
        Client::connect(&address).await?,
        Client::connect(&address).await?,
    );
    let theirs = Registry::new(&one, "/services");
    let _registration = theirs.register("s", instance("a", 1)).await?;
    let refused = Registry::new(&other, "/services")
        .register("s", instance("a", 2))
        .await;
    assert!(matches!(refused, Err(Error::Refused { .. })));
    drop(refused);
    settle().await;
    assert_eq!(theirs.instances("s").await?, [instance("a", 1)]);
    Ok(())
}

#[tokio::test]
async fn an_entry_without_an_address_or_a_port_hides_no_other() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let registry = Registry::new(&client, "/services");
    let _registration = registry.register("s", instance("a", 1)).await?;
    let theirs = br#"{"name":"s","id":"b","address":"10.0.0.8","port":null,"sslPort":7}"#;
    client
        .create("/services/s/b", theirs, CreateMode::Ephemeral)
        .await?;
    assert_eq!(registry.instances("s").await?, [instance("a", 1)]);
    Ok(())
}

/// It hears nothing of what it has made, and asks a server that has not heard of it either until that is told to catch up.
#[derive(Default)]
struct AsksOneBehind(AtomicBool);

impl Mishap for AsksOneBehind {
    fn hear(&self, request: &Ask, answer: Result<Answer, Failure>, _: Client) -> Heard {
        let is_behind = !self.0.load(Ordering::Relaxed);
        match request {
            Ask::Change(Step::Create { .. }) if answer.is_ok() => {
                return Box::pin(std::future::pending());
            }
            Ask::Read(Read::Exists(_)) if is_behind => {
                return Box::pin(std::future::ready(Ok(Answer::Exists(None))));
            }
            Ask::Sync(_) => self.0.store(true, Ordering::Relaxed),
            Ask::Change(_) | Ask::Read(_) | Ask::Multi(_) => {}
        }
        Box::pin(std::future::ready(answer))
    }
}

#[tokio::test]
async fn who_gives_up_registering_leaves_nothing_also_when_its_server_is_behind() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let plain = Registry::new(&client, "/services");
    // Makes the places.
    plain
        .register("s", instance("b", 1))
        .await?
        .withdraw()
        .await?;
    let registry = Registry::new(
        &Meets::new(client.clone(), AsksOneBehind::default()),
        "/services",
    );
    let registering = registry.register("s", instance("a", 1));
    let given_up = tokio::time::timeout(Duration::from_millis(300), registering).await;
    assert!(given_up.is_err());
    settle().await;
    assert!(plain.instances("s").await?.is_empty());
    Ok(())
}
