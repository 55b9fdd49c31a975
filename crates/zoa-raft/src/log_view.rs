//! The log as the Raft library sees it: its `Storage`.
//!
//! It answers from memory alone. It holds the tail of the log, entries not yet synced included (the
//! library needs them before they are durable), and the terms of everything older. An older entry
//! is asked for in [`LogView::wanted`], and the library is told to come back later.
//!
//! Invariant: all entries that are not durable, or not yet handed out to be applied, are in the
//! tail. The library reads those without being willing to wait.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::VecDeque;

use raft::Error as LibraryError;
use raft::GetEntriesContext;
use raft::RaftState;
use raft::Storage;
use raft::StorageError;
use raft::eraftpb;
use zoa_log::Entry;
use zoa_log::EntryKind;
use zoa_log::LogIndex;

use crate::event::LogPosition;
use crate::limits::LOG_READS_MAX;
use crate::limits::TAIL_BYTES_MAX;
use crate::limits::TAIL_ENTRIES_MAX;
use crate::members::Members;
use crate::terms::Terms;

/// What an entry costs in memory and in messages beside its data, about.
const ENTRY_OVERHEAD_BYTES: u64 = 64;

/// A read of old entries that the library waits for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) low: LogIndex,
    pub(crate) high: LogIndex,
    pub(crate) bytes_max: u64,
    pub(crate) context: GetEntriesContext,
    pub(crate) asked: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct LogView {
    initial: RaftState,
    terms: Terms,
    tail: VecDeque<Entry>,
    tail_bytes: u64,
    alone: bool,
    changed: bool,
    snapshot: Option<(LogPosition, Members)>,
    snapshot_wanted: Cell<bool>,
    fetched: Vec<Entry>,
    wanted: RefCell<Vec<Wanted>>,
}

impl LogView {
    /// `tail` must be the last entries that `terms` knows, all above what is applied among them.
    pub(crate) fn new(initial: RaftState, terms: Terms, tail: VecDeque<Entry>) -> Self {
        let tail_bytes = tail.iter().map(cost_bytes).sum();
        let alone = Members::from(&initial.conf_state).ids().len() <= 1;
        if let Some(last) = tail.back() {
            assert!(
                last.index == terms.last().index,
                "the tail ends where the log ends"
            );
        }
        Self {
            initial,
            terms,
            tail,
            tail_bytes,
            alone,
            changed: false,
            snapshot: None,
            snapshot_wanted: Cell::new(false),
            fetched: Vec::new(),
            wanted: RefCell::new(Vec::new()),
        }
    }

    /// Appends entries; those they overlap are gone, as in the log.
    pub(crate) fn append(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        let tail_first = self.tail_first();
        assert!(
            first.index >= tail_first,
            "only entries not yet applied are ever replaced"
        );
        let keep = usize::try_from(first.index.0 - tail_first.0).unwrap_or(usize::MAX);
        for gone in self.tail.drain(keep.min(self.tail.len())..) {
            self.tail_bytes -= cost_bytes(&gone);
        }
        self.terms.truncate(first.index);
        for entry in entries {
            self.terms.append(LogPosition {
                index: entry.index,
                term: entry.term,
            });
            self.tail_bytes += cost_bytes(entry);
            self.tail.push_back(entry.clone());
        }
    }

    /// Lets go of old entries above the bounds, none above `done`: durable and handed out.
    pub(crate) fn trim(&mut self, done: LogIndex) {
        // A server alone has no follower to serve.
        let (bytes_max, count_max) = if self.alone {
            (0, 0)
        } else {
            (TAIL_BYTES_MAX, TAIL_ENTRIES_MAX)
        };
        while let Some(oldest) = self.tail.front() {
            let over = self.tail_bytes > bytes_max || count(&self.tail) > count_max;
            if !over || oldest.index > done {
                break;
            }
            self.tail_bytes -= cost_bytes(oldest);
            self.tail.pop_front();
        }
        self.terms.bound(done);
    }

