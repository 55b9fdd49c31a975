//! Servers that speak with each other over real sockets, and others that only pretend to.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use zoa_ensemble::Founders;
use zoa_ensemble::HelloState;
use zoa_ensemble::Purpose;
use zoa_ensemble::Versions;
use zoa_ensemble::limits::FRAME_LEN_MAX;
use zoa_ensemble::limits::HELLO_LEN_MAX;
use zoa_log::ClusterId;
use zoa_log::LogIndex;
use zoa_raft::Members;
use zoa_tls::ClientAuth;
use zoa_tls::testing::Authority;

use super::*;
use crate::limits::GREETING_TIME;
use crate::limits::GREETINGS_MAX;
use crate::limits::GREETINGS_PER_ADDRESS_MAX;
use crate::limits::LONG_FRAMES_OF_STRANGERS_MAX;
use crate::limits::PEER_QUEUE_LEN_MAX;
use crate::limits::PEER_UNREAD_LEN_MAX;
use crate::limits::SNAPSHOT_TRIES;
use crate::limits::STRANGER_FRAME_LEN_MAX;
use crate::peers::framing::FrameReader;
use crate::peers::incoming::Bounds;
use crate::peers::incoming::Standing;
use crate::peers::stream::PeerStream;
use crate::server::PeerTls;
use crate::time;
use crate::tls::TlsFiles;

const PATIENCE: Duration = Duration::from_secs(20);

