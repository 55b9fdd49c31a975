//! Where each entry stands: one small record a batch, not one an entry.
//!
//! What it is: the table in memory that `read` and recovery need, 24 bytes a
//! batch and one run a term. What it is not: a cache of entries.
//! Invariant: the batches are ordered, cover every index from `first` to `last`
//! once, and a later batch hides what it overlaps.

use std::collections::VecDeque;

use crate::LogIndex;
use crate::batch::LogId;

/// Where a batch with entries stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchRef {
    pub(crate) first: LogIndex,
    pub(crate) incarnation: u64,
    /// Offset in the segment, in blocks.
    pub(crate) block: u32,
    /// Length, in blocks.
    pub(crate) blocks: u32,
}

/// The table of the batches that hold live entries.
#[derive(Debug, Default)]
pub(crate) struct BatchIndex {
    batches: VecDeque<BatchRef>,
    /// Where each run of equal terms begins.
    terms: VecDeque<LogId>,
    /// The entry before the first.
    purged: LogId,
    last: LogIndex,
}

impl BatchIndex {
    /// An empty log that begins behind `purged`.
    pub(crate) fn beginning_after(purged: LogId) -> Self {
        Self {
            batches: VecDeque::new(),
            terms: VecDeque::new(),
            purged,
            last: purged.index,
        }
    }

    /// Drops `from` and everything behind it.
    pub(crate) fn truncate(&mut self, from: LogIndex) {
        assert!(
            from > self.purged.index,
            "what a snapshot replaced is not truncated"
        );
        while self.batches.back().is_some_and(|batch| batch.first >= from) {
            self.batches.pop_back();
        }
        while self.terms.back().is_some_and(|run| run.index >= from) {
            self.terms.pop_back();
        }
        self.last = self.last.min(LogIndex(from.0 - 1));
    }

    /// Adds a batch behind the last entry; `terms` are those of its entries.
    pub(crate) fn append(&mut self, batch: BatchRef, terms: impl Iterator<Item = u64>) {
        assert_eq!(
            batch.first,
            self.last.next(),
            "a batch continues the log without a gap"
        );
        self.batches.push_back(batch);
        for term in terms {
            self.last = self.last.next();
            if self.terms.back().is_none_or(|run| run.term != term) {
                self.terms.push_back(LogId {
                    index: self.last,
                    term,
                });
            }
        }
        assert!(self.last >= batch.first, "a batch in the table has entries");
    }

    /// Forgets all up to and including `purged`, which is in the log.
    pub(crate) fn purge(&mut self, purged: LogId) {
        assert!(
            purged.index <= self.last,
            "only what is in the log is cut from its front"
        );
        assert!(
            purged.index >= self.purged.index,
            "the front of the log only moves forward"
        );
        self.purged = purged;
        while self
            .batches
            .get(1)
            .map_or_else(|| self.last.next(), |next| next.first)
            <= purged.index.next()
        {
            if self.batches.pop_front().is_none() {
                break;
            }
        }
        while self
            .terms
            .get(1)
            .is_some_and(|next| next.index <= purged.index.next())
        {
            self.terms.pop_front();
        }
        if self.batches.is_empty() {
            self.terms.clear();
        }
    }

    /// The batches from the one that holds `index` on, each with the index behind
    /// the last one it holds.
    pub(crate) fn from(&self, index: LogIndex) -> impl Iterator<Item = (BatchRef, LogIndex)> {
        let behind = self.batches.partition_point(|batch| batch.first <= index);
        let at = behind.saturating_sub(1);
        let ends = self.batches.range(at..).skip(1).map(|next| next.first);
        let ends = ends.chain(std::iter::once(self.last.next()));
        self.batches.range(at..).copied().zip(ends)
    }

    /// Blocks of the batches that hold anything behind `index`.
    pub(crate) fn blocks_behind(&self, index: LogIndex) -> u64 {
        let batches = self
            .from(index.next())
            .filter(|(_, end)| *end > index.next());
        batches.map(|(batch, _)| u64::from(batch.blocks)).sum()
    }

    /// The smallest index from which on, up to and including `to`, the batches
    /// have no more than this many blocks.
    pub(crate) fn reaching_back(&self, to: LogIndex, blocks_max: u64) -> LogIndex {
        let behind = self.batches.partition_point(|batch| batch.first <= to);
        let (mut reached, mut blocks) = (to.next(), 0);
        for batch in self.batches.range(..behind).rev() {
            blocks += u64::from(batch.blocks);
            if blocks > blocks_max {
                break;
            }
            reached = batch.first;
        }
        reached
    }

