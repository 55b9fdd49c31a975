//! The client port: accepts connections and carries bytes between their sockets and the core. It decides nothing.
//!
//! One task a connection, on tokio's workers. Reading needs no buffer of the connection's own: bytes go through one buffer a worker, so
//! that ten thousand idle sessions cost little.
//!
//! ```text
//!   socket readable --> the task: read, requests, replies to reads, write
//!   reply queued by the apply loop --> its thread writes it at once, if it may; otherwise the task is woken, and writes
//! ```
//!
//! Invariants: whoever takes output from the connection writes it under the same hold of the driver's lock, so bytes leave in order. And a
//! task that sleeps will be woken: while its connection reads, the socket wakes it; while it is blocked, its lane does, which was told
//! the waker before the connection was asked; and what is written makes room, so that the connection is asked once more.

use std::cell::Cell;
use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::Sleep;
use zoa_core::Connection;
use zoa_core::Core;
use zoa_core::Progress;
use zoa_core::Proposals;
use zoa_core::Turn;

use crate::entropy;
use crate::limits::LINGER;
use crate::limits::LINGER_AT_STOP;
use crate::limits::LINGER_MAX;
use crate::limits::READ_LEN;
use crate::limits::REFUSALS_TOLD_EVERY_MS;
use crate::limits::ROUNDS_PER_POLL;
use crate::limits::WRITE_LEN_MAX;
use crate::limits::WRITES_PER_DELIVERY;
use crate::replication::Proposer;
use crate::time;
use crate::tls;
use crate::tls::Acceptor;

/// How long a connection that walks a long list rests between two turns of it while others ask for something too. What a turn takes
/// is a fraction of this, and so is the share of a processor that such a list gets.
const REST: Duration = Duration::from_millis(1);

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_LEN]);

    /// Connections to which this thread may write when it wakes them; none unless it delivers.
    static WRITES_LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Runs a delivery whose thread writes to the connections by itself: a hop to each of their tasks would cost more than the write.
pub(crate) fn deliver<R>(delivery: impl FnOnce() -> R) -> R {
    WRITES_LEFT.set(WRITES_PER_DELIVERY);
    let result = delivery();
    WRITES_LEFT.set(0);
    result
}

/// A port for clients.
pub(crate) struct Port {
    core: Arc<Core>,
    proposer: Proposer,
    /// Set where clients must speak TLS.
    tls: Option<Acceptor>,
    refusals: Mutex<Refusals>,
}

impl Port {
    pub(crate) fn new(core: Arc<Core>, proposer: Proposer, tls: Option<Acceptor>) -> Arc<Self> {
        Arc::new(Self {
            core,
            proposer,
            tls,
            refusals: Mutex::default(),
        })
    }

    /// Accepts connections until the task is dropped.
    pub(crate) async fn accept_from(self: Arc<Self>, listener: TcpListener) {
        let mut failures = Refusals::default();
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => self.accept(socket, peer),
                // Out of file descriptors, mostly: what is open lives on, and new ones wait in the backlog.
                Err(error) => {
                    if let Some(unsaid) = failures.note(time::now().mono_ms) {
                        tracing::warn!(%error, unsaid, "cannot accept a connection; trying again");
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a connection's task ends with its connection, and Core::end_connections ends those; a handshake has a deadline"
    )]
    fn accept(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        // A socket for both families shows IPv4 clients as IPv6 addresses; ACLs and limits mean the IPv4 ones.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%peer, %error, "cannot switch off Nagle's algorithm");
        }
        if self.tls.is_some() {
            tokio::spawn(Arc::clone(self).secure(socket, peer));
            return;
        }
        match self.core.accept(peer, time::now()) {
            Ok(connection) => {
                tokio::spawn(drive(socket, connection, self.proposer.clone()));
            }
            Err(refused) => self.tell_refused(peer, &refused),
        }
    }