fn identity(me: u8, cluster: u8) -> Identity {
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

/// A server as far as its connections go.
struct Node {
    me: PeerId,
    peers: Peers,
    events: Receiver<PeerEvent>,
}

impl Node {
    fn start(me: u8, cluster: u8, port: u16) -> Self {
        Self::secured(me, cluster, port, Arc::new(Plain))
    }

    /// With a certificate of this authority for `localhost`.
    fn certified(me: u8, authority: &Authority) -> Self {
        Self::secured(me, 9, 0, Arc::new(Tls::new(&tls(me, authority)).unwrap()))
    }

    fn secured(me: u8, cluster: u8, port: u16, security: Arc<dyn Security>) -> Self {
        let names = Arc::new(SystemNames);
        Self::begin(me, cluster, ("127.0.0.1", port), (names, security))
    }

    fn begin(
        me: u8,
        cluster: u8,
        (host, port): (&str, u16),
        (names, security): (Arc<dyn Names>, Arc<dyn Security>),
    ) -> Self {
        let (sender, events) = mpsc::channel();
        let listen = PeerAddress {
            host: host.to_owned(),
            port,
        };
        let peers = Peers::start(PeerOptions {
            names,
            listen: vec![listen],
            listen_on_all: false,
            silence_max: Duration::from_secs(10),
            security,
            sink: Arc::new(move |event| drop(sender.send(event))),
            take_in: Arc::new(|_, _, _| Ok(())),
        })
        .unwrap();
        peers.be(identity(me, cluster));
        let me = PeerId(me);
        Self { me, peers, events }
    }

    fn place(&self) -> PeerAddress {
        PeerAddress {
            host: "localhost".to_owned(),
            port: self.peers.listens_on()[0].port(),
        }
    }

    fn reach(&mut self, other: &Self) {
        self.peers.reach(vec![(other.me, vec![other.place()])]);
    }

    fn next(&self) -> PeerEvent {
        self.events
            .recv_timeout(PATIENCE)
            .expect("something happens")
    }

    fn up(&self) -> (LinkId, PeerId, Line) {
        match self.next() {
            PeerEvent::Up {
                link, hello, line, ..
            } => (link, hello.me, line),
            other => panic!("{other:?}"),
        }
    }

    fn down(&self, expected: LinkId) {
        match self.next() {
            PeerEvent::Down { link } => assert_eq!(link, expected),
            other => panic!("{other:?}"),
        }
    }

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
}

/// What a server shows that has a certificate of this authority for `localhost`.
fn tls(me: u8, authority: &Authority) -> PeerTls {
    PeerTls {
        files: TlsFiles {
            key_store: authority.issue(&format!("server{me}"), &["localhost"]),
            trust_store: Some(authority.certificate()),
            client_auth: ClientAuth::Need,
        },
        checks_names: true,
        checks_client_names: true,
    }
}

fn outgoing(line: Line) -> Outgoing {
    match line {
        Line::Out(outgoing) => outgoing,
        Line::In(_) => panic!("the link leads here"),
    }
}

#[test]
fn frames_arrive_whole_and_in_order_and_the_end_is_told_at_once() {
    let mut one = Node::start(1, 9, 0);
    let two = Node::start(2, 9, 0);
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
        some.iter().for_each(|frame| line.push(frame.clone()));
        line.flush();
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

#[test]
fn servers_with_certificates_of_one_authority_speak_and_frames_arrive_whole() {
    let authority = Authority::new();
    let mut one = Node::certified(1, &authority);
    let two = Node::certified(2, &authority);
    one.reach(&two);
    let (_, peer, line) = one.up();
    assert_eq!((peer, two.up().1), (PeerId(2), PeerId(1)));
    let line = outgoing(line);
    let sent: Vec<Bytes> = (1..200_usize)
        .map(|len| Bytes::from(vec![7; len * 999]))
        .collect();
    sent.iter().for_each(|frame| line.push(frame.clone()));
    line.flush();
    assert!(two.frames(sent.len()) == sent);
}

#[test]
fn nobody_without_a_certificate_of_the_authority_is_heard_or_spoken_to() {
    let (authority, other) = (Authority::new(), Authority::new());
    let certified = Node::certified(1, &authority);
    for mut stranger in [Node::start(2, 9, 0), Node::certified(3, &other)] {
        stranger.reach(&certified);
        // Not even a word on why.
        let heard = stranger.events.recv_timeout(Duration::from_millis(700));
        assert!(heard.is_err(), "{heard:?}");
    }
    let mut certified = certified;
    let stranger = Node::start(4, 9, 0);
    certified.reach(&stranger);
    let heard = certified.events.recv_timeout(Duration::from_millis(700));
    assert!(heard.is_err(), "{heard:?}");
}

/// Any server of the ensemble has a certificate of its authority; it must not speak as another one.
#[test]
fn a_certificate_lets_its_server_speak_only_as_the_one_whose_host_it_is_for() {
    let authority = Authority::new();
    let mut two = Node::certified(2, &authority);
    let known_as = |host: &str| {
        let place = PeerAddress {
            host: host.to_owned(),
            port: 1,
        };
        vec![(PeerId(1), vec![place])]
    };
    two.peers.reach(known_as("zk1.invalid"));
    let mut one = Node::certified(1, &authority);
    one.reach(&two);
    match one.next() {
        PeerEvent::Refused { peer, refusal } => {
            assert_eq!((peer, refusal), (PeerId(2), HelloRefusal::OtherHost));
        }
        other => panic!("{other:?}"),
    }
    let told = two.peers.context.told.lock().get(&PeerId(1)).cloned();
    let told = told.expect("the log says why");
    assert!(
        told.contains("a certificate for zk1.invalid was expected"),
        "{told}"
    );
    assert!(told.contains("localhost"), "{told}");
    assert!(two.events.try_recv().is_err(), "it was heard");
    // It is for one of its hosts now.
    two.peers.reach(known_as("localhost"));
    assert_eq!(two.up().1, PeerId(1));
}

#[test]
fn names_are_not_looked_at_when_client_hostname_verification_is_off() {
    let authority = Authority::new();
    let lenient = PeerTls {
        checks_client_names: false,
        ..tls(2, &authority)
    };
    let mut two = Node::secured(2, 9, 0, Arc::new(Tls::new(&lenient).unwrap()));
    let place = PeerAddress {
        host: "zk1.invalid".to_owned(),
        port: 1,
    };
    two.peers.reach(vec![(PeerId(1), vec![place])]);
    let mut one = Node::certified(1, &authority);
    one.reach(&two);
    assert_eq!(two.up().1, PeerId(1));
}

/// Its own line says who it is only while nothing else does.
#[test]
fn a_server_of_zoo_cfg_is_not_known_by_its_own_line() {
    let options = PeerOptions {
        listen: Vec::new(),
        listen_on_all: false,
        silence_max: PATIENCE,
        names: Arc::new(SystemNames),
        security: Arc::new(Plain),
        sink: Arc::new(drop),
        take_in: Arc::new(|_, _, _| Ok(())),
    };
    let context = Context::new(options);
    let mut own = identity(2, 9);
    own.founders.participants = vec![PeerId(1), PeerId(2)];
    *context.identity.lock() = Some(Arc::new(own));
    let hosts_of = |me: u8| context.hosts_of(&identity(me, 9).hello(PeerId(2), Purpose::Messages));
    assert!(
        hosts_of(1).is_empty(),
        "where it is dialed is not known yet"
    );
    assert_eq!(hosts_of(7), ["localhost"]);
    let known = HashMap::from([(PeerId(1), vec!["zk1.example".to_owned()])]);
    *context.hosts.lock() = Some(known);
    assert_eq!(hosts_of(1), ["zk1.example"]);
    assert_eq!(hosts_of(7), ["localhost"]);
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
    let mut one = Node::begin(1, 9, ("127.0.0.1", 0), (names, Arc::new(Plain)));
    let place = PeerAddress {
        host: "zk2.example".to_owned(),
        port: 2888,
    };
    one.peers.reach(vec![(PeerId(2), vec![place])]);
    let early = one.events.recv_timeout(Duration::from_millis(200));
    assert!(
        early.is_err(),
        "a name without an address is a peer that is down"
    );
    for host in ["127.0.0.1", "127.0.0.2"] {
        let security = Arc::new(Plain);
        let two = Node::begin(2, 9, (host, 0), (Arc::new(SystemNames), security));
        let at = two.peers.listens_on()[0];
        book.0.lock().insert("zk2.example".to_owned(), at);
        let (link, peer, _) = one.up();
        assert_eq!(peer, PeerId(2), "{host}");
        two.peers.stop();
        one.down(link);
    }
}

#[test]
fn a_peer_that_comes_back_is_found_again() {
    let mut one = Node::start(1, 9, 0);
    let two = Node::start(2, 9, 0);
    let port = two.place().port;
    one.reach(&two);
    let (link, ..) = one.up();
    two.peers.stop();
    one.down(link);
    let two = Node::start(2, 9, port);
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
    let mut one = Node::start(1, 9, 0);
    let place = PeerAddress {
        host: "127.0.0.1".to_owned(),
        port: free.port(),
    };
    one.peers.reach(vec![(PeerId(2), vec![place])]);
    time::pause(Duration::from_millis(1_300));
    let mut two = Node::start(2, 9, free.port());
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

#[test]
fn a_server_of_another_cluster_is_refused_on_both_sides() {
    let mut one = Node::start(1, 9, 0);
    let two = Node::start(2, 8, 0);
    one.reach(&two);
    match one.next() {
        PeerEvent::Refused { peer, refusal } => {
            assert_eq!((peer, refusal), (PeerId(2), HelloRefusal::OtherCluster));
        }
        other => panic!("{other:?}"),
    }
    assert!(two.events.try_recv().is_err());
}

#[test]
fn a_server_that_is_not_the_one_it_was_taken_for_is_refused() {
    let mut one = Node::start(1, 9, 0);
    let two = Node::start(2, 9, 0);
    one.peers.reach(vec![(PeerId(3), vec![two.place()])]);
    match one.next() {
        PeerEvent::Refused { peer, refusal } => {
            assert_eq!(
                (peer, refusal),
                (PeerId(3), HelloRefusal::NotMe { me: PeerId(2) })
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(two.events.try_recv().is_err());
}

#[test]
fn hostile_bytes_go_nowhere_and_harm_no_one() {
    let mut two = Node::start(2, 9, 0);
    let address = two.peers.listens_on()[0];
    let hello = identity(1, 9).hello(PeerId(2), Purpose::Messages).encode();
    let mut greeting = framing::head(&hello).to_vec();
    greeting.extend_from_slice(&hello);
    let mut damaged = greeting.clone();
    damaged[20] ^= 1;
    let mut endless = vec![0, 0, 0xff, 0xff];
    endless.resize(100_000, 7);
    let words: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0; 64],
        &[0xff; 64],
        &damaged,
        &endless,
    ];
    for bytes in words {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may be cut off while it still talks.
        drop(socket.write_all(bytes));
        let mut answer = Vec::new();
        drop(socket.read_to_end(&mut answer));
        assert!(answer.len() <= 2 * HELLO_LEN_MAX);
    }
    assert!(
        two.events.try_recv().is_err(),
        "none of it was taken for a peer"
    );
    let mut one = Node::start(1, 9, 0);
    one.reach(&two);
    two.reach(&one);
    assert_eq!(one.up().1, PeerId(2));
    assert_eq!(two.up().1, PeerId(1));
}

/// Its frames are whole, its hello is not that of a member: nobody hears the frame behind it.
#[test]
fn who_is_not_judged_to_be_a_peer_is_never_heard() {
    let two = Node::start(2, 9, 0);
    let right = identity(1, 9).hello(PeerId(2), Purpose::Messages).encode();
    let judges = identity(2, 9);
    let is_taken = |bytes: &[u8]| {
        let hello = Hello::decode(bytes);
        hello.is_ok_and(|hello| zoa_ensemble::judge(&judges, &hello).is_ok())
    };
    assert!(is_taken(&right));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).expect("it is small") % below
    };
    let mut refused = 0;
    while refused < 200 {
        let mut hello = right.clone();
        for _ in 0..=random(3) {
            let at = random(hello.len());
            hello[at] ^= u8::try_from(1 + random(255)).expect("it is one byte");
        }
        if is_taken(&hello) {
            continue;
        }
        refused += 1;
        let mut socket = TcpStream::connect(two.peers.listens_on()[0]).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        for frame in [&hello[..], &zoa_ensemble::encode_answer(Ok(())), b"heard"] {
            drop(socket.write_all(&framing::head(frame)));
            drop(socket.write_all(frame));
        }
        drop(socket.read_to_end(&mut Vec::new()));
    }
    let heard = two.events.try_recv();
    assert!(heard.is_err(), "{heard:?}");
}

#[test]
fn a_greeted_peer_that_sends_damage_is_cut_off() {
    let two = Node::start(2, 9, 0);
    let mut socket = TcpStream::connect(two.peers.listens_on()[0]).unwrap();
    let mut say = |frame: &[u8]| {
        socket.write_all(&framing::head(frame)).unwrap();
        socket.write_all(frame).unwrap();
    };
    say(&identity(1, 9).hello(PeerId(2), Purpose::Messages).encode());
    say(&zoa_ensemble::encode_answer(Ok(())));
    say(b"a good frame");
    let (link, ..) = two.up();
    assert_eq!(two.frames(1), [&b"a good frame"[..]]);
    socket.write_all(&[0, 0, 0, 1, 9, 9, 9, 9, 9]).unwrap();
    two.down(link);
}

/// Connects from an address of this machine.
fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let connecting = async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        socket.connect(to).await?.into_std()
    };
    let socket = runtime.block_on(connecting).unwrap();
    socket.set_nonblocking(false).unwrap();
    let patience = Duration::from_millis(300);
    socket.set_read_timeout(Some(patience)).unwrap();
    socket
}

