//! The executor of one simulated process: polls who was woken, in the order of waking.
//!
//! Invariant: it draws nothing and knows no time; equal wakings give equal runs.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Wake;
use std::task::Waker;

use super::desk::Task;

type Ready = Arc<Mutex<VecDeque<u64>>>;

struct TaskWaker {
    number: u64,
    ready: Ready,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains(&self.number) {
            ready.push_back(self.number);
        }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Executor {
    tasks: BTreeMap<u64, Task>,
    ready: Ready,
    next: u64,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tasks", self.tasks.len())
    }
}

impl Executor {
    pub(super) fn spawn(&mut self, task: Task) {
        self.next += 1;
        self.tasks.insert(self.next, task);
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.push_back(self.next);
    }

    /// Polls one task that was woken; whether there was one.
    pub(super) fn step(&mut self) -> bool {
        let next = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            ready.pop_front()
        };
        let Some(number) = next else { return false };
        if let Some(mut task) = self.tasks.remove(&number) {
            let waker = Waker::from(Arc::new(TaskWaker {
                number,
                ready: Arc::clone(&self.ready),
            }));
            let mut context = Context::from_waker(&waker);
            if task.as_mut().poll(&mut context).is_pending() {
                self.tasks.insert(number, task);
            }
        }
        true
    }

    /// Whether all tasks have ended.
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Drops all tasks, as the end of a process does.
    pub(super) fn clear(&mut self) {
        self.tasks.clear();
    }
}