    /// The handshake, and then all that follows.
    async fn secure(self: Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        let Some(tls) = &self.tls else { return };
        let stream = match tls.accept(socket).await {
            Ok(stream) => stream,
            Err(error) => return self.tell_refused(peer, &format_args!("TLS: {error}")),
        };
        let subject = tls::subject(&stream);
        let accepted = self
            .core
            .accept_known(peer, subject.as_deref(), time::now());
        match accepted {
            Ok(connection) => drive(stream, connection, self.proposer.clone()).await,
            Err(refused) => self.tell_refused(peer, &refused),
        }
    }

    fn tell_refused(&self, peer: SocketAddr, refused: &dyn fmt::Display) {
        if let Some(unsaid) = self.refusals.lock().note(time::now().mono_ms) {
            tracing::warn!(%peer, unsaid, "connection refused: {refused}");
        }
    }
}

/// Refused connections, and those that cannot be accepted, are told once a second, however many there are: the log is a file with an end.
#[derive(Debug, Default)]
struct Refusals {
    told_ms: Option<u64>,
    unsaid: u64,
}

impl Refusals {
    /// One more; how many others were not told, when this one is to be.
    fn note(&mut self, now_ms: u64) -> Option<u64> {
        if self
            .told_ms
            .is_some_and(|told_ms| now_ms < told_ms + REFUSALS_TOLD_EVERY_MS)
        {
            self.unsaid += 1;
            return None;
        }
        self.told_ms = Some(now_ms);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// Carries bytes for one connection until it is over.
async fn drive(socket: impl Carrier, connection: Connection, proposer: Proposer) {
    let line = Line::new(Driver::new(socket, connection, proposer));
    poll_fn(|context| line.0.poll(context)).await;
}

/// What a connection's task owns: the connection ends with it.
struct Line<S: Carrier>(Arc<Shared<S>>);

/// What the task shares with those who have output for the connection: as a waker, it writes.
struct Shared<S> {
    /// `None` once the connection is over.
    driver: Mutex<Option<Driver<S>>>,
    task: OnceLock<Waker>,
}

/// A socket, or what stands for one in a test.
trait Carrier: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Carrier for S {}

impl<S: Carrier> Line<S> {
    fn new(driver: Driver<S>) -> Self {
        Self(Arc::new(Shared {
            driver: Mutex::new(Some(driver)),
            task: OnceLock::new(),
        }))
    }
}

impl<S: Carrier> Drop for Line<S> {
    fn drop(&mut self) {
        // The lane keeps a waker, which keeps the rest.
        *self.0.driver.lock() = None;
    }
}

impl<S: Carrier> Shared<S> {
    fn poll(self: &Arc<Self>, context: &mut Context<'_>) -> Poll<()> {
        self.task.get_or_init(|| context.waker().clone());
        let writer = Waker::from(Arc::clone(self));
        match &mut *self.driver.lock() {
            Some(driver) => driver.poll(context, &writer),
            None => Poll::Ready(()),
        }
    }

    /// Writes what waits; whether that was all there is to do.
    fn write(self: &Arc<Self>, task: &Waker) -> bool {
        // Whoever holds the lock may have looked for output already.
        let Some(mut driver) = self.driver.try_lock() else {
            return false;
        };
        let writer = Waker::from(Arc::clone(self));
        match &mut *driver {
            Some(driver) => driver.write_at_once(&mut Context::from_waker(task), &writer),
            None => true,
        }
    }
}

impl<S: Carrier> Wake for Shared<S> {
    fn wake(self: Arc<Self>) {
        // A connection that was never polled has yet to look for the first time.
        let Some(task) = self.task.get() else { return };
        let left = WRITES_LEFT.get();
        WRITES_LEFT.set(left.saturating_sub(1));
        if left == 0 || !self.write(task) {
            task.wake_by_ref();
        }
    }
}

struct Driver<S> {
    socket: S,
    connection: Connection,
    proposer: Proposer,
    progress: Progress,
    /// Runs while there is no session yet, and while the last words wait for the client.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Runs between two turns of a long list.
    rest: Option<Pin<Box<Sleep>>>,
    /// Nothing follows what is being written.
    is_last: bool,
    /// The client has been told that nothing follows.
    is_shut: bool,
    /// The socket has taken something since this was last looked at.
    has_taken: bool,
    /// The last words wait for the client, and no longer than until then.
    ends_by: Option<Instant>,
}

/// The connection is over: nothing more can be carried.
#[derive(Debug)]
struct Over;

/// What became of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// There was none.
    Nothing,
    /// The socket took it all.
    All,
    /// As much as was allowed, or as the socket takes for now: it will wake the task.
    Part,
    /// All of it, and nothing will follow.
    Finished,
}

impl<S: Carrier> Driver<S> {
    fn new(socket: S, connection: Connection, proposer: Proposer) -> Self {
        let left = |at_ms: u64| Duration::from_millis(at_ms.saturating_sub(time::now().mono_ms));
        Self {
            deadline: connection.deadline_ms().map(|at_ms| sleep(left(at_ms))),
            socket,
            connection,
            proposer,
            progress: Progress::Reading,
            rest: None,
            is_last: false,
            is_shut: false,
            has_taken: false,
            ends_by: None,
        }
    }

