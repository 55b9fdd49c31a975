//! When a connection's task sleeps, and who wakes it: polled by hand, and only when its waker says so.

use std::net::Ipv4Addr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Wake;
use std::task::Waker;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::DuplexStream;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;
use zoa_core::Committed;
use zoa_core::ContainerRules;
use zoa_core::CoreConfig;
use zoa_core::Facts;
use zoa_core::Gauges;
use zoa_core::SessionRules;
use zoa_core::WordList;
use zoa_core::limits::OUTBOX_HIGH_WATER;
use zoa_proto::ConnectRequest;
use zoa_proto::PeerId;
use zoa_proto::ReplyHeader;
use zoa_proto::SessionId;
use zoa_proto::Zxid;
use zoa_proto::frame::FrameLimits;
use zoa_tree::HashKey;
use zoa_tree::Settings;
use zoa_tree::Tree;

use super::*;

/// Bytes of data of the znode that is read again and again.
const DATA_LEN: usize = 100_000;

/// Bytes of the answer to `envi`, at least.
const ENVIRONMENT_LEN: usize = 5_000;

/// Counts how often a task was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One connection whose replication is the test itself.
struct World {
    core: Arc<Core>,
    proposer: Proposer,
    line: Line<DuplexStream>,
    client: DuplexStream,
    wakes: Arc<Wakes>,
    runtime: Runtime,
    index: u64,
}

impl World {
    /// With a session. `room` is what the wire takes before it blocks, each way.
    fn new(room: usize) -> Self {
        let mut world = Self::dialled(room);
        world.attach();
        world
    }

    /// Without one.
    fn dialled(room: usize) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let core = Core::new(config(), Tree::new(HashKey([1, 2])), time::now());
        let proposer = Proposer::default();
        let (client, socket) = tokio::io::duplex(room);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let connection = core.accept(peer, time::now()).expect("it is taken on");
        let inside = runtime.enter();
        let driver = Driver::new(socket, connection, proposer.clone());
        drop(inside);
        Self {
            core,
            proposer,
            line: Line::new(driver),
            client,
            wakes: Arc::default(),
            runtime,
            index: 0,
        }
    }

    fn attach(&mut self) {
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 10_000,
            session: SessionId::NONE,
            password: &[],
            read_only: None,
        };
        let mut bytes = Vec::new();
        request.encode_frame(&mut bytes).expect("short");
        self.send(&bytes);
        assert_eq!(self.poll(), Poll::Pending);
        self.commit();
        self.poll_while_woken();
        self.receive();
    }

    fn send(&mut self, bytes: &[u8]) {
        let sent = self.client.write_all(bytes);
        self.runtime.block_on(sent).expect("there is room");
    }

    /// Everything that lies on the wire.
    fn receive(&mut self) -> usize {
        let mut received = 0;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = std::pin::pin!(self.client.read(&mut buffer));
            match read.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(len)) if len > 0 => received += len,
                _ => return received,
            }
        }
    }

    /// No more than `len` bytes of what lies on the wire.
    fn receive_some(&mut self, len: usize) -> usize {
        let mut buffer = vec![0; len];
        let read = std::pin::pin!(self.client.read(&mut buffer));
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(len)) => len,
            _ => 0,
        }
    }

    fn pass(&self, time: Duration) {
        self.runtime
            .block_on(async { tokio::time::sleep(time).await });
    }

    fn poll(&self) -> Poll<()> {
        let _inside = self.runtime.enter();
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.line.0.poll(&mut Context::from_waker(&waker))
    }

    /// As a runtime: polls as long as somebody asks for it; whether the connection is over.
    fn poll_while_woken(&self) -> bool {
        while self.wakes.0.swap(0, Ordering::Relaxed) > 0 {
            if self.poll().is_ready() {
                return true;
            }
        }
        false
    }

    fn commit(&mut self) {
        let mut committed = Vec::new();
        for bytes in self.proposer.take_all() {
            self.index += 1;
            let (term, index, is_change) = (1, self.index, false);
            committed.push(Committed {
                term,
                index,
                bytes,
                is_change,
            });
        }
        let applied = self.core.handle_committed(time::now(), &committed);
        applied.expect("the core reads what it wrote");
    }

    /// As the thread that applies does it: what is queued is written at once. How often the task was woken meanwhile.
    fn deliver(&mut self) -> usize {
        self.wakes.0.store(0, Ordering::Relaxed);
        deliver(|| self.commit());
        self.wakes.0.load(Ordering::Relaxed)
    }
}

