//! What the user hears of the session: its states, and the attempts that failed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use futures_core::Stream;

use crate::clock;
use crate::park;
use crate::queue::Queue;
use crate::queue::Taken;

/// A stream of what happens to the session or on the way to a server, from the moment it was made.
///
/// It ends with the session. Items are `SessionEvent`s or `Notice`s.
#[derive(Debug)]
pub struct Listener<I> {
    queue: Arc<Queue<I>>,
}

impl<I> Listener<I> {
    pub(crate) const fn new(queue: Arc<Queue<I>>) -> Self {
        Self { queue }
    }

    /// The next one; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<I> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// The next one, if there is one already.
    pub fn try_next(&mut self) -> Option<I> {
        self.queue.try_take().and_then(item)
    }

    /// Blocks this thread until the next one; `None` when there will be no more.
    pub fn wait(&mut self) -> Option<I> {
        park::wait(None, |context| self.poll(context)).flatten()
    }

    /// Blocks this thread for so long at most; `None` when nothing came by then, or will come.
    pub fn wait_for(&mut self, timeout: Duration) -> Option<I> {
        let deadline = clock::now().checked_add(timeout);
        park::wait(deadline, |context| self.poll(context)).flatten()
    }

    /// From now on this waker is woken once for each item; see [`WatchEvents::ring_each`](crate::WatchEvents::ring_each).
    pub fn ring_each(&self, bell: Waker) -> usize {
        self.queue.ring_each(bell)
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<I>> {
        self.queue.poll_take(context).map(item)
    }
}

impl<I> Stream for Listener<I> {
    type Item = I;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<I>> {
        self.poll(context)
    }
}

fn item<I>(taken: Taken<I>) -> Option<I> {
    match taken {
        Taken::Item(item) => Some(item),
        // Listeners lose the oldest instead.
        Taken::Missed(_) | Taken::End => None,
    }
}
