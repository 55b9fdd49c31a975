//! The tasks of connections: bytes from the wire into the core, bytes from the core onto the wire.
//!
//! The same rounds as `client_port.rs` of `zoa-server` makes on a socket: read only while the connection wants input, listen
//! before the turn of one that is blocked, write until nothing waits or the wire takes no more, and ask a blocked connection once
//! more when all of it left. One thing is harder here: who does not read the last words gets no time to do so.

use super::Now;
use super::Process;
use super::Thread;
use super::Told;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Wake;
use std::task::Waker;
use zoa_core::Connection;
use zoa_core::Progress;
use zoa_core::Proposals;
use zoa_core::Turn;
use zoa_testkit::applied::Owner;
use zoa_testkit::clock::SimTime;
use zoa_testkit::net::Arrival;
use zoa_testkit::net::Link;
use zoa_testkit::rng::Rng;

/// Rounds of reading and writing before others have their turn.
const ROUNDS: usize = 16;

/// Bytes read in one round.
pub(super) const READ_LEN: usize = 64 << 10;

/// The wire of one connection, and what the kernel of the server's machine holds of it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) link: Link,
    /// Arrived at the server and not read yet.
    pub(crate) inbound: Vec<u8>,
    /// The client has closed.
    pub(crate) inbound_ended: bool,
    /// Ends of the frames that the client has sent, counted in bytes from the beginning.
    pub(crate) frame_ends: VecDeque<u64>,
    /// Bytes that the client has sent.
    pub(crate) sent: u64,
    /// Bytes handed to the core.
    pub(crate) handed: u64,
}

impl Wire {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            inbound: Vec::new(),
            inbound_ended: false,
            frame_ends: VecDeque::new(),
            sent: 0,
            handed: 0,
        }
    }

    /// Takes what has arrived at the server into the kernel's buffer.
    pub(crate) fn arrive_at_server(&mut self, now: SimTime) {
        match self.link.to_server.receive(now) {
            Arrival::Bytes(bytes) => {
                self.inbound.extend_from_slice(&bytes);
                self.arrive_at_server(now);
            }
            Arrival::End => self.inbound_ended = true,
            Arrival::Nothing => {}
        }
    }

    /// Whether nothing is under way in either direction.
    pub(crate) fn is_quiet(&self) -> bool {
        self.inbound.is_empty()
            && self.link.to_server.in_flight_len() == 0
            && self.link.to_client.in_flight_len() == 0
    }

    /// Whether a whole frame has arrived and was not read yet.
    pub(crate) fn has_unread_frame(&self) -> bool {
        let arrived = self.handed + self.inbound.len() as u64;
        self.frame_ends.front().is_some_and(|end| *end <= arrived)
    }

    /// Whether the server has something to read.
    pub(crate) fn is_readable(&self) -> bool {
        !self.inbound.is_empty() || self.inbound_ended
    }
}

/// A connection's task.
pub(super) struct Task {
    connection: Connection,
    progress: Progress,
    waker: Waker,
}

impl Task {
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaskTurn {
    /// It goes on; the client should look at these times.
    Sent(Vec<SimTime>),
    /// The server has closed the connection; the client should look at these times.
    Closed(Vec<SimTime>),
}

struct LaneWaker {
    number: u64,
    wakes: Arc<Mutex<Vec<u64>>>,
}

impl Wake for LaneWaker {
    fn wake(self: Arc<Self>) {
        self.wakes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.number);
    }
}

impl Process {
    /// Takes a connection on; its number, unless it is refused.
    pub(crate) fn accept(&mut self, address: IpAddr, now: Now) -> Option<u64> {
        let connection = self
            .core
            .accept(SocketAddr::new(address, 40_000), now.moment)
            .ok()?;
        let number = connection.lane().number().0;
        let waker = Waker::from(Arc::new(LaneWaker {
            number,
            wakes: Arc::clone(&self.wakes),
        }));
        self.tasks.insert(
            number,
            Task {
                connection,
                progress: Progress::Reading,
                waker,
            },
        );
        self.wanted.insert(Thread::Connection(number));
        Some(number)
    }

    /// A connection's task should look at its wire.
    pub(crate) fn want_connection(&mut self, number: u64) {
        self.wanted.insert(Thread::Connection(number));
    }

    /// The connection has waited too long for its first frame.
    pub(crate) fn pass_deadline(&mut self, number: u64) -> bool {
        let waits = self
            .tasks
            .get(&number)
            .is_some_and(|task| task.connection.deadline_ms().is_some());
        if waits {
            self.tasks.remove(&number);
        }
        waits
    }