fn is_closed(mut socket: &TcpStream) -> bool {
    matches!(socket.read(&mut [0]), Ok(0))
}

#[test]
fn no_more_than_greetings_max_strangers_are_listened_to() {
    let two = Node::start(2, 9, 0);
    let address = two.peers.listens_on()[0];
    let connect = |number: usize| {
        let last = 1 + number / GREETINGS_PER_ADDRESS_MAX;
        connect_from([127, 0, 0, u8::try_from(last).unwrap()], address)
    };
    let silent: Vec<TcpStream> = (0..GREETINGS_MAX).map(connect).collect();
    let one_more = connect(GREETINGS_MAX);
    assert!(is_closed(&one_more), "there is no room for one more");
    assert!(!is_closed(&silent[0]), "the others have their time");
}

#[test]
fn who_fills_the_place_of_one_address_keeps_nobody_else_out() {
    let mut two = Node::start(2, 9, 0);
    let address = two.peers.listens_on()[0];
    let silent: Vec<TcpStream> = (0..GREETINGS_MAX)
        .map(|_| connect_from([127, 0, 0, 2], address))
        .collect();
    let open = silent.iter().filter(|socket| !is_closed(socket)).count();
    assert!(open <= GREETINGS_PER_ADDRESS_MAX, "{open}");
    let mut one = Node::start(1, 9, 0);
    one.reach(&two);
    two.reach(&one);
    assert_eq!((one.up().1, two.up().1), (PeerId(2), PeerId(1)));
}

