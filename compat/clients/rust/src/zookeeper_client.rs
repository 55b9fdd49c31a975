//! One day of a user of the crate zookeeper-client. The lines it speaks are told at the head of `../run.py`.
//!
//! Not an example of good Rust: every step says plainly what it wants of the server.

use std::error::Error as StdError;
use std::future::Future;
use std::time::Duration;
use zookeeper_client::AddWatchMode;
use zookeeper_client::Acls;
use zookeeper_client::Client;
use zookeeper_client::CreateMode;
use zookeeper_client::Error;
use zookeeper_client::LockOptions;
use zookeeper_client::LockPrefix;
use zookeeper_client::SessionState;

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

async fn connect(hosts: &str) -> Result<Client, Error> {
    Client::connector().with_session_timeout(Duration::from_secs(4)).with_auth("digest", b"ann:secret").connect(hosts).await
}

/// The session's number, which the client tells as text only.
fn session(zk: &Client) -> Result<i64, Box<dyn StdError>> {
    Ok(u64::from_str_radix(zk.session_id().to_string().trim_start_matches("0x"), 16)?.cast_signed())
}

async fn crud(zk: &Client) -> Outcome {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let (stat, _) = zk.create("/day", b"one", &persistent).await?;
    println!("saw created {} {} {}", stat.version, stat.data_length, stat.ephemeral_owner);
    check(zk.create("/day", b"", &persistent).await.err() == Some(Error::NodeExists), "created twice")?;
    println!("saw data {:?}", zk.get_data("/day").await?.0);
    println!("saw set {}", zk.set_data("/day", b"two", Some(0)).await?.version);
    check(zk.set_data("/day", b"x", Some(0)).await.err() == Some(Error::BadVersion), "set with an old version")?;
    zk.mkdir("/day/a/b", &persistent).await?;
    check(zk.delete("/day", None).await.err() == Some(Error::NotEmpty), "deleted a parent")?;
    println!("saw children {:?} {}", zk.list_children("/day").await?, zk.count_descendants_number("/day").await?);
    for path in ["/day/a/b", "/day/a", "/day"] {
        zk.delete(path, None).await?;
    }
    check(zk.get_data("/day").await.err() == Some(Error::NoNode), "still there")?;
    println!("saw users {:?}", zk.list_auth_users().await?.len());
    zk.create("/later", b"", &persistent).await?;
    let container = CreateMode::Container.with_acls(Acls::anyone_all());
    println!("saw container {:?}", zk.create("/later/container", b"", &container).await.err());
    Ok(())
}

async fn watch(zk: &Client, other: &Client) -> Outcome {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    zk.create("/watched", b"", &persistent).await?;
    let (_, _, data) = zk.get_and_watch_data("/watched").await?;
    let (_, _, children) = zk.get_and_watch_children("/watched").await?;
    let (_, exists) = zk.check_and_watch_stat("/absent").await?;
    let mut recursive = zk.watch("/watched", AddWatchMode::PersistentRecursive).await?;
    other.set_data("/watched", b"1", None).await?;
    other.create("/watched/a", b"", &persistent).await?;
    other.create("/absent", b"", &persistent).await?;
    for event in [data.changed().await, children.changed().await, exists.changed().await] {
        println!("saw event_{} {:?}", event.path, event.event_type);
    }
    for number in 0..2 {
        let event = recursive.changed().await;
        println!("saw recursive_{number} {:?} {}", event.event_type, event.path);
    }
    recursive.remove().await?;
    Ok(())
}

async fn ephemerals(hosts: &str, zk: &Client, other: &Client) -> Outcome {
    let sequential = CreateMode::EphemeralSequential.with_acls(Acls::anyone_all());
    let (stat, sequence) = zk.create("/seq-", b"", &sequential).await?;
    println!("saw sequence {sequence}");
    check(stat.ephemeral_owner == session(zk)?, "another owner")?;
    println!("saw ephemerals {:?}", zk.list_ephemerals("/").await?);
    let third = connect(hosts).await?;
    third.create("/gone", b"", &CreateMode::Ephemeral.with_acls(Acls::anyone_all())).await?;
    let (_, gone) = other.check_and_watch_stat("/gone").await?;
    drop(third);
    println!("saw gone {:?}", gone.changed().await.event_type);
    let lock = zk.lock(LockPrefix::new_curator("/lock", "n-")?, b"", lock_options()?).await?;
    let waiting = other.lock(LockPrefix::new_curator("/lock", "n-")?, b"", lock_options()?);
    check(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err(), "two have the lock")?;
    drop(lock);
    other.lock(LockPrefix::new_curator("/lock", "n-")?, b"", lock_options()?).await?;
    Ok(())
}

fn lock_options() -> Result<LockOptions<'static>, Error> {
    LockOptions::new(Acls::anyone_all()).with_ancestor_options(CreateMode::Persistent.with_acls(Acls::anyone_all()))
}

async fn transaction(zk: &Client) -> Outcome {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let mut writer = zk.new_multi_writer();
    writer.add_create("/multi", b"m", &persistent)?;
    writer.add_check_version("/multi", 0)?;
    writer.add_set_data("/multi", b"n", Some(0))?;
    println!("saw multi {}", writer.commit().await?.len());
    let mut writer = zk.new_multi_writer();
    writer.add_create("/multi/x", b"m", &persistent)?;
    writer.add_delete("/multi", Some(9))?;
    println!("saw multi_errors {:?}", writer.commit().await.err());
    let mut reader = zk.new_multi_reader();
    reader.add_get_data("/multi")?;
    reader.add_get_children("/")?;
    println!("saw multi_read {}", reader.commit().await?.len());
    zk.create("/private", b"s", &CreateMode::Persistent.with_acls(Acls::creator_all())).await?;
    Ok(())
}

async fn restart(zk: &Client, other: &Client) -> Outcome {
    let before = session(zk)?;
    zk.create("/survivor", b"", &CreateMode::Ephemeral.with_acls(Acls::anyone_all())).await?;
    let (_, _, changed) = zk.get_and_watch_data("/watched").await?;
    ask("restart")?;
    let mut stat = zk.check_stat("/survivor").await;
    while stat.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stat = zk.check_stat("/survivor").await;
    }
    check(stat?.is_some_and(|stat| stat.ephemeral_owner == before), "the ephemeral has gone")?;
    while other.set_data("/watched", b"after", None).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("saw watch_after_restart {:?}", changed.changed().await.event_type);
    zk.get_data("/private").await?;
    Ok(())
}

async fn expiry(hosts: &str, zk: &Client) -> Outcome {
    zk.create("/mortal", b"", &CreateMode::Ephemeral.with_acls(Acls::anyone_all())).await?;
    let mut states = zk.state_watcher();
    ask("expire")?;
    while states.changed().await != SessionState::Expired {}
    let next = connect(hosts).await?;
    check(next.check_stat("/mortal").await?.is_none(), "an ephemeral outlived its session")
}

#[tokio::main]
async fn main() -> Outcome {
    let hosts = std::env::args().nth(1).ok_or("host:port is missing")?;
    let (zk, other) = (connect(&hosts).await?, connect(&hosts).await?);
    step("connect", async { Ok(println!("saw timeout {:?}", zk.session_timeout())) }).await;
    step("crud", crud(&zk)).await;
    step("watch", watch(&zk, &other)).await;
    step("ephemeral_and_sequence", ephemerals(&hosts, &zk, &other)).await;
    step("transaction", transaction(&zk)).await;
    step("restart_keeps_session", restart(&zk, &other)).await;
    step("session_expiry", expiry(&hosts, &zk)).await;
    Ok(())
}
