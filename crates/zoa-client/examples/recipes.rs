//! A process that takes part in recipes, beside processes in other languages: `compat/recipes` runs it against kazoo.
//!
//! `recipes <server> lock|read-write|election|semaphore|count <path> <rounds>`, `recipes <server> put|take <path> <count>`,
//! `recipes <server> put-at <path> <priority>`, `recipes <server> set|remove|wait|double|join <path> <members>`. It says what it saw,
//! a line each, and ends with 0.

use std::error::Error;
use std::time::Duration;

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::Version;
use zoa_client::recipes::Barrier;
use zoa_client::recipes::Counter;
use zoa_client::recipes::DoubleBarrier;
use zoa_client::recipes::Election;
use zoa_client::recipes::Group;
use zoa_client::recipes::Lock;
use zoa_client::recipes::PriorityQueue;
use zoa_client::recipes::Queue;
use zoa_client::recipes::RwLock;
use zoa_client::recipes::Semaphore;

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [server, what, path, count] = words.as_slice() else {
        return Err("give a server, what to do, a path and a number".into());
    };
    let client = Client::connect(server).await?;
    let count: usize = count.parse()?;
    match what.as_str() {
        "lock" => {
            let lock = Lock::new(&client, path).identifier("rust");
            for _ in 0..count {
                let hold = lock.acquire().await?;
                add_one(&client, path).await?;
                hold.release().await?;
            }
        }
        "read-write" => read_write(&client, path, count).await?,
        "election" => {
            let election = Election::new(&client, path, "rust");
            for _ in 0..count {
                let leadership = election.lead().await?;
                add_one(&client, path).await?;
                leadership.release().await?;
            }
        }
        "semaphore" => semaphore(&client, path, count).await?,
        "count" => {
            let mut counter = Counter::new(&client, path);
            for _ in 0..count {
                counter.add(1).await?;
            }
        }
        "put-at" => {
            let item = format!("rust-{count}");
            let mut queue = PriorityQueue::new(&client, path);
            queue.put(item.as_bytes(), u16::try_from(count)?).await?;
        }
        "join" => join(&client, path, count).await?,
        "put" => {
            let mut queue = Queue::new(&client, path);
            for number in 0..count {
                queue.put(format!("rust-{number}").as_bytes()).await?;
            }
        }
        "take" => take(&client, path, count).await?,
        "set" => Barrier::new(&client, path).set().await?,
        "remove" => drop(Barrier::new(&client, path).remove().await?),
        "wait" => Barrier::new(&client, path).wait().await?,
        "double" => {
            let entered = DoubleBarrier::new(&client, path, count)
                .enter("rust")
                .await?;
            say("entered");
            entered.leave().await?;
            say("left");
        }
        other => return Err(format!("{other} is nothing to do").into()),
    }
    client.close().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program that speaks to a script")]
fn say(words: &str) {
    println!("{words}");
}

/// Adds one in two steps, which only goes well for one at a time.
async fn add_one(client: &Client, path: &str) -> Outcome {
    let path = format!("{path}-sum");
    let sum: u64 = client.get_data(&path).await?.text().parse()?;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let sum = (sum + 1).to_string();
    client.set_data(&path, &sum, Version::ANY).await?;
    Ok(())
}

/// Adds under the writer's lock, and sees under the reader's that nobody adds meanwhile.
async fn read_write(client: &Client, path: &str, count: usize) -> Outcome {
    let lock = RwLock::new(client, path);
    let sum = format!("{path}-sum");
    for _ in 0..count {
        let writer = lock.write().await?;
        add_one(client, path).await?;
        writer.release().await?;
        let reader = lock.read().await?;
        let before = client.get_data(&sum).await?;
        tokio::time::sleep(Duration::from_millis(2)).await;
        if client.get_data(&sum).await?.data != before.data {
            return Err("somebody wrote while this one read".into());
        }
        reader.release().await?;
    }
    Ok(())
}

/// Is a member until so many were there and one of them has left.
async fn join(client: &Client, path: &str, count: usize) -> Outcome {
    let group = Group::new(client, path);
    let member = group.join("rust").await?;
    let mut members = group.members().await?;
    while members.len() < count {
        members = group.changed(&members).await?;
    }
    say(&format!("saw {}", members.join(" ")));
    group.changed(&members).await?;
    member.leave().await?;
    Ok(())
}

async fn semaphore(client: &Client, path: &str, count: usize) -> Outcome {
    let semaphore = Semaphore::new(client, path, 2);
    let inside = format!("{path}-inside");
    for _ in 0..count {
        let lease = semaphore.acquire().await?;
        let made = client
            .create(
                &format!("{inside}/r-"),
                b"",
                CreateMode::EphemeralSequential,
            )
            .await?;
        say(&format!(
            "inside {}",
            client.get_children(&inside).await?.len()
        ));
        client.delete(&made, Version::ANY).await?;
        lease.release().await?;
    }
    Ok(())
}

async fn take(client: &Client, path: &str, count: usize) -> Outcome {
    let mut queue = Queue::new(client, path);
    for _ in 0..count {
        let item = queue.take_within(Duration::from_secs(20)).await?;
        let item = item.ok_or("nothing came for 20 s")?;
        say(&format!("took {}", String::from_utf8_lossy(&item)));
    }
    Ok(())
}