    /// Carries what can be carried now; ready when the connection is over. `writer` is woken for output.
    fn poll(&mut self, context: &mut Context<'_>, writer: &Waker) -> Poll<()> {
        match self.poll_both_ways(context, writer) {
            Ok(()) => self.poll_deadline(context),
            Err(Over) => Poll::Ready(()),
        }
    }

    /// Writes what waits; whether the task has nothing to do, neither with the rest nor with input that waited for this.
    fn write_at_once(&mut self, task: &mut Context<'_>, writer: &Waker) -> bool {
        let written = self.poll_write(task, writer, WRITE_LEN_MAX);
        matches!(written, Ok(Written::Nothing | Written::All)) && self.progress == Progress::Reading
    }

    fn poll_both_ways(&mut self, context: &mut Context<'_>, writer: &Waker) -> Result<(), Over> {
        for _ in 0..ROUNDS_PER_POLL {
            let rests = self.is_resting(context);
            let has_moved = match self.progress {
                Progress::Reading if self.connection.is_of_stopping_server() => {
                    self.connection.listen(writer);
                    self.turn(&[]);
                    true
                }
                Progress::Reading => self.poll_read(context)?,
                Progress::Again if rests => false,
                Progress::Blocked | Progress::Again => {
                    self.connection.listen(writer);
                    self.turn(&[]);
                    self.progress == Progress::Reading
                }
                Progress::Closed => false,
            };
            let written = self.poll_write(context, writer, usize::MAX)?;
            match written {
                Written::Finished => return self.poll_goodbye(context),
                Written::Part => self.linger(),
                Written::Nothing | Written::All => {}
            }
            // What was sent has made room, and nobody else tells the input that waits for it.
            let has_room = self.progress == Progress::Blocked && written == Written::All;
            // It may have begun to stop before there was a waker that could tell.
            let stops =
                self.progress == Progress::Reading && self.connection.is_of_stopping_server();
            if !has_moved && !has_room && !stops {
                if self.progress == Progress::Again {
                    self.go_on_later(context);
                }
                return Ok(());
            }
        }
        // Others first.
        context.waker().wake_by_ref();
        Ok(())
    }

    /// Another turn after those of the others.
    fn go_on_later(&mut self, context: &mut Context<'_>) {
        if self.rest.is_none() && self.connection.others_are_at_work(time::now()) {
            self.rest = Some(sleep(REST));
        }
        if !self.is_resting(context) {
            context.waker().wake_by_ref();
        }
    }

    fn is_resting(&mut self, context: &mut Context<'_>) -> bool {
        let rests = self
            .rest
            .as_mut()
            .is_some_and(|rest| rest.as_mut().poll(context).is_pending());
        if !rests {
            self.rest = None;
        }
        rests
    }