    /// The log begins at `first_index` now. Entries above `done` are still needed and stay.
    pub(crate) fn compact(&mut self, first_index: LogIndex, done: LogIndex) {
        let base = LogIndex(first_index.0.saturating_sub(1));
        assert!(base <= done, "only what is applied may leave the log");
        self.terms.compact(base);
        while self.tail.front().is_some_and(|oldest| oldest.index <= base) {
            if let Some(gone) = self.tail.pop_front() {
                self.tail_bytes -= cost_bytes(&gone);
            }
        }
    }

    /// The entry before the first one of this term, if both are known.
    pub(crate) fn before_term(&self, term: u64) -> Option<LogPosition> {
        self.terms.before(term)
    }

    /// A newer snapshot may be offered to followers.
    pub(crate) fn set_snapshot(&mut self, position: LogPosition, members: Members) {
        let old = self.snapshot.as_ref();
        if old.is_none_or(|(old, _)| old.index < position.index) {
            self.snapshot = Some((position, members));
        }
    }

    /// Whether the library asked for a snapshot when there was none that fits, since the last call.
    pub(crate) fn take_snapshot_wanted(&self) -> bool {
        self.snapshot_wanted.take()
    }

    /// Nothing but a snapshot is left: the log goes on behind it.
    pub(crate) fn install(&mut self, position: LogPosition, members: Members) {
        self.terms = Terms::new(position);
        self.tail.clear();
        self.tail_bytes = 0;
        self.set_members(&members);
        self.snapshot = Some((position, members));
    }

    /// The members have changed.
    pub(crate) fn set_members(&mut self, members: &Members) {
        self.alone = members.ids().len() <= 1;
        self.changed = true;
    }

    /// The reads that have not been asked for yet: low, high, bytes.
    pub(crate) fn take_unasked(&mut self) -> Vec<(LogIndex, LogIndex, u64)> {
        let wanted = self.wanted.get_mut();
        let mut unasked: Vec<(LogIndex, LogIndex, u64)> = Vec::new();
        for at in 0..wanted.len() {
            let (before, rest) = wanted.split_at_mut(at);
            let Some(read) = rest.first_mut().filter(|read| !read.asked) else {
                continue;
            };
            read.asked = true;
            if !before.iter().any(|other| other.low == read.low) {
                unasked.push((read.low, read.high, read.bytes_max));
            }
        }
        unasked
    }

    /// Takes what a read at `low` brought and returns who waits for it. Until
    /// [`LogView::drop_fetched`] the library finds these entries here.
    pub(crate) fn fetch(&mut self, low: LogIndex, entries: Vec<Entry>) -> Vec<Wanted> {
        self.fetched = entries;
        let (done, waiting) = self
            .wanted
            .take()
            .into_iter()
            .partition(|read| read.low == low);
        self.wanted = RefCell::new(waiting);
        done
    }

    pub(crate) fn drop_fetched(&mut self) {
        self.fetched = Vec::new();
    }

    /// The index of the first entry in the tail; if it is empty, of the next entry to come.
    fn tail_first(&self) -> LogIndex {
        match self.tail.front() {
            Some(entry) => entry.index,
            None => self.terms.last().index.next(),
        }
    }

    fn want(&self, low: LogIndex, bytes_max: u64, context: GetEntriesContext) -> LibraryError {
        let mut wanted = self.wanted.borrow_mut();
        if wanted.len() < LOG_READS_MAX {
            let high = self.tail_first();
            wanted.push(Wanted {
                low,
                high,
                bytes_max,
                context,
                asked: false,
            });
        }
        // Beyond the bound nothing is noted: the next heartbeat's answer asks again.
        LibraryError::Store(StorageError::LogTemporarilyUnavailable)
    }
}

