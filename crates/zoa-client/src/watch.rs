//! Watches on the user's side: streams of events, and futures of a single one.
//!
//! Invariant: an event is in its stream before any reply that came after it is ready, so whoever sees new data can already see
//! the event that announces them (G-07).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use futures_core::Stream;
use zoa_client_core::WatcherId;
use zoa_proto::EventType;
use zoa_proto::KeeperState;
use zoa_proto::Zxid;

use crate::clock;
use crate::error::Missed;
use crate::error::WatchEnded;
use crate::park;
use crate::queue::Queue;
use crate::queue::Taken;
use crate::shared::Shared;

/// What happened to a watched znode, or to the watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchEvent {
    /// What happened.
    pub event: EventType,
    /// To which znode, without the chroot.
    pub path: String,
    /// In which transaction; `None` for what happened while the client was away, from servers before 3.9, and when the watch
    /// was removed.
    pub zxid: Option<Zxid>,
    /// The state of the connection, as ZooKeeper's libraries tell it: always connected when something happened to a znode.
    pub state: KeeperState,
}

/// One who is told of watch events: any number of watches may be set for it, on any paths. The events come out of the
/// [`WatchEvents`] made together with it. When one change concerns several of its watches, it is told once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Watcher(pub(crate) WatcherId);

/// The events of a watch, or of all watches of a [`Watcher`], as a stream.
///
/// It ends when the session has ended. When it is dropped, the watches it was made with are removed, on the server too.
#[derive(Debug)]
pub struct WatchEvents {
    shared: Arc<Shared>,
    watcher: WatcherId,
    queue: Arc<Queue<WatchEvent>>,
}

impl WatchEvents {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        watcher: WatcherId,
        queue: Arc<Queue<WatchEvent>>,
    ) -> Self {
        Self {
            shared,
            watcher,
            queue,
        }
    }

    /// The next event; `None` when there will be no more.
    ///
    /// # Errors
    /// When events were left out here because they were not taken in time.
    pub async fn next(&mut self) -> Option<Result<WatchEvent, Missed>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// The next event, if there is one already; `Some(None)` when there will be no more.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn try_next(&mut self) -> Option<Option<Result<WatchEvent, Missed>>> {
        self.queue.try_take().map(item)
    }

    /// Blocks this thread until the next event; `None` when there will be no more.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn wait(&mut self) -> Option<Result<WatchEvent, Missed>> {
        park::wait(None, |context| self.poll(context)).flatten()
    }

    /// Blocks this thread for so long at most; `None` when nothing came by then, or will come.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn wait_for(&mut self, timeout: Duration) -> Option<Result<WatchEvent, Missed>> {
        let deadline = clock::now().checked_add(timeout);
        park::wait(deadline, |context| self.poll(context)).flatten()
    }

    /// From now on this waker is woken once for each item, in place of the task that waits for the next one. Who listens to several
    /// streams of one client learns so in which order their items came. Gives how many items there are already: for these it is
    /// not woken. The end of the stream counts as one.
    pub fn ring_each(&self, bell: Waker) -> usize {
        self.queue.ring_each(bell)
    }

    /// How many items can be taken without waiting. The end of the stream counts as one.
    #[must_use]
    pub fn waiting_count(&self) -> usize {
        self.queue.len()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Result<WatchEvent, Missed>>> {
        self.queue.poll_take(context).map(item)
    }
}

impl Stream for WatchEvents {
    type Item = Result<WatchEvent, Missed>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl Drop for WatchEvents {
    fn drop(&mut self) {
        self.shared.release(self.watcher);
    }
}

fn item(taken: Taken<WatchEvent>) -> Option<Result<WatchEvent, Missed>> {
    match taken {
        Taken::Item(event) => Some(Ok(event)),
        Taken::Missed(count) => Some(Err(Missed(count))),
        Taken::End => None,
    }
}

/// A watch that fires once: await it, or [`wait`](Self::wait) for it on a thread.
///
/// It fires at the first change of what was read, also when that happens while the client is away. When it is dropped, the
/// watch is removed.
#[derive(Debug)]
#[must_use = "a watch is for waiting; dropping it removes it"]
pub struct Watch(WatchEvents);

impl Watch {
    pub(crate) const fn new(events: WatchEvents) -> Self {
        Self(events)
    }

    /// The event, if it came already.
    ///
    /// # Errors
    /// When it will not come.
    pub fn try_event(&mut self) -> Option<Result<WatchEvent, WatchEnded>> {
        self.0.queue.try_take().map(event)
    }

    /// Blocks this thread until the event.
    ///
    /// # Errors
    /// When it will not come.
    pub fn wait(self) -> Result<WatchEvent, WatchEnded> {
        let taken = park::wait(None, |context| self.0.queue.poll_take(context));
        taken.map_or(Err(WatchEnded), event)
    }

    /// Blocks this thread for so long at most; `None` when nothing came by then. The watch stays.
    ///
    /// # Errors
    /// When it will not come.
    pub fn wait_for(&mut self, timeout: Duration) -> Option<Result<WatchEvent, WatchEnded>> {
        let deadline = clock::now().checked_add(timeout);
        let taken = park::wait(deadline, |context| self.0.queue.poll_take(context));
        taken.map(event)
    }
}

impl Future for Watch {
    type Output = Result<WatchEvent, WatchEnded>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.queue.poll_take(context).map(event)
    }
}

fn event(taken: Taken<WatchEvent>) -> Result<WatchEvent, WatchEnded> {
    match taken {
        Taken::Item(event) => Ok(event),
        Taken::Missed(_) | Taken::End => Err(WatchEnded),
    }
}
