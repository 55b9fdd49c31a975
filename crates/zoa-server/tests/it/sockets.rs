//! Between sockets and the core: nobody is forgotten, and the options of zoo.cfg reach the sockets.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::thread;

use zoa_proto::OpCode;
use zoa_server::Server;

use crate::running::Client;
use crate::running::Folder;
use crate::running::config;
use crate::running::options;
use crate::running::read_frame;
use crate::running::start;

/// Goal: no lost wake-up. A list behind a write is held in the input until the write is answered, which may happen at any moment of the
/// connection's turn. Method: many such pairs on several connections; one that is forgotten runs into the timeout of its client.
#[test]
fn what_waits_for_an_answer_is_never_forgotten() {
    const ROUNDS: usize = 300;
    const PAIRS: usize = 8;
    let folder = Folder::new();
    let server = start(&folder);
    let address = server.address();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                let write = raw(OpCode::Delete, 1, b"\0\0\0\x02/x\xff\xff\xff\xff");
                let list = raw(OpCode::GetChildren, 2, b"\0\0\0\x01/\0");
                let burst = [write, list].concat().repeat(PAIRS);
                for round in 0..ROUNDS {
                    client.socket.write_all(&burst).expect("sent");
                    for reply in 0..2 * PAIRS {
                        let frame = read_frame(&mut client.socket);
                        assert!(frame.is_some(), "round {round}, reply {reply}");
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("all is answered");
    }
    server.stop();
}

/// Goal: the answer to closeSession arrives whatever was sent behind it. Method: so much behind it that the server cannot have read it
/// all; the stream must end in order, not by a reset.
#[test]
fn what_is_sent_behind_a_close_does_not_destroy_its_answer() {
    let folder = Folder::new();
    let server = start(&folder);
    let mut client = Client::connect(server.address());
    let close = raw(OpCode::CloseSession, 1, b"");
    let ping = raw(OpCode::Ping, -2, b"");
    let burst = [close, ping.repeat(20_000)].concat();
    client.socket.write_all(&burst).expect("sent");
    let mut received = Vec::new();
    let end = client.socket.read_to_end(&mut received);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(received.get(4..8), Some(&1_i32.to_be_bytes()[..]));
    assert_eq!(received.len(), 4 + 16, "the answer and nothing else");
    server.stop();
}

#[test]
fn silent_clients_are_asked_whether_they_live_if_that_is_set() {
    for keep_alive in [true, false] {
        let folder = Folder::new();
        let mut options = options(&folder);
        options.keep_alive = keep_alive;
        let server = Server::start(&options, config()).expect("the server starts");
        let client = Client::connect(server.address());
        let peer = client.socket.local_addr().expect("it is connected");
        let timer = timer_of(server.address(), peer);
        assert_eq!(timer == "02", keep_alive, "timer {timer}");
        server.stop();
    }
}

/// The kind of timer the system runs for the server's end: 02 is the one for keep-alive (`tr` in /proc/net/tcp).
fn timer_of(server: SocketAddr, client: SocketAddr) -> String {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let ports = [server.port(), client.port()].map(|port| format!(":{port:04X}"));
    let row = table.lines().map(str::split_whitespace).find_map(|row| {
        let columns: Vec<&str> = row.collect();
        let is_it = columns.get(1)?.ends_with(&ports[0]) && columns.get(2)?.ends_with(&ports[1]);
        is_it.then(|| columns.get(5).map(|timer| (*timer).to_owned()))?
    });
    let timer = row.expect("the connection is there");
    timer.split(':').next().unwrap_or_default().to_owned()
}

fn raw(op: OpCode, xid: i32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 8).expect("short");
    [
        &len.to_be_bytes()[..],
        &xid.to_be_bytes(),
        &op.to_wire().to_be_bytes(),
        body,
    ]
    .concat()
}
