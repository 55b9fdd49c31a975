//! The clients of a run: the test kit's, over real sockets.
//!
//! What they do comes from the test kit's workload; besides there are one that keeps the tree small, one that runs errands, and in
//! the end those that read everything, each from one server. Invariant: a call is noted before its bytes are handed to the system,
//! an answer after its bytes were read: so whatever the history says came first, did.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task;
use zoa_testkit::client::Client;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::Call;
use zoa_testkit::history::ClientId;
use zoa_testkit::history::ConnectAsk;
use zoa_testkit::history::ConnectionId;
use zoa_testkit::history::End;
use zoa_testkit::history::History;
use zoa_testkit::history::Received;
use zoa_testkit::op::Answer;
use zoa_testkit::op::Op;
use zoa_testkit::op::Outcome;
use zoa_testkit::people;
use zoa_testkit::rng::Rng;
use zoa_testkit::workload::Act;
use zoa_testkit::workload::Profile;
use zoa_testkit::workload::Program;
use zoa_testkit::workload::Scan;

use crate::clock::Clock;

/// Session timeouts that clients ask for, in milliseconds. No two connections of a run ask for the same, so that the entry by
/// which a connection took over a session can be told from others.
pub(crate) const TIMEOUTS_MS: (u64, u64) = (2_000, 9_999);

/// How long a connection may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// Children of a directory that are left alone.
const CHILDREN_MAX: usize = 60;

/// Deletions sent in one go.
const DELETIONS_MAX: usize = 20;

/// Directories that would grow without end.
const GROWING: [&str; 8] = ["/q", "/e", "/a", "/b", "/e/sub", "/big", "/box", "/q/box"];

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) clock: Clock,
    pub(crate) history: History,
    /// The history is closed: whatever comes now is not part of it.
    pub(crate) is_closed: bool,
    connects: u64,
}

impl Room {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            history: History::default(),
            is_closed: false,
            connects: 0,
        }
    }

    /// A timeout that nobody has asked for: the step and the number of timeouts have no divisor in common.
    fn timeout_ms(&mut self) -> i32 {
        let (low, high) = TIMEOUTS_MS;
        self.connects += 1;
        i32::try_from(low + self.connects * 1_237 % (high - low + 1)).unwrap_or(i32::MAX)
    }
}

/// What a client is there for.
#[derive(Debug)]
enum Will {
    /// The workload.
    Work,
    /// To read everything.
    Read(Scan),
    /// To delete what piles up.
    Tidy(Tidying),
    /// To do what it is told.
    Errands(Errands),
}

#[derive(Debug, Default)]
struct Tidying {
    turn: usize,
    due: VecDeque<Op>,
    next_at: SimTime,
}

#[derive(Debug, Default)]
struct Errands {
    due: VecDeque<Op>,
    answers: Vec<(Op, Outcome)>,
}

/// What comes of a connection.
enum Arrival {
    Bytes(Vec<u8>),
    End(End),
}

type Inbox = UnboundedReceiver<(ConnectionId, Arrival)>;

/// A client and what it is there for.
#[derive(Debug)]
pub(crate) struct Actor {
    client: Client,
    program: Program,
    will: Will,
    rng: Rng,
    room: Rc<RefCell<Room>>,
    from: IpAddr,
    /// Where it may connect to.
    to: Vec<SocketAddr>,
    lines: BTreeMap<ConnectionId, UnboundedSender<Vec<u8>>>,
    outbox: UnboundedSender<(ConnectionId, Arrival)>,
}

/// Who a client is and whom it can reach.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) number: u32,
    pub(crate) from: IpAddr,
    pub(crate) to: Vec<SocketAddr>,
}

impl Actor {
    fn begin(
        room: &Rc<RefCell<Room>>,
        place: Place,
        (profile, will): (&Profile, Will),
        rng: &mut Rng,
    ) -> Rc<RefCell<Self>> {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let mut program = Program::new(rng.fork("program"), profile, place.number);
        if !matches!(will, Will::Work) {
            program.calm_down();
        }
        let actor = Self {
            client: Client::new(ClientId(place.number), place.from.to_string()),
            program,
            will,
            rng: rng.fork("actor"),
            room: Rc::clone(room),
            from: place.from,
            to: place.to,
            lines: BTreeMap::new(),
            outbox,
        };
        let actor = Rc::new(RefCell::new(actor));
        task::spawn_local(live(Rc::clone(&actor), inbox));
        actor
    }

    /// A client with a workload.
    pub(crate) fn working(
        room: &Rc<RefCell<Room>>,
        place: Place,
        profile: &Profile,
        rng: &mut Rng,
    ) -> Rc<RefCell<Self>> {
        Self::begin(room, place, (profile, Will::Work), rng)
    }

    /// One that deletes what piles up.
    pub(crate) fn tidying(
        room: &Rc<RefCell<Room>>,
        place: Place,
        profile: &Profile,
        rng: &mut Rng,
    ) -> Rc<RefCell<Self>> {
        Self::begin(room, place, (profile, Will::Tidy(Tidying::default())), rng)
    }

