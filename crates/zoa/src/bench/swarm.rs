//! Many client connections driven by one thread: the event loop of the bench.
//!
//! ```text
//! epoll -> read once -> frames -> Load::on_reply (which sends the next) -> write once
//! ```
//!
//! It shares the machine with the server it measures, so it is kept light: one thread, no task or
//! allocation a request, one read and one write a wake-up. It decides nothing: what is sent,
//! counted, and when it ends is the [`Load`]'s business. Any failure of a connection ends the run.

mod both_ends;
mod lines;
mod receive;
pub(in crate::bench) mod timer;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use mio::Events;
use mio::Interest;
use mio::Poll;
use mio::Token;
use mio::net::TcpStream;
use zoa_proto::ErrorCode;
use zoa_proto::WatchedEvent;

pub(crate) use crate::bench::swarm::lines::Lines;

use crate::bench::clock;
use crate::bench::line::Class;
use crate::bench::line::Line;
use crate::bench::open_files;
use crate::bench::swarm::both_ends::Closing;
use crate::bench::swarm::both_ends::Connecting;
use crate::bench::swarm::receive::Hands;
use crate::bench::swarm::timer::Timer;

/// Bytes read at a time; short reads mean that the socket is empty.
const READ_LEN: usize = 64 * 1024;
/// Events taken from the system at a time.
const EVENTS_MAX: usize = 1024;
/// Connections being opened at once. The reference's listen backlog is 50: a fuller one costs whole
/// seconds.
const OPENING_MAX: usize = 40;
/// How long a connection may take to open, and a session to be granted, with nothing else
/// happening.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// A reply as it came, still in the receive buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    /// The connection it came on.
    pub(crate) connection: usize,
    /// The class its request was sent with.
    pub(crate) class: Class,
    /// From when its latency counts.
    pub(crate) since: Instant,
    /// When it was read.
    pub(crate) now: Instant,
    /// Its error, if it has one.
    pub(crate) error: Option<ErrorCode>,
    /// Its body.
    pub(crate) body: &'a [u8],
}

/// What a load wants after a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait for replies and events, at most until then.
    WaitUntil(Instant),
    /// Leave the loop.
    Finish,
}

/// What is sent, and what is made of the replies.
pub(crate) trait Load {
    /// Called before each wait; the first call is where sending begins.
    fn on_tick(&mut self, lines: &mut Lines, now: Instant) -> Result<Next>;

    /// A request was answered.
    fn on_reply(&mut self, lines: &mut Lines, reply: &Reply<'_>) -> Result<()>;

    /// A watch fired.
    fn on_event(
        &mut self,
        connection: usize,
        event: &WatchedEvent<'_>,
        now: Instant,
    ) -> Result<()> {
        bail!("connection {connection} got the event {event:?} without a watch, at {now:?}");
    }

    /// The server closed a connection.
    fn on_closed(&mut self, connection: usize) -> Result<()> {
        bail!("the server closed connection {connection}");
    }
}

/// The connections and the loop that drives them.
pub(crate) struct Swarm {
    poll: Poll,
    events: Events,
    lines: Lines,
    buffer: Box<[u8]>,
    timer: Timer,
    /// Connections whose last read filled the buffer: read again after everybody else had a turn,
    /// so that a reply of many megabytes on one connection does not delay the measured replies on
    /// the others.
    unfinished: Vec<usize>,
    session_timeout_ms: i32,
    established: usize,
}

impl Swarm {
    /// Opens so many sessions, spread evenly over the servers, at most [`OPENING_MAX`] at a time.
    pub(crate) fn connect(
        servers: &[SocketAddr],
        connections: usize,
        session_timeout_ms: i32,
    ) -> Result<Self> {
        open_files::allow_connections(connections)?;
        let poll = Poll::new().context("cannot make an epoll")?;
        let mut swarm = Self {
            timer: Timer::new(&poll)?,
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            lines: Lines::with_capacity(connections),
            buffer: vec![0; READ_LEN].into_boxed_slice(),
            unfinished: Vec::new(),
            session_timeout_ms,
            established: 0,
        };
        let mut patience = clock::now() + OPEN_TIMEOUT;
        while swarm.established < connections {
            while swarm.lines.len() < connections
                && swarm.lines.len() - swarm.established < OPENING_MAX
            {
                let turn = swarm.lines.len() % servers.len().max(1);
                swarm.open(*servers.get(turn).context("there is no server")?)?;
            }
            let before = swarm.established;
            swarm.turn(&mut Connecting, patience)?;
            let now = clock::now();
            if swarm.established > before {
                patience = now + OPEN_TIMEOUT;
            } else if patience <= now {
                bail!(
                    "{servers:?} granted {before} of {connections} sessions, and none for {OPEN_TIMEOUT:?} after that"
                );
            }
        }
        Ok(swarm)
    }

    /// Runs a load until it finishes.
    pub(crate) fn run(&mut self, load: &mut impl Load) -> Result<()> {
        loop {
            let next = load.on_tick(&mut self.lines, clock::now())?;
            self.lines.flush_dirty()?;
            match next {
                Next::Finish => return Ok(()),
                Next::WaitUntil(until) => self.turn(load, until)?,
            }
        }
    }

    /// Closes all sessions and waits until the server has said so, or for `patience`.
    pub(crate) fn close(mut self, patience: Duration) -> Result<()> {
        self.run(&mut Closing::new(clock::now() + patience))
    }

    fn open(&mut self, server: SocketAddr) -> Result<()> {
        let cannot = || format!("cannot connect to {server}");
        let mut stream = TcpStream::connect(server).with_context(cannot)?;
        let token = Token(self.lines.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, token, interest)
            .with_context(cannot)?;
        self.lines.lines.push(Line::new(stream));
        Ok(())
    }

    /// Waits once and handles all that has happened.
    fn turn(&mut self, load: &mut impl Load, until: Instant) -> Result<()> {
        let mut wait = until.saturating_duration_since(clock::now());
        if !self.unfinished.is_empty() {
            wait = Duration::ZERO;
        }
        self.timer.arm(until, wait)?;
        match self.poll.poll(&mut self.events, Some(wait)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error).context("cannot wait for the connections"),
        }
        let again = std::mem::take(&mut self.unfinished);
        let Self {
            events,
            lines,
            buffer,
            timer,
            unfinished,
            session_timeout_ms,
            established,
            ..
        } = self;
        let mut hands = Hands {
            lines,
            buffer,
            unfinished,
            session_timeout_ms: *session_timeout_ms,
            established,
        };
        for event in events.iter() {
            if event.token() == Timer::TOKEN {
                timer.disarm();
            } else {
                hands.handle(load, event)?;
            }
        }
        for connection in again {
            hands.receive(load, connection)?;
            hands.lines.flush_dirty()?;
        }
        Ok(())
    }
}
