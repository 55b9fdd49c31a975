//! Many client connections driven by one thread: the event loop of the bench.
//!
//! ```text
//! epoll -> read once -> frames -> Load::on_reply (which sends the next) -> write once
//! ```
//!
//! It shares the machine with the server it measures, so it is kept light: one thread, no task or allocation a
//! request, one read and one write a wake-up. It decides nothing: what is sent, counted, and when it ends is the
//! [`Load`]'s business. Any failure of a connection ends the run.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use mio::Events;
use mio::Interest;
use mio::Poll;
use mio::Token;
use mio::event::Event;
use mio::net::TcpStream;
use mio::unix::SourceFd;
use rustix::time::Itimerspec;
use rustix::time::TimerfdClockId;
use rustix::time::TimerfdFlags;
use rustix::time::TimerfdTimerFlags;
use rustix::time::Timespec;
use rustix::time::timerfd_create;
use rustix::time::timerfd_settime;
use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::WatchedEvent;
use zoa_proto::Xid;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;
use zoa_proto::limits::FRAME_LEN_CEILING;

use crate::bench::clock;
use crate::bench::line::Class;
use crate::bench::line::Line;
use crate::bench::line::Received;
use crate::bench::line::Stage;
use crate::bench::open_files;

/// Bytes read at a time; short reads mean that the socket is empty.
const READ_LEN: usize = 64 * 1024;
/// Events taken from the system at a time.
const EVENTS_MAX: usize = 1024;
/// Connections being opened at once. The reference's listen backlog is 50: a fuller one costs whole seconds.
const OPENING_MAX: usize = 40;
/// Waits shorter than this are timed by a timer of their own, since epoll counts in milliseconds.
const TIMER_BELOW: Duration = Duration::from_millis(10);
/// How long a connection may take to open, and a session to be granted, with nothing else happening.
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

/// The connections, for a load to send on.
pub(crate) struct Lines {
    lines: Vec<Line>,
    /// Connections with bytes to write since the last flush.
    dirty: Vec<usize>,
}

impl Lines {
    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// How many requests on `connection` are not yet answered.
    pub(crate) fn in_flight(&self, connection: usize) -> usize {
        self.lines
            .get(connection)
            .map_or(0, |line| line.in_flight.len())
    }

    fn is_closed(&self, connection: usize) -> bool {
        self.lines
            .get(connection)
            .is_none_or(|line| line.stage == Stage::Closed)
    }

    /// Sends a request on `connection`; its latency counts from `since`.
    pub(crate) fn send(
        &mut self,
        connection: usize,
        (class, since): (Class, Instant),
        request: &Request<'_>,
    ) -> Result<()> {
        let line = self
            .lines
            .get_mut(connection)
            .context("there is no such connection")?;
        if !line.has_outgoing() {
            self.dirty.push(connection);
        }
        line.send(class, since, request)
    }

    fn flush_dirty(&mut self) -> Result<()> {
        for connection in self.dirty.drain(..) {
            if let Some(line) = self.lines.get_mut(connection) {
                line.flush()?;
            }
        }
        Ok(())
    }
}

/// The connections and the loop that drives them.
pub(crate) struct Swarm {
    poll: Poll,
    events: Events,
    lines: Lines,
    buffer: Box<[u8]>,
    timer: Timer,
    /// Connections whose last read filled the buffer: read again after everybody else had a turn, so that a reply of
    /// many megabytes on one connection does not delay the measured replies on the others.
    unfinished: Vec<usize>,
    session_timeout_ms: i32,
    established: usize,
}

