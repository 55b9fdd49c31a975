//! Sessions that only this server knows (`localSessionsEnabled`): not replicated, without ephemerals, gone with the server.
//!
//! ```text
//!   connect -> known here at once -> reads, writes (marked as local)
//!           -> wants an ephemeral -> refused, or it becomes a replicated session first: open, then the write (connection/local.rs)
//!                                   from then on it is attached to by an entry only, as what the log makes of it
//!   silent for its timeout -> forgotten here, by this server's own clock, whoever leads
//! ```
//!
//! It is the only kind of session there may be while no leader is known (`Serving::ReadOnly`). It is not replicated state: whoever comes
//! with such a session to another server is told that it has expired. Serves G-11 and G-12.

use hashbrown::HashMap;
use zoa_proto::SessionId;

use crate::core::Core;
use crate::hashing::KeyedHasher;
use crate::lane::ConnectionNumber;
use crate::lane::Password;
use crate::lane::Pulse;
use crate::limits::LOCAL_SESSIONS_MAX;
use crate::moment::Moment;
use crate::session_clock::SessionClock;

/// All sessions that only this server knows.
#[derive(Debug)]
pub(crate) struct LocalSessions {
    sessions: HashMap<SessionId, LocalSession, KeyedHasher>,
    clock: SessionClock,
    len_max: usize,
}

#[derive(Debug)]
struct LocalSession {
    password: Password,
    connection: ConnectionNumber,
    /// Its opening as a replicated one was proposed, and is not applied yet, or lost.
    is_upgrading: bool,
}

/// A session that a connection speaks for now.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) pulse: Pulse,
    /// The connection that spoke for it before.
    pub(crate) previous: Option<ConnectionNumber>,
}

impl LocalSessions {
    pub(crate) fn new(tick_ms: u32, hasher: KeyedHasher) -> Self {
        Self {
            sessions: HashMap::with_hasher(hasher),
            clock: SessionClock::new(tick_ms, hasher),
            len_max: LOCAL_SESSIONS_MAX,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether this password is that of a session which only this server knows; nothing when there is none, or may be none any more.
    pub(crate) fn has(&self, session: SessionId, password: &[u8]) -> Option<bool> {
        let held = self.sessions.get(&session).filter(|it| !it.is_upgrading)?;
        let differing = held
            .password
            .0
            .iter()
            .zip(password)
            .fold(0, |bits, (ours, theirs)| bits | (ours ^ theirs));
        let is_right = password.len() == held.password.0.len();
        Some(is_right && std::hint::black_box(differing) == 0)
    }

    /// A session becomes a replicated one, if it is this connection that speaks for it: its password, for what is to be proposed. Nobody
    /// attaches to it here any more.
    pub(crate) fn upgrade(
        &mut self,
        session: SessionId,
        connection: ConnectionNumber,
    ) -> Option<Password> {
        let held = self.sessions.get_mut(&session);
        let held = held.filter(|held| held.connection == connection)?;
        held.is_upgrading = true;
        Some(held.password)
    }

    /// Opens a session, or lets a connection speak for one from here on; nothing when there are too many.
    pub(crate) fn attach(
        &mut self,
        (session, password): (SessionId, Password),
        (connection, timeout_ms): (ConnectionNumber, i32),
        now_ms: u64,
    ) -> Option<Opened> {
        if self.sessions.len() >= self.len_max && !self.sessions.contains_key(&session) {
            return None;
        }
        let held = LocalSession {
            password,
            connection,
            is_upgrading: false,
        };
        let before = self.sessions.insert(session, held);
        let previous = before.map(|before| before.connection);
        Some(Opened {
            pulse: self.clock.attach(session, (timeout_ms, false), now_ms),
            previous: previous.filter(|previous| *previous != connection),
        })
    }

    /// Forgets a session, closed or replicated from here on; returns its pulse.
    pub(crate) fn remove(&mut self, session: SessionId) -> Option<Pulse> {
        self.sessions.remove(&session)?;
        self.clock.remove(session)
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.clock.next_due_ms()
    }
}

impl Core {
    /// Ends the local sessions that have been silent for too long; who waits for an answer of this server is not silent.
    pub(crate) fn expire_local_sessions(&self, now: Moment) {
        if !self.config.sessions.local {
            return;
        }
        let mut local = self.local.lock();
        let expired = local.clock.handle_tick(now.mono_ms);
        let mut ended = Vec::new();
        for session in expired {
            let connection = local.sessions.get(&session).map(|held| held.connection);
            let lane = connection.and_then(|connection| self.lane(connection));
            if lane
                .as_ref()
                .is_some_and(|lane| lane.lock().waits_for_the_server())
            {
                local.clock.excuse(session, now.mono_ms);
                continue;
            }
            local.remove(session);
            ended.extend(lane);
        }
        drop(local);
        for lane in ended {
            lane.end().into_iter().for_each(std::task::Waker::wake);
            self.stats.sessions_expired.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: Password = Password([7; 16]);

    fn attach(sessions: &mut LocalSessions, session: i64, connection: u64) -> Option<Opened> {
        let session = (SessionId(session), PASSWORD);
        sessions.attach(session, (ConnectionNumber(connection), 1_000), 0)
    }

    #[test]
    fn only_the_right_password_opens_it_again() {
        let mut sessions = LocalSessions::new(100, KeyedHasher::default());
        assert!(attach(&mut sessions, 5, 1).is_some());
        assert_eq!(sessions.has(SessionId(5), &[7; 16]), Some(true));
        for wrong in [&[7; 15][..], &[7; 17], &[8; 16], &[]] {
            assert_eq!(sessions.has(SessionId(5), wrong), Some(false));
        }
        assert_eq!(sessions.has(SessionId(6), &[7; 16]), None);
        let again = attach(&mut sessions, 5, 2).expect("there is room");
        assert_eq!(again.previous, Some(ConnectionNumber(1)));
        assert!(sessions.remove(SessionId(5)).is_some());
        assert!(sessions.remove(SessionId(5)).is_none());
        assert_eq!((sessions.len(), sessions.next_due_ms()), (0, Some(1_100)));
    }

    // Goal: of two connections, one that attaches and one that still wants an ephemeral, either is first for all.
    #[test]
    fn a_session_that_becomes_a_replicated_one_is_attached_to_by_nobody() {
        let mut sessions = LocalSessions::new(100, KeyedHasher::default());
        assert!(attach(&mut sessions, 5, 1).is_some());
        assert!(attach(&mut sessions, 5, 2).is_some());
        let upgrade = |sessions: &mut LocalSessions, connection| {
            let password = sessions.upgrade(SessionId(5), ConnectionNumber(connection));
            password.is_some()
        };
        assert!(!upgrade(&mut sessions, 1), "another speaks for it");
        assert_eq!(sessions.has(SessionId(5), &[7; 16]), Some(true));
        assert!(upgrade(&mut sessions, 2));
        assert_eq!(sessions.has(SessionId(5), &[7; 16]), None);
    }

    #[test]
    fn there_are_no_more_than_local_sessions_max() {
        let mut sessions = LocalSessions::new(100, KeyedHasher::default());
        assert_eq!(sessions.len_max, LOCAL_SESSIONS_MAX);
        sessions.len_max = 2;
        assert!(attach(&mut sessions, 1, 1).is_some());
        assert!(attach(&mut sessions, 2, 2).is_some());
        assert!(attach(&mut sessions, 3, 3).is_none());
        assert!(attach(&mut sessions, 2, 4).is_some(), "it is there already");
    }
}
