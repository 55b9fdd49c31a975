//! One day of a user of the crate zookeeper-async. The lines it speaks are told at the head of `../run.py`.
//!
//! This client knows neither transactions nor its own session id: those steps show what it can.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;
use zookeeper_async::Acl;
use zookeeper_async::CreateMode;
use zookeeper_async::WatchedEvent;
use zookeeper_async::ZkError;
use zookeeper_async::ZkResult;
use zookeeper_async::ZooKeeper;
use zookeeper_async::recipes::leader_latch::LeaderLatch;

type Outcome = Result<(), Box<dyn StdError>>;

fn ask(what: &str) -> Outcome {
    println!("do {what}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    check(line.trim() == "done", &format!("the runner could not {what}"))
}

fn check(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

async fn step(name: &str, run: impl Future<Output = Outcome>) {
    match tokio::time::timeout(Duration::from_secs(40), run).await {
        Ok(Ok(())) => println!("ok {name}"),
        Ok(Err(error)) => println!("not ok {name} {error}"),
        Err(_) => println!("not ok {name} took more than 40 s"),
    }
}

async fn connect(hosts: &str) -> ZkResult<Arc<ZooKeeper>> {
    Ok(Arc::new(ZooKeeper::connect_with_retry_time(hosts, Duration::from_secs(4), |_: WatchedEvent| {}, Duration::from_millis(200)).await?))
}

fn anyone() -> Vec<Acl> {
    Acl::open_unsafe().clone()
}

async fn crud(zk: &ZooKeeper) -> Outcome {
    println!("saw created {}", zk.create("/day", b"one".to_vec(), anyone(), CreateMode::Persistent).await?);
    check(zk.create("/day", vec![], anyone(), CreateMode::Persistent).await == Err(ZkError::NodeExists), "created twice")?;
    let (data, stat) = zk.get_data("/day", false).await?;
    println!("saw data {data:?} {} {} {}", stat.version, stat.data_length, stat.num_children);
    zk.set_data("/day", b"two".to_vec(), Some(0)).await?;
    check(zk.set_data("/day", vec![], Some(0)).await.err() == Some(ZkError::BadVersion), "set with an old version")?;
    zk.create("/day/a", vec![], anyone(), CreateMode::Persistent).await?;
    check(zk.delete("/day", None).await == Err(ZkError::NotEmpty), "deleted a parent")?;
    println!("saw children {:?}", zk.get_children("/day", false).await?);
    zk.delete("/day/a", Some(0)).await?;
    zk.delete("/day", None).await?;
    check(zk.get_data("/day", false).await.err() == Some(ZkError::NoNode), "still there")
}

async fn watch(zk: &ZooKeeper, other: &ZooKeeper) -> Outcome {
    let (sender, events) = mpsc::channel();
    let into = |sender: &mpsc::Sender<String>| {
        let sender = sender.clone();
        move |event: WatchedEvent| drop(sender.send(format!("{:?} {:?}", event.event_type, event.path)))
    };
    zk.create("/watched", vec![], anyone(), CreateMode::Persistent).await?;
    zk.get_data_w("/watched", into(&sender)).await?;
    other.set_data("/watched", b"1".to_vec(), None).await?;
    println!("saw data_event {}", received(&events).await?);
    zk.get_children_w("/watched", into(&sender)).await?;
    other.create("/watched/a", vec![], anyone(), CreateMode::Persistent).await?;
    println!("saw children_event {}", received(&events).await?);
    zk.exists_w("/absent", into(&sender)).await?;
    other.create("/absent", vec![], anyone(), CreateMode::Persistent).await?;
    println!("saw exists_event {}", received(&events).await?);
    Ok(())
}

async fn received(events: &mpsc::Receiver<String>) -> Result<String, Box<dyn StdError>> {
    let begin = Instant::now();
    loop {
        if let Ok(event) = events.try_recv() {
            return Ok(event);
        }
        check(begin.elapsed() < Duration::from_secs(10), "no event within 10 s")?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn ephemerals(hosts: &str, zk: &Arc<ZooKeeper>, other: &Arc<ZooKeeper>) -> Outcome {
    println!("saw sequence {}", zk.create("/seq-", vec![], anyone(), CreateMode::EphemeralSequential).await?);
    let third = connect(hosts).await?;
    third.create("/gone", vec![], anyone(), CreateMode::Ephemeral).await?;
    third.close().await?;
    let begin = Instant::now();
    while other.exists("/gone", false).await?.is_some() {
        check(begin.elapsed() < Duration::from_secs(3), "an ephemeral outlived its closed session")?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let first = LeaderLatch::new(Arc::clone(zk), "first".to_owned(), "/latch".to_owned());
    first.start().await?;
    let second = LeaderLatch::new(Arc::clone(other), "second".to_owned(), "/latch".to_owned());
    second.start().await?;
    check(first.has_leadership() && !second.has_leadership(), "the first does not lead alone")?;
    first.stop().await?;
    let begin = Instant::now();
    while !second.has_leadership() {
        check(begin.elapsed() < Duration::from_secs(10), "the second does not take over")?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn back(zk: &ZooKeeper) -> Outcome {
    let begin = Instant::now();
    while zk.exists("/", false).await.is_err() {
        check(begin.elapsed() < Duration::from_secs(20), "not back after 20 s")?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn restart(zk: &ZooKeeper, other: &ZooKeeper) -> Outcome {
    zk.create("/survivor", vec![], anyone(), CreateMode::Ephemeral).await?;
    let before = zk.exists("/survivor", false).await?.ok_or("no survivor")?.ephemeral_owner;
    ask("restart")?;
    back(zk).await?;
    back(other).await?;
    let stat = zk.exists("/survivor", false).await?.ok_or("the ephemeral has gone")?;
    zk.create("/same", vec![], anyone(), CreateMode::Ephemeral).await?;
    let same = zk.exists("/same", false).await?.ok_or("not created")?.ephemeral_owner;
    check(stat.ephemeral_owner == before && same == before, "another session")
}

async fn expiry(hosts: &str) -> Outcome {
    let zk = connect(hosts).await?;
    zk.create("/mortal", vec![], anyone(), CreateMode::Ephemeral).await?;
    ask("expire")?;
    let told = tokio::time::timeout(Duration::from_secs(20), zk.exists("/", false)).await;
    println!("saw after_expiry {told:?}");
    let next = connect(hosts).await?;
    check(next.exists("/mortal", false).await?.is_none(), "an ephemeral outlived its session")
}

#[tokio::main]
async fn main() -> Outcome {
    let hosts = std::env::args().nth(1).ok_or("host:port is missing")?;
    let (zk, other) = (connect(&hosts).await?, connect(&hosts).await?);
    step("connect", async { Ok(back(&zk).await?) }).await;
    step("crud", crud(&zk)).await;
    step("watch", watch(&zk, &other)).await;
    step("ephemeral_and_sequence", ephemerals(&hosts, &zk, &other)).await;
    step("restart_keeps_session", restart(&zk, &other)).await;
    step("session_expiry", expiry(&hosts)).await;
    Ok(())
}
