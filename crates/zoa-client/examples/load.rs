//! Load on zoa-client, to set beside `compat/client-bench/load.c`, which does the same on the original's C library.
//!
//! `load host:port get|set depth connections seconds [current|multi|blocking]`
//!
//! Each connection keeps `depth` requests under way: so many tasks, or threads of the blocking face, that each wait for their
//! answer and ask again. Prints one
//! line: operations, seconds, CPU seconds of this process, all within the measured time. Linux only: it reads `/proc`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program to measure with"
)]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::ErrorCode;
use zoa_client::Version;
use zoa_client::blocking;

const DATA: [u8; 100] = [b'x'; 100];

struct Load {
    address: String,
    is_set: bool,
    depth: usize,
    connections: usize,
    seconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, op, depth, connections, seconds, rest @ ..] = arguments.as_slice() else {
        return Err(
            "load host:port get|set depth connections seconds [current|multi|blocking]".into(),
        );
    };
    let load = Load {
        address: address.clone(),
        is_set: op == "set",
        depth: depth.parse()?,
        connections: connections.parse()?,
        seconds: seconds.parse()?,
    };
    if rest.first().is_some_and(|mode| mode == "blocking") {
        return run_blocking(&load);
    }
    let runtime = match rest.first().map(String::as_str) {
        Some("multi") => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?,
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?,
    };
    runtime.block_on(run(&load))
}

async fn run(load: &Load) -> Result<(), Box<dyn Error>> {
    let done = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for at in 0..load.connections {
        let client = Client::connect(&load.address).await?;
        let path: Arc<str> = format!("/client-bench-{at}").into();
        match client.create(&path, &DATA, CreateMode::Persistent).await {
            Err(error) if error.code() != ErrorCode::NodeExists => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
        for _ in 0..load.depth {
            let asking = ask(
                client.clone(),
                Arc::clone(&path),
                load.is_set,
                Arc::clone(&done),
            );
            tokio::runtime::Handle::current().spawn(asking);
        }
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, start, cpu) = (done.load(Ordering::Relaxed), Instant::now(), cpu_seconds()?);
    tokio::time::sleep(Duration::from_secs_f64(load.seconds)).await;
    let (after, took) = (done.load(Ordering::Relaxed), start.elapsed());
    let cpu = cpu_seconds()? - cpu;
    println!("{} {:.6} {cpu:.6}", after - before, took.as_secs_f64());
    for client in clients {
        client.close().await;
    }
    Ok(())
}

async fn ask(client: Client, path: Arc<str>, is_set: bool, done: Arc<AtomicU64>) {
    loop {
        let answered = if is_set {
            client.set_data(&path, &DATA, Version::ANY).await.is_ok()
        } else {
            client.get_data(&path).await.is_ok()
        };
        if !answered {
            return;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn run_blocking(load: &Load) -> Result<(), Box<dyn Error>> {
    let done = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for at in 0..load.connections {
        let client = blocking::Client::connect(&load.address)?;
        let path: Arc<str> = format!("/client-bench-{at}").into();
        match client.create(&path, &DATA, CreateMode::Persistent) {
            Err(error) if error.code() != ErrorCode::NodeExists => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
        for _ in 0..load.depth {
            let (client, path, done) = (client.clone(), Arc::clone(&path), Arc::clone(&done));
            let is_set = load.is_set;
            std::thread::spawn(move || {
                let ask = || match is_set {
                    true => client.set_data(&path, &DATA, Version::ANY).is_ok(),
                    false => client.get_data(&path).is_ok(),
                };
                while ask() {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        clients.push(client);
    }
    std::thread::sleep(Duration::from_millis(300));
    let (before, start, cpu) = (done.load(Ordering::Relaxed), Instant::now(), cpu_seconds()?);
    std::thread::sleep(Duration::from_secs_f64(load.seconds));
    let (after, took) = (done.load(Ordering::Relaxed), start.elapsed());
    let cpu = cpu_seconds()? - cpu;
    println!("{} {:.6} {cpu:.6}", after - before, took.as_secs_f64());
    for client in clients {
        client.close();
    }
    Ok(())
}

/// Time on a processor of all threads of this process, in nanoseconds in the first field: what getrusage says, unrounded.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let mut sum = Duration::ZERO;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanos = stat.split_whitespace().next().ok_or("no such format")?;
        sum += Duration::from_nanos(nanos.parse()?);
    }
    Ok(sum.as_secs_f64())
}
