//! The term of every entry in the log, in a few words of memory.
//!
//! Terms only rise along a log and change only with the leader, so a list of the places where they
//! change is enough. The library asks for terms of entries that are long out of memory; here is
//! the answer, without a read from disk.

use zoa_log::LogIndex;

use crate::event::LogPosition;
use crate::limits::TERM_CHANGES_MAX;

/// The terms of the entries `base.index ..= last`. Invariant: both parts of `changes` rise, the
/// first above `base`, all at or below `last`.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    base: LogPosition,
    changes: Vec<LogPosition>,
    last: LogIndex,
}

impl Terms {
    /// Knows only what precedes the first entry.
    pub(crate) fn new(base: LogPosition) -> Self {
        Self {
            base,
            changes: Vec::new(),
            last: base.index,
        }
    }

    pub(crate) fn base(&self) -> LogPosition {
        self.base
    }

    pub(crate) fn last(&self) -> LogPosition {
        let term = self
            .changes
            .last()
            .map_or(self.base.term, |change| change.term);
        LogPosition {
            index: self.last,
            term,
        }
    }

    /// The term of the entry at `index`, if it is between base and last, both included.
    pub(crate) fn term(&self, index: LogIndex) -> Option<u64> {
        if index < self.base.index || index > self.last {
            return None;
        }
        let after = self.changes.partition_point(|change| change.index <= index);
        let change = after.checked_sub(1).and_then(|at| self.changes.get(at));
        Some(change.map_or(self.base.term, |change| change.term))
    }

    /// The entry before the first one of this term, if both are known.
    pub(crate) fn before(&self, term: u64) -> Option<LogPosition> {
        let first = self.changes.iter().find(|change| change.term == term)?;
        let index = LogIndex(first.index.0.checked_sub(1)?);
        let term = self.term(index)?;
        Some(LogPosition { index, term })
    }

    /// Adds the next entry. Its index must follow the last, its term must not be lower.
    pub(crate) fn append(&mut self, position: LogPosition) {
        let last = self.last();
        assert!(
            position.index.0 == last.index.0 + 1,
            "entries are contiguous"
        );
        assert!(
            position.term >= last.term,
            "terms never go down along a log"
        );
        if position.term > last.term {
            self.changes.push(position);
        }
        self.last = position.index;
    }

    /// Forgets the entries from `from` on.
    pub(crate) fn truncate(&mut self, from: LogIndex) {
        assert!(
            from > self.base.index,
            "what the log begins behind is committed"
        );
        if from > self.last {
            return;
        }
        let keep = self.changes.partition_point(|change| change.index < from);
        self.changes.truncate(keep);
        self.last = LogIndex(from.0 - 1);
    }

    /// Forgets the entries before `index`, which becomes the base. Nothing happens if it is not
    /// between base and last.
    pub(crate) fn compact(&mut self, index: LogIndex) {
        let Some(term) = self.term(index) else { return };
        self.base = LogPosition { index, term };
        let gone = self.changes.partition_point(|change| change.index <= index);
        self.changes.drain(..gone);
    }

    /// Compacts as far as the bound on changes of term asks, but not above `limit`.
    pub(crate) fn bound(&mut self, limit: LogIndex) {
        let excess = self.changes.len().saturating_sub(TERM_CHANGES_MAX);
        let Some(change) = excess.checked_sub(1).and_then(|at| self.changes.get(at)) else {
            return;
        };
        let index = change.index.min(limit);
        self.compact(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(index: u64, term: u64) -> LogPosition {
        LogPosition {
            index: LogIndex(index),
            term,
        }
    }

    fn terms_of(list: &[u64]) -> Terms {
        let mut terms = Terms::new(position(0, 0));
        for (index, term) in (1..).zip(list) {
            terms.append(position(index, *term));
        }
        terms
    }

    fn check(terms: &Terms, expected: &[Option<u64>]) {
        let found: Vec<_> = (0..)
            .take(expected.len())
            .map(|i| terms.term(LogIndex(i)))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn terms_are_found_again() {
        let terms = terms_of(&[1, 1, 3, 3, 7]);
        check(
            &terms,
            &[Some(0), Some(1), Some(1), Some(3), Some(3), Some(7), None],
        );
        assert_eq!(terms.last(), position(5, 7));
        assert_eq!(terms.before(7), Some(position(4, 3)));
        assert_eq!(terms.before(1), Some(position(0, 0)));
        assert_eq!(terms.before(5), None);
    }

    #[test]
    fn truncated_entries_are_forgotten() {
        let mut terms = terms_of(&[1, 1, 3, 3, 7]);
        terms.truncate(LogIndex(4));
        check(&terms, &[Some(0), Some(1), Some(1), Some(3), None]);
        terms.truncate(LogIndex(3));
        assert_eq!(terms.last(), position(2, 1));
        terms.append(position(3, 9));
        check(&terms, &[Some(0), Some(1), Some(1), Some(9), None]);
    }

    #[test]
    fn the_base_keeps_its_term_when_the_log_is_cut() {
        let mut terms = terms_of(&[1, 1, 3, 3, 7]);
        terms.compact(LogIndex(3));
        check(&terms, &[None, None, None, Some(3), Some(3), Some(7)]);
        terms.compact(LogIndex(9));
        terms.compact(LogIndex(1));
        assert_eq!(terms.base(), position(3, 3));
    }

    // Goal: TERM_CHANGES_MAX holds, and never at the price of an entry above the limit.
    #[test]
    fn changes_of_term_are_bounded() {
        let many: Vec<u64> = (1..).take(TERM_CHANGES_MAX + 10).collect();
        let mut terms = terms_of(&many);
        terms.bound(LogIndex(4));
        assert_eq!(terms.base(), position(4, 4));
        terms.bound(LogIndex(1000));
        assert_eq!(terms.base(), position(10, 10));
        assert_eq!(terms.changes.len(), TERM_CHANGES_MAX);
    }
}
