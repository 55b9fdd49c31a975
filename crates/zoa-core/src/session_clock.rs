//! The session clock says which sessions have been silent for too long.
//!
//! It is not replicated and decides nothing: it proposes expiries, the tree carries them out. Expiry times are rounded up
//! to the next tick, as the original does, so that a session ends in `(timeout, timeout + tick]` after its last packet.
//!
//! ```text
//!   touch = one relaxed store into the session's pulse          (every packet; no lock)
//!   a bucket comes due -> read the pulses of its sessions -> move the living ones to their new bucket
//! ```
//!
//! It runs only on a leader. On other servers it knows the sessions and their pulses, and nobody is ever due; what is heard of them
//! there is told to the leader (`ensemble.rs`), and must not come too late: a session that speaks through another server is due half a
//! tick after its timeout at the earliest, which is still no later than timeout and tick.
//!
//! Serves G-11.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use zoa_proto::SessionId;

use crate::hashing::KeyedHasher;
use crate::lane::Pulse;
use crate::limits::STANDSTILL_MS;

/// All sessions and when each is to be looked at next.
#[derive(Debug)]
pub(crate) struct SessionClock {
    tick_ms: u64,
    sessions: HashMap<SessionId, Beat, KeyedHasher>,
    /// Due time in milliseconds of the monotonic clock, a multiple of the tick -> who may be due then.
    buckets: BTreeMap<u64, Vec<SessionId>>,
    /// The last look at the buckets.
    looked_ms: Option<u64>,
    /// Nobody expires before this.
    held_until_ms: u64,
    hasher: KeyedHasher,
    /// This server leads.
    is_running: bool,
}

#[derive(Debug)]
struct Beat {
    timeout_ms: u64,
    /// It speaks through another server, whose reports take their time.
    is_remote: bool,
    pulse: Pulse,
    /// The bucket in which this session stands; entries in other buckets are left-overs.
    due_ms: u64,
    /// Its expiry has been proposed.
    expiring: bool,
}

impl SessionClock {
    pub(crate) fn new(tick_ms: u32, hasher: KeyedHasher) -> Self {
        Self {
            tick_ms: u64::from(tick_ms.max(1)),
            sessions: HashMap::with_hasher(hasher),
            buckets: BTreeMap::new(),
            looked_ms: None,
            held_until_ms: 0,
            hasher,
            is_running: true,
        }
    }

    pub(crate) fn hasher(&self) -> &KeyedHasher {
        &self.hasher
    }

    pub(crate) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Says whether this server leads from here on; who begins to gives every session its full timeout.
    pub(crate) fn set_running(&mut self, is_running: bool, now_ms: u64) {
        let begins = is_running && !self.is_running;
        self.is_running = is_running;
        if begins {
            self.looked_ms = None;
            self.restart(now_ms);
        } else if !is_running {
            self.buckets.clear();
        }
    }

    /// A session was opened or attached again, through another server or this one: its timeout starts anew.
    pub(crate) fn attach(
        &mut self,
        session: SessionId,
        (timeout_ms, is_remote): (i32, bool),
        now_ms: u64,
    ) -> Pulse {
        let timeout_ms = u64::try_from(timeout_ms).unwrap_or(0);
        let due_ms = due(now_ms, (timeout_ms, is_remote), self.tick_ms);
        let is_running = self.is_running;
        let beat = self.sessions.entry(session).or_insert_with(|| Beat {
            timeout_ms,
            is_remote,
            pulse: Arc::new(AtomicU64::new(now_ms)),
            due_ms: 0,
            expiring: false,
        });
        beat.timeout_ms = timeout_ms;
        beat.is_remote = is_remote;
        beat.expiring = false;
        beat.pulse.store(now_ms, Ordering::Relaxed);
        // The timeout may have become shorter, so the old bucket is no good.
        if is_running && beat.due_ms != due_ms {
            beat.due_ms = due_ms;
            self.buckets.entry(due_ms).or_default().push(session);
        }
        Arc::clone(&beat.pulse)
    }

    /// A session was heard of, perhaps by another server and some time ago.
    pub(crate) fn touch(&self, session: SessionId, at_ms: u64) {
        if let Some(beat) = self.sessions.get(&session) {
            beat.pulse.fetch_max(at_ms, Ordering::Relaxed);
        }
    }

