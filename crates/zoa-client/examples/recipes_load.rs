//! Measures recipes on any server that speaks the protocol, ours or the original. `cargo xtask recipes --bench` runs it on both.
//!
//! `recipes_load <server> lock <clients>` hands a lock over between clients; `farm <workers>` has a farm do tasks; `herd lock|election
//! <waiters>` releases what so many wait for. Each says what it measured as one line of JSON. The paths it uses are new each time.

#![expect(
    clippy::disallowed_methods,
    reason = "a program's tasks end with its runtime"
)]

use std::error::Error;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::mpsc;
use zoa_client::Client;
use zoa_client::recipes::Election;
use zoa_client::recipes::FarmClient;
use zoa_client::recipes::FarmLeader;
use zoa_client::recipes::FarmWorker;
use zoa_client::recipes::Hold;
use zoa_client::recipes::Keeper;
use zoa_client::recipes::Lock;
use zoa_client::recipes::NewTask;

type Outcome = Result<(), Box<dyn Error>>;

/// Hand-overs of a lock, tasks of a farm, tasks that come alone, and releases before a herd.
const HAND_OVERS: usize = 2_000;
const TASKS: usize = 3_000;
const ALONE: usize = 200;
const RELEASES: usize = 50;

/// What each worker has at once.
const CAPACITY: usize = 10;

#[tokio::main]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [server, "lock", clients] => lock(server, clients.parse()?).await,
        [server, "farm", workers] => farm(server, workers.parse()?).await,
        [server, "herd", what, waiters] => herd(server, *what == "lock", waiters.parse()?).await,
        _ => Err("give a server and what to measure: see the head of this file".into()),
    }
}

async fn connect(server: &str) -> Result<Client, Box<dyn Error>> {
    // So long that hardly a ping comes between what is counted.
    let timeout = Duration::from_secs(40);
    let connected = Client::builder(server).session_timeout(timeout).connect();
    Ok(connected.await?)
}

/// A path that nobody has used.
fn fresh(client: &Client, what: &str) -> String {
    let bytes = Keeper::random(client);
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/load-{what}-{digits}")
}

#[expect(clippy::print_stdout, reason = "a program that speaks to programs")]
fn say(fields: &[(&str, f64)]) {
    let fields = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"));
    println!("{{{}}}", fields.collect::<Vec<_>>().join(","));
}

#[expect(clippy::as_conversions, reason = "small counts")]
const fn float(count: usize) -> f64 {
    count as f64
}

