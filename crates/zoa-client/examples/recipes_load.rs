//! Measures recipes on a server: hand-overs of a lock between clients, and tasks of a farm with 1, 3 and 10 workers.
//!
//! `recipes_load <server>`; the paths it uses must not be there yet.

#![expect(
    clippy::disallowed_methods,
    reason = "a program's tasks end with its runtime"
)]

use std::error::Error;
use std::time::Duration;

use zoa_client::Client;
use zoa_client::recipes::FarmClient;
use zoa_client::recipes::FarmLeader;
use zoa_client::recipes::FarmWorker;
use zoa_client::recipes::Keeper;
use zoa_client::recipes::Lock;
use zoa_client::recipes::NewTask;

type Outcome = Result<(), Box<dyn Error>>;

/// Hand-overs of the lock for each client, and tasks for each number of workers.
const HAND_OVERS: u32 = 200;
const TASKS: usize = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let server = std::env::args().nth(1).ok_or("give a server")?;
    lock(&server).await?;
    for workers in [1, 3, 10] {
        farm(&server, workers).await?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program that speaks to people")]
fn say(words: &str) {
    println!("{words}");
}

async fn lock(server: &str) -> Outcome {
    let client = Client::connect(server).await?;
    let begun = Keeper::now(&client);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let client = Client::connect(server).await?;
        tasks.push(tokio::spawn(async move {
            let lock = Lock::new(&client, "/load-lock");
            for _ in 0..HAND_OVERS {
                lock.acquire().await?.release().await?;
            }
            Ok::<(), zoa_client::recipes::Error>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let seconds = (Keeper::now(&client) - begun).as_secs_f64();
    let rate = f64::from(4 * HAND_OVERS) / seconds;
    say(&format!("lock, 4 clients: {rate:.0} hand-overs a second"));
    Ok(())
}

async fn farm(server: &str, workers: usize) -> Outcome {
    let root = format!("/load-farm-{workers}");
    let client = Client::connect(server).await?;
    let leader = FarmLeader::new(&client, &root, "leader");
    let leading = tokio::spawn(async move { leader.run().await });
    let mut working = Vec::new();
    for _ in 0..workers {
        let client = Client::connect(server).await?;
        let mut worker = FarmWorker::register(&client, &root, 10).await?;
        working.push(tokio::spawn(async move {
            while let Ok(assignment) = worker.next().await {
                if assignment.done(b"done").await.is_err() {
                    return;
                }
            }
        }));
    }
    let mut farm = FarmClient::new(&client, &root);
    let begun = client.now();
    let tasks: Vec<NewTask> = (0..TASKS).map(|_| NewTask::new(b"work")).collect();
    farm.submit(&tasks).await?;
    let submitted = client.now() - begun;
    while farm.counts().await?.done < TASKS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let all = client.now() - begun;
    let mut alone = Vec::new();
    for _ in 0..50 {
        let begun = client.now();
        let task = farm.submit(&[NewTask::new(b"one")]).await?;
        farm.wait(task.first().ok_or("it was accepted without a name")?)
            .await?;
        alone.push(client.now() - begun);
    }
    alone.sort();
    #[expect(clippy::as_conversions, reason = "small counts")]
    let rate = TASKS as f64 / all.as_secs_f64();
    let median = alone.get(25).copied().unwrap_or_default();
    say(&format!(
        "farm, {workers} workers: {rate:.0} tasks a second ({TASKS} submitted in {submitted:?}); one alone takes {median:?}"
    ));
    leading.abort();
    working.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}
