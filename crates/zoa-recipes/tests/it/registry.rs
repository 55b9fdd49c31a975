//! A registry on a real server: whose registration is deleted when, and what strangers wrote.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Barrier;

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::ErrorCode;
use zoa_client::Version;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Error;
use zoa_recipes::Failure;
use zoa_recipes::Instance;
use zoa_recipes::Known;
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

/// It does not hear all answers; and when it has given up, one of them waits until the test goes on, and may be lost.
struct GivesUp {
    hears: fn(&Ask) -> bool,
    waits_with: fn(&Ask) -> bool,
    has_waited: AtomicBool,
    is_lost: bool,
    has_given_up: Arc<AtomicBool>,
    barrier: Arc<Barrier>,
}

impl Mishap for GivesUp {
    fn hear(&self, request: &Ask, answer: Result<Answer, Failure>, _: Client) -> Heard {
        if !self.has_given_up.load(Ordering::Relaxed) {
            let is_heard = (self.hears)(request);
            return Box::pin(async move {
                match is_heard {
                    true => answer,
                    false => std::future::pending().await,
                }
            });
        }
        let (barrier, is_lost) = (Arc::clone(&self.barrier), self.is_lost);
        let waits = (self.waits_with)(request) && !self.has_waited.swap(true, Ordering::Relaxed);
        Box::pin(async move {
            if waits {
                barrier.wait().await;
                barrier.wait().await;
            }
            match waits && is_lost {
                true => Err(Failure {
                    code: ErrorCode::ConnectionLoss,
                    step: None,
                    known: Known::Unknown,
                }),
                false => answer,
            }
        })
    }
}

/// One gives up while it asks, and a later registration of the same id comes while an answer to the first one is under way.
async fn check_later_registration(
    (waits_with, is_lost, is_made): (fn(&Ask) -> bool, bool, bool),
) -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let plain = Registry::new(&client, "/services");
    // Makes the places.
    let first = plain.register("s", instance("b", 1)).await?;
    first.withdraw().await?;
    let has_given_up = Arc::new(AtomicBool::new(false));
    let barrier = Arc::new(Barrier::new(2));
    let gives_up = GivesUp {
        hears: |_| false,
        waits_with,
        has_waited: AtomicBool::new(false),
        is_lost,
        has_given_up: Arc::clone(&has_given_up),
        barrier: Arc::clone(&barrier),
    };
    let registry = Registry::new(&Meets::new(client.clone(), gives_up), "/services");
    let registering = registry.register("s", instance("a", 1));
    let mut registering = Box::pin(registering);
    let given_up = tokio::time::timeout(Duration::from_millis(200), &mut registering).await;
    assert!(given_up.is_err());
    if !is_made {
        client.delete("/services/s/a", Version::ANY).await?;
    }
    has_given_up.store(true, Ordering::Relaxed);
    drop(registering);
    // The first answers until the one that waits.
    tokio::time::timeout(Duration::from_secs(10), barrier.wait()).await?;
    let _later = plain.register("s", instance("a", 2)).await?;
    barrier.wait().await;
    settle().await;
    assert_eq!(plain.instances("s").await?, [instance("a", 2)]);
    Ok(())
}

#[tokio::test]
async fn who_gave_up_registering_and_has_deleted_its_own_without_hearing_of_it_deletes_no_later_one()
-> Outcome {
    let deletes = |request: &Ask| matches!(request, Ask::Change(Step::Delete { .. }));
    check_later_registration((deletes, true, true)).await
}

#[tokio::test]
async fn who_gave_up_registering_deletes_nothing_that_a_later_one_takes_over_meanwhile() -> Outcome
{
    let looks = |request: &Ask| matches!(request, Ask::Read(Read::Exists(_)));
    check_later_registration((looks, false, true)).await
}

#[tokio::test]
async fn who_gave_up_registering_and_has_made_nothing_deletes_no_later_one() -> Outcome {
    let syncs = |request: &Ask| matches!(request, Ask::Sync(_));
    check_later_registration((syncs, false, false)).await
}

#[tokio::test]
async fn who_gives_up_registering_leaves_nothing_of_what_it_has_written() -> Outcome {
    for is_first in [true, false] {
        let server = LocalServer::start();
        let client = Client::connect(&server.connect_string()).await?;
        let plain = Registry::new(&client, "/services");
        let earlier = plain.register("s", instance("a", 1)).await?;
        if is_first {
            earlier.withdraw().await?;
        } else {
            // Its owner lives on.
            std::mem::forget(earlier);
        }
        let gives_up = GivesUp {
            hears: |request| !matches!(request, Ask::Change(Step::SetData { .. })),
            waits_with: |_| false,
            has_waited: AtomicBool::new(false),
            is_lost: false,
            has_given_up: Arc::default(),
            barrier: Arc::new(Barrier::new(2)),
        };
        let registry = Registry::new(&Meets::new(client.clone(), gives_up), "/services");
        let registering = registry.register("s", instance("a", 2));
        drop(tokio::time::timeout(Duration::from_millis(200), registering).await);
        settle().await;
        assert!(plain.instances("s").await?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn who_gives_up_registering_before_it_was_its_turn_leaves_the_earlier_registration() -> Outcome
{
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let plain = Registry::new(&client, "/services");
    let _earlier = plain.register("s", instance("a", 1)).await?;
    let has_given_up = Arc::new(AtomicBool::new(false));
    let gives_up = GivesUp {
        hears: |_| false,
        waits_with: |_| false,
        has_waited: AtomicBool::new(false),
        is_lost: false,
        has_given_up: Arc::clone(&has_given_up),
        barrier: Arc::new(Barrier::new(2)),
    };
    let registry = Registry::new(&Meets::new(client.clone(), gives_up), "/services");
    let mut registering = Box::pin(registry.register("s", instance("a", 2)));
    let given_up = tokio::time::timeout(Duration::from_millis(200), &mut registering).await;
    assert!(given_up.is_err());
    has_given_up.store(true, Ordering::Relaxed);
    drop(registering);
    settle().await;
    assert_eq!(plain.instances("s").await?, [instance("a", 1)]);
    Ok(())
}

#[tokio::test]
async fn who_gives_up_saying_how_it_is_keeps_its_registration_and_withdraws_it_in_the_end()
-> Outcome {
    for says_again in [true, false] {
        let server = LocalServer::start();
        let client = Client::connect(&server.connect_string()).await?;
        let plain = Registry::new(&client, "/services");
        let has_given_up = Arc::new(AtomicBool::new(false));
        let gives_up = GivesUp {
            hears: |_| true,
            waits_with: |request| matches!(request, Ask::Change(Step::SetData { .. })),
            has_waited: AtomicBool::new(false),
            is_lost: false,
            has_given_up: Arc::clone(&has_given_up),
            barrier: Arc::new(Barrier::new(2)),
        };
        let registry = Registry::new(&Meets::new(client.clone(), gives_up), "/services");
        let mut registration = registry.register("s", instance("a", 1)).await?;
        has_given_up.store(true, Ordering::Relaxed);
        let saying = registration.set_well(false);
        let given_up = tokio::time::timeout(Duration::from_millis(200), saying).await;
        assert!(given_up.is_err());
        assert!(plain.instances("s").await?.is_empty());
        if says_again {
            registration.set_well(true).await?;
            assert_eq!(plain.instances("s").await?, [instance("a", 1)]);
        }
        drop(registration);
        settle().await;
        assert!(client.get_children("/services/s").await?.is_empty());
    }
    Ok(())
}