    /// The session is over; its pulse lives on for whoever else has it.
    pub(crate) fn remove(&mut self, session: SessionId) -> Option<Pulse> {
        self.sessions.remove(&session).map(|beat| beat.pulse)
    }

    /// The session's connection has had this pulse from before.
    pub(crate) fn adopt(&mut self, session: SessionId, pulse: &Pulse) {
        if let Some(beat) = self.sessions.get_mut(&session) {
            beat.pulse = Arc::clone(pulse);
        }
    }

    /// Gives every session its full timeout again, as after a change of leader.
    pub(crate) fn restart(&mut self, now_ms: u64) {
        if !self.is_running {
            return;
        }
        let mut all: Vec<(SessionId, (u64, bool))> = self
            .sessions
            .iter()
            .map(|(id, beat)| (*id, (beat.timeout_ms, beat.is_remote)))
            .collect();
        // The order of a hash map is nobody's business, not even that of expiries.
        all.sort_unstable();
        self.buckets.clear();
        for (session, timeout) in all {
            let due_ms = due(now_ms, timeout, self.tick_ms);
            if let Some(beat) = self.sessions.get_mut(&session) {
                beat.pulse.store(now_ms, Ordering::Relaxed);
                beat.expiring = false;
                beat.due_ms = due_ms;
            }
            self.buckets.entry(due_ms).or_default().push(session);
        }
    }

    /// The sessions whose expiry is to be proposed now.
    ///
    /// When this server itself stood still, what its clients sent meanwhile waits in the sockets. Nobody is called silent before
    /// there was time to read it: one tick (G-11). One such wait does not follow another, or a server that is always late would
    /// never expire anybody.
    pub(crate) fn handle_tick(&mut self, now_ms: u64) -> Vec<SessionId> {
        let mut expired = Vec::new();
        let looked_ms = self.looked_ms.replace(now_ms).unwrap_or(now_ms);
        let stood_still = now_ms.saturating_sub(looked_ms) > STANDSTILL_MS;
        if stood_still && self.held_until_ms <= looked_ms {
            self.held_until_ms = now_ms + self.tick_ms;
        }
        if now_ms < self.held_until_ms {
            return expired;
        }
        while let Some(first) = self.buckets.first_entry() {
            let due_ms = *first.key();
            if due_ms > now_ms {
                break;
            }
            for session in first.remove() {
                self.look_at(session, due_ms, now_ms, &mut expired);
            }
        }
        expired
    }

    /// What was proposed may not come true: every session whose expiry was is looked at again at the next tick.
    pub(crate) fn retry(&mut self) {
        if !self.is_running {
            return;
        }
        let proposed = self.sessions.iter_mut().filter(|(_, beat)| beat.expiring);
        let mut again: Vec<SessionId> = proposed
            .map(|(session, beat)| {
                beat.expiring = false;
                beat.due_ms = 0;
                *session
            })
            .collect();
        if again.is_empty() {
            return;
        }
        again.sort_unstable();
        self.buckets.entry(0).or_default().append(&mut again);
    }

    /// The expiry is not proposed after all: who waits for this server's answer is not silent, and its timeout starts anew.
    pub(crate) fn excuse(&mut self, session: SessionId, now_ms: u64) {
        // The lead may have been lost since the clock was asked.
        if !self.is_running {
            return;
        }
        let tick_ms = self.tick_ms;
        let Some(beat) = self.sessions.get_mut(&session) else {
            return;
        };
        beat.pulse.store(now_ms, Ordering::Relaxed);
        beat.expiring = false;
        beat.due_ms = due(now_ms, (beat.timeout_ms, beat.is_remote), tick_ms);
        self.buckets.entry(beat.due_ms).or_default().push(session);
    }

    /// When the next bucket comes due, if any session lives.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let first_ms = self.buckets.keys().next().copied()?;
        Some(first_ms.max(self.held_until_ms))
    }

    pub(crate) fn count(&self) -> usize {
        self.sessions.len()
    }

    /// Every bucket with its sessions, soonest first, for the `dump` word.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (u64, Vec<SessionId>)> + '_ {
        self.buckets.iter().map(|(due_ms, sessions)| {
            let alive = |id: &SessionId| {
                self.sessions
                    .get(id)
                    .is_some_and(|beat| beat.due_ms == *due_ms)
            };
            (*due_ms, sessions.iter().copied().filter(alive).collect())
        })
    }

    fn look_at(
        &mut self,
        session: SessionId,
        due_ms: u64,
        now_ms: u64,
        expired: &mut Vec<SessionId>,
    ) {
        let tick_ms = self.tick_ms;
        let Some(beat) = self.sessions.get_mut(&session) else {
            return;
        };
        if beat.due_ms != due_ms || beat.expiring {
            return;
        }
        let heard_ms = beat.pulse.load(Ordering::Relaxed);
        let new_due_ms = due(heard_ms, (beat.timeout_ms, beat.is_remote), tick_ms);
        if new_due_ms <= now_ms {
            beat.expiring = true;
            expired.push(session);
        } else {
            beat.due_ms = new_due_ms;
            self.buckets.entry(new_due_ms).or_default().push(session);
        }
    }
}

