//! When clients are served.
//!
//! ```text
//!   not served --a leader of this term, and all that it had committed at first contact is handed out here--> served
//!   served     --no leader heard of for `quiet_ms_max`, or no member any more-----------------------------> not served
//! ```
//!
//! That nobody is served is said once at the start as well, when no leader was heard of for that long: a server that begins without a quorum may
//! serve those that only read.
//!
//! A change of leader does not end it: reads go on, writes wait. Invariant: whoever begins to be served sees everything that was
//! acknowledged to anyone before this server's contact with the leader began (G-04 beyond what a client itself has seen). So a contact that
//! was lost begins again on new connections only: on the old ones words may wait that a leader said long ago.

use zoa_log::LogIndex;

/// See the module.
#[derive(Debug)]
pub(super) struct ServingGate {
    quiet_ms_max: u64,
    serves: bool,
    /// The contact with the leader of this term, and what it had committed when it began.
    contact: Option<(u64, LogIndex)>,
    /// Whether it was ever said who is served.
    is_said: bool,
    /// When the leader, or a quorum, was heard of last; at first, when it was looked first. `None` before that.
    heard_ms: Option<u64>,
    /// What a leader had committed when one was found, also for a server that is no member yet.
    wanted: Option<LogIndex>,
}

impl ServingGate {
    pub(super) fn new(quiet_ms_max: u64) -> Self {
        Self {
            quiet_ms_max,
            serves: false,
            contact: None,
            is_said: false,
            heard_ms: None,
            wanted: None,
        }
    }

    pub(super) fn serves(&self) -> bool {
        self.serves
    }

    /// The leader of `term`, perhaps this server, was heard of; `commit` is what it has committed.
    pub(super) fn hear(&mut self, term: u64, commit: LogIndex, now_ms: u64) {
        if self.contact.is_none_or(|(known, _)| known != term) {
            self.contact = Some((term, commit));
        }
        self.wanted.get_or_insert(commit);
        self.heard_ms = Some(now_ms);
    }

    /// Whether no leader was heard of for too long, or ever.
    pub(super) fn is_out_of_touch(&self) -> bool {
        self.wanted.is_none()
    }

    /// How many entries of what the leader had committed are missing here; `None` while no leader is known, or when clients are served.
    pub(super) fn missing(&self, handed_out: LogIndex) -> Option<u64> {
        let wanted = self.wanted.filter(|_| !self.serves)?;
        Some(wanted.0.saturating_sub(handed_out.0))
    }

    /// Looks again; returns whether clients are served, if that is to be said.
    pub(super) fn look(
        &mut self,
        handed_out: LogIndex,
        is_member: bool,
        now_ms: u64,
    ) -> Option<bool> {
        let heard_ms = *self.heard_ms.get_or_insert(now_ms);
        let is_quiet = now_ms.saturating_sub(heard_ms) > self.quiet_ms_max;
        if is_quiet || !is_member {
            self.contact = None;
        }
        if is_quiet {
            self.wanted = None;
        }
        let serves = match self.contact {
            // Once served, a new leader's first commit index need not be reached: nobody sees older data than before.
            Some((_, commit)) => self.serves || handed_out >= commit,
            None => false,
        };
        let changed = serves != self.serves || (is_quiet && !self.is_said);
        self.is_said |= changed;
        self.serves = serves;
        changed.then_some(serves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nobody_is_served_is_said_once_when_no_leader_comes() {
        let mut gate = ServingGate::new(100);
        assert_eq!(gate.look(LogIndex(4), true, 5_000), None, "too early");
        assert_eq!(gate.look(LogIndex(4), true, 5_100), None);
        assert_eq!(gate.look(LogIndex(4), true, 5_101), Some(false));
        assert_eq!(gate.look(LogIndex(4), true, 5_200), None);
        gate.hear(2, LogIndex(4), 5_300);
        assert_eq!(gate.look(LogIndex(4), true, 5_300), Some(true));
    }

    #[test]
    fn all_that_was_committed_at_first_contact_comes_first() {
        let mut gate = ServingGate::new(100);
        assert_eq!(gate.missing(LogIndex(4)), None, "nobody leads");
        assert_eq!(gate.look(LogIndex(10), true, 0), None);
        gate.hear(2, LogIndex(12), 10);
        gate.hear(2, LogIndex(15), 20);
        assert_eq!(gate.look(LogIndex(11), true, 20), None);
        assert_eq!(gate.missing(LogIndex(4)), Some(8));
        assert_eq!(gate.look(LogIndex(12), true, 20), Some(true));
        assert_eq!(gate.missing(LogIndex(4)), None);
        gate.hear(3, LogIndex(20), 30);
        assert_eq!(gate.look(LogIndex(12), true, 30), None);
    }

    #[test]
    fn a_leader_not_heard_of_ends_it_and_so_does_a_lost_place() {
        let mut gate = ServingGate::new(100);
        gate.hear(2, LogIndex(1), 10);
        assert_eq!(gate.look(LogIndex(1), true, 10), Some(true));
        assert_eq!(gate.look(LogIndex(1), true, 110), None);
        assert_eq!(gate.look(LogIndex(1), true, 111), Some(false));
        gate.hear(2, LogIndex(5), 120);
        assert_eq!(gate.look(LogIndex(4), true, 120), None, "a new contact");
        assert_eq!(gate.look(LogIndex(5), true, 120), Some(true));
        assert_eq!(gate.look(LogIndex(5), false, 121), Some(false));
    }
}