fn config() -> CoreConfig {
    CoreConfig {
        server: PeerId(1),
        tick_ms: 1_000,
        session_timeout_ms_min: 2_000,
        session_timeout_ms_max: 20_000,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 0,
        settings: Settings::NONE,
        super_digest: None,
        words: WordList::All,
        facts: Facts {
            version: String::new(),
            built_on: String::new(),
            configuration: Vec::new(),
            environment: vec![("long".to_owned(), "n".repeat(ENVIRONMENT_LEN))],
            gauges: Box::new(Gauges::default),
        },
        sessions: SessionRules::default(),
        containers: ContainerRules::default(),
        hash_key: HashKey([3, 4]),
        first_connection: 1,
    }
}

fn frame(xid: i32, op: i32, body: &[u8]) -> Vec<u8> {
    let len = i32::try_from(body.len() + 8).expect("short");
    [
        &len.to_be_bytes()[..],
        &xid.to_be_bytes(),
        &op.to_be_bytes(),
        body,
    ]
    .concat()
}

/// `/a` with much data, open to everyone.
fn create_large() -> Vec<u8> {
    let data_len = i32::try_from(DATA_LEN).expect("short");
    let body = [
        b"\0\0\0\x02/a",
        &data_len.to_be_bytes()[..],
        &vec![7; DATA_LEN],
        b"\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone",
        &[0; 4],
    ];
    frame(1, 1, &body.concat())
}

fn get_large(xid: i32) -> Vec<u8> {
    frame(xid, 4, b"\0\0\0\x02/a\0")
}

#[test]
fn requests_behind_a_full_outbox_go_on_when_it_has_been_sent() {
    let count = 5 * OUTBOX_HIGH_WATER / DATA_LEN;
    let mut world = World::new(10 * OUTBOX_HIGH_WATER);
    world.send(&create_large());
    assert_eq!(world.poll(), Poll::Pending);
    world.commit();
    world.poll_while_woken();
    world.receive();
    let requests: Vec<u8> = (0..count).flat_map(|_| get_large(2)).collect();
    world.send(&requests);
    assert_eq!(world.poll(), Poll::Pending);
    world.poll_while_woken();
    let received = world.receive();
    assert!(
        received > count * DATA_LEN,
        "{received} bytes, and nobody wakes the task for the rest"
    );
}

/// `/a` with nothing in it.
fn create_small() -> Vec<u8> {
    frame(
        1,
        1,
        b"\0\0\0\x02/a\0\0\0\0\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone\0\0\0\0",
    )
}

#[test]
fn who_delivers_writes_and_wakes_nobody() {
    let mut world = World::new(1_000);
    world.send(&create_small());
    assert_eq!(world.poll(), Poll::Pending);
    assert_eq!(world.receive(), 0);
    assert_eq!(world.deliver(), 0);
    assert!(world.receive() > 0);
}

#[test]
fn who_delivers_to_too_many_leaves_the_rest_to_their_tasks() {
    let mut world = World::new(1_000);
    world.send(&create_small());
    assert_eq!(world.poll(), Poll::Pending);
    world.wakes.0.store(0, Ordering::Relaxed);
    deliver(|| {
        WRITES_LEFT.set(0);
        world.commit();
    });
    assert_eq!(world.receive(), 0);
    assert_eq!(world.wakes.0.load(Ordering::Relaxed), 1);
    world.poll_while_woken();
    assert!(world.receive() > 0);
}

#[test]
fn a_delivery_writes_for_no_more_than_writes_per_delivery_connections() {
    let world = World::new(1_000);
    world.poll_while_woken();
    let wakes_after = |count: usize| {
        deliver(|| (0..count).for_each(|_| Arc::clone(&world.line.0).wake()));
        world.wakes.0.swap(0, Ordering::Relaxed)
    };
    assert_eq!(wakes_after(WRITES_PER_DELIVERY), 0);
    assert_eq!(wakes_after(WRITES_PER_DELIVERY + 2), 2);
}