    /// The term of the entry at `index`, also for the one before the first.
    pub(crate) fn term(&self, index: LogIndex) -> Option<u64> {
        if index == self.purged.index {
            return Some(self.purged.term);
        }
        if index < self.purged.index || index > self.last {
            return None;
        }
        let behind = self.terms.partition_point(|run| run.index <= index);
        self.terms.get(behind.checked_sub(1)?).map(|run| run.term)
    }

    /// The segment of the first live entry.
    pub(crate) fn first_incarnation(&self) -> Option<u64> {
        self.batches.front().map(|batch| batch.incarnation)
    }

    pub(crate) fn purged(&self) -> LogId {
        self.purged
    }

    pub(crate) fn last(&self) -> LogId {
        let term = self
            .term(self.last)
            .expect("the last entry or the one before the first has a term");
        LogId {
            index: self.last,
            term,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: u64, block: u32) -> BatchRef {
        BatchRef {
            first: LogIndex(first),
            incarnation: 1,
            block,
            blocks: 1,
        }
    }

    /// The batch that holds this entry, and the index behind the last one it holds.
    fn find(index: &BatchIndex, at: u64) -> Option<(BatchRef, LogIndex)> {
        let at = LogIndex(at);
        let holds = |(batch, end): &(BatchRef, LogIndex)| batch.first <= at && at < *end;
        let found = index.from(at).next().filter(holds);
        found.filter(|_| at > index.purged().index)
    }

    /// 1..=3 of term 1, 4..=6 of term 2, then 5..=5 of term 3 over it.
    fn overlapped() -> BatchIndex {
        let mut index = BatchIndex::beginning_after(LogId::default());
        index.append(batch(1, 0), [1, 1, 1].into_iter());
        index.append(batch(4, 1), [2, 2, 2].into_iter());
        index.truncate(LogIndex(5));
        index.append(batch(5, 2), [3].into_iter());
        index
    }

    #[test]
    fn later_batch_hides_what_it_overlaps() {
        let index = overlapped();
        assert_eq!(
            index.last(),
            LogId {
                index: LogIndex(5),
                term: 3
            }
        );
        assert_eq!(find(&index, 4), Some((batch(4, 1), LogIndex(5))));
        assert_eq!(find(&index, 5), Some((batch(5, 2), LogIndex(6))));
        assert_eq!(find(&index, 6), None);
        let terms: Vec<_> = (0..=6).map(|at| index.term(LogIndex(at))).collect();
        assert_eq!(
            terms,
            [Some(0), Some(1), Some(1), Some(1), Some(2), Some(3), None]
        );
    }

    #[test]
    fn purge_keeps_the_term_before_the_first_entry() {
        for purged in 1..=5 {
            let mut index = overlapped();
            let expected: Vec<_> = (purged..=6).map(|at| index.term(LogIndex(at))).collect();
            let term = index.term(LogIndex(purged)).expect("in the log");
            index.purge(LogId {
                index: LogIndex(purged),
                term,
            });
            let terms: Vec<_> = (purged..=6).map(|at| index.term(LogIndex(at))).collect();
            assert_eq!(terms, expected, "purged {purged}");
            assert_eq!(index.term(LogIndex(purged - 1)), None);
            assert_eq!(find(&index, purged), None);
            assert_eq!(find(&index, 5).is_some(), purged < 5);
            assert_eq!(index.last().index, LogIndex(5));
        }
    }

    #[test]
    fn blocks_are_counted_from_both_ends() {
        let mut index = BatchIndex::default();
        for (first, blocks) in [(1, 1), (4, 5), (5, 2)] {
            let batch = BatchRef {
                blocks,
                ..batch(first, 0)
            };
            let last = if first == 1 { 3 } else { first };
            index.append(batch, (first..=last).map(|_| 1));
        }
        let behind: Vec<_> = (0..=6)
            .map(|at| index.blocks_behind(LogIndex(at)))
            .collect();
        assert_eq!(behind, [8, 8, 8, 7, 2, 0, 0]);
        let reached = |to, blocks| index.reaching_back(LogIndex(to), blocks).0;
        assert_eq!(
            [0, 1, 2, 6, 7, 8].map(|blocks| reached(5, blocks)),
            [6, 6, 5, 5, 4, 1]
        );
        assert_eq!([0, 4, 5, 6].map(|blocks| reached(4, blocks)), [5, 5, 4, 1]);
        assert_eq!([0, 1].map(|blocks| reached(2, blocks)), [3, 1]);
    }
}
