//! When an operator is told, and told again: what passes by itself in a few seconds is not worth a line, what lasts is worth one every
//! few seconds.

use std::collections::BTreeMap;

use zoa_proto::PeerId;

use crate::hello::answer::HelloRefusal;
use crate::limits::NOTICE_PERIOD_MS;
use crate::notice::Notice;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Reminder {
    waits_for: Option<Notice>,
    /// When the waiting began, or was told of last.
    since_ms: Option<u64>,
    /// What each peer said last; at most one for each id.
    refusals: BTreeMap<PeerId, HelloRefusal>,
}

impl Reminder {
    /// This is what is waited for now.
    pub(super) fn waits(&mut self, notice: Notice) {
        self.waits_for = Some(notice);
    }

    /// What is to be told now.
    pub(super) fn due(&mut self, now_ms: u64, is_waiting: bool) -> Option<Notice> {
        if !is_waiting || self.waits_for.is_none() {
            self.waits_for = None;
            self.since_ms = None;
            return None;
        }
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since_ms) < NOTICE_PERIOD_MS {
            return None;
        }
        self.since_ms = Some(now_ms);
        self.waits_for.take()
    }

    /// Whether a peer says this for the first time in a row.
    pub(super) fn is_new_refusal(&mut self, peer: PeerId, refusal: HelloRefusal) -> bool {
        self.refusals.insert(peer, refusal) != Some(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_every_notice_period_ms() {
        let mut reminder = Reminder::default();
        let mut due = |now_ms, is_waiting| {
            reminder.waits(Notice::TooMuchWaits);
            reminder.due(now_ms, is_waiting).is_some()
        };
        assert!(!due(0, true));
        assert!(!due(NOTICE_PERIOD_MS - 1, true));
        assert!(due(NOTICE_PERIOD_MS, true));
        assert!(!due(NOTICE_PERIOD_MS + 1, true));
        assert!(due(2 * NOTICE_PERIOD_MS, true));
        assert!(!due(3 * NOTICE_PERIOD_MS, false));
        assert!(!due(3 * NOTICE_PERIOD_MS + 1, true));
    }

    #[test]
    fn a_refusal_is_told_once_until_it_changes() {
        let mut reminder = Reminder::default();
        let mut is_new = |refusal| reminder.is_new_refusal(PeerId(2), refusal);
        assert!(is_new(HelloRefusal::OtherCluster));
        assert!(!is_new(HelloRefusal::OtherCluster));
        assert!(is_new(HelloRefusal::NoMember));
        assert!(is_new(HelloRefusal::OtherCluster));
    }
}