/// A connection that greets as this server does, and may then say what it likes.
fn greeted_as(identity: &Identity, node: &Node, purpose: Purpose) -> TcpStream {
    let mut socket = TcpStream::connect(node.peers.listens_on()[0]).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
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

/// Anybody can say that it is an empty server, and is accepted as one.
#[test]
fn a_server_without_data_is_heard_up_to_stranger_frame_len_max() {
    let two = Node::start(2, 9, 0);
    let mut empty = identity(9, 9);
    empty.state = HelloState::Empty;
    let mut socket = greeted_as(&empty, &two, Purpose::Messages);
    let (link, ..) = two.up();
    say(&mut socket, &vec![7; STRANGER_FRAME_LEN_MAX]);
    assert_eq!(two.frames(1)[0].len(), STRANGER_FRAME_LEN_MAX);
    say(&mut socket, &vec![7; STRANGER_FRAME_LEN_MAX + 1]);
    two.down(link);
}

/// The id of the cluster is no secret: it stands in every hello.
#[test]
fn silence_on_connections_for_snapshots_keeps_no_snapshot_from_arriving() {
    let two = Node::start(2, 9, 0);
    let folder = Folder::new("arriving");
    two.peers.use_snapshots(folder.store());
    let silent: Vec<TcpStream> = (0..3)
        .map(|_| greeted_as(&identity(3, 9), &two, Purpose::Snapshot))
        .collect();
    let mut one = Node::start(1, 9, 0);
    let from = Folder::new("sending");
    let mut writer = from
        .store()
        .begin(SnapshotMeta {
            index: LogIndex(7),
            term: 3,
            zxid: 1,
            extra: Vec::new(),
        })
        .unwrap();
    writer.write(&[7; 1000]).unwrap();
    writer.finish().unwrap();
    one.peers.use_snapshots(from.store());
    one.reach(&two);
    assert_eq!(one.up().1, PeerId(2));
    let mut message = vec![1, 9];
    for number in [NodeId::founding(PeerId(1)).raft(), 2, 5, 7, 3] {
        message.extend_from_slice(&number.to_be_bytes());
    }
    let begun = time::Stopwatch::start();
    let node = NodeId::founding(PeerId(2));
    one.peers.send_snapshot(node, LogIndex(7), message.into());
    match one.next() {
        PeerEvent::SnapshotSent { delivered, .. } => assert!(delivered),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < GREETING_TIME);
    drop(silent);
}

/// A folder for snapshots that goes away with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(what: &str) -> Self {
        let name = format!("zoa-peers-{what}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn store(&self) -> SnapshotStore<RealDisk> {
        let disk = RealDisk::open_buffered(&self.0).unwrap();
        SnapshotStore::open(disk, ClusterId([9; 16])).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn bounds_of(standing: Standing) -> Bounds<impl Fn() -> Standing> {
    Bounds {
        standing: move || standing,
        long_frames: Arc::new(Semaphore::new(LONG_FRAMES_OF_STRANGERS_MAX)),
    }
}

fn pipe() -> (PeerStream, PeerStream) {
    let (one, other) = tokio::io::duplex(64 << 10);
    (Box::new(one), Box::new(other))
}

#[tokio::test(start_paused = true)]
async fn who_does_not_say_who_it_is_within_greeting_time_is_left() {
    let (_silent, mut ours) = pipe();
    let begun = tokio::time::Instant::now();
    let fault = greeting::answer(&mut ours, &identity(2, 9), |_| Ok(()))
        .await
        .unwrap_err();
    assert!(fault.to_string().contains("in time"), "{fault}");
    assert_eq!(begun.elapsed(), GREETING_TIME);
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_for_too_long_is_taken_for_dead_and_signs_of_life_are_no_silence() {
    let (mut theirs, ours) = pipe();
    let silence = Duration::from_millis(2_000);
    let bounds = bounds_of(Standing::Member);
    let reading = incoming::read(ours, FrameReader::new(100), silence, bounds, |_| {
        panic!("a sign of life is not handed on")
    });
    let talking = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            theirs
                .write_all(&framing::head(incoming::ALIVE))
                .await
                .unwrap();
            theirs.write_all(incoming::ALIVE).await.unwrap();
        }
        tokio::time::Instant::now()
    };
    let (ending, last) = tokio::join!(reading, talking);
    assert!(ending.contains("not a word"), "{ending}");
    assert_eq!(last.elapsed(), silence);
}

/// How much of 64 MiB in frames of `len` bytes is read while nothing of it is dealt with; then all of it is.
async fn unread_of(standing: Standing, len: usize) -> usize {
    let (mut theirs, ours) = pipe();
    let (sender, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let reading = incoming::read(
        ours,
        FrameReader::new(FRAME_LEN_MAX),
        PATIENCE,
        bounds_of(standing),
        move |frames| drop(sender.send(frames)),
    );
    let frame = vec![7; len];
    let talking = async {
        for _ in 0..(64 << 20) / len {
            theirs.write_all(&framing::head(&frame)).await.unwrap();
            theirs.write_all(&frame).await.unwrap();
        }
        drop(theirs);
    };
    let dealing = async {
        let mut held = Vec::new();
        // Nothing is let go of: the stream comes to a halt.
        while let Ok(some) = tokio::time::timeout(Duration::from_millis(500), waiting.recv()).await
        {
            held.push(some.unwrap());
        }
        let len_of = |some: &Frames| some.frames.iter().map(Bytes::len).sum::<usize>();
        let unread = held.iter().map(len_of).sum();
        held.clear();
        let mut all = unread;
        while let Some(some) = waiting.recv().await {
            all += len_of(&some);
        }
        assert_eq!(all, 64 << 20);
        unread
    };
    let reading = tokio::time::timeout(PATIENCE, reading);
    let (ending, (), unread) = tokio::join!(reading, talking, dealing);
    assert!(ending.unwrap().contains("closed"));
    unread
}

#[tokio::test]
async fn no_more_is_read_while_peer_unread_len_max_is_not_dealt_with() {
    let unread = unread_of(Standing::Member, 1 << 20).await;
    assert!(unread <= PEER_UNREAD_LEN_MAX, "{unread}");
    assert!(unread > PEER_UNREAD_LEN_MAX / 2, "{unread}");
}

#[tokio::test]
async fn no_more_is_read_of_a_stranger_while_stranger_frame_len_max_is_not_dealt_with() {
    for standing in [Standing::Outside, Standing::Unknown] {
        let unread = unread_of(standing, STRANGER_FRAME_LEN_MAX / 4).await;
        assert!(unread <= STRANGER_FRAME_LEN_MAX, "{standing:?}: {unread}");
    }
    // Long ones are read one by one, and all of them, while they are dealt with.
    assert!(unread_of(Standing::Unknown, 1 << 20).await <= 1 << 20);
}

#[tokio::test]
async fn no_more_than_long_frames_of_strangers_max_are_under_way() {
    let bounds = bounds_of(Standing::Unknown);
    let (sender, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..=LONG_FRAMES_OF_STRANGERS_MAX {
        let (mut their, ours) = pipe();
        let sender = sender.clone();
        let bounds = Bounds {
            standing: || Standing::Unknown,
            long_frames: Arc::clone(&bounds.long_frames),
        };
        let give = move |frames| drop(sender.send(frames));
        let frames = FrameReader::new(HELLO_LEN_MAX);
        tasks.spawn(async move {
            incoming::read(ours, frames, PATIENCE, bounds, give).await;
        });
        tasks.spawn(async move {
            let frame = vec![7; STRANGER_FRAME_LEN_MAX + 1];
            their.write_all(&framing::head(&frame)).await.unwrap();
            their.write_all(&frame).await.unwrap();
            // It stays open.
            std::future::pending().await
        });
    }
    let mut held = Vec::new();
    while let Ok(some) = tokio::time::timeout(Duration::from_millis(300), waiting.recv()).await {
        held.push(some.unwrap());
    }
    assert_eq!(held.len(), LONG_FRAMES_OF_STRANGERS_MAX);
    held.pop();
    let next = tokio::time::timeout(PATIENCE, waiting.recv()).await;
    assert!(next.unwrap().is_some());
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_cut_off_at_peer_queue_len_max() {
    let (theirs, ours) = pipe();
    let line = Outgoing::new(ours);
    let task = {
        let line = line.clone();
        std::future::poll_fn(move |context| line.poll(context))
    };
    let filling = async {
        tokio::task::yield_now().await;
        let frame = Bytes::from(vec![7; 1 << 20]);
        for _ in 0..(PEER_QUEUE_LEN_MAX >> 20) + 2 {
            line.push(frame.clone());
            line.flush();
        }
    };
    let (ending, ()) = tokio::join!(task, filling);
    assert!(ending.contains("takes none"), "{ending}");
    drop(theirs);
}

/// Takes every byte at once, and lets go of them only when it is flushed for the second time: as TLS does on a socket that is full.
#[derive(Default)]
struct Holding {
    flushed: Arc<std::sync::atomic::AtomicUsize>,
}

impl tokio::io::AsyncRead for Holding {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

impl tokio::io::AsyncWrite for Holding {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.flushed.fetch_add(1, Ordering::Relaxed) > 0 {
            return Poll::Ready(Ok(()));
        }
        // There is room again at once.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_a_stream_could_not_let_go_of_is_flushed_when_it_can() {
    let holding = Holding::default();
    let flushed = Arc::clone(&holding.flushed);
    let line = Outgoing::new(Box::new(holding));
    line.push(Bytes::from_static(b"the last frame of a burst"));
    let carrying = std::future::poll_fn(|context| line.poll(context));
    let carried = tokio::time::timeout(Duration::from_millis(100), carrying).await;
    assert!(carried.is_err(), "{carried:?}");
    assert!(flushed.load(Ordering::Relaxed) > 1);
}

#[tokio::test]
async fn a_peer_that_talks_where_it_should_listen_is_cut_off() {
    let (mut theirs, ours) = pipe();
    let line = Outgoing::new(ours);
    theirs.write_all(b"x").await.unwrap();
    let ending = std::future::poll_fn(|context| line.poll(context)).await;
    assert!(ending.contains("should listen"), "{ending}");
}

#[test]
fn a_snapshot_that_cannot_be_sent_is_tried_snapshot_tries_times() {
    let mut one = Node::start(1, 9, 0);
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = PeerAddress {
        host: "127.0.0.1".to_owned(),
        port: closing.local_addr().unwrap().port(),
    };
    let folder = Folder::new("tries");
    one.peers.use_snapshots(folder.store());
    let (sender, tried) = mpsc::channel();
    thread::spawn(move || {
        for socket in closing.incoming() {
            // Whoever comes says who it is first; for which purpose stands in it.
            let mut hello = vec![0; framing::HEAD_LEN];
            let mut socket = socket.unwrap();
            socket.read_exact(&mut hello).unwrap();
            let len = u32::from_be_bytes([hello[0], hello[1], hello[2], hello[3]]);
            hello.resize(len as usize, 0);
            socket.read_exact(&mut hello).unwrap();
            let hello = Hello::decode(&hello).unwrap();
            if hello.purpose == Purpose::Snapshot && sender.send(()).is_err() {
                return;
            }
        }
    });
    one.peers.reach(vec![(PeerId(2), vec![place])]);
    let node = NodeId::founding(PeerId(2));
    one.peers.send_snapshot(node, LogIndex(5), Bytes::new());
    match one.next() {
        PeerEvent::SnapshotSent {
            node: found,
            delivered,
        } => assert_eq!((found, delivered), (node, false)),
        other => panic!("{other:?}"),
    }
    assert_eq!(tried.try_iter().count(), SNAPSHOT_TRIES);
    drop(one);
}
