//! Where the tasks of one client leave what they ask, and find what became of it.
//!
//! Invariant: it is never locked while a task is polled or dropped, since both come back here.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use zoa_recipes::Answer;
use zoa_recipes::Failure;
use zoa_recipes::Standing;
use zoa_testkit::clock::SimTime;
use zoa_testkit::op::Op;
use zoa_testkit::rng::Rng;

/// A task, as the executor keeps it.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A desk that is shared by the tasks of a client and the world.
pub(super) type Shared = Arc<Mutex<Desk>>;

/// Takes the desk; a panic of a task has ended the run anyway.
pub(super) fn at(desk: &Shared) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that is waited for.
#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

// By hand: a derived one would ask it of the value, too.
impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            value: None,
            waker: None,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Desk {
    /// The world's time when the client was last driven.
    pub(super) at: SimTime,
    /// The client's clock.
    pub(super) clock: Duration,
    pub(super) standing: Standing,
    /// Until when the session is surely alive, in the world's time.
    pub(super) alive_until: SimTime,
    pub(super) session: i64,
    /// The session has ended on the servers, which its own cannot know as long as it is cut off from the others.
    pub(super) has_outlived: bool,
    /// The session ended before the script did.
    pub(super) has_given_up: bool,
    /// The faults are over, and a script that can come to its end should.
    pub(super) is_calm: bool,
    pub(super) rng: Rng,
    asked: VecDeque<(u64, Op)>,
    answers: BTreeMap<u64, Slot<Result<Answer, Failure>>>,
    fired: BTreeMap<u64, Slot<()>>,
    timers: BTreeMap<(Duration, u64), Waker>,
    standing_changes: u64,
    standing_wakers: Vec<Waker>,
    spawned: Vec<Task2>,
    is_dead: bool,
    next: u64,
}

/// A task that was left to run by itself; without a Debug of its own.
struct Task2(Task);

impl std::fmt::Debug for Task2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

impl Desk {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            at: SimTime::ZERO,
            clock: Duration::ZERO,
            standing: Standing::Connecting,
            alive_until: SimTime::ZERO,
            session: 0,
            has_outlived: false,
            has_given_up: false,
            is_calm: false,
            rng,
            asked: VecDeque::new(),
            answers: BTreeMap::new(),
            fired: BTreeMap::new(),
            timers: BTreeMap::new(),
            standing_changes: 0,
            standing_wakers: Vec::new(),
            spawned: Vec::new(),
            is_dead: false,
            next: 0,
        }
    }

    /// A request is sent; under this number its answer will be there, and the watch that it asks for.
    pub(super) fn ask(&mut self, op: Op) -> u64 {
        self.next += 1;
        self.asked.push_back((self.next, op));
        self.answers.insert(self.next, Slot::default());
        self.next
    }

    /// The next request to hand to the client.
    pub(super) fn take_asked(&mut self) -> Option<(u64, Op)> {
        self.asked.pop_front()
    }

    /// A request has its answer; nobody may wait for it any more.
    #[must_use = "whoever waits has to be woken"]
    pub(super) fn answer(&mut self, number: u64, answer: Result<Answer, Failure>) -> Option<Waker> {
        let slot = self.answers.get_mut(&number)?;
        slot.value = Some(answer);
        slot.waker.take()
    }

    pub(super) fn poll_answer(
        &mut self,
        number: u64,
        waker: &Waker,
    ) -> Poll<Result<Answer, Failure>> {
        let slot = self.answers.entry(number).or_default();
        match slot.value.take() {
            Some(answer) => {
                self.answers.remove(&number);
                Poll::Ready(answer)
            }
            None => {
                slot.waker = Some(waker.clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn forget_answer(&mut self, number: u64) {
        self.answers.remove(&number);
    }

    /// A watch was asked for with this request, and somebody will wait for it.
    pub(super) fn expect_event(&mut self, number: u64) {
        self.fired.entry(number).or_default();
    }

    /// The watch of this request has fired, or will not any more.
    #[must_use = "whoever waits has to be woken"]
    pub(super) fn fire(&mut self, number: u64) -> Option<Waker> {
        let slot = self.fired.get_mut(&number)?;
        slot.value = Some(());
        slot.waker.take()
    }

    /// No watch will fire any more.
    pub(super) fn fire_all(&mut self) -> Vec<Waker> {
        let slots = self.fired.values_mut();
        slots
            .filter_map(|slot| {
                slot.value = Some(());
                slot.waker.take()
            })
            .collect()
    }

    pub(super) fn poll_fired(&mut self, number: u64, waker: &Waker) -> Poll<()> {
        let slot = self.fired.entry(number).or_default();
        if slot.value.is_some() {
            return Poll::Ready(());
        }
        slot.waker = Some(waker.clone());
        Poll::Pending
    }

    pub(super) fn forget_event(&mut self, number: u64) {
        self.fired.remove(&number);
    }

    /// Something that can be told apart.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn poll_timer(&mut self, timer: (Duration, u64), waker: &Waker) -> Poll<()> {
        if timer.0 <= self.clock {
            self.timers.remove(&timer);
            return Poll::Ready(());
        }
        self.timers.insert(timer, waker.clone());
        Poll::Pending
    }

    pub(super) fn forget_timer(&mut self, timer: (Duration, u64)) {
        self.timers.remove(&timer);
    }

    /// When the next timer is due, on the client's clock.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.timers.keys().next().map(|(due, _)| *due)
    }

    /// Timers that are due.
    pub(super) fn take_due(&mut self) -> Vec<Waker> {
        let later = self
            .timers
            .split_off(&(self.clock + Duration::from_nanos(1), 0));
        let due = std::mem::replace(&mut self.timers, later);
        due.into_values().collect()
    }

    /// How often the standing has changed.
    pub(super) const fn standing_changes(&self) -> u64 {
        self.standing_changes
    }

    pub(super) fn poll_standing(&mut self, seen: u64, waker: &Waker) -> Poll<()> {
        if self.standing_changes != seen {
            return Poll::Ready(());
        }
        self.standing_wakers.push(waker.clone());
        Poll::Pending
    }

    /// The standing is another.
    pub(super) fn change_standing(&mut self, standing: Standing) -> Vec<Waker> {
        self.standing = standing;
        self.standing_changes += 1;
        std::mem::take(&mut self.standing_wakers)
    }

    /// Leaves a task to run by itself; the task comes back when its process is dead.
    pub(super) fn spawn(&mut self, task: Task) -> Option<Task> {
        if self.is_dead {
            return Some(task);
        }
        self.spawned.push(Task2(task));
        None
    }

    pub(super) fn take_spawned(&mut self) -> Vec<Task> {
        let spawned = std::mem::take(&mut self.spawned);
        spawned.into_iter().map(|task| task.0).collect()
    }

    pub(super) const fn is_dead(&self) -> bool {
        self.is_dead
    }

    /// The process is dead: nothing runs any more.
    pub(super) const fn die(&mut self) {
        self.is_dead = true;
    }
}
