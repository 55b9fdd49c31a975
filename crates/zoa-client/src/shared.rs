//! What the callers' threads and the driver share: the core under one lock, and the socket to write to.
//!
//! ```text
//! caller:  lock { core.submit; write at once if nothing else is under way }    else wake the driver
//! driver:  lock { read, fill slots and queues, write, arm the timer }          then wake who waits
//! ```
//!
//! Invariant: nothing of the user's runs under the lock: wakers are woken after it was let go. Whatever is submitted is written
//! by its caller, or the driver is awake or has been woken.

mod events;
mod watchers;

use std::io;
use std::sync::Arc;
use std::sync::MutexGuard;
use std::task::Waker;
use std::time::Duration;

use zoa_client_core as core;
use zoa_client_core::ClientConfig;
use zoa_client_core::ConnectionId;
use zoa_client_core::Entropy;
use zoa_client_core::Notice;
use zoa_client_core::SessionEvent;
use zoa_client_core::Submission;
use zoa_client_core::SubmitError;
use zoa_client_core::WatchRemoval;
use zoa_client_core::WatcherId;
use zoa_proto::OpCode;

use crate::clock;
use crate::driver::socket::Writer;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::hashing::KeyedHasher;
use crate::limits::WATCH_EVENTS_MAX;
use crate::lock::Lock;
use crate::queue::Overflow;
use crate::queue::Queue;
use crate::session::Listener;
use crate::slot::Slot;
use crate::slot::Tag;
use crate::tls::Failure;
use crate::watch::WatchEvents;
use events::Listeners;
pub(crate) use watchers::Purpose;
use watchers::Watchers;

pub(crate) struct Shared {
    state: Lock<State>,
    /// Whether a caller always writes at once, since the driver sleeps on a thread of its own.
    writes_at_once: bool,
}

pub(crate) struct State {
    pub(crate) core: core::Client<Tag>,
    pub(crate) writer: Option<(ConnectionId, Writer)>,
    /// The error of the last write; the driver reads what is left to read before it reports it.
    pub(crate) write_error: Option<(ConnectionId, Failure)>,
    /// The driver while it sleeps; taken by whoever wakes it.
    pub(crate) driver: Option<Waker>,
    /// Until when the driver sleeps at the latest, on the core's clock.
    pub(crate) timer_ms: Option<u64>,
    /// A caller left bytes for the driver to write.
    pub(crate) is_flush_due: bool,
    /// Requests whose end the driver told in its last turn.
    pub(crate) last_batch: usize,
    watchers: Watchers,
    listeners: Listeners,
    last_failure: Option<Notice>,
    end: Option<SessionEvent>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.state.try_lock() {
            Some(state) => state.core.fmt(f),
            None => f.write_str("Client(in use)"),
        }
    }
}

