//! The two threads of a session in libzookeeper_mt: one moves bytes, the other calls the caller's functions.
//!
//! ```text
//! I/O thread          poll(socket, wake-up)  ->  turn under the lock  ->  batch into the queue, waiting callers unparked
//! completion thread   takes batches from the queue, in order, and tells them
//! ```
//!
//! Invariants: the caller's functions may call anything, `zookeeper_close` too: no lock is held, and who is closed from inside is
//! ended by its own thread. Neither thread outlives `zookeeper_close`, but for the one that called it.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::thread::ThreadId;

use parking_lot::Condvar;
use parking_lot::Mutex;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use smallvec::SmallVec;

use crate::callbacks::Batch;
use crate::clock;
use crate::codes::ZSYSTEMERROR;
use crate::driver::State;
use crate::handle::Handle;
use crate::log::Level;
use crate::tag;

/// The stack that POSIX programs are used to; the caller's functions run on it.
const COMPLETION_STACK_LEN: usize = 8 << 20;

/// What the two threads share, and how to end them.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    queue: Mutex<Queue>,
    filled: Condvar,
    io: Mutex<Option<JoinHandle<()>>>,
    completion: Mutex<Option<JoinHandle<()>>>,
    ids: std::sync::OnceLock<(ThreadId, ThreadId)>,
}

#[derive(Debug, Default)]
struct Queue {
    batches: VecDeque<Batch>,
    /// An empty one, for its memory.
    spare: Option<Batch>,
    /// Nothing more will come.
    is_closed: bool,
}

impl Threads {
    pub(crate) fn is_io(&self, thread: ThreadId) -> bool {
        self.ids.get().is_some_and(|(io, _)| *io == thread)
    }

    fn is_completion(&self, thread: ThreadId) -> bool {
        self.ids
            .get()
            .is_some_and(|(_, completion)| *completion == thread)
    }

    /// Hands on a batch; an empty one for the next turn.
    fn push(&self, batch: Batch) -> Batch {
        let mut queue = self.queue.lock();
        queue.batches.push_back(batch);
        let spare = queue.spare.take();
        drop(queue);
        self.filled.notify_one();
        spare.unwrap_or_default()
    }

    fn pop(&self, spare: Option<Batch>) -> Option<Batch> {
        let mut queue = self.queue.lock();
        if let Some(spare) = spare {
            queue.spare = Some(spare);
        }
        loop {
            if let Some(batch) = queue.batches.pop_front() {
                return Some(batch);
            }
            if queue.is_closed {
                return None;
            }
            self.filled.wait(&mut queue);
        }
    }

    fn close(&self) {
        self.queue.lock().is_closed = true;
        self.filled.notify_all();
    }
}

impl Handle {
    /// Starts both threads.
    ///
    /// # Errors
    /// When the system gives no thread; none runs then.
    pub(crate) fn start(self: &Arc<Self>) -> std::io::Result<()> {
        // Neither begins before both are known: a callback may close the session at once.
        let mut io_slot = self.threads.io.lock();
        let mut completion_slot = self.threads.completion.lock();
        let handle = Arc::clone(self);
        let builder = std::thread::Builder::new().name("zookeeper-done".to_owned());
        let completion = builder
            .stack_size(COMPLETION_STACK_LEN)
            .spawn(move || handle.run_completions())?;
        let handle = Arc::clone(self);
        let builder = std::thread::Builder::new().name("zookeeper-io".to_owned());
        match builder.spawn(move || handle.run_io()) {
            Ok(io) => {
                let ids = (io.thread().id(), completion.thread().id());
                self.threads.ids.get_or_init(|| ids);
                *io_slot = Some(io);
                *completion_slot = Some(completion);
                Ok(())
            }
            Err(error) => {
                self.threads.close();
                drop((io_slot, completion_slot));
                // It has nothing to tell.
                let _ = completion.join();
                Err(error)
            }
        }
    }

    /// Waits for the threads to end, unless this is one of them: then the session ends behind the caller's function.
    pub(crate) fn join(&self) {
        let me = std::thread::current().id();
        let is_io = self.threads.is_io(me);
        if is_io || self.threads.is_completion(me) {
            return;
        }
        let io = self.threads.io.lock().take();
        let completion = self.threads.completion.lock().take();
        for thread in [io, completion].into_iter().flatten() {
            // A thread of ours lets no panic out.
            let _ = thread.join();
        }
    }