    /// One that does what it is told.
    pub(crate) fn for_errands(
        room: &Rc<RefCell<Room>>,
        place: Place,
        profile: &Profile,
        rng: &mut Rng,
    ) -> Rc<RefCell<Self>> {
        Self::begin(
            room,
            place,
            (profile, Will::Errands(Errands::default())),
            rng,
        )
    }

    /// One that reads everything.
    pub(crate) fn reading(
        room: &Rc<RefCell<Room>>,
        place: Place,
        profile: &Profile,
        rng: &mut Rng,
    ) -> Rc<RefCell<Self>> {
        Self::begin(room, place, (profile, Will::Read(Scan::default())), rng)
    }

    /// From here on it only keeps its session and listens.
    pub(crate) fn calm_down(&mut self) {
        self.program.calm_down();
        if matches!(self.will, Will::Tidy(_)) {
            self.will = Will::Work;
        }
    }

    /// Whether it has a session, and nothing is under way or to be done.
    pub(crate) fn is_at_rest(&self) -> bool {
        let is_done = match &self.will {
            Will::Work | Will::Tidy(_) => true,
            Will::Read(scan) => scan.is_done(),
            Will::Errands(errands) => errands.due.is_empty(),
        };
        is_done && self.client.is_established() && self.client.awaiting_count() == 0
    }

    /// How it stands, for people.
    pub(crate) fn state(&self) -> String {
        let number = self.client.id().0;
        if self.client.is_established() {
            format!(
                "client {number} waits for {} replies",
                self.client.awaiting_count()
            )
        } else {
            format!("client {number} has no session")
        }
    }

    /// Tells it what to do next.
    pub(crate) fn send_on_errand(&mut self, op: Op) {
        if let Will::Errands(errands) = &mut self.will {
            errands.due.push_back(op);
        }
    }

    /// What came of the errands.
    pub(crate) fn take_answers(&mut self) -> Vec<(Op, Outcome)> {
        match &mut self.will {
            Will::Errands(errands) => std::mem::take(&mut errands.answers),
            _ => Vec::new(),
        }
    }

    fn now(&self) -> SimTime {
        self.room.borrow().clock.now()
    }

    fn pause_us(&mut self) -> u64 {
        match self.will {
            Will::Read(_) => 500,
            _ => self.program.pause_us(),
        }
    }

    fn act(&mut self) {
        if self.room.borrow().is_closed {
            return;
        }
        let now = self.now();
        let is_free = self.client.is_established() && self.client.awaiting_count() < 4;
        let own = if is_free {
            self.next_of_its_own(now)
        } else {
            Vec::new()
        };
        let act = if own.is_empty() {
            self.program.act(&self.client, now)
        } else {
            Act::Send(own)
        };
        match act {
            Act::Connect(asked) => self.connect(asked),
            Act::Send(ops) => self.send(self.client.current(), ops),
            Act::SendLate(ops) => {
                let oldest = self.client.connections().next();
                self.send(oldest, ops);
            }
            Act::Drop => self.drop_connections(),
            Act::Abandon => {
                self.drop_connections();
                self.client.start_anew();
            }
            // Only clients of large data are told to stop reading, and there are none.
            Act::StopReading(_) | Act::Wait => {}
        }
    }

    /// What others than the workload's clients send next.
    fn next_of_its_own(&mut self, now: SimTime) -> Vec<Op> {
        match &mut self.will {
            Will::Work => Vec::new(),
            Will::Read(scan) if scan.is_done() => Vec::new(),
            Will::Read(scan) => scan.next_reads(),
            Will::Tidy(tidying) => tidying.next(now),
            Will::Errands(errands) => errands.due.pop_front().into_iter().collect(),
        }
    }

    fn connect(&mut self, asked: ConnectAsk) {
        let now = self.now();
        let Some(to) = self.rng.pick(&self.to).copied() else {
            return;
        };
        let mut room = self.room.borrow_mut();
        let asked = ConnectAsk {
            timeout_ms: room.timeout_ms(),
            ..asked
        };
        let (id, bytes) = self.client.connect(now, asked, &mut room.history);
        let (line, outgoing) = mpsc::unbounded_channel();
        line.send(bytes).ok();
        self.lines.insert(id, line);
        task::spawn_local(carry((id, self.from, to), outgoing, self.outbox.clone()));
    }

    fn send(&mut self, connection: Option<ConnectionId>, ops: Vec<Op>) {
        let Some(id) = connection else { return };
        let now = self.now();
        let mut room = self.room.borrow_mut();
        let mut bytes = Vec::new();
        for op in ops {
            if let Op::AddAuth { auth, .. } = &op
                && let Some(person) = people::PEOPLE
                    .iter()
                    .find(|person| person.login.as_bytes() == auth)
            {
                self.client.remember_login(person.login);
            }
            bytes.extend(self.client.send_on(id, now, op, &mut room.history));
        }
        if let Some(line) = self.lines.get(&id) {
            line.send(bytes).ok();
        }
    }