#[test]
fn a_delivery_gives_the_system_no_more_than_write_len_max_bytes_of_one_connection() {
    let mut world = World::new(10 * OUTBOX_HIGH_WATER);
    world.send(&create_large());
    let count = WRITE_LEN_MAX / DATA_LEN + 1;
    let reads: Vec<u8> = (0..count).flat_map(|_| get_large(2)).collect();
    world.send(&reads);
    assert_eq!(world.poll(), Poll::Pending);
    assert_eq!(world.deliver(), 1, "the task is to write the rest");
    assert_eq!(world.receive(), WRITE_LEN_MAX);
    world.poll_while_woken();
    assert!(WRITE_LEN_MAX + world.receive() > count * DATA_LEN);
}

#[test]
fn who_has_more_to_say_than_a_few_reads_lets_others_go_first() {
    const PING: &[u8] = b"\0\0\0\x08\xff\xff\xff\xfe\0\0\0\x0b";
    let mut world = World::new(10 * OUTBOX_HIGH_WATER);
    let in_a_poll = ROUNDS_PER_POLL * READ_LEN;
    let pings = PING.repeat(in_a_poll / PING.len() + READ_LEN);
    world.send(&pings);
    world.wakes.0.store(0, Ordering::Relaxed);
    let heard = |world: &World| world.core.stats().bytes_received.value();
    let before = heard(&world);
    assert_eq!(world.poll(), Poll::Pending);
    assert_eq!(heard(&world) - before, in_a_poll as u64);
    assert_eq!(world.wakes.0.load(Ordering::Relaxed), 1, "to go on");
}

#[test]
fn what_the_wire_does_not_take_at_once_is_written_by_the_task() {
    let mut world = World::new(DATA_LEN + DATA_LEN / 2);
    world.send(&create_large());
    // Answered with the write before them, by whoever applies that.
    let reads: Vec<u8> = (0..3).flat_map(|_| get_large(2)).collect();
    world.send(&reads);
    assert_eq!(world.poll(), Poll::Pending);
    world.deliver();
    let mut received = 0;
    loop {
        world.poll_while_woken();
        match world.receive() {
            0 => break,
            len => received += len,
        }
    }
    assert!(received > 3 * DATA_LEN, "{received}");
}

#[test]
fn a_request_that_waits_for_an_answer_goes_on_when_somebody_else_writes_it() {
    let mut world = World::new(1_000);
    // A list behind a write has to wait for it.
    world.send(&create_small());
    world.send(&frame(2, 8, b"\0\0\0\x02/a\0"));
    assert_eq!(world.poll(), Poll::Pending);
    assert_eq!(world.deliver(), 1);
    let before = world.receive();
    world.poll_while_woken();
    assert!(before > 0 && world.receive() > 0);
}

#[test]
fn a_connection_is_gone_with_its_task_whoever_could_still_wake_it() {
    let mut world = World::new(1_000);
    world.send(&create_small());
    assert_eq!(world.poll(), Poll::Pending);
    let shared = Arc::clone(&world.line.0);
    assert_eq!(world.core.connections_count(), 1);
    let World { line, core, .. } = world;
    drop(line);
    assert_eq!(core.connections_count(), 0);
    deliver(|| shared.wake());
}

#[test]
fn a_client_that_reads_slowly_gets_everything() {
    let count = 3 * OUTBOX_HIGH_WATER / DATA_LEN;
    let mut world = World::new(200_000);
    world.send(&create_large());
    assert_eq!(world.poll(), Poll::Pending);
    world.commit();
    world.poll_while_woken();
    world.receive();
    let requests: Vec<u8> = (0..count).flat_map(|_| get_large(2)).collect();
    world.send(&requests);
    assert_eq!(world.poll(), Poll::Pending);
    let mut received = 0;
    loop {
        world.poll_while_woken();
        match world.receive() {
            0 => break,
            len => received += len,
        }
    }
    assert!(received > count * DATA_LEN, "{received}");
}

