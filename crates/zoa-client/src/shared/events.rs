//! Telling what the core told: slots are filled, queues are fed, in the order in which it happened.

use std::sync::Arc;
use std::task::Waker;

use zoa_client_core::Event;
use zoa_client_core::Notice;
use zoa_client_core::Outcome;
use zoa_client_core::SessionEvent;
use zoa_client_core::SessionState;
use zoa_client_core::WatchFired;
use zoa_client_core::WatchGone;
use zoa_proto::EventType;
use zoa_proto::KeeperState;

use super::Purpose;
use super::State;
use crate::answer::Answer;
use crate::error::ErrorKind;
use crate::limits::LISTENERS_MAX;
use crate::limits::NOTICES_MAX;
use crate::limits::SESSION_EVENTS_MAX;
use crate::queue::Overflow;
use crate::queue::Queue;
use crate::slot::Tag;
use crate::watch::WatchEvent;

/// Those who hear of the session and of the way to it.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    session: Vec<Arc<Queue<SessionEvent>>>,
    notices: Vec<Arc<Queue<Notice>>>,
    has_ended: bool,
}

impl Listeners {
    pub(super) fn add_session(&mut self) -> Arc<Queue<SessionEvent>> {
        add(&mut self.session, SESSION_EVENTS_MAX, self.has_ended)
    }

    pub(super) fn add_notices(&mut self) -> Arc<Queue<Notice>> {
        add(&mut self.notices, NOTICES_MAX, self.has_ended)
    }

    fn end(&mut self, wakers: &mut Vec<Waker>) {
        self.has_ended = true;
        wakers.extend(self.session.drain(..).filter_map(|queue| queue.close()));
        wakers.extend(self.notices.drain(..).filter_map(|queue| queue.close()));
    }
}

fn add<I>(queues: &mut Vec<Arc<Queue<I>>>, len_max: usize, has_ended: bool) -> Arc<Queue<I>> {
    // Those whose listener is gone make room.
    queues.retain(|queue| Arc::strong_count(queue) > 1);
    let queue = Arc::new(Queue::new(len_max, Overflow::DropOldest));
    if has_ended || queues.len() >= LISTENERS_MAX {
        // Nobody waits for a queue that was just made.
        drop(queue.close());
    } else {
        queues.push(Arc::clone(&queue));
    }
    queue
}

impl State {
    /// Tells everything that the core has to tell. Those who wait for it are put into `wakers`.
    pub(crate) fn tell_events(&mut self, wakers: &mut Vec<Waker>) {
        let Self {
            core,
            watchers,
            listeners,
            last_failure,
            end,
            last_batch,
            ..
        } = self;
        let mut has_ended = false;
        while let Some(event) = core.poll_event() {
            match event {
                Event::Outcome { tag, outcome } => {
                    *last_batch += 1;
                    if let Tag::Slot(slot) = tag {
                        wakers.extend(slot.fill(result_of(outcome)));
                    }
                }
                Event::Watch(fired) => {
                    for watcher in fired.watchers {
                        let Some(registered) = watchers.get(watcher) else {
                            continue;
                        };
                        wakers.extend(registered.queue.push(fired_event(&fired)));
                        if matches!(registered.purpose, Purpose::Once(..))
                            && let Some(registered) = watchers.remove(watcher)
                        {
                            wakers.extend(registered.queue.close());
                        }
                    }
                }
                Event::WatchGone(gone) => {
                    for watcher in &gone.watchers {
                        let Some(registered) = watchers.get(watcher) else {
                            continue;
                        };
                        wakers.extend(registered.queue.push(gone_event(&gone)));
                        if !matches!(registered.purpose, Purpose::Any)
                            && let Some(registered) = watchers.remove(watcher)
                        {
                            wakers.extend(registered.queue.close());
                        }
                    }
                }
                Event::Session(event) => {
                    for queue in &listeners.session {
                        wakers.extend(queue.push(event));
                    }
                    if is_end(&event) {
                        *end = Some(event);
                        has_ended = true;
                    }
                }
                Event::Notice(notice) => {
                    for queue in &listeners.notices {
                        wakers.extend(queue.push(notice.clone()));
                    }
                    *last_failure = Some(notice);
                }
            }
        }
        if has_ended {
            listeners.end(wakers);
            let closed = watchers.drain().filter_map(|(_, one)| one.queue.close());
            wakers.extend(closed);
        }
    }

    /// The state as ZooKeeper's libraries name it.
    pub(crate) const fn keeper_state(&self) -> KeeperState {
        match self.core.state() {
            SessionState::Connected => KeeperState::SyncConnected,
            SessionState::ConnectedReadOnly => KeeperState::ConnectedReadOnly,
            SessionState::Connecting | SessionState::Suspended => KeeperState::Disconnected,
            SessionState::Expired => KeeperState::Expired,
            SessionState::AuthFailed => KeeperState::AuthFailed,
            SessionState::Closed => KeeperState::Closed,
        }
    }
}

fn result_of(outcome: Outcome<'_>) -> Result<Answer, ErrorKind> {
    match outcome {
        Outcome::Done { result, .. } => result.map(Answer::from).map_err(ErrorKind::Code),
        Outcome::NotApplied(reason) => Err(ErrorKind::NotApplied(reason)),
        Outcome::Unknown(reason) => Err(ErrorKind::Unknown(reason)),
    }
}

fn fired_event(fired: &WatchFired<'_>) -> WatchEvent {
    WatchEvent {
        event: EventType::Node(fired.kind),
        path: fired.path.to_owned(),
        zxid: fired.zxid,
        state: KeeperState::SyncConnected,
    }
}

fn gone_event(gone: &WatchGone<'_>) -> WatchEvent {
    WatchEvent {
        event: gone.event,
        path: gone.path.clone().into_owned(),
        zxid: None,
        state: KeeperState::SyncConnected,
    }
}

pub(crate) const fn is_end(event: &SessionEvent) -> bool {
    match event {
        SessionEvent::Expired(_) | SessionEvent::AuthFailed | SessionEvent::Closed { .. } => true,
        SessionEvent::Connected { .. }
        | SessionEvent::Suspended(_)
        | SessionEvent::MayHaveExpired => false,
    }
}