    fn drop_connections(&mut self) {
        let now = self.now();
        let open: Vec<ConnectionId> = self.client.connections().collect();
        for id in open {
            self.end(id, now, End::Dropped);
        }
    }

    fn end(&mut self, id: ConnectionId, now: SimTime, end: End) {
        if self.lines.remove(&id).is_some() {
            let mut room = self.room.borrow_mut();
            self.client.handle_end(id, now, end, &mut room.history);
        }
    }

    fn arrive(&mut self, id: ConnectionId, arrival: Arrival) {
        if self.room.borrow().is_closed {
            return;
        }
        let now = self.now();
        match arrival {
            Arrival::Bytes(bytes) => self.receive(id, now, &bytes),
            Arrival::End(end) => self.end(id, now, end),
        }
    }

    fn receive(&mut self, id: ConnectionId, now: SimTime, bytes: &[u8]) {
        let mut room = self.room.borrow_mut();
        let seen = room
            .history
            .connection(id)
            .map_or(0, |connection| connection.received.len());
        self.client.receive(id, now, bytes, &mut room.history);
        let Some(connection) = room.history.connection(id) else {
            return;
        };
        for (_, message) in connection.received.iter().skip(seen) {
            let Received::Reply(call) = message else {
                continue;
            };
            let Some(call) = connection.calls.get(*call) else {
                continue;
            };
            self.program.learn(call);
            self.will.learn(call);
        }
    }
}

impl Will {
    fn learn(&mut self, call: &Call) {
        match self {
            Self::Work => {}
            Self::Read(scan) => scan.learn(call),
            Self::Tidy(tidying) => tidying.learn(call),
            Self::Errands(errands) => {
                if let Some((_, _, outcome)) = call.reply() {
                    errands.answers.push((call.op.clone(), outcome.clone()));
                }
            }
        }
    }
}

impl Tidying {
    fn next(&mut self, now: SimTime) -> Vec<Op> {
        if !self.due.is_empty() {
            let len = self.due.len().min(DELETIONS_MAX);
            return self.due.drain(..len).collect();
        }
        if now < self.next_at {
            return Vec::new();
        }
        self.next_at = now.after_ms(300);
        self.turn += 1;
        let path = GROWING.get(self.turn % GROWING.len());
        path.map(|path| Op::GetChildren {
            path: (*path).to_owned(),
            watch: false,
            with_stat: false,
        })
        .into_iter()
        .collect()
    }

    fn learn(&mut self, call: &Call) {
        let (Op::GetChildren { path, .. }, Some((_, _, Ok(Answer::Children(names))))) =
            (&call.op, call.reply())
        else {
            return;
        };
        let too_many = names.len().saturating_sub(CHILDREN_MAX);
        self.due
            .extend(names.iter().take(too_many).map(|name| Op::Delete {
                path: format!("{path}/{name}"),
                version: -1,
            }));
    }
}

/// Lets a client act and hear until the run is over.
async fn live(actor: Rc<RefCell<Actor>>, mut inbox: Inbox) {
    loop {
        let pause_us = actor.borrow_mut().pause_us();
        let turn = tokio::time::sleep(Duration::from_micros(pause_us));
        tokio::pin!(turn);
        loop {
            tokio::select! {
                () = &mut turn => break,
                arrived = inbox.recv() => {
                    let Some((id, arrival)) = arrived else { return };
                    actor.borrow_mut().arrive(id, arrival);
                }
            }
        }
        actor.borrow_mut().act();
    }
}

/// Carries one connection's bytes until the client drops its end or the server closes.
async fn carry(
    (id, from, to): (ConnectionId, IpAddr, SocketAddr),
    mut outgoing: UnboundedReceiver<Vec<u8>>,
    inbox: UnboundedSender<(ConnectionId, Arrival)>,
) {
    let Ok(Ok(stream)) = tokio::time::timeout(CONNECT_TIME, connect(from, to)).await else {
        inbox.send((id, Arrival::End(End::Dropped))).ok();
        return;
    };
    let (mut incoming, mut written) = stream.into_split();
    let reading = async {
        let mut piece = vec![0; 64 << 10];
        loop {
            match incoming.read(&mut piece).await {
                Ok(0) => return End::ClosedByServer,
                Err(_) => return End::Dropped,
                Ok(len) => {
                    let bytes = piece.get(..len).unwrap_or_default().to_vec();
                    inbox.send((id, Arrival::Bytes(bytes))).ok();
                }
            }
        }
    };
    let writing = async {
        while let Some(bytes) = outgoing.recv().await {
            if written.write_all(&bytes).await.is_err() {
                // Whoever reads hears of it, behind what came before.
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        end = reading => {
            inbox.send((id, Arrival::End(end))).ok();
        }
        () = writing => {}
    }
}

async fn connect(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
