//! Servers that speak with each other over real sockets, and others that only pretend to.
//!
//! Here is what the tests of all matters share: a [`Node`], which is a server as far as its connections go, and sockets that say what a
//! test likes. What the ensemble does with what it hears is not tested here.

mod certificates;
mod links;
mod reading;
mod sending;
mod snapshots;
mod strangers;

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bytes::Bytes;
use zoa_ensemble::Founders;
use zoa_ensemble::HelloState;
use zoa_ensemble::Purpose;
use zoa_ensemble::Versions;
use zoa_log::ClusterId;
use zoa_raft::Members;

use super::*;
use crate::peers::stream::PeerStream;

const PATIENCE: Duration = Duration::from_secs(20);

/// The cluster of every server of which a test says no other.
const CLUSTER: u8 = 9;

/// Who a server of that cluster is.
fn identity(me: u8) -> Identity {
    identity_in(CLUSTER, me)
}

fn identity_in(cluster: u8, me: u8) -> Identity {
    Identity {
        me: PeerId(me),
        state: HelloState::Member {
            cluster: ClusterId([cluster; 16]),
            node: NodeId::founding(PeerId(me)),
            members_index: 1,
        },
        founders: Founders::default(),
        initialize: false,
        line: "localhost:2888:3888".to_owned(),
        members: Members::of_voters([1, 2, 3]),
        versions: Versions::THIS,
        semantics: Versions::FIRST.semantics,
        epoch: 1,
    }
}

fn place(host: &str, port: u16) -> PeerAddress {
    PeerAddress {
        host: host.to_owned(),
        port,
    }
}

/// What a server is told of itself.
struct Given {
    cluster: u8,
    host: &'static str,
    port: u16,
    names: Arc<dyn Names>,
    security: Arc<dyn Security>,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            cluster: CLUSTER,
            host: "127.0.0.1",
            port: 0,
            names: Arc::new(SystemNames),
            security: Arc::new(Plain),
        }
    }
}

impl Given {
    fn options(self, sink: Sink) -> PeerOptions {
        PeerOptions {
            names: self.names,
            listen: vec![place(self.host, self.port)],
            listen_on_all: false,
            silence_max: Duration::from_secs(10),
            security: self.security,
            sink,
            take_in: Arc::new(|_, _, _| Ok(())),
        }
    }
}

/// A server as far as its connections go.
struct Node {
    me: PeerId,
    peers: Peers,
    events: Receiver<PeerEvent>,
}

impl Node {
    fn start(me: u8) -> Self {
        Self::given(me, Given::default())
    }

    fn given(me: u8, given: Given) -> Self {
        let identity = identity_in(given.cluster, me);
        let (sender, events) = mpsc::channel();
        let options = given.options(Arc::new(move |event| drop(sender.send(event))));
        let peers = Peers::start(options).unwrap();
        peers.be(identity);
        let me = PeerId(me);
        Self { me, peers, events }
    }

    fn address(&self) -> SocketAddr {
        self.peers.listens_on()[0]
    }

    fn place(&self) -> PeerAddress {
        place("localhost", self.address().port())
    }

    fn reach(&mut self, other: &Self) {
        self.reach_at(other.me, other.place());
    }

    /// Takes whoever is at this place for that peer.
    fn reach_at(&mut self, peer: PeerId, place: PeerAddress) {
        self.peers.reach(vec![(peer, vec![place])]);
    }

    #[track_caller]
    fn next(&self) -> PeerEvent {
        self.events
            .recv_timeout(PATIENCE)
            .expect("something happens")
    }

    #[track_caller]
    fn up(&self) -> (LinkId, PeerId, Line) {
        match self.next() {
            PeerEvent::Up {
                link, hello, line, ..
            } => (link, hello.me, line),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn down(&self, expected: LinkId) {
        match self.next() {
            PeerEvent::Down { link } => assert_eq!(link, expected),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn refused(&self) -> (PeerId, HelloRefusal) {
        match self.next() {
            PeerEvent::Refused { peer, refusal } => (peer, refusal),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn snapshot_sent(&self) -> (NodeId, bool) {
        match self.next() {
            PeerEvent::SnapshotSent { node, delivered } => (node, delivered),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn frames(&self, count: usize) -> Vec<Bytes> {
        let mut found = Vec::new();
        while found.len() < count {
            match self.next() {
                PeerEvent::Received { frames, .. } => found.extend(frames.frames),
                other => panic!("{other:?}"),
            }
        }
        found
    }

    #[track_caller]
    fn assert_heard_nothing(&self) {
        let heard = self.events.try_recv();
        assert!(heard.is_err(), "{heard:?}");
    }

    #[track_caller]
    fn assert_hears_nothing_for(&self, time: Duration) {
        let heard = self.events.recv_timeout(time);
        assert!(heard.is_err(), "{heard:?}");
    }
}

fn outgoing(line: Line) -> Outgoing {
    match line {
        Line::Out(outgoing) => outgoing,
        Line::In(_) => panic!("the link leads here"),
    }
}

fn send(line: &Outgoing, frames: &[Bytes]) {
    frames.iter().for_each(|frame| line.push(frame.clone()));
    line.flush();
}

/// A connection to this server that may say what it likes.
fn connect(node: &Node) -> TcpStream {
    let socket = TcpStream::connect(node.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// One that greets as this server does first.
fn greeted_as(identity: &Identity, node: &Node, purpose: Purpose) -> TcpStream {
    let mut socket = connect(node);
    let hello = identity.hello(node.me, purpose).encode();
    say(&mut socket, &hello);
    say(&mut socket, &zoa_ensemble::encode_answer(Ok(())));
    socket
}

fn say(socket: &mut TcpStream, frame: &[u8]) {
    // It may be cut off while it still talks.
    drop(socket.write_all(&framing::head(frame)));
    drop(socket.write_all(frame));
}

/// The two ends of a connection that is no socket.
fn pipe() -> (PeerStream, PeerStream) {
    let (one, other) = tokio::io::duplex(64 << 10);
    (Box::new(one), Box::new(other))
}
