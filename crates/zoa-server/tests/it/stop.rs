//! How a server ends: soon, with everything answered that was under way, whatever its clients do.

use std::io::Read;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::running::Client;
use crate::running::Folder;
use crate::running::start;
use crate::running::wait_for;

/// The error of a ping's reply with which a server that stops takes leave: CONNECTIONLOSS.
const FAREWELL: i32 = -4;

/// As the longest that a stop may take: far less than its own patience, which is five seconds.
const SOON: Duration = Duration::from_secs(3);

#[test]
fn a_server_under_load_stops_soon_and_loses_nothing_that_it_answered() {
    let folder = Folder::new();
    let server = start(&folder);
    let address = server.address();
    let (answered, is_over) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (answered, is_over) = (Arc::clone(&answered), Arc::clone(&is_over));
            thread::spawn(move || {
                let mut client = Client::connect(address);
                let mut created = 0;
                while !is_over.load(Ordering::Relaxed) {
                    match client.try_create(&format!("/{writer}-{created}")) {
                        Some(0) => created += 1,
                        // The server's farewell: this one was not taken, and never will be (G-26).
                        Some(FAREWELL) => break,
                        Some(error) => panic!("{error}"),
                        None => break,
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                created
            })
        })
        .collect();
    wait_for("some answers", || answered.load(Ordering::Relaxed) > 200);
    let begun = Instant::now();
    server.stop();
    let took = begun.elapsed();
    is_over.store(true, Ordering::Relaxed);
    assert!(took < SOON, "{took:?}");
    let created: Vec<u64> = writers
        .into_iter()
        .map(|writer| writer.join().expect("a writer ends"))
        .collect();
    let server = start(&folder);
    let mut client = Client::connect(server.address());
    for (writer, created) in created.into_iter().enumerate() {
        for number in 0..created {
            assert_eq!(client.get(&format!("/{writer}-{number}")), Ok(Vec::new()));
        }
    }
    server.stop();
}

#[test]
fn a_client_that_never_reads_does_not_hold_up_the_stop() {
    let folder = Folder::new();
    let server = start(&folder);
    let mut lazy = Client::connect(server.address());
    assert_eq!(lazy.create("/big", &vec![1; 500_000], 0), 0);
    let request = b"\x00\x00\x00\x11\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x04/big\x00";
    for _ in 0..100 {
        lazy.socket.write_all(request).expect("a few bytes");
    }
    let packets = || server.core().stats().packets_received.value();
    let first = packets();
    wait_for("some reads", || packets() > first);
    let begun = Instant::now();
    server.stop();
    let took = begun.elapsed();
    assert!(took < SOON, "{took:?}");
}

#[test]
fn a_client_that_reads_gets_its_last_replies() {
    let folder = Folder::new();
    let server = start(&folder);
    let mut client = Client::connect(server.address());
    assert_eq!(client.create("/big", &vec![1; 500_000], 0), 0);
    let request = b"\x00\x00\x00\x11\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x04/big\x00";
    // Four fill the outbox to its high water and no further, so that all are answered before the stop.
    for _ in 0..2 {
        client.socket.write_all(request).expect("a few bytes");
    }
    let packets = || server.core().stats().packets_received.value();
    let created = packets();
    wait_for("both reads", || packets() == created + 2 || packets() >= 3);
    let stopping = thread::spawn(move || server.stop());
    let mut received = Vec::new();
    client
        .socket
        .read_to_end(&mut received)
        .expect("an orderly end");
    assert!(received.len() > 1_000_000, "{} bytes", received.len());
    stopping.join().expect("it stops");
}