impl Swarm {
    /// Opens so many sessions to the server, at most [`OPENING_MAX`] at a time.
    pub(crate) fn connect(
        server: SocketAddr,
        connections: usize,
        session_timeout_ms: i32,
    ) -> Result<Self> {
        open_files::allow_connections(connections)?;
        let poll = Poll::new().context("cannot make an epoll")?;
        let mut swarm = Self {
            timer: Timer::new(&poll)?,
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            lines: Lines {
                lines: Vec::with_capacity(connections),
                dirty: Vec::new(),
            },
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
                swarm.open(server)?;
            }
            let before = swarm.established;
            swarm.turn(&mut Connecting, patience)?;
            let now = clock::now();
            if swarm.established > before {
                patience = now + OPEN_TIMEOUT;
            } else if patience <= now {
                bail!(
                    "{server} granted {before} of {connections} sessions, and none for {OPEN_TIMEOUT:?} after that"
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
        let mut closing = Closing {
            left: 0,
            end: clock::now() + patience,
            begun: false,
        };
        self.run(&mut closing)
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
        if !wait.is_zero() && wait < TIMER_BELOW {
            self.timer.arm(until, wait)?;
        }
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
                timer.armed_until = None;
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

/// Wakes the loop at a moment finer than the milliseconds that epoll can wait for.
struct Timer {
    descriptor: OwnedFd,
    armed_until: Option<Instant>,
}

impl Timer {
    const TOKEN: Token = Token(usize::MAX);

    fn new(poll: &Poll) -> Result<Self> {
        let descriptor = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )
        .context("cannot make a timer")?;
        let mut source = SourceFd(&descriptor.as_raw_fd());
        poll.registry()
            .register(&mut source, Self::TOKEN, Interest::READABLE)
            .context("cannot register a timer")?;
        Ok(Self {
            descriptor,
            armed_until: None,
        })
    }

    /// Fires once after `wait`, which ends at `until`; epoll reports it edge-triggered, so nothing is read.
    fn arm(&mut self, until: Instant, wait: Duration) -> Result<()> {
        if self.armed_until == Some(until) {
            return Ok(());
        }
        self.armed_until = Some(until);
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(wait).context("cannot wait for so long")?,
        };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &once)
            .context("cannot arm a timer")?;
        Ok(())
    }
}

/// The parts of a [`Swarm`] that handling an event needs, while the list of events is being walked.
struct Hands<'s> {
    lines: &'s mut Lines,
    buffer: &'s mut [u8],
    unfinished: &'s mut Vec<usize>,
    session_timeout_ms: i32,
    established: &'s mut usize,
}

impl Hands<'_> {
    fn handle(&mut self, load: &mut impl Load, event: &Event) -> Result<()> {
        let connection = event.token().0;
        let Some(line) = self.lines.lines.get_mut(connection) else {
            return Ok(());
        };
        if line.stage == Stage::Opening && !opened(line)? {
            return Ok(());
        }
        if line.stage == Stage::Opening {
            line.greet(self.session_timeout_ms)?;
            line.flush()?;
        }
        if event.is_readable() {
            self.receive(load, connection)?;
            // What came with the end of the stream made the read look complete; no other event will tell of the end.
            if event.is_read_closed() {
                self.unfinished.push(connection);
            }
            self.lines.flush_dirty()?;
        }
        if event.is_writable()
            && let Some(line) = self.lines.lines.get_mut(connection)
            && line.stage != Stage::Closed
            && line.has_outgoing()
        {
            line.flush()?;
        }
        Ok(())
    }

    /// Reads once: a read shorter than the buffer has emptied the socket (epoll(7)), a full one is to be repeated.
    fn receive(&mut self, load: &mut impl Load, connection: usize) -> Result<()> {
        let Some(line) = self.lines.lines.get_mut(connection) else {
            return Ok(());
        };
        if line.stage == Stage::Closed {
            return Ok(());
        }
        match line.read(self.buffer)? {
            Received::Nothing => Ok(()),
            Received::End => {
                line.stage = Stage::Closed;
                load.on_closed(connection)
            }
            Received::Bytes(count) => {
                if count == self.buffer.len() {
                    self.unfinished.push(connection);
                }
                self.take(load, connection, count)
            }
        }
    }

    /// Handles the frames in the first `count` bytes of the buffer, and what was left of earlier ones.
    fn take(&mut self, load: &mut impl Load, connection: usize, count: usize) -> Result<()> {
        let now = clock::now();
        let Some(line) = self.lines.lines.get_mut(connection) else {
            return Ok(());
        };
        let received = self.buffer.get(..count).unwrap_or_default();
        if line.incoming.is_empty() {
            let consumed = frames(
                self.lines,
                self.established,
                load,
                (connection, now, received),
            )?;
            let rest = received.get(consumed..).unwrap_or_default();
            if let Some(line) = self.lines.lines.get_mut(connection) {
                line.incoming.extend_from_slice(rest);
            }
            return Ok(());
        }
        line.incoming.extend_from_slice(received);
        let mut incoming = std::mem::take(&mut line.incoming);
        let consumed = frames(
            self.lines,
            self.established,
            load,
            (connection, now, &incoming),
        )?;
        incoming.drain(..consumed);
        if let Some(line) = self.lines.lines.get_mut(connection) {
            line.incoming = incoming;
        }
        Ok(())
    }
}

