//! Waiting on a thread for what tasks await: polls, and sleeps until it is woken.

use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;
use std::thread;
use std::thread::Thread;
use std::time::Instant;

use crate::clock;

struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static WAKER: Waker = Waker::from(Arc::new(ThreadWaker(thread::current())));
}

/// Waits until `poll` is ready; `None` when it is not by the deadline.
pub(crate) fn wait<R>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Option<R> {
    WAKER.with(|waker| {
        let mut context = Context::from_waker(waker);
        loop {
            if let Poll::Ready(ready) = poll(&mut context) {
                return Some(ready);
            }
            match deadline {
                None => thread::park(),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(clock::now());
                    if left.is_zero() {
                        return None;
                    }
                    thread::park_timeout(left);
                }
            }
        }
    })
}

/// Waits until `poll` is ready; polls again when it is woken, and at the time that it names.
pub(crate) fn wait_at_times<R>(
    mut poll: impl FnMut(&mut Context<'_>) -> (Poll<R>, Option<Instant>),
) -> R {
    WAKER.with(|waker| {
        let mut context = Context::from_waker(waker);
        loop {
            let (polled, at) = poll(&mut context);
            if let Poll::Ready(ready) = polled {
                return ready;
            }
            match at {
                None => thread::park(),
                Some(at) => thread::park_timeout(at.saturating_duration_since(clock::now())),
            }
        }
    })
}