/// The value at this part of the way from the least to the most, in microseconds.
fn at(sorted: &[Duration], part: usize) -> f64 {
    let place = (sorted.len() * part / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default().as_secs_f64() * 1e6
}

/// All clients want it all the time, so each release hands it over.
async fn lock(server: &str, clients: usize) -> Outcome {
    let path = fresh(&connect(server).await?, "lock");
    let mut tasks = Vec::new();
    let (got, mut gets) = mpsc::unbounded_channel();
    for _ in 0..clients {
        let lock = Lock::new(&connect(server).await?, &path);
        let got = got.clone();
        tasks.push(tokio::spawn(async move {
            while let Ok(hold) = lock.acquire().await {
                // It is over when nobody counts any more.
                if got.send(Instant::now()).is_err() {
                    return;
                }
                if hold.release().await.is_err() {
                    return;
                }
            }
        }));
    }
    // The first ones are about how they came, and not counted.
    for _ in 0..HAND_OVERS / 10 {
        gets.recv().await.ok_or("all clients have ended")?;
    }
    let mut times = Vec::new();
    for _ in 0..=HAND_OVERS {
        times.push(gets.recv().await.ok_or("all clients have ended")?);
    }
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let mut gaps: Vec<Duration> = times.windows(2).map(gap).collect();
    let whole = times.first().zip(times.last());
    let seconds = whole.map_or(0.0, |(first, last)| (*last - *first).as_secs_f64());
    gaps.sort();
    say(&[
        ("per_second", float(HAND_OVERS) / seconds),
        ("p50_us", at(&gaps, 50)),
        ("p99_us", at(&gaps, 99)),
    ]);
    Ok(())
}

fn gap(pair: &[Instant]) -> Duration {
    match pair {
        [before, after] => *after - *before,
        _ => Duration::ZERO,
    }
}

async fn farm(server: &str, workers: usize) -> Outcome {
    let client = connect(server).await?;
    let root = fresh(&client, "farm");
    let leader = FarmLeader::new(&connect(server).await?, &root, "leader");
    let leading = tokio::spawn(async move { leader.run().await });
    let mut working = Vec::new();
    for _ in 0..workers {
        let client = connect(server).await?;
        let mut worker = FarmWorker::register(&client, &root, CAPACITY).await?;
        working.push(tokio::spawn(async move {
            while let Ok(assignment) = worker.next().await {
                tokio::spawn(assignment.done(b"done"));
            }
        }));
    }
    let mut farm = FarmClient::new(&client, &root);
    let tasks = vec![NewTask::new(b"work"); TASKS];
    let begun = Instant::now();
    farm.submit(&tasks).await?;
    let submitted = begun.elapsed();
    while farm.counts().await?.done < TASKS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let all = begun.elapsed();
    let mut alone = Vec::new();
    for _ in 0..ALONE {
        let begun = Instant::now();
        let task = farm.submit(&[NewTask::new(b"one")]).await?;
        farm.wait(task.first().ok_or("it was accepted without a name")?)
            .await?;
        alone.push(begun.elapsed());
    }
    alone.sort();
    say(&[
        ("per_second", float(TASKS) / all.as_secs_f64()),
        (
            "submitted_per_second",
            float(TASKS) / submitted.as_secs_f64(),
        ),
        ("p50_us", at(&alone, 50)),
        ("p99_us", at(&alone, 99)),
    ]);
    leading.abort();
    working.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

/// Requests that the server has received, by its own count.
fn received(server: &str) -> Result<f64, Box<dyn Error>> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(b"mntr")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("zk_packets_received"));
    let count = count.ok_or("mntr has no zk_packets_received")?;
    Ok(count.trim().parse()?)
}

/// The same once all of these have set their watches, and ask nothing but to be kept alive.
async fn when_quiet(server: &str, waiters: usize) -> Result<f64, Box<dyn Error>> {
    let mut before = received(server)?;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = received(server)?;
        // Each pings every dozen seconds or so.
        if now - before <= 2.0 + float(waiters) / 10.0 {
            return Ok(now);
        }
        before = now;
    }
}

/// Waits in a session of its own, and hands on what it got.
async fn stand(client: Client, (path, is_lock): (String, bool)) -> Option<Hold<Client>> {
    if is_lock {
        return Lock::new(&client, &path).acquire().await.ok();
    }
    Election::new(&client, &path, "waiter").lead().await.ok()
}

async fn herd(server: &str, is_lock: bool, waiters: usize) -> Outcome {
    let client = connect(server).await?;
    let way = (fresh(&client, "herd"), is_lock);
    let first = stand(client.clone(), way.clone()).await;
    let mut hold = first.ok_or("nobody got it")?;
    let (got, mut gets) = mpsc::unbounded_channel();
    // None is dropped while it is counted: that would close its session.
    let mut clients = Vec::new();
    for _ in 0..waiters {
        let (client, way, got) = (connect(server).await?, way.clone(), got.clone());
        clients.push(client.clone());
        tokio::spawn(async move {
            if let Some(hold) = stand(client, way).await {
                // The measuring may be over.
                drop(got.send(hold));
            }
        });
    }
    while client.get_children(&way.0).await?.len() <= waiters {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let releases = RELEASES.min(waiters / 2);
    let (before, begun) = (when_quiet(server, waiters).await?, Instant::now());
    let mut woken_too_many = 0;
    for _ in 0..releases {
        hold.release().await?;
        hold = gets.recv().await.ok_or("nobody was woken")?;
        woken_too_many += usize::from(gets.try_recv().is_ok());
    }
    let seconds = begun.elapsed().as_secs_f64();
    say(&[
        (
            "requests_per_release",
            (received(server)? - before) / float(releases),
        ),
        ("woken_too_many", float(woken_too_many)),
        ("us_per_release", seconds * 1e6 / float(releases)),
    ]);
    Ok(())
}
