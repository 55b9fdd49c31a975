//! Many sessions that outlive their servers, driven by one thread: when a connection is lost, its session goes to the next server,
//! with its id and password, until one takes it.
//!
//! ```text
//! Waiting --turn comes--> Opening --> Greeting --granted--> Established
//!    ^                       |            |                      |
//!    `------ a pause --------+------------+------ lost ----------'
//! ```
//!
//! As light as [`crate::bench::swarm`], and not a client library: it keeps no watches and repeats nothing by itself; what is sent is
//! the [`Ride`]'s business. A session that a server calls expired begins anew, and the ride is told.

mod connection;
mod queue;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use mio::Events;
use mio::Poll;
use mio::Registry;
use zoa_proto::Request;

use crate::bench::clock;
use crate::bench::cluster::herd::connection::Member;
use crate::bench::cluster::herd::queue::Queue;
use crate::bench::line::Class;
use crate::bench::line::InFlight;
use crate::bench::open_files;
use crate::bench::swarm::Next;
use crate::bench::swarm::Reply;
use crate::bench::swarm::timer::Timer;

/// Bytes read at a time; short reads mean that the socket is empty.
const READ_LEN: usize = 64 * 1024;
/// Events taken from the system at a time.
const EVENTS_MAX: usize = 1024;
/// Sessions being attached at once. The original's listen backlog is 50: a fuller one costs whole seconds.
const OPENING_MAX: usize = 40;
/// Between an attempt that failed and the next: a server that is down refuses at once, and the herd shares the machine with those
/// that are up.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// What is sent, and what is made of what comes back.
pub(crate) trait Ride {
    /// Called before each wait.
    fn on_tick(&mut self, herd: &mut Members, now: Instant) -> Result<Next>;

    /// A session is attached to a server.
    fn on_attached(&mut self, herd: &mut Members, who: usize, now: Instant) -> Result<()>;

    /// A request was answered.
    fn on_reply(&mut self, herd: &mut Members, reply: &Reply<'_>) -> Result<()>;

    /// A connection is lost; these were not answered, oldest first.
    fn on_lost(&mut self, who: usize, in_flight: &mut dyn Iterator<Item = InFlight>);

    /// A server says that the session is over; a new one follows.
    fn on_expired(&mut self, who: usize);
}

/// How sessions attach.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// The session timeout to ask for, in milliseconds.
    pub(crate) timeout_ms: i32,
    /// How long one attempt may take before the next server is tried.
    pub(crate) attempt_max: Duration,
}

/// The sessions, for a ride to send on.
pub(crate) struct Members {
    members: Vec<Member>,
    /// Those with bytes to write since the last flush.
    dirty: Vec<usize>,
    /// Those whose sockets failed while they were written, and those that are to leave.
    broken: Vec<usize>,
}

impl Members {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// How many requests of this one are not yet answered.
    pub(crate) fn in_flight(&self, who: usize) -> usize {
        self.members.get(who).map_or(0, Member::in_flight)
    }

    /// Sends those that began with this server, of so many, back to it.
    pub(crate) fn send_home(&mut self, server: usize, servers: usize) {
        for (who, member) in self.members.iter_mut().enumerate() {
            if who % servers.max(1) == server && member.go_to(server, servers) {
                self.broken.push(who);
            }
        }
    }

    /// Sends a request, if the session is attached; whether it is. Its latency counts from `since`.
    pub(crate) fn send(
        &mut self,
        who: usize,
        (class, since): (Class, Instant),
        request: &Request<'_>,
    ) -> Result<bool> {
        let Some(member) = self.members.get_mut(who).filter(|it| it.is_attached()) else {
            return Ok(false);
        };
        if !member.has_outgoing() {
            self.dirty.push(who);
        }
        member.send((class, since), request)
    }

    fn flush_dirty(&mut self) {
        for who in self.dirty.drain(..) {
            if let Some(member) = self.members.get_mut(who)
                && member.flush().is_err()
            {
                self.broken.push(who);
            }
        }
    }
}

/// The sessions and the loop that drives them.
pub(crate) struct Herd {
    poll: Poll,
    events: Events,
    timer: Timer,
    members: Members,
    queue: Queue,
    servers: Vec<SocketAddr>,
    manner: Manner,
    buffer: Box<[u8]>,
}

impl Herd {
    /// So many sessions, spread evenly over the servers; they attach when it runs.
    pub(crate) fn new(servers: Vec<SocketAddr>, sessions: usize, manner: Manner) -> Result<Self> {
        open_files::allow_connections(sessions + OPENING_MAX)?;
        let poll = Poll::new().context("cannot make an epoll")?;
        let now = clock::now();
        let mut queue = Queue::new(OPENING_MAX);
        (0..sessions).for_each(|who| queue.push(who, now));
        Ok(Self {
            timer: Timer::new(&poll)?,
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            members: Members {
                members: (0..sessions).map(Member::new).collect(),
                dirty: Vec::new(),
                broken: Vec::new(),
            },
            queue,
            servers,
            manner,
            buffer: vec![0; READ_LEN].into_boxed_slice(),
        })
    }