#[test]
fn the_last_words_are_waited_for_but_not_for_long() {
    for reads in [true, false] {
        let mut world = World::dialled(1_000);
        world.send(b"envi");
        assert_eq!(world.poll(), Poll::Pending, "the wire is full");
        let mut received = 0;
        while reads && received < ENVIRONMENT_LEN {
            received += world.receive();
            if world.poll_while_woken() {
                break;
            }
        }
        if reads {
            received += world.receive();
            assert!(received > ENVIRONMENT_LEN, "{received}");
            continue;
        }
        assert_eq!(world.poll(), Poll::Pending, "it may still be read");
        world.pass(LINGER * 2);
        assert_eq!(world.poll(), Poll::Ready(()));
    }
}

#[test]
fn the_last_words_are_waited_for_as_long_as_they_are_read_within_bounds() {
    let mut world = World::dialled(1_000);
    world.send(b"envi");
    assert_eq!(world.poll(), Poll::Pending, "the wire is full");
    let mut received = 0;
    let reads_slowly = |world: &mut World, len| {
        world.pass(LINGER * 3 / 4);
        let some = world.receive_some(len);
        (some, world.poll_while_woken())
    };
    while received < ENVIRONMENT_LEN {
        let (some, is_over) = reads_slowly(&mut world, 1_000);
        received += some;
        assert!(!is_over, "cut after {received} bytes");
    }
    let mut world = World::dialled(1_000);
    world.send(b"envi");
    assert_eq!(world.poll(), Poll::Pending, "the wire is full");
    let mut waited = Duration::ZERO;
    while !reads_slowly(&mut world, 10).1 {
        waited += LINGER * 3 / 4;
        assert!(waited <= LINGER_MAX, "it would never end");
    }
    assert!(waited + LINGER >= LINGER_MAX, "cut after {waited:?}");
}

#[test]
fn a_server_that_stops_does_not_wait_long_for_last_words_to_be_read() {
    for has_ended_before in [true, false] {
        let mut world = World::new(DATA_LEN + DATA_LEN / 2);
        world.send(&create_large());
        assert_eq!(world.poll(), Poll::Pending);
        world.commit();
        world.poll_while_woken();
        world.receive();
        let reads: Vec<u8> = (0..3).flat_map(|_| get_large(2)).collect();
        world.send(&reads);
        assert!(!world.poll_while_woken(), "the wire is full");
        if has_ended_before {
            world.core.end_connections();
            assert!(!world.poll_while_woken());
        }
        world.core.stop_taking();
        world.core.end_connections();
        assert!(!world.poll_while_woken());
        world.pass(LINGER_AT_STOP * 2);
        assert!(world.poll_while_woken(), "ended before: {has_ended_before}");
    }
}

#[test]
fn an_idle_client_hears_of_the_stop_and_may_close_first() {
    for closes in [true, false] {
        let mut world = World::new(1_000);
        world.poll_while_woken();
        world.core.stop_taking();
        assert!(!world.poll_while_woken(), "the client must hear it first");
        // The length, and a header.
        assert_eq!(world.receive(), 4 + ReplyHeader::LEN);
        if closes {
            world.client = tokio::io::duplex(1).0;
        } else {
            world.pass(LINGER_AT_STOP * 2);
        }
        assert!(world.poll_while_woken(), "it closes: {closes}");
    }
}

#[test]
fn a_flood_of_refused_connections_is_told_once_a_second() {
    let mut refusals = Refusals::default();
    let every_ms = REFUSALS_TOLD_EVERY_MS;
    let told: Vec<u64> = (0..2 * every_ms + 1)
        .filter_map(|ms| refusals.note(ms))
        .collect();
    assert_eq!(told, [0, every_ms - 1, every_ms - 1]);
}

#[test]
fn a_connection_without_a_session_is_counted_when_its_time_is_over() {
    let world = World::dialled(1_000);
    assert_eq!(world.poll(), Poll::Pending);
    let expired = || world.core.stats().sessionless_expired.value();
    assert_eq!(expired(), 0);
    world.pass(Duration::from_secs(3_600));
    assert!(world.poll_while_woken());
    assert_eq!(expired(), 1);
}