/// When a session that was heard of last at `heard_ms` is due.
fn due(heard_ms: u64, (timeout_ms, is_remote): (u64, bool), tick_ms: u64) -> u64 {
    let silent_ms = heard_ms + timeout_ms;
    let slack_ms = if is_remote { tick_ms / 2 } else { 0 };
    round_up(silent_ms, tick_ms).max(silent_ms + slack_ms)
}

/// The first multiple of the tick after `at_ms`, so that no session ever ends early.
fn round_up(at_ms: u64, tick_ms: u64) -> u64 {
    (at_ms / tick_ms + 1) * tick_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> SessionClock {
        SessionClock::new(100, KeyedHasher::default())
    }

    #[test]
    fn a_silent_session_ends_after_its_timeout_and_within_a_tick() {
        let mut clock = clock();
        clock.attach(SessionId(1), (1000, false), 0);
        assert!(clock.handle_tick(1000).is_empty());
        assert_eq!(clock.handle_tick(1100), vec![SessionId(1)]);
        assert!(
            clock.handle_tick(5000).is_empty(),
            "an expiry is proposed once"
        );
    }

    #[test]
    fn a_touched_session_lives_on() {
        let mut clock = clock();
        let pulse = clock.attach(SessionId(1), (1000, false), 0);
        pulse.store(950, Ordering::Relaxed);
        assert!(clock.handle_tick(1900).is_empty());
        assert_eq!(clock.handle_tick(2000), vec![SessionId(1)]);
    }

    #[test]
    fn a_shorter_timeout_of_a_new_attachment_holds() {
        let mut clock = clock();
        clock.attach(SessionId(1), (60_000, false), 0);
        clock.attach(SessionId(1), (1000, false), 10);
        assert_eq!(clock.handle_tick(1100), vec![SessionId(1)]);
    }

    // Goal: G-11. Who does not lead any more ends nobody.
    #[test]
    fn who_is_excused_when_the_lead_is_lost_is_not_due_here() {
        let mut clock = clock();
        clock.attach(SessionId(1), (1000, false), 0);
        assert_eq!(clock.handle_tick(1100), vec![SessionId(1)]);
        clock.set_running(false, 1100);
        clock.excuse(SessionId(1), 1100);
        assert_eq!(clock.next_due_ms(), None);
    }

    // Goal: G-16. Each server keys its hash tables with a secret of its own.
    #[test]
    fn sessions_expire_in_an_order_that_no_hash_table_decides() {
        let order = |secret: u64| {
            let hasher = KeyedHasher::new(zoa_tree::HashKey([secret, 1]));
            let mut clock = SessionClock::new(100, hasher);
            for id in 1..50 {
                clock.attach(SessionId(id), (1000, false), 0);
            }
            clock.restart(10);
            clock.handle_tick(5000)
        };
        assert_eq!(order(1).len(), 49);
        assert_eq!(order(1), order(2));
    }

    #[test]
    fn a_restart_gives_the_full_timeout() {
        let mut clock = clock();
        clock.attach(SessionId(1), (1000, false), 0);
        clock.restart(900);
        assert!(clock.handle_tick(1900).is_empty());
        assert_eq!(clock.handle_tick(2000), vec![SessionId(1)]);
    }

    #[test]
    fn after_a_standstill_what_waits_in_the_sockets_is_read_first() {
        let mut clock = clock();
        let pulse = clock.attach(SessionId(1), (1000, false), 0);
        clock.attach(SessionId(2), (1000, false), 0);
        assert!(clock.handle_tick(500).is_empty());
        let awake_ms = 500 + STANDSTILL_MS + 1000;
        assert!(clock.handle_tick(awake_ms).is_empty());
        pulse.store(awake_ms + 1, Ordering::Relaxed);
        assert_eq!(clock.next_due_ms(), Some(awake_ms + 100));
        assert_eq!(
            clock.handle_tick(awake_ms + 100),
            vec![SessionId(2)],
            "only who has sent nothing"
        );
    }

    #[test]
    fn a_server_that_is_always_late_expires_sessions_all_the_same() {
        let mut clock = clock();
        clock.attach(SessionId(1), (1000, false), 0);
        let late_ms = STANDSTILL_MS + 10;
        let looks = (0..20).map(|look| look * late_ms);
        let expired: Vec<_> = looks.flat_map(|at_ms| clock.handle_tick(at_ms)).collect();
        assert_eq!(expired, vec![SessionId(1)]);
    }

    #[test]
    fn an_expiry_that_may_not_come_true_is_proposed_again() {
        let mut clock = clock();
        clock.attach(SessionId(1), (1000, false), 0);
        clock.attach(SessionId(2), (1500, false), 0);
        assert_eq!(clock.handle_tick(1100), vec![SessionId(1)]);
        clock.retry();
        assert_eq!(clock.next_due_ms(), Some(0));
        assert_eq!(clock.handle_tick(1200), vec![SessionId(1)], "nobody else");
        clock.retry();
        let pulse = clock.attach(SessionId(1), (1000, false), 1200);
        assert_eq!(clock.handle_tick(1300), vec![]);
        let looks = (1400..=2300).step_by(100);
        let expired: Vec<_> = looks.flat_map(|at_ms| clock.handle_tick(at_ms)).collect();
        assert_eq!(expired, [SessionId(2), SessionId(1)], "each once");
        clock.retry();
        pulse.store(2300, Ordering::Relaxed);
        assert_eq!(
            clock.handle_tick(2400),
            [SessionId(2)],
            "1 is heard of again"
        );
    }

    #[test]
    fn who_was_excused_has_its_full_timeout_again() {
        let mut clock = clock();
        clock.attach(SessionId(1), (1000, false), 0);
        assert_eq!(clock.handle_tick(1100), vec![SessionId(1)]);
        clock.excuse(SessionId(1), 1100);
        assert_eq!(clock.handle_tick(2100), vec![]);
        assert_eq!(clock.handle_tick(2200), vec![SessionId(1)]);
    }

    #[test]
    fn only_a_leader_finds_anybody_silent_and_a_new_one_gives_the_full_timeout() {
        let mut clock = clock();
        clock.attach(SessionId(1), (1000, false), 0);
        clock.set_running(false, 100);
        clock.attach(SessionId(2), (1000, true), 100);
        clock.retry();
        assert_eq!(clock.next_due_ms(), None);
        assert!(clock.handle_tick(50_000).is_empty());
        clock.set_running(true, 60_000);
        assert!(clock.handle_tick(61_000).is_empty());
        assert_eq!(clock.handle_tick(61_100), [SessionId(1), SessionId(2)]);
    }

    #[test]
    fn who_speaks_elsewhere_has_half_a_tick_for_the_report_and_no_more_than_timeout_and_tick() {
        let expiry_ms = |heard_ms: u64| {
            let mut clock = clock();
            clock.attach(SessionId(1), (1000, true), heard_ms);
            let mut looks = (heard_ms..).step_by(5);
            looks.find(|now_ms| !clock.handle_tick(*now_ms).is_empty())
        };
        for heard_ms in [0, 5, 50, 95] {
            let silent_ms = expiry_ms(heard_ms).unwrap() - heard_ms;
            assert!((1050..=1100).contains(&silent_ms), "{heard_ms} {silent_ms}");
        }
    }

    #[test]
    fn an_old_report_takes_nothing_back() {
        let mut clock = clock();
        let pulse = clock.attach(SessionId(1), (1000, true), 500);
        clock.touch(SessionId(1), 900);
        clock.touch(SessionId(1), 700);
        assert_eq!(pulse.load(Ordering::Relaxed), 900);
        clock.touch(SessionId(9), 900);
    }

    #[test]
    fn a_closed_session_is_forgotten() {
        let mut clock = clock();
        clock.attach(SessionId(1), (1000, false), 0);
        clock.remove(SessionId(1));
        assert!(clock.handle_tick(10_000).is_empty());
        assert_eq!(clock.count(), 0);
    }
}