    fn run_io(&self) {
        // Until `start` has written down who is who.
        drop(self.threads.io.lock());
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| while self.run_io_once() {}));
        if ran.is_err() {
            self.fail();
        }
        self.threads.close();
    }

    /// One turn and one sleep; false when the session is over.
    fn run_io_once(&self) -> bool {
        let mut state = self.state.lock();
        state.is_sleeping = false;
        self.refresh(&mut state);
        let now_ms = clock::now_ms();
        state.turn(now_ms);
        self.publish(&state);
        let is_over = state.is_over;
        let sleep = Sleep::of(&state, now_ms);
        let answered = std::mem::take(&mut state.answered);
        let lines = std::mem::take(&mut state.lines);
        if !state.batch.is_empty() {
            let batch = std::mem::take(&mut state.batch);
            state.batch = self.threads.push(batch);
        }
        // Whoever leaves something behind from here on wakes this thread.
        state.is_sleeping = true;
        state.is_awaiting_room = sleep.is_full;
        drop(state);
        for thread in &answered {
            thread.unpark();
        }
        self.put_back(answered);
        crate::log::write(self.log_callback(), lines);
        if is_over {
            return false;
        }
        self.sleep(&sleep);
        true
    }

    /// Keeps the memory of the list of those who waited.
    fn put_back(&self, mut answered: Vec<std::thread::Thread>) {
        answered.clear();
        if answered.capacity() > 0
            && let Some(mut state) = self.state.try_lock()
            && state.answered.capacity() == 0
        {
            state.answered = answered;
        }
    }

    fn sleep(&self, sleep: &Sleep) {
        let timeout = sleep.wait_ms.map(|wait_ms| Timespec {
            tv_sec: i64::try_from(wait_ms / 1000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(wait_ms % 1000).unwrap_or(0) * 1_000_000,
        });
        // SAFETY: only this thread closes the socket (it drops the state's), and it does not before poll returns.
        let socket = sleep
            .socket
            .map(|socket| unsafe { std::os::fd::BorrowedFd::borrow_raw(socket) });
        let flags = if sleep.is_full {
            PollFlags::IN | PollFlags::OUT
        } else {
            PollFlags::IN
        };
        let mut waiting: SmallVec<[PollFd<'_>; 2]> = SmallVec::new();
        waiting.push(PollFd::new(&self.wake, PollFlags::IN));
        waiting.extend(socket.as_ref().map(|socket| PollFd::new(socket, flags)));
        // Interrupted, timed out, ready: the next turn looks.
        let _ = rustix::event::poll(&mut waiting, timeout.as_ref());
        let is_woken = waiting
            .first()
            .is_some_and(|wake| !wake.revents().is_empty());
        if is_woken {
            let mut counter = [0; 8];
            let _ = rustix::io::read(self.wake.as_fd(), &mut counter);
        }
    }

    fn run_completions(&self) {
        drop(self.threads.completion.lock());
        let mut spare = None;
        while let Some(batch) = self.threads.pop(spare.take()) {
            spare = Some(batch.tell(self.pointer()));
        }
        if self.is_closing.load(std::sync::atomic::Ordering::Acquire) {
            self.finish_close();
        }
    }

    /// A panic of ours: the session is over, and whoever waits is told.
    fn fail(&self) {
        let mut state = self.state.lock();
        // Its requests are dropped with it, and answered so.
        let ended = state.give_up();
        self.publish(&state);
        let mut batch = std::mem::take(&mut state.batch);
        drop(state);
        drop(ended);
        for callback in tag::take_orphans() {
            batch.push_reply(callback, Err(ZSYSTEMERROR));
        }
        self.threads.push(batch);
        self.log(Level::Error, c"zookeeper_process", || {
            "the library has failed; the session is given up".to_owned()
        });
    }
}

/// What to sleep on.
#[derive(Debug)]
struct Sleep {
    socket: Option<std::os::fd::RawFd>,
    is_full: bool,
    wait_ms: Option<u64>,
}

impl Sleep {
    fn of(state: &State, now_ms: u64) -> Self {
        let is_full = state.socket().is_some_and(|(_, is_full)| is_full);
        Self {
            socket: Some(state.socket_number()).filter(|number| *number >= 0),
            is_full,
            wait_ms: state.wait_ms(now_ms),
        }
    }
}
