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
    own: Vec<Arc<Queue<SessionEvent>>>,
    notices: Vec<Arc<Queue<Notice>>>,
    has_ended: bool,
}

impl Listeners {
    pub(super) fn add_session(&mut self) -> Arc<Queue<SessionEvent>> {
        add(&mut self.session, SESSION_EVENTS_MAX, self.has_ended)
    }

    /// One for the client's own use, which comes and goes with one call of the user's and must not be refused.
    pub(super) fn add_own(&mut self) -> Arc<Queue<SessionEvent>> {
        let queue = Arc::new(Queue::new(SESSION_EVENTS_MAX, Overflow::DropOldest));
        if self.has_ended {
            // Nobody waits for a queue that was just made.
            drop(queue.close());
        } else {
            self.own.retain(|queue| Arc::strong_count(queue) > 1);
            self.own.push(Arc::clone(&queue));
        }
        queue
    }

    fn tell(&self, event: SessionEvent, wakers: &mut Vec<Waker>) {
        let all = self.session.iter().chain(&self.own);
        wakers.extend(all.filter_map(|queue| queue.push(event)));
    }

    pub(super) fn add_notices(&mut self) -> Arc<Queue<Notice>> {
        add(&mut self.notices, NOTICES_MAX, self.has_ended)
    }

    fn end(&mut self, wakers: &mut Vec<Waker>) {
        self.has_ended = true;
        let session = self.session.drain(..).chain(self.own.drain(..));
        wakers.extend(session.filter_map(|queue| queue.close()));
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
                        watchers.tell(*watcher, fired_event(&fired), wakers);
                    }
                }
                Event::WatchGone(gone) => {
                    for watcher in &gone.watchers {
                        watchers.tell(*watcher, gone_event(&gone), wakers);
                    }
                }
                Event::Session(event) => {
                    listeners.tell(event, wakers);
                    *end = end.or(is_end(&event).then_some(event));
                }
                Event::Notice(notice) => {
                    let push = |queue: &Arc<Queue<Notice>>| queue.push(notice.clone());
                    wakers.extend(listeners.notices.iter().filter_map(push));
                    *last_failure = Some(notice);
                }
            }
        }
        // What ended with the session was told before: nothing comes after it.
        if end.is_some() && !listeners.has_ended {
            listeners.end(wakers);
            watchers.end(wakers);
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

const fn is_end(event: &SessionEvent) -> bool {
    match event {
        SessionEvent::Expired(_) | SessionEvent::AuthFailed | SessionEvent::Closed { .. } => true,
        SessionEvent::Connected { .. }
        | SessionEvent::Suspended(_)
        | SessionEvent::MayHaveExpired => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Listeners;
    use crate::limits::LISTENERS_MAX;
    use crate::limits::NOTICES_MAX;
    use crate::limits::SESSION_EVENTS_MAX;
    use crate::queue::Queue;
    use crate::queue::Taken;
    use zoa_client_core::ConnectionError;
    use zoa_client_core::Host;
    use zoa_client_core::Notice;
    use zoa_client_core::SessionEvent;

    fn check_oldest_is_left_out<I: Clone + PartialEq + std::fmt::Debug>(
        queue: &Queue<I>,
        len_max: usize,
        item: impl Fn(usize) -> I,
    ) {
        for number in 0..len_max + 3 {
            assert!(queue.push(item(number)).is_none());
        }
        for number in 3..len_max + 3 {
            assert_eq!(queue.try_take(), Some(Taken::Item(item(number))));
        }
        assert_eq!(queue.try_take(), None);
    }

    #[test]
    fn a_slow_listener_loses_the_oldest() {
        let mut listeners = Listeners::default();
        let events = listeners.add_session();
        check_oldest_is_left_out(&events, SESSION_EVENTS_MAX, |number| {
            let limit_ms = u64::try_from(number).expect("small");
            SessionEvent::Suspended(ConnectionError::Silent(limit_ms))
        });
        let notices = listeners.add_notices();
        check_oldest_is_left_out(&notices, NOTICES_MAX, |number| Notice::AttemptFailed {
            host: Host {
                name: number.to_string(),
                port: 1,
            },
            address: None,
            error: ConnectionError::Unresolved,
        });
    }

    #[test]
    fn one_listener_too_many_hears_nothing_and_those_that_went_make_room() {
        let mut listeners = Listeners::default();
        let mut kept: Vec<_> = (0..LISTENERS_MAX)
            .map(|_| listeners.add_session())
            .collect();
        assert_eq!(listeners.add_session().try_take(), Some(Taken::End));
        assert_eq!(listeners.add_own().try_take(), None);
        kept.pop();
        assert_eq!(listeners.add_session().try_take(), None);
    }
}