impl Shared {
    pub(crate) fn new(config: ClientConfig, entropy: Entropy, writes_at_once: bool) -> Self {
        Self {
            state: Lock::new(State {
                core: core::Client::new(config, entropy, clock::now_ms()),
                writer: None,
                write_error: None,
                driver: None,
                timer_ms: None,
                is_flush_due: false,
                last_batch: 0,
                watchers: Watchers::new(KeyedHasher(entropy.hash_key)),
                listeners: Listeners::default(),
                last_failure: None,
                end: None,
            }),
            writes_at_once,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Sends a request.
    pub(crate) fn submit(
        &self,
        submission: Submission<'_>,
        path: &str,
    ) -> Result<Arc<Slot>, Error> {
        let slot = Slot::new(submission.request.op(), path);
        let tag = Tag::Slot(Arc::clone(&slot));
        self.input(|state, now_ms| {
            let submitted = state.core.submit(now_ms, submission, tag);
            submitted.map_err(|rejected| rejected.error)
        })
        .map_err(|error| slot.error(ErrorKind::Rejected(error)))?;
        Ok(slot)
    }

    /// Sends a request of another kind: `send` gives it to the core.
    pub(crate) fn submit_with(
        &self,
        op: OpCode,
        path: &str,
        send: impl FnOnce(&mut core::Client<Tag>, u64, Tag) -> Result<(), core::Rejected<Tag>>,
    ) -> Result<Arc<Slot>, Error> {
        let slot = Slot::new(op, path);
        let tag = Tag::Slot(Arc::clone(&slot));
        self.input(|state, now_ms| {
            let submitted = send(&mut state.core, now_ms, tag);
            submitted.map_err(|rejected| rejected.error)
        })
        .map_err(|error: SubmitError| slot.error(ErrorKind::Rejected(error)))?;
        Ok(slot)
    }

    /// Gives the core some input of a caller, and sees to what comes out of it.
    pub(crate) fn input<R>(&self, input: impl FnOnce(&mut State, u64) -> R) -> R {
        let now_ms = clock::now_ms();
        let (result, waker) = {
            let mut state = self.state.lock();
            let is_alone = state.core.pending_count() == 0 && state.last_batch <= 1;
            let result = input(&mut state, now_ms);
            let waker = state.follow_up(now_ms, is_alone || self.writes_at_once);
            (result, waker)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Gives the core some input after which the driver has to look at everything.
    pub(crate) fn input_for_driver<R>(&self, input: impl FnOnce(&mut State, u64) -> R) -> R {
        let now_ms = clock::now_ms();
        let (result, waker) = {
            let mut state = self.state.lock();
            let result = input(&mut state, now_ms);
            (result, state.driver.take())
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Registers a watcher.
    pub(crate) fn register(self: &Arc<Self>, purpose: Purpose) -> (WatcherId, WatchEvents) {
        let queue = Arc::new(Queue::new(WATCH_EVENTS_MAX, Overflow::CountNewest));
        let mut state = self.state.lock();
        let has_ended = state.end.is_some();
        let watcher = state.watchers.add(purpose, Arc::clone(&queue));
        drop(state);
        if has_ended {
            // Nobody waits for a queue that was just made.
            drop(queue.close());
        }
        (watcher, WatchEvents::new(Arc::clone(self), watcher, queue))
    }

    /// Nobody listens to this watcher any longer.
    pub(crate) fn release(&self, watcher: WatcherId) {
        self.input(|state, now_ms| {
            let Some(Purpose::Once(path, watcher_type) | Purpose::Stream(path, watcher_type)) =
                state.watchers.remove(watcher)
            else {
                return;
            };
            let removal = WatchRemoval {
                path: &path,
                watcher_type,
                watcher: Some(watcher),
                local: true,
            };
            // Refused when there is nothing to remove, or no session.
            let _ = state.core.remove_watches(now_ms, removal, Tag::Nobody);
        });
    }

    pub(crate) fn session_events(&self) -> Listener<SessionEvent> {
        Listener::new(self.state.lock().listeners.add_session())
    }

    /// A listener for the client's own use.
    pub(crate) fn own_events(&self) -> Listener<SessionEvent> {
        Listener::new(self.state.lock().listeners.add_own())
    }

    pub(crate) fn notices(&self) -> Listener<Notice> {
        Listener::new(self.state.lock().listeners.add_notices())
    }

    pub(crate) fn last_failure(&self) -> Option<Notice> {
        self.state.lock().last_failure.clone()
    }

    /// How the session ended, if it has.
    pub(crate) fn end(&self) -> Option<SessionEvent> {
        self.state.lock().end()
    }

    /// Starts to close; see [`core::Client::close`].
    pub(crate) fn close(&self, patience: Duration) {
        self.input_for_driver(|state, now_ms| {
            state.core.close(now_ms, clock::millis(patience));
        });
    }
}

impl State {
    /// How the session ended, if it has.
    pub(crate) const fn end(&self) -> Option<SessionEvent> {
        self.end
    }

    /// After some input of a caller: writes what there is to write, or finds out whom to wake for it.
    fn follow_up(&mut self, now_ms: u64, writes: bool) -> Option<Waker> {
        if writes && !self.is_flush_due {
            self.transmit(now_ms);
        }
        let is_due = self.core.poll_timeout();
        let is_sooner = match (is_due, self.timer_ms) {
            (Some(due_ms), Some(timer_ms)) => due_ms < timer_ms,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let is_unsent = self.writer.is_some() && self.core.poll_transmit().is_some();
        self.is_flush_due |= is_unsent;
        if is_unsent || is_sooner || self.write_error.is_some() {
            return self.driver.take();
        }
        None
    }

    /// Writes as much as the socket takes.
    fn transmit(&mut self, now_ms: u64) {
        let Some((connection, writer)) = &self.writer else {
            return;
        };
        if self.write_error.is_some() {
            return;
        }
        while let Some(transmit) = self.core.poll_transmit() {
            if transmit.connection != *connection {
                return;
            }
            match writer.try_write(transmit.bytes) {
                Ok(len) => self.core.handle_transmitted(now_ms, *connection, len),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.write_error = Some((*connection, Failure::of(&error)));
                    return;
                }
            }
        }
    }
}