    /// The ids of all sessions; 0 where there is none.
    pub(crate) fn sessions(&self) -> Vec<i64> {
        self.members.members.iter().map(Member::session).collect()
    }

    /// Runs a ride until it finishes.
    pub(crate) fn run(&mut self, ride: &mut impl Ride) -> Result<()> {
        loop {
            let now = clock::now();
            let next = ride.on_tick(&mut self.members, now)?;
            self.members.flush_dirty();
            self.mend(ride, now);
            self.open_due(now)?;
            match next {
                Next::Finish => return Ok(()),
                Next::WaitUntil(until) => self.turn(ride, until)?,
            }
        }
    }

    /// Waits once and handles all that has happened.
    fn turn(&mut self, ride: &mut impl Ride, until: Instant) -> Result<()> {
        let until = self.queue.next_due().map_or(until, |due| until.min(due));
        let wait = until.saturating_duration_since(clock::now());
        self.timer.arm(until, wait)?;
        match self.poll.poll(&mut self.events, Some(wait)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error).context("cannot wait for the connections"),
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in events.iter() {
            if event.token() == Timer::TOKEN {
                self.timer.disarm();
            } else {
                self.handle(ride, event.token().0)?;
            }
        }
        self.events = events;
        Ok(())
    }

    /// Handles what was reported of one member.
    fn handle(&mut self, ride: &mut impl Ride, who: usize) -> Result<()> {
        let was_opening = self.is_opening(who);
        let outcome = self.receive(ride, who);
        self.members.flush_dirty();
        if was_opening && !self.is_opening(who) {
            self.queue.settled(who);
        }
        let now = clock::now();
        if !outcome? {
            self.lose(ride, who, now);
        }
        self.mend(ride, now);
        Ok(())
    }

    /// Reads all there is; whether the connection is still good.
    fn receive(&mut self, ride: &mut impl Ride, who: usize) -> Result<bool> {
        let timeout_ms = self.manner.timeout_ms;
        let member = self.members.members.get_mut(who);
        if member.is_some_and(|member| member.greet_when_open(timeout_ms).is_err()) {
            return Ok(false);
        }
        loop {
            let Some(member) = self.members.members.get_mut(who) else {
                return Ok(true);
            };
            let Ok(Some(count)) = member.read(&mut self.buffer) else {
                return Ok(false);
            };
            if count == 0 {
                return Ok(member.flush().is_ok());
            }
            let now = clock::now();
            while let Some(news) = self
                .members
                .members
                .get_mut(who)
                .and_then(Member::next_news)
            {
                match news {
                    connection::News::Broken => return Ok(false),
                    connection::News::Attached => ride.on_attached(&mut self.members, who, now)?,
                    connection::News::Expired => {
                        ride.on_expired(who);
                        return Ok(false);
                    }
                    connection::News::Reply(answered) => {
                        let reply = Reply {
                            connection: who,
                            class: answered.sent.class,
                            since: answered.sent.since,
                            now,
                            error: answered.error,
                            body: &[],
                        };
                        ride.on_reply(&mut self.members, &reply)?;
                    }
                }
            }
            if count < self.buffer.len() {
                let member = self.members.members.get_mut(who);
                return Ok(member.is_none_or(|member| member.flush().is_ok()));
            }
        }
    }

    fn is_opening(&self, who: usize) -> bool {
        self.members
            .members
            .get(who)
            .is_some_and(Member::is_opening)
    }

    /// Those whose sockets failed in a write, and those that are to leave.
    fn mend(&mut self, ride: &mut impl Ride, now: Instant) {
        for who in std::mem::take(&mut self.members.broken) {
            self.lose(ride, who, now);
        }
    }

    fn lose(&mut self, ride: &mut impl Ride, who: usize, now: Instant) {
        let Some(member) = self.members.members.get_mut(who) else {
            return;
        };
        if member.is_down() {
            return;
        }
        let was_attached = member.is_attached();
        let mut in_flight = member.leave(self.servers.len()).into_iter();
        // Who had a server tries the next one at once; who had none leaves the others some time.
        let due = if was_attached { now } else { now + RETRY_PAUSE };
        if was_attached {
            ride.on_lost(who, &mut in_flight);
        }
        self.queue.settled(who);
        self.queue.push(who, due);
    }

    /// Begins the attempts whose turn has come, and ends those that take too long.
    fn open_due(&mut self, now: Instant) -> Result<()> {
        while let Some(who) = self.queue.take_overdue(now) {
            if let Some(member) = self
                .members
                .members
                .get_mut(who)
                .filter(|it| it.is_opening())
            {
                member.leave(self.servers.len());
                self.queue.push(who, now + RETRY_PAUSE);
            }
        }
        while let Some(who) = self.queue.take_due(now, now + self.manner.attempt_max) {
            let registry: &Registry = self.poll.registry();
            let member = self.members.members.get_mut(who);
            let member = member.context("only members wait in the queue")?;
            if member.open(&self.servers, registry).is_err() {
                self.queue.settled(who);
                self.queue.push(who, now + RETRY_PAUSE);
            }
        }
        Ok(())
    }
}
