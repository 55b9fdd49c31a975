//! Clients that do not behave, over real sockets: they end, and nobody else notices.

use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use zoa_core::limits::HANDSHAKE_MS_MAX;
use zoa_server::Server;

use crate::running::Client;
use crate::running::Folder;
use crate::running::config;
use crate::running::dial;
use crate::running::is_closed;
use crate::running::options;
use crate::running::start;

#[test]
fn what_is_no_frame_is_cut_and_others_are_served() {
    let folder = Folder::new();
    let server = start(&folder);
    let mut neighbour = Client::connect(server.address());
    assert_eq!(neighbour.create("/a", b"data", 0), 0);
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff",
        b"\x00\x10\x00\x00",
        b"\x00\x00\x00\x00",
    ] {
        let mut socket = dial(server.address());
        socket.write_all(garbage).expect("sent");
        assert!(is_closed(&mut socket), "{garbage:?}");
        assert_eq!(neighbour.get("/a"), Ok(b"data".to_vec()));
    }
    server.stop();
}

#[test]
fn a_silent_connection_is_cut_after_the_time_for_a_handshake() {
    let folder = Folder::new();
    let server = start(&folder);
    let begun = Instant::now();
    let mut socket = dial(server.address());
    socket.write_all(&[0, 0]).expect("sent");
    assert!(is_closed(&mut socket));
    let waited = begun.elapsed();
    assert!(
        waited >= Duration::from_millis(HANDSHAKE_MS_MAX - 100),
        "{waited:?}"
    );
    server.stop();
}

#[test]
fn data_of_a_frame_too_long_ends_the_connection_and_one_byte_less_is_served() {
    let folder = Folder::new();
    let server = start(&folder);
    // Header 8, path 4 + 2, data length 4, version 4: together with the data just the limit.
    let longest = zoa_proto::limits::FRAME_LEN_MAX - 22;
    let mut client = Client::connect(server.address());
    assert_eq!(client.create("/a", b"", 0), 0);
    assert_eq!(client.set("/a", &vec![7; longest]), 0);
    assert_eq!(client.get("/a").map(|data| data.len()), Ok(longest));
    let too_long = u32::try_from(zoa_proto::limits::FRAME_LEN_MAX + 1).expect("small");
    client
        .socket
        .write_all(&too_long.to_be_bytes())
        .expect("sent");
    assert!(is_closed(&mut client.socket));
    server.stop();
}

#[test]
fn ten_thousand_connections_from_one_address_leave_sixty() {
    let folder = Folder::new();
    let mut config = config();
    config.connections_per_address_max = 60;
    let server = Server::start(&options(&folder), config).expect("the server starts");
    let mut first = Client::connect(server.address());
    let mut kept = Vec::new();
    for _ in 0..10_000 {
        let socket = dial(server.address());
        if kept.len() < 100 {
            kept.push(socket);
        }
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.core().connections_count() > 60 {
        assert!(
            Instant::now() < deadline,
            "{} connections",
            server.core().connections_count()
        );
    }
    assert_eq!(first.create("/a", b"", 0), 0, "who came first is served");
    server.stop();
}

#[test]
fn a_client_that_never_reads_holds_up_nobody() {
    let folder = Folder::new();
    let server = start(&folder);
    let mut lazy = Client::connect(server.address());
    assert_eq!(lazy.create("/big", &vec![1; 500_000], 0), 0);
    let request = b"\x00\x00\x00\x11\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x04/big\x00";
    for _ in 0..200 {
        lazy.socket
            .write_all(request)
            .expect("the socket takes these few bytes");
    }
    let mut neighbour = Client::connect(server.address());
    for _ in 0..20 {
        assert_eq!(neighbour.set("/big", b"small"), 0);
    }
    server.stop();
}
