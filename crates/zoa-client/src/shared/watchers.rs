//! Those who are told of watch events, by the numbers that the core knows them by.

use std::sync::Arc;
use std::task::Waker;

use hashbrown::HashMap;
use zoa_client_core::WatcherId;
use zoa_proto::EventType;
use zoa_proto::WatcherType;

use crate::hashing::KeyedHasher;
use crate::queue::Queue;
use crate::watch::WatchEvent;

/// What a watcher was made for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// One event of this path.
    Once(Box<str>, WatcherType),
    /// All events of one persistent watch.
    Stream(Box<str>, WatcherType),
    /// Any watches, until the session ends.
    Any,
}

impl Purpose {
    /// Whether nothing can come after this event.
    const fn ends_with(&self, event: EventType) -> bool {
        match self {
            Self::Once(..) => true,
            Self::Stream(..) => !matches!(event, EventType::Node(_)),
            Self::Any => false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Watchers {
    by_id: HashMap<WatcherId, (Purpose, Arc<Queue<WatchEvent>>), KeyedHasher>,
    last: u64,
}

impl Watchers {
    pub(super) fn new(hasher: KeyedHasher) -> Self {
        Self {
            by_id: HashMap::with_hasher(hasher),
            last: 0,
        }
    }

    pub(super) fn add(&mut self, purpose: Purpose, queue: Arc<Queue<WatchEvent>>) -> WatcherId {
        self.last += 1;
        let watcher = WatcherId(self.last);
        self.by_id.insert(watcher, (purpose, queue));
        watcher
    }

    /// Forgets a watcher, if it is still known.
    pub(super) fn remove(&mut self, watcher: WatcherId) -> Option<Purpose> {
        self.by_id.remove(&watcher).map(|(purpose, _)| purpose)
    }

    /// Tells a watcher; one that was released meanwhile is not there any more.
    pub(super) fn tell(&mut self, watcher: WatcherId, event: WatchEvent, wakers: &mut Vec<Waker>) {
        let Some((purpose, queue)) = self.by_id.get(&watcher) else {
            return;
        };
        let is_last = purpose.ends_with(event.event);
        wakers.extend(queue.push(event));
        if is_last && let Some((_, queue)) = self.by_id.remove(&watcher) {
            wakers.extend(queue.close());
        }
    }

    /// There will be no more events for anybody.
    pub(super) fn end(&mut self, wakers: &mut Vec<Waker>) {
        let closed = self
            .by_id
            .drain()
            .filter_map(|(_, (_, queue))| queue.close());
        wakers.extend(closed);
    }
}
