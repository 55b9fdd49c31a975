//! One of several workers of which exactly one leads: `elect 127.0.0.1:2181 [SESSION_TIMEOUT_SECONDS]`, in several terminals.
//!
//! It takes part in the same election as `examples/python/worker.py`: each worker creates an ephemeral, sequential znode under
//! /cluster, the lowest number leads, and every other one watches only the one just before it. Two things are worth reading:
//! what is done when nobody knows whether the create was applied, and that a leader which cannot be sure of its session stops.
#![expect(clippy::print_stdout, reason = "a program to read and run")]

use std::time::Duration;

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::Error;
use zoa_client::ErrorCode;
use zoa_client::Outcome;
use zoa_client::Watch;

const CLUSTER: &str = "/cluster";
const TURN: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let hosts = arguments.next().ok_or("elect HOSTS [SECONDS]")?;
    let seconds = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let client = Client::builder(&hosts)
        .session_timeout(Duration::from_secs(seconds))
        .connect()
        .await?;
    tokio::select! {
        result = work(&client) => result?,
        _ = tokio::signal::ctrl_c() => {}
    }
    client.close().await;
    Ok(())
}

async fn work(client: &Client) -> Result<(), Error> {
    let name = take_number(client).await?;
    println!("I am {name}");
    // None: I lead.
    let mut before = take_place(client, &name).await?;
    if before.is_none() {
        println!("nobody is before me: I lead");
    }
    loop {
        match &mut before {
            None if client.surely_alive_for() > TURN => println!("leading"),
            // Others may see this session gone: whoever leads by it must not act.
            None => println!("my session is in doubt: I do nothing"),
            Some(_) => println!("working"),
        }
        let Some(watch) = &mut before else {
            tokio::time::sleep(TURN).await;
            // Ends with an error when the session has expired.
            client.exists(&format!("{CLUSTER}/{name}")).await?;
            continue;
        };
        match tokio::time::timeout(TURN, watch).await {
            Err(_) => {}
            Ok(fired) => {
                if let Ok(event) = fired {
                    let gone = event.path.rsplit('/').next().unwrap_or_default();
                    println!("woken: {gone} is deleted");
                }
                before = take_place(client, &name).await?;
                if before.is_none() {
                    println!("now I lead");
                }
            }
        }
    }
}

/// Creates this worker's znode; its name.
async fn take_number(client: &Client) -> Result<String, Error> {
    let prefix = format!("{CLUSTER}/w-");
    loop {
        let created = client.create(&prefix, b"", CreateMode::EphemeralSequential);
        let path = match created.await {
            Ok(path) => path,
            Err(error) if error.code() == ErrorCode::NoNode => {
                make_cluster(client).await?;
                continue;
            }
            // The connection was lost on the way. If the znode is there, a second one would be somebody nobody waits for.
            Err(error) if error.outcome() == Outcome::Unknown && !error.is_final() => {
                match client.get_ephemerals(&prefix).await?.pop() {
                    Some(path) => path,
                    None => continue,
                }
            }
            Err(error) => return Err(error),
        };
        return Ok(path.rsplit('/').next().unwrap_or_default().to_owned());
    }
}

async fn make_cluster(client: &Client) -> Result<(), Error> {
    match client.create(CLUSTER, b"", CreateMode::Persistent).await {
        Err(error) if error.code() != ErrorCode::NodeExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A watch on the worker just before, or `None` when there is none: then this one leads.
async fn take_place(client: &Client, name: &str) -> Result<Option<Watch>, Error> {
    loop {
        let mut names = client.get_children(CLUSTER).await?;
        names.sort();
        let Some(before) = names.iter().rev().find(|other| other.as_str() < name) else {
            return Ok(None);
        };
        let path = format!("{CLUSTER}/{before}");
        match client.get_data_and_watch(&path).await {
            Ok((_, watch)) => {
                println!("watching {before}");
                return Ok(Some(watch));
            }
            // It went away between the list and the look: look again.
            Err(error) if error.code() == ErrorCode::NoNode => {}
            Err(error) => return Err(error),
        }
    }
}
