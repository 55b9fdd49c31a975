//! When the front of the log goes: not while somebody is being sent what it follows, unless that lasts until the log has become very long.
//!
//! What it is not: the question what may go, which a snapshot answers. Invariant: one receiver, however slow, costs the disk no more than
//! [`LOG_LEN_KEPT_MAX`] behind what it would have taken anyway.

use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_log::Persist;
use zoa_log::limits::BLOCK_LEN;

use crate::limits::LOG_LEN_KEPT_MAX;

/// How long the log is kept whole after a snapshot was sent: the one who got it still needs what came meanwhile.
const KEPT_AFTER_SENDING_MS: u64 = 30_000;

/// What stands in the log beside the data (`docs/formats/log.md`).
const BATCH_HEAD_LEN: usize = 128;
const ENTRY_HEAD_LEN: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Cut {
    due: Option<LogIndex>,
    sending: usize,
    kept_until_ms: u64,
    /// Bytes that the log has grown by since a cut was due.
    kept_len: u64,
}

impl Cut {
    /// A snapshot says that everything up to here may go.
    pub(super) fn be_due(&mut self, to: LogIndex) {
        self.due = Some(to);
    }

    /// A snapshot is being sent.
    pub(super) fn sending(&mut self) {
        self.sending += 1;
    }

    /// A snapshot was sent, or could not be.
    pub(super) fn sent(&mut self, now_ms: u64) {
        self.sending = self.sending.saturating_sub(1);
        self.kept_until_ms = now_ms + KEPT_AFTER_SENDING_MS;
    }

    /// The log grows.
    pub(super) fn grow(&mut self, persist: &Persist) {
        if self.due.is_some() {
            let data = persist.entries.iter().map(|entry| entry.data.len());
            let len = BATCH_HEAD_LEN + data.map(|len| len + ENTRY_HEAD_LEN).sum::<usize>();
            self.kept_len += len.next_multiple_of(BLOCK_LEN) as u64;
        }
    }

    /// The cut that is to be made now.
    pub(super) fn take(&mut self, now_ms: u64) -> Option<LogInput> {
        let to = self.due?;
        if self.sending > 0 || now_ms < self.kept_until_ms {
            if self.kept_len < LOG_LEN_KEPT_MAX {
                return None;
            }
            tracing::warn!(
                "the log was kept for a server that is being sent a snapshot, and has grown by {} MiB meanwhile: it is cut now, and that \
                 server may need another snapshot; look at its disk and at the network to it",
                self.kept_len >> 20
            );
        }
        self.due = None;
        self.kept_len = 0;
        Some(LogInput::Compact { to })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zoa_log::Entry;
    use zoa_log::EntryKind;

    use super::*;

    fn due(to: u64) -> Cut {
        let mut cut = Cut::default();
        cut.be_due(LogIndex(to));
        cut
    }

    fn cut_to(cut: &mut Cut, now_ms: u64) -> Option<u64> {
        match cut.take(now_ms) {
            Some(LogInput::Compact { to }) => Some(to.0),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    #[test]
    fn the_log_is_not_cut_while_somebody_is_being_sent_what_it_follows() {
        let mut cut = due(7);
        cut.sending();
        assert_eq!(cut_to(&mut cut, 5), None);
        cut.sent(10);
        assert_eq!(cut_to(&mut cut, 10 + KEPT_AFTER_SENDING_MS - 1), None);
        assert_eq!(cut_to(&mut cut, 10 + KEPT_AFTER_SENDING_MS), Some(7));
        assert_eq!(cut_to(&mut cut, u64::MAX), None);
    }

    #[test]
    fn nobody_keeps_the_log_for_longer_than_log_len_kept_max() {
        let long = Persist {
            number: 1,
            hard_state: None,
            entries: vec![Entry {
                index: LogIndex(8),
                term: 1,
                kind: EntryKind::Normal,
                data: Bytes::from(vec![7; 64 << 20]),
            }],
        };
        let mut cut = due(7);
        cut.sending();
        let mut kept = 0;
        while cut_to(&mut cut, 5).is_none() {
            cut.grow(&long);
            kept += 64 << 20;
            assert!(kept <= LOG_LEN_KEPT_MAX);
        }
        // From then on as much again.
        cut.be_due(LogIndex(9));
        assert_eq!(cut_to(&mut cut, 5), None);
    }

    #[test]
    fn each_write_counts_with_the_block_that_it_takes() {
        let mut cut = due(7);
        let short = Persist {
            number: 1,
            hard_state: None,
            entries: Vec::new(),
        };
        cut.grow(&short);
        cut.grow(&short);
        assert_eq!(cut.kept_len, 2 * BLOCK_LEN as u64);
    }
}
