//! Links come to be, carry frames, end, and come to be again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use zoa_proto::PeerId;

use super::Given;
use super::Node;
use super::outgoing;
use super::place;
use super::send;
use crate::peers::Finding;
use crate::peers::Names;
use crate::peers::PeerEvent;
use crate::time;

#[test]
fn frames_arrive_whole_and_in_order_and_the_end_is_told_at_once() {
    let mut one = Node::start(1);
    let two = Node::start(2);
    one.reach(&two);
    let (out_link, peer, line) = one.up();
    assert_eq!(peer, PeerId(2));
    let (in_link, peer, _) = two.up();
    assert_eq!(peer, PeerId(1));
    let line = outgoing(line);
    let sent: Vec<Bytes> = (0..2_000_u32)
        .map(|number| Bytes::from(vec![(number % 251 + 1) as u8; 1 + number as usize * 7]))
        .collect();
    for some in sent.chunks(100) {
        send(&line, some);
    }
    assert!(two.frames(sent.len()) == sent);
    let begun = time::Stopwatch::start();
    two.peers.stop();
    one.down(out_link);
    assert!(begun.elapsed() < Duration::from_secs(2));
    // The other end's own word on it came before its thread ended, or never.
    assert!(
        two.events
            .try_iter()
            .all(|event| matches!(event, PeerEvent::Down { link } if link == in_link))
    );
}

/// Names of which a test says where they lead.
#[derive(Debug, Default)]
struct Book(Mutex<HashMap<String, SocketAddr>>);

impl Names for Book {
    fn find<'a>(&'a self, host: &'a str, _: u16) -> Finding<'a> {
        let found = self.0.lock().get(host).copied();
        let nobody = || std::io::Error::other("no such name");
        Box::pin(std::future::ready(
            found.map(|at| vec![at]).ok_or_else(nobody),
        ))
    }
}

/// A pod that is scheduled elsewhere has the same name and another address.
#[test]
fn a_peers_name_is_looked_up_at_each_try() {
    let book = Arc::new(Book::default());
    let names = Arc::clone(&book) as Arc<dyn Names>;
    let given = Given {
        names,
        ..Given::default()
    };
    let mut one = Node::given(1, given);
    one.reach_at(PeerId(2), place("zk2.example", 2888));
    // A name without an address is a peer that is down.
    one.assert_hears_nothing_for(Duration::from_millis(200));
    for host in ["127.0.0.1", "127.0.0.2"] {
        let given = Given {
            host,
            ..Given::default()
        };
        let two = Node::given(2, given);
        let address = two.address();
        book.0.lock().insert("zk2.example".to_owned(), address);
        let (link, peer, _) = one.up();
        assert_eq!(peer, PeerId(2), "{host}");
        two.peers.stop();
        one.down(link);
    }
}

fn at_port(port: u16) -> Given {
    Given {
        port,
        ..Given::default()
    }
}

#[test]
fn a_peer_that_comes_back_is_found_again() {
    let mut one = Node::start(1);
    let two = Node::start(2);
    let port = two.address().port();
    one.reach(&two);
    let (link, ..) = one.up();
    two.peers.stop();
    one.down(link);
    let two = Node::given(2, at_port(port));
    let (again, ..) = one.up();
    assert_ne!(again, link);
    drop(two);
}

#[test]
fn a_peer_that_turns_up_is_called_back_at_once() {
    // Nobody listens there at first, so that the pause grows to its longest.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut one = Node::start(1);
    one.reach_at(PeerId(2), place("127.0.0.1", free.port()));
    time::pause(Duration::from_millis(1_300));
    let mut two = Node::given(2, at_port(free.port()));
    let begun = time::Stopwatch::start();
    two.reach(&one);
    let (first, second) = (one.up(), one.up());
    assert!(
        begun.elapsed() < Duration::from_millis(600),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!((first.1, second.1), (PeerId(2), PeerId(2)));
}