    /// Reads once; whether anything came in.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Result<bool, Over> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut self.socket).poll_read(context, &mut read) {
                Poll::Pending => Ok(false),
                Poll::Ready(Err(_)) => Err(Over),
                Poll::Ready(Ok(())) if read.filled().is_empty() => Err(Over),
                Poll::Ready(Ok(())) => {
                    self.turn(read.filled());
                    Ok(true)
                }
            }
        })
    }

    /// Writes until nothing waits, the socket takes no more, or `len_max` is reached.
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        writer: &Waker,
        len_max: usize,
    ) -> Result<Written, Over> {
        let mut written = Written::Nothing;
        let mut left = len_max;
        loop {
            let output = self.connection.output(Some(writer));
            self.is_last = output.is_last;
            if output.bytes.is_empty() {
                // What TLS has taken, the socket may not have.
                return match Pin::new(&mut self.socket).poll_flush(context) {
                    Poll::Pending => Ok(Written::Part),
                    Poll::Ready(Err(_)) => Err(Over),
                    Poll::Ready(Ok(())) if self.is_last => Ok(Written::Finished),
                    Poll::Ready(Ok(())) => Ok(written),
                };
            }
            let len = output.bytes.len().min(WRITE_LEN_MAX).min(left);
            let bytes = output.bytes.get(..len).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(Written::Part);
            }
            match Pin::new(&mut self.socket).poll_write(context, bytes) {
                Poll::Pending => return Ok(Written::Part),
                Poll::Ready(Err(_)) => return Err(Over),
                Poll::Ready(Ok(len)) => {
                    self.has_taken = true;
                    self.connection.handle_sent(len);
                    left = left.saturating_sub(len);
                }
            }
            written = Written::All;
        }
    }

    /// Waits until the client has heard the last words and closes, and throws away what it still sends.
    ///
    /// To close a socket with input in it resets the connection, and that may destroy what is under way to the client.
    fn poll_goodbye(&mut self, context: &mut Context<'_>) -> Result<(), Over> {
        if self.connection.is_of_stopping_server() && !self.connection.has_bid_farewell() {
            return Err(Over);
        }
        self.linger();
        if !self.is_shut {
            match Pin::new(&mut self.socket).poll_shutdown(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(_)) => return Err(Over),
                Poll::Ready(Ok(())) => self.is_shut = true,
            }
        }
        for _ in 0..ROUNDS_PER_POLL {
            if self.poll_discard(context)?.is_pending() {
                return Ok(());
            }
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    fn poll_discard(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, Over> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut self.socket).poll_read(context, &mut read) {
                Poll::Pending => Ok(Poll::Pending),
                Poll::Ready(Ok(())) if !read.filled().is_empty() => Ok(Poll::Ready(())),
                Poll::Ready(_) => Err(Over),
            }
        })
    }

    /// A client that does not read the last words is waited for, but not for long; one that reads them slowly a while longer.
    fn linger(&mut self) {
        if !self.is_last {
            return;
        }
        let patience = if self.connection.is_of_stopping_server() {
            LINGER_AT_STOP
        } else {
            LINGER
        };
        let begins = self.ends_by.is_none();
        let ends_by = *self
            .ends_by
            .get_or_insert_with(|| sleep(LINGER_MAX).deadline());
        let until = sleep(patience).deadline().min(ends_by);
        let is_sooner = |deadline: &Pin<Box<Sleep>>| until < deadline.deadline();
        let hurries = self.deadline.as_ref().is_some_and(is_sooner);
        if std::mem::take(&mut self.has_taken) || begins || hurries {
            self.deadline = Some(Box::pin(tokio::time::sleep_until(until)));
        }
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.ends_by.is_none() && self.connection.deadline_ms().is_none() {
            self.deadline = None;
        }
        match &mut self.deadline {
            None => Poll::Pending,
            Some(deadline) => {
                let over = deadline.as_mut().poll(context);
                if over.is_ready() && self.ends_by.is_none() {
                    self.connection.handle_deadline();
                }
                over
            }
        }
    }

    fn turn(&mut self, bytes: &[u8]) {
        let mut proposals = Proposals::default();
        let mut turn = Turn {
            now: time::now(),
            random: &mut entropy::fill,
            proposals: &mut proposals,
        };
        self.progress = self.connection.handle_input(bytes, &mut turn);
        if !proposals.is_empty() {
            self.proposer.propose(proposals);
        }
    }
}

fn sleep(duration: Duration) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep(duration))
}

#[cfg(test)]
mod tests;