    /// When a connection without a session is closed, in milliseconds of the monotonic clock.
    pub(crate) fn deadline_ms(&self, number: u64) -> Option<u64> {
        self.tasks
            .get(&number)
            .and_then(|task| task.connection.deadline_ms())
    }

    /// A connection's task has its turn.
    pub(crate) fn turn_connection(
        &mut self,
        number: u64,
        wire: &mut Wire,
        (now, rng): (Now, &mut Rng),
        told: &mut Told,
    ) -> TaskTurn {
        let Some(mut task) = self.tasks.remove(&number) else {
            return TaskTurn::Sent(Vec::new());
        };
        let mut arrivals = Vec::new();
        let mut over = false;
        for round in 0..ROUNDS {
            let Some(moved) = self.read_once(&mut task, (number, &mut *wire), now, told) else {
                over = true;
                break;
            };
            let written = write_all(&mut task, wire, (now.at, &mut *rng), &mut arrivals);
            if written == Written::Last {
                over = true;
                break;
            }
            // What was sent has made room, and nobody else tells the input that waits for it.
            let has_room = task.progress == Progress::Blocked && written == Written::All;
            let moves_on = moved || has_room;
            if !moves_on || round + 1 == ROUNDS {
                if moves_on || task.progress == Progress::Again {
                    self.wanted.insert(Thread::Connection(number));
                }
                break;
            }
        }
        if over {
            arrivals.push(wire.link.to_client.end(now.at));
            return TaskTurn::Closed(arrivals);
        }
        self.tasks.insert(number, task);
        self.note_connection(number, told);
        TaskTurn::Sent(arrivals)
    }

    /// One read, or one look when no input is wanted; whether it may be worth another round, `None` at the end.
    fn read_once(
        &mut self,
        task: &mut Task,
        (number, wire): (u64, &mut Wire),
        now: Now,
        told: &mut Told,
    ) -> Option<bool> {
        match task.progress {
            Progress::Reading => {
                let len = wire.inbound.len().min(READ_LEN);
                if len == 0 {
                    return if wire.inbound_ended {
                        None
                    } else {
                        Some(false)
                    };
                }
                let bytes: Vec<u8> = wire.inbound.drain(..len).collect();
                wire.handed += len as u64;
                while wire
                    .frame_ends
                    .pop_front_if(|end| *end <= wire.handed)
                    .is_some()
                {
                    told.heard.push(Owner {
                        server: self.server.0,
                        connection: number,
                    });
                }
                self.hand((task, &bytes), now, told);
                // A list that has been opened is walked later: on real threads anything may happen before it is.
                Some(task.progress != Progress::Again)
            }
            Progress::Blocked | Progress::Again => {
                task.connection.listen(&task.waker);
                self.hand((task, &[]), now, told);
                Some(task.progress == Progress::Reading)
            }
            Progress::Closed => Some(false),
        }
    }

    fn hand(&mut self, (task, bytes): (&mut Task, &[u8]), now: Now, told: &mut Told) {
        let before = task.connection.lane().held();
        let mut proposals = Proposals::default();
        let random = &mut self.random;
        let mut fill = |target: &mut [u8]| {
            for byte in target {
                *byte = random.next_u64().to_le_bytes()[0];
            }
        };
        let mut turn = Turn {
            now: now.moment,
            random: &mut fill,
            proposals: &mut proposals,
        };
        task.progress = task.connection.handle_input(bytes, &mut turn);
        let after = task.connection.lane().held();
        let round = proposals.round();
        self.propose(round, proposals.take());
        self.note_answers([before, after], told);
    }
}

/// What became of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// There was none.
    Nothing,
    /// The wire took it all.
    All,
    /// The wire takes no more for now; whoever reads from it wakes the task.
    Part,
    /// Nothing more will come: the connection is over.
    Last,
}

/// Writes until nothing waits or the wire takes no more.
fn write_all(
    task: &mut Task,
    wire: &mut Wire,
    (now, rng): (SimTime, &mut Rng),
    arrivals: &mut Vec<SimTime>,
) -> Written {
    let mut written = Written::Nothing;
    loop {
        let output = task.connection.output(Some(&task.waker));
        let len = output.bytes.len().min(wire.link.to_client.room());
        if len == 0 {
            return match (output.is_last, output.bytes.is_empty()) {
                (true, _) => Written::Last,
                (false, true) => written,
                (false, false) => Written::Part,
            };
        }
        let bytes = output.bytes.get(..len).unwrap_or_default();
        let weather = wire.link.weather;
        arrivals.extend(wire.link.to_client.send(bytes, (now, weather), rng));
        task.connection.handle_sent(len);
        written = Written::All;
    }
}
