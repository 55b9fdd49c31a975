//! Recipes on the real client against a real server: the herd, what is told of the session, and what a dropped future leaves behind.

#![expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with its runtime"
)]

mod chroot;
mod cleaning;
mod farm;
mod lost_answer;
mod mishap;
mod places_gone;
mod reads;
mod refused;
mod registry;
mod slow_release;
mod twice_revived;

use std::error::Error as StdError;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_recipes::Election;
use zoa_recipes::Error;
use zoa_recipes::Hold;
use zoa_recipes::HoldState;
use zoa_recipes::Lock;
use zoa_recipes::Queue;
use zoa_server::testing::LocalServer;

type Outcome = Result<(), Box<dyn StdError>>;

/// Requests that the server has received, by its own count.
fn received(address: &str) -> Result<u64, Box<dyn StdError>> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"srvr")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Received: "));
    Ok(line.ok_or("srvr has no count of requests")?.parse()?)
}

/// The same once all have set their watches, and nobody asks anything.
async fn when_quiet(address: &str) -> Result<u64, Box<dyn StdError>> {
    let mut before = received(address)?;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = received(address)?;
        // Pings, and the counting itself.
        if now <= before + 2 {
            return Ok(now);
        }
        before = now;
    }
}

/// What is waited for in line.
#[derive(Clone)]
enum Line {
    Lock(Lock<Client>),
    Election(Election<Client>),
}

impl Line {
    async fn stand(&self) -> Result<Hold<Client>, Error> {
        match self {
            Self::Lock(lock) => lock.acquire().await,
            Self::Election(election) => election.lead().await,
        }
    }
}

/// Releases what so many wait for, again and again; the requests that one release makes, waking included.
async fn requests_per_release(
    line: fn(&Client) -> Line,
    waiters: usize,
    releases: u64,
) -> Result<f64, Box<dyn StdError>> {
    let server = LocalServer::start();
    let address = server.connect_string();
    let client = Client::connect(&address).await?;
    let line = line(&client);
    let mut hold = line.stand().await?;
    let (got, mut gets) = tokio::sync::mpsc::unbounded_channel::<Hold<Client>>();
    for _ in 0..waiters {
        let (line, got) = (line.clone(), got.clone());
        tokio::spawn(async move {
            if let Ok(hold) = line.stand().await {
                // The test may be over.
                drop(got.send(hold));
            }
        });
    }
    while client.get_children(HERD).await?.len() <= waiters {}
    let before = when_quiet(&address).await?;
    for _ in 0..releases {
        hold.release().await?;
        hold = gets.recv().await.ok_or("nobody was woken")?;
        assert!(gets.try_recv().is_err(), "a release wakes one");
    }
    let requests = received(&address)? - before;
    #[expect(clippy::as_conversions, reason = "small counts")]
    Ok(requests as f64 / releases as f64)
}

const HERD: &str = "/herd";

async fn check_herd(line: fn(&Client) -> Line) -> Outcome {
    let few = requests_per_release(line, 20, 15).await?;
    let many = requests_per_release(line, 500, 15).await?;
    // The deletion, and the list of the one that is woken; pings and the count itself come on top.
    for requests in [few, many] {
        assert!(
            (2.0..3.5).contains(&requests),
            "{few} with 20 waiters, {many} with 500"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_release_wakes_one_waiter_and_costs_as_much_with_500_as_with_20() -> Outcome {
    check_herd(|client| Line::Lock(Lock::new(client, HERD))).await
}

#[tokio::test]
async fn a_leader_that_resigns_wakes_one_of_500_and_costs_as_much_as_with_20() -> Outcome {
    check_herd(|client| Line::Election(Election::new(client, HERD, "waiter"))).await
}

#[tokio::test]
async fn a_holder_is_told_when_its_session_ends_and_the_next_one_has_a_higher_token() -> Outcome {
    let server = LocalServer::start();
    let address = server.connect_string();
    let (first, second) = (
        Client::connect(&address).await?,
        Client::connect(&address).await?,
    );
    let hold = Lock::new(&first, "/lock").acquire().await?;
    let token = hold.token();
    let waiting = tokio::spawn(async move { Lock::new(&second, "/lock").acquire().await });
    first.close().await;
    hold.lost().await;
    assert_eq!(hold.state(), HoldState::Lost);
    let next = waiting.await??;
    assert!(next.token() > token);
    next.release().await?;
    Ok(())
}

#[tokio::test]
async fn whoever_gives_up_waiting_or_drops_a_hold_leaves_nobody_waiting() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let election = Election::new(&client, "/election", "a");
    let leadership = election.lead().await?;
    for _ in 0..3 {
        let waited = election.lead_within(Duration::from_millis(5)).await?;
        assert!(waited.is_none());
    }
    drop(leadership);
    let next = tokio::time::timeout(Duration::from_secs(10), election.lead()).await??;
    next.release().await?;
    while !election.participants().await?.is_empty() {}
    Ok(())
}

#[tokio::test]
async fn an_item_that_cannot_be_deleted_is_an_error_and_no_endless_try() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut queue = Queue::new(&client, "/jobs");
    queue.put(b"item").await?;
    let child = "/jobs/entry-100-0000000000/child";
    client.create(child, b"", CreateMode::Persistent).await?;
    let taken = tokio::time::timeout(Duration::from_secs(10), queue.take()).await?;
    assert!(matches!(taken, Err(Error::Refused { .. })));
    Ok(())
}
