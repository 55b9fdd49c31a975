//! The way from the clients' threads to the PHP thread: which registrations have something to say, in the order it happened.
//!
//! ```text
//! client's thread:  wake(registration) -> queue, raise the engine's flag, or ring for who waits
//! PHP thread:       at a safe point, or in wait(): take one after the other
//! ```
//!
//! Invariant: while something is queued and the PHP thread is not yet at it, the flag is up or a pulse is on its way. The queue
//! is as long as the queues of the streams behind it, which are bounded: a number is queued once for each of their items.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Wake;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use crate::engine::Interrupt;
use crate::engine::deaf_to_signals;

/// How long the flag stays down after an exception: the engine never comes to its handler when it is raised again at once.
const PULSE_DELAY: Duration = Duration::from_millis(1);

/// The mailbox of one PHP thread.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inside: Mutex<Inside>,
    bell: Condvar,
    has_pulse: AtomicBool,
}

#[derive(Debug)]
struct Inside {
    ready: VecDeque<u64>,
    /// The PHP thread is at it and runs no PHP code, so that the flag is left to signals and time limits.
    is_attended: bool,
    /// Under the lock, so that nobody is about to raise it when its thread ends.
    interrupt: Interrupt,
}

impl Inside {
    fn raise(&self) {
        if !self.is_attended && !self.ready.is_empty() {
            self.interrupt.raise();
        }
    }
}

impl Mailbox {
    /// A mailbox for this thread.
    pub(crate) fn of_this_thread() -> Arc<Self> {
        Arc::new(Self {
            inside: Mutex::new(Inside {
                ready: VecDeque::new(),
                is_attended: false,
                interrupt: Interrupt::of_this_thread(),
            }),
            bell: Condvar::new(),
            has_pulse: AtomicBool::new(false),
        })
    }

    // A standard lock, which leaves nothing behind in a forked child that others could stumble over.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever is woken by this waker queues the registration.
    pub(crate) fn waker(self: &Arc<Self>, registration: u64) -> Waker {
        let mailbox = Arc::clone(self);
        Waker::from(Arc::new(Bell {
            mailbox,
            registration,
        }))
    }

    /// Queues a registration, from any thread.
    pub(crate) fn push(&self, registration: u64) {
        let mut inside = self.inside();
        inside.ready.push_back(registration);
        inside.raise();
        self.bell.notify_all();
    }

    pub(crate) fn pop(&self) -> Option<u64> {
        self.inside().ready.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inside().ready.is_empty()
    }

    /// Waits for something in the queue, for so long at most.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let inside = self.inside();
        let waited = self
            .bell
            .wait_timeout_while(inside, timeout, |inside| inside.ready.is_empty());
        let (inside, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !inside.ready.is_empty()
    }

    /// Says whether the PHP thread is at it from now on; gives what it was before.
    pub(crate) fn set_attended(&self, is_attended: bool) -> bool {
        let mut inside = self.inside();
        let before = std::mem::replace(&mut inside.is_attended, is_attended);
        inside.raise();
        before
    }

    /// Whether the engine wants the PHP thread's attention: for us, for a signal, for a time limit.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.inside().interrupt.is_raised()
    }

    /// Raises the flag a little later, if then there is still something in the queue.
    pub(crate) fn pulse(self: &Arc<Self>) {
        if self.is_empty() || self.has_pulse.swap(true, Ordering::AcqRel) {
            return;
        }
        let mailbox = Arc::clone(self);
        let thread = thread::Builder::new().name("zoa-php-pulse".to_owned());
        let started = deaf_to_signals(|| {
            thread.spawn(move || {
                thread::park_timeout(PULSE_DELAY);
                mailbox.has_pulse.store(false, Ordering::Release);
                mailbox.inside().raise();
            })
        });
        if started.is_err() {
            // The next event, or the next call of dispatch() or wait(), will do.
            self.has_pulse.store(false, Ordering::Release);
        }
    }

    /// The thread ends: its flag is touched no more.
    pub(crate) fn forget_thread(&self) {
        self.inside().interrupt.forget();
    }
}

struct Bell {
    mailbox: Arc<Mailbox>,
    registration: u64,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.mailbox.push(self.registration);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.mailbox.push(self.registration);
    }
}
