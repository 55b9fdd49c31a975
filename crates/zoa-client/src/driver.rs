//! The driver: one task per client that reads, resolves, connects and keeps time.
//!
//! It decides nothing. In each turn it hands what happened to the core and does what the core says, until there is nothing more
//! to do; then it sleeps. Invariant: it sleeps only with a promise to be woken for all that may happen next: bytes to read, room
//! to write, an attempt that ends, the core's next deadline, a caller's input.

mod dial;
pub(crate) mod socket;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use tokio::io::ReadBuf;
use tokio::time::Sleep;
use zoa_client_core::Action;
use zoa_client_core::ConnectionId;

use crate::clock;
use crate::shared::Shared;
use crate::shared::State;
use crate::slot::Tag;
use crate::tls::Connector;
use crate::tls::Failure;
use dial::Dialed;
use dial::Dialer;
use socket::Reader;

type Core = zoa_client_core::Client<Tag>;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    reader: Option<(ConnectionId, Reader)>,
    dialer: Dialer,
    sleep: Option<(u64, Pin<Box<Sleep>>)>,
    /// Those to wake after a turn; empty between turns, kept for its room.
    wakers: Vec<Waker>,
    /// Whether it let other tasks run before it writes what callers left.
    has_yielded: bool,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, tls: Option<Connector>) -> Self {
        Self {
            shared,
            reader: None,
            dialer: Dialer::new(tls),
            sleep: None,
            wakers: Vec::new(),
            has_yielded: false,
        }
    }

    fn wake_all(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }

    fn turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        // Callers that run now will leave more bytes: one write for all of them.
        if state.is_flush_due && !self.has_yielded {
            self.has_yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_yielded = false;
        state.is_flush_due = false;
        state.last_batch = 0;
        loop {
            let now_ms = clock::now_ms();
            let mut goes_on = self.poll_dialer(&mut state, now_ms, context);
            goes_on |= self.poll_time(&mut state, now_ms, context);
            goes_on |= self.read(&mut state, now_ms, context);
            state.tell_events(&mut self.wakers);
            goes_on |= self.act(&mut state);
            goes_on |= write(&mut state, now_ms, context);
            if state.end().is_some() && !goes_on {
                return Poll::Ready(());
            }
            if !goes_on && self.is_armed(&mut state) {
                break;
            }
        }
        if !state
            .driver
            .as_ref()
            .is_some_and(|waker| waker.will_wake(context.waker()))
        {
            state.driver = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// Hands over what became of names, attempts and probes.
    fn poll_dialer(&mut self, state: &mut State, now_ms: u64, context: &mut Context<'_>) -> bool {
        let Some((connection, dialed)) = self.dialer.poll(context) else {
            return false;
        };
        let core = &mut state.core;
        match dialed {
            Dialed::Resolved(addresses) => core.handle_resolved(now_ms, connection, &addresses),
            Dialed::Unresolved => core.handle_unresolved(now_ms, connection),
            Dialed::Connected(socket) => {
                let (reader, writer) = socket.into_split();
                self.reader = Some((connection, reader));
                state.writer = Some((connection, writer));
                state.write_error = None;
                core.handle_connected(now_ms, connection);
            }
            Dialed::Failed(failure) => lose(core, now_ms, connection, failure),
            Dialed::Probed(answer) => core.handle_probed(now_ms, connection, &answer),
        }
        true
    }

    fn poll_time(&mut self, state: &mut State, now_ms: u64, context: &mut Context<'_>) -> bool {
        let is_over = match &mut self.sleep {
            Some((_, sleep)) => sleep.as_mut().poll(context).is_ready(),
            None => false,
        };
        if is_over {
            self.sleep = None;
            state.timer_ms = None;
        }
        let is_due = state
            .core
            .poll_timeout()
            .is_some_and(|due_ms| due_ms <= now_ms);
        if is_due {
            state.core.handle_timeout(now_ms);
        }
        is_due
    }

    /// Sees to it that the timer goes off no later than the core wants; false when it was just made and must be polled.
    fn is_armed(&mut self, state: &mut State) -> bool {
        let Some(due_ms) = state.core.poll_timeout() else {
            return true;
        };
        // One that goes off too early is harmless, and making a new one each time is not free.
        if self
            .sleep
            .as_ref()
            .is_some_and(|(at_ms, _)| *at_ms <= due_ms)
        {
            return true;
        }
        let Some(at) = clock::instant_of(due_ms) else {
            return true;
        };
        let at = tokio::time::Instant::from_std(at);
        match &mut self.sleep {
            Some((at_ms, sleep)) => {
                *at_ms = due_ms;
                sleep.as_mut().reset(at);
            }
            None => self.sleep = Some((due_ms, Box::pin(tokio::time::sleep_until(at)))),
        }
        state.timer_ms = Some(due_ms);
        false
    }

    /// Reads what is there, as far as there is room.
    fn read(&mut self, state: &mut State, now_ms: u64, context: &mut Context<'_>) -> bool {
        let Some((connection, reader)) = &mut self.reader else {
            return false;
        };
        let connection = *connection;
        let mut buffer = ReadBuf::new(state.core.receive_buffer());
        if buffer.remaining() == 0 {
            return true;
        }
        match reader.poll_read(context, &mut buffer) {
            Poll::Pending => {
                let failed = state
                    .write_error
                    .filter(|(failed, _)| *failed == connection);
                let Some((_, failure)) = failed else {
                    return false;
                };
                self.reader = None;
                lose(&mut state.core, now_ms, connection, failure);
            }
            Poll::Ready(Ok(())) => match buffer.filled().len() {
                0 => {
                    self.reader = None;
                    state.core.handle_disconnected(now_ms, connection, None);
                }
                len => state.core.handle_received(now_ms, connection, len),
            },
            Poll::Ready(Err(error)) => {
                self.reader = None;
                lose(&mut state.core, now_ms, connection, Failure::of(&error));
            }
        }
        true
    }

    /// Does what the core says about names and sockets.
    fn act(&mut self, state: &mut State) -> bool {
        let mut has_acted = false;
        while let Some(action) = state.core.poll_action() {
            has_acted = true;
            match action {
                Action::Close { connection } => {
                    self.dialer.stop(connection);
                    self.reader.take_if(|(open, _)| *open == connection);
                    state.writer.take_if(|(open, _)| *open == connection);
                    state.write_error.take_if(|(open, _)| *open == connection);
                }
                Action::Resolve { .. } | Action::Connect { .. } | Action::Probe { .. } => {
                    self.dialer.start(action);
                }
            }
        }
        // A connection that the server closed is not closed by an action.
        if self.reader.is_none() {
            state.writer = None;
            state.write_error = None;
        }
        has_acted
    }
}

fn lose(core: &mut Core, now_ms: u64, connection: ConnectionId, failure: Failure) {
    match failure {
        Failure::Socket(error) => core.handle_disconnected(now_ms, connection, Some(error)),
        Failure::Tls(failure) => core.handle_tls_failed(now_ms, connection, failure),
    }
}

/// Writes what there is to write, or promises to be woken when there is room.
fn write(state: &mut State, now_ms: u64, context: &mut Context<'_>) -> bool {
    let State {
        core,
        writer,
        write_error,
        ..
    } = state;
    let Some((connection, writer)) = writer else {
        return false;
    };
    let mut has_written = false;
    while write_error.is_none()
        && let Some(transmit) = core.poll_transmit()
        && transmit.connection == *connection
    {
        match writer.poll_write(context, transmit.bytes) {
            Poll::Pending => break,
            Poll::Ready(Ok(0)) => {
                *write_error = Some((*connection, Failure::Socket(io::ErrorKind::WriteZero)))
            }
            Poll::Ready(Ok(len)) => {
                core.handle_transmitted(now_ms, *connection, len);
                has_written = true;
            }
            Poll::Ready(Err(error)) => *write_error = Some((*connection, Failure::of(&error))),
        }
    }
    if write_error.is_none()
        && let Poll::Ready(Err(error)) = writer.poll_flush(context)
    {
        *write_error = Some((*connection, Failure::of(&error)));
    }
    has_written || write_error.is_some()
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let turn = self.turn(context);
        self.wake_all();
        turn
    }
}

impl Drop for Driver {
    /// The runtime ends, or the session has: whoever still waits is told.
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if state.end().is_none() {
            let now_ms = clock::now_ms();
            state.core.close(now_ms, 0);
            state.core.handle_timeout(now_ms);
            state.tell_events(&mut self.wakers);
        }
        state.writer = None;
        state.driver = None;
        drop(state);
        self.wake_all();
    }
}
