//! Sessions whose servers are down, or die on them.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use anyhow::bail;
use zoa_proto::ConnectResponse;
use zoa_proto::SessionId;

use super::*;
use crate::bench::floor;
use crate::bench::ports::free_port;

/// Each session pings once when it is attached, and again what was lost; it is over when all were answered.
#[derive(Default)]
struct Once {
    answered: usize,
    lost: Vec<(usize, usize)>,
    end: Option<Instant>,
}

impl Ride for Once {
    fn on_tick(&mut self, herd: &mut Members, now: Instant) -> Result<Next> {
        let end = *self.end.get_or_insert(now + Duration::from_secs(20));
        if end <= now {
            bail!("{} were answered", self.answered);
        }
        Ok(if self.answered < herd.len() {
            Next::WaitUntil(end)
        } else {
            Next::Finish
        })
    }

    fn on_attached(&mut self, herd: &mut Members, who: usize, now: Instant) -> Result<()> {
        assert!(herd.send(who, (Class(0), now), &Request::Ping)?);
        Ok(())
    }

    fn on_reply(&mut self, _: &mut Members, _: &Reply<'_>) -> Result<()> {
        self.answered += 1;
        Ok(())
    }

    fn on_lost(&mut self, who: usize, in_flight: &mut dyn Iterator<Item = InFlight>) {
        self.lost.push((who, in_flight.count()));
    }

    fn on_expired(&mut self, who: usize) {
        panic!("nobody said that of session {who}");
    }
}

fn ride(servers: Vec<SocketAddr>) -> (Once, Vec<i64>) {
    let manner = Manner {
        timeout_ms: 30_000,
        attempt_max: Duration::from_millis(200),
    };
    let mut herd = Herd::new(servers, 4, manner).expect("an epoll");
    let mut once = Once::default();
    herd.run(&mut once).expect("a server answers in the end");
    (once, herd.sessions())
}

fn floor() -> SocketAddr {
    let (ready, port) = mpsc::channel();
    thread::spawn(move || {
        floor::serve(floor::FloorArgs { port: 0 }, |port| {
            ready.send(port).expect("the test waits");
        })
    });
    let port = port.recv().expect("the floor server starts");
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Does this with each connection, on a thread of its own.
fn fake(converse: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || converse(stream));
        }
    });
    address
}

/// Grants the session that the floor grants, too, takes a request, and dies.
fn dies(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    let mut granted = Vec::new();
    let response = ConnectResponse {
        protocol_version: 0,
        timeout_ms: 30_000,
        session: SessionId(1),
        password: &[7; 16],
        read_only: Some(false),
    };
    response.encode_frame(&mut granted).expect("short");
    // The client sees an end in any case.
    let _ = stream.read(&mut buffer);
    let _ = stream.write_all(&granted);
    let _ = stream.read(&mut buffer);
}

#[test]
fn a_server_that_is_down_is_left_for_the_next() {
    let down = SocketAddr::from(([127, 0, 0, 1], free_port().expect("a free port")));
    let (once, sessions) = ride(vec![down, floor()]);
    assert_eq!(once.lost, [], "who was not attached has lost nothing");
    assert_eq!(sessions, [1; 4]);
}

#[test]
fn a_server_that_says_nothing_is_left_when_its_time_is_over() {
    let mute = fake(|mut stream| while stream.read(&mut [0; 64]).is_ok_and(|count| 0 < count) {});
    let (once, _) = ride(vec![mute, floor()]);
    assert_eq!(once.lost, []);
}

#[test]
fn a_session_outlives_its_server_and_what_it_had_asked_is_told() {
    let (mut once, sessions) = ride(vec![fake(dies), floor()]);
    once.lost.sort_unstable();
    // Every other one had that server; each had one request under way.
    assert_eq!(once.lost, [(0, 1), (2, 1)]);
    assert_eq!(sessions, [1; 4]);
}