impl Storage for LogView {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(self.initial.clone())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        context: GetEntriesContext,
    ) -> raft::Result<Vec<eraftpb::Entry>> {
        let bytes_max = max_size.into().unwrap_or(u64::MAX);
        assert!(
            high <= self.terms.last().index.0 + 1,
            "no entry is read that is not there"
        );
        if low <= self.terms.base().index.0 || (low == 1 && self.changed) {
            // Whoever asks for the very first entry has joined with an empty disk. The members of the
            // founding are in no entry, so it needs a snapshot to begin from.
            return Err(LibraryError::Store(StorageError::Compacted));
        }
        let tail_first = self.tail_first().0;
        if low >= tail_first {
            let skip = usize::try_from(low - tail_first).unwrap_or(usize::MAX);
            return Ok(take_up_to(
                self.tail.range(skip.min(self.tail.len())..),
                high,
                bytes_max,
            ));
        }
        match self.fetched.first() {
            Some(first) if first.index.0 <= low => {
                let skip = usize::try_from(low - first.index.0).unwrap_or(usize::MAX);
                let found = take_up_to(self.fetched.iter().skip(skip), high, bytes_max);
                if !found.is_empty() {
                    return Ok(found);
                }
            }
            Some(_) | None => {}
        }
        assert!(
            context.can_async(),
            "entries that cannot be waited for are in the tail"
        );
        Err(self.want(LogIndex(low), bytes_max, context))
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        match self.terms.term(LogIndex(index)) {
            Some(term) => Ok(term),
            None if index < self.terms.base().index.0 => {
                Err(LibraryError::Store(StorageError::Compacted))
            }
            None => Err(LibraryError::Store(StorageError::Unavailable)),
        }
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.terms.base().index.0 + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.terms.last().index.0)
    }

    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<eraftpb::Snapshot> {
        // The log must go on behind it, and at index 0 there is nothing to send.
        let needed = self.terms.base().index.0.max(request_index).max(1);
        match &self.snapshot {
            Some((position, members)) if position.index.0 >= needed => {
                let mut snapshot = eraftpb::Snapshot::default();
                let metadata = snapshot.mut_metadata();
                metadata.index = position.index.0;
                metadata.term = position.term;
                metadata.set_conf_state(eraftpb::ConfState::from(&members_for(members, to)));
                Ok(snapshot)
            }
            Some(_) | None => {
                self.snapshot_wanted.set(true);
                Err(LibraryError::Store(
                    StorageError::SnapshotTemporarilyUnavailable,
                ))
            }
        }
    }
}

/// The members of a snapshot, for a receiver that was added after it. The library takes no
/// snapshot that does not name it, so it is named as a learner, which decides nothing; the change that
/// adds it follows in the log, and finds nothing left to do.
fn members_for(members: &Members, to: u64) -> Members {
    if members.contains(to) {
        return members.clone();
    }
    let mut members = members.clone();
    members.learners.push(to);
    members.learners.sort_unstable();
    members
}

/// The library's form of an entry; the data is shared, not copied.
pub(crate) fn to_library(entry: &Entry) -> eraftpb::Entry {
    let mut found = eraftpb::Entry {
        index: entry.index.0,
        term: entry.term,
        data: entry.data.clone(),
        ..eraftpb::Entry::default()
    };
    found.set_entry_type(match entry.kind {
        EntryKind::Normal => eraftpb::EntryType::EntryNormal,
        EntryKind::Config => eraftpb::EntryType::EntryConfChangeV2,
    });
    found
}

/// Our form of an entry; the data is shared, not copied.
pub(crate) fn from_library(entry: eraftpb::Entry) -> Entry {
    let kind = match entry.entry_type {
        eraftpb::EntryType::EntryNormal => EntryKind::Normal,
        eraftpb::EntryType::EntryConfChange | eraftpb::EntryType::EntryConfChangeV2 => {
            EntryKind::Config
        }
    };
    Entry {
        index: LogIndex(entry.index),
        term: entry.term,
        kind,
        data: entry.data,
    }
}

fn take_up_to<'e>(
    entries: impl Iterator<Item = &'e Entry>,
    high: u64,
    bytes_max: u64,
) -> Vec<eraftpb::Entry> {
    let mut left = bytes_max;
    let mut taken = Vec::new();
    for entry in entries.take_while(|entry| entry.index.0 < high) {
        let cost = cost_bytes(entry);
        if cost > left && !taken.is_empty() {
            break;
        }
        left = left.saturating_sub(cost);
        taken.push(to_library(entry));
    }
    taken
}