/// Handles each whole frame of `bytes`; how many bytes they took.
fn frames(
    lines: &mut Lines,
    established: &mut usize,
    load: &mut impl Load,
    (connection, now, bytes): (usize, Instant, &[u8]),
) -> Result<usize> {
    let limits = FrameLimits {
        frame_len_max: FRAME_LEN_CEILING,
    };
    let mut consumed = 0;
    while let Some((frame, taken)) = next_frame(bytes.get(consumed..).unwrap_or_default(), limits)?
    {
        consumed += taken;
        let Some(line) = lines.lines.get_mut(connection) else {
            break;
        };
        if line.stage == Stage::Greeting {
            check_granted(frame)?;
            line.stage = Stage::Established;
            *established += 1;
            continue;
        }
        let (header, body) = ReplyHeader::decode(frame)?;
        if header.xid == Xid::NOTIFICATION {
            load.on_event(connection, &WatchedEvent::decode(header, body)?, now)?;
            continue;
        }
        let sent = line.answered(&header)?;
        let reply = Reply {
            connection,
            class: sent.class,
            since: sent.since,
            now,
            error: header.error,
            body,
        };
        load.on_reply(lines, &reply)?;
    }
    Ok(consumed)
}

/// Whether the socket is connected by now; an error when it never will be.
fn opened(line: &Line) -> Result<bool> {
    if let Some(error) = line
        .stream
        .take_error()
        .context("cannot look at a socket")?
    {
        return Err(error).context("cannot connect to the server");
    }
    match line.stream.peer_addr() {
        Ok(_) => {
            line.stream
                .set_nodelay(true)
                .context("cannot set TCP_NODELAY")?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error).context("cannot connect to the server"),
    }
}

fn check_granted(frame: &[u8]) -> Result<()> {
    let response = ConnectResponse::decode(frame)
        .context("the server's answer to a ConnectRequest makes no sense")?;
    if response.is_rejected() {
        bail!("the server refused a new session");
    }
    Ok(())
}

/// The load of a swarm that is only being connected: nothing is sent.
struct Connecting;

impl Load for Connecting {
    fn on_tick(&mut self, _: &mut Lines, _: Instant) -> Result<Next> {
        Ok(Next::Finish)
    }

    fn on_reply(&mut self, _: &mut Lines, reply: &Reply<'_>) -> Result<()> {
        bail!(
            "connection {} got a reply before any request was sent",
            reply.connection
        );
    }

    fn on_closed(&mut self, connection: usize) -> Result<()> {
        bail!(
            "the server closed connection {connection} instead of granting a session \
             (its limit on connections? see maxClientCnxns)"
        );
    }
}

/// Says goodbye on every connection. A server that does not answer in time is left alone: the figures are taken.
struct Closing {
    left: usize,
    end: Instant,
    begun: bool,
}

impl Load for Closing {
    fn on_tick(&mut self, lines: &mut Lines, now: Instant) -> Result<Next> {
        if !self.begun {
            self.begun = true;
            for connection in 0..lines.len() {
                if !lines.is_closed(connection) {
                    lines.send(connection, (Class(0), now), &Request::CloseSession)?;
                    self.left += 1;
                }
            }
        }
        Ok(if self.left == 0 || self.end <= now {
            Next::Finish
        } else {
            Next::WaitUntil(self.end)
        })
    }

    fn on_reply(&mut self, _: &mut Lines, _: &Reply<'_>) -> Result<()> {
        Ok(())
    }

    fn on_event(&mut self, _: usize, _: &WatchedEvent<'_>, _: Instant) -> Result<()> {
        Ok(())
    }

    fn on_closed(&mut self, _: usize) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        Ok(())
    }
}