fn cost_bytes(entry: &Entry) -> u64 {
    u64::try_from(entry.data.len())
        .unwrap_or(u64::MAX)
        .saturating_add(ENTRY_OVERHEAD_BYTES)
}

fn count(entries: &VecDeque<Entry>) -> u64 {
    u64::try_from(entries.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use raft::eraftpb::ConfState;

    use super::*;

    fn entry(index: u64) -> Entry {
        let data = Bytes::from_static(b"data");
        Entry {
            index: LogIndex(index),
            term: 1,
            kind: EntryKind::Normal,
            data,
        }
    }

    /// Entries 1 to 100, of which 91 to 100 are in memory.
    fn view() -> LogView {
        let mut terms = Terms::new(LogPosition::default());
        for index in 1..=100 {
            terms.append(LogPosition {
                index: LogIndex(index),
                term: 1,
            });
        }
        let initial = RaftState::new(
            eraftpb::HardState::default(),
            ConfState::from((vec![1, 2], Vec::new())),
        );
        LogView::new(initial, terms, (91..=100).map(entry).collect())
    }

    fn read(view: &LogView, low: u64, high: u64, bytes_max: u64) -> Option<Vec<u64>> {
        let found = view.entries(low, high, bytes_max, GetEntriesContext::empty(true));
        Some(found.ok()?.iter().map(|entry| entry.index).collect())
    }

    #[test]
    fn the_tail_is_served_from_memory_within_the_bytes_asked_for() {
        let view = view();
        assert_eq!(read(&view, 95, 98, u64::MAX), Some(vec![95, 96, 97]));
        assert_eq!(
            read(&view, 95, 101, 0),
            Some(vec![95]),
            "one entry in any case"
        );
        let cost = cost_bytes(&entry(1));
        assert_eq!(read(&view, 95, 101, 2 * cost), Some(vec![95, 96]));
    }

    #[test]
    fn older_entries_are_asked_for_once_and_found_when_they_come() {
        let mut view = view();
        assert_eq!(read(&view, 50, 101, 1000), None);
        assert_eq!(read(&view, 50, 101, 1000), None);
        assert_eq!(view.take_unasked(), [(LogIndex(50), LogIndex(91), 1000)]);
        assert_eq!(read(&view, 50, 101, 1000), None);
        assert_eq!(view.take_unasked(), []);
        let waiting = view.fetch(LogIndex(50), (50..60).map(entry).collect());
        assert_eq!(waiting.len(), 3);
        assert_eq!(
            read(&view, 50, 101, 1000).map(|found| found.len()),
            Some(10)
        );
        assert_eq!(
            read(&view, 60, 101, 1000),
            None,
            "what is behind them is asked for again"
        );
        view.drop_fetched();
        assert_eq!(read(&view, 50, 101, 1000), None);
    }

    // Goal: LOG_READS_MAX.
    #[test]
    fn reads_under_way_are_bounded() {
        let mut view = view();
        for low in 1..=90 {
            assert_eq!(read(&view, low, 101, 1000), None);
        }
        assert_eq!(view.take_unasked().len(), LOG_READS_MAX);
    }

    #[test]
    fn compacted_entries_and_their_terms_are_gone() {
        let mut view = view();
        view.compact(LogIndex(95), LogIndex(100));
        let compacted = |found: raft::Result<u64>| {
            matches!(found, Err(LibraryError::Store(StorageError::Compacted)))
        };
        assert!(compacted(view.term(93)));
        assert_eq!(view.term(94).ok(), Some(1), "the base keeps its term");
        assert_eq!(view.first_index().ok(), Some(95));
        assert_eq!(read(&view, 95, 96, 1000), Some(vec![95]));
        let before = view
            .entries(94, 96, 1000, GetEntriesContext::empty(true))
            .err();
        assert_eq!(before, Some(LibraryError::Store(StorageError::Compacted)));
    }
}
