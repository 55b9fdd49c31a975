//! From what the disk held to a raft loop that can start.
//!
//! The driver reads the log once, from its first entry to its last, and hands in each entry. What
//! is known to be committed comes straight back to be applied, so that a long log is replayed in a
//! small memory; what is above it is kept for the library. What recovery has read counts as durable:
//! the log syncs it before it hands it out.

use std::collections::VecDeque;

use zoa_log::Entry;
use zoa_log::EntryKind;
use zoa_log::HardState;
use zoa_log::LogIndex;

use crate::config::RaftError;
use crate::event::Committed;
use crate::event::LogPosition;
use crate::terms::Terms;

/// A recovery under way.
#[derive(Debug)]
pub struct Recovery {
    hard_state: HardState,
    snapshot: LogPosition,
    commit: LogIndex,
    terms: Option<Terms>,
    tail: VecDeque<Entry>,
}

impl Recovery {
    /// `snapshot` is the newest complete snapshot, or index 0 and term 0 when there is none.
    pub fn new(hard_state: HardState, snapshot: LogPosition) -> Self {
        // What is in a snapshot was committed, whatever the last stored hint says.
        let commit = LogIndex(hard_state.commit.max(snapshot.index.0));
        Self {
            hard_state,
            snapshot,
            commit,
            terms: None,
            tail: VecDeque::new(),
        }
    }

    /// Takes the next entry of the log. Returns it if it is to be applied now.
    ///
    /// # Errors
    ///
    /// When the entry cannot follow the one before it, or contradicts the snapshot.
    pub fn push(&mut self, entry: Entry) -> Result<Option<Committed>, RaftError> {
        self.follow(LogPosition {
            index: entry.index,
            term: entry.term,
        })?;
        self.keep(entry)
    }

    /// Takes the position of the next entry, one that is in the snapshot: nothing else of it is needed.
    ///
    /// # Errors
    ///
    /// As [`Recovery::push`].
    ///
    /// # Panics
    ///
    /// When it is not in the snapshot, so that it would be lost.
    pub fn pass(&mut self, position: LogPosition) -> Result<(), RaftError> {
        assert!(
            position.index <= self.snapshot.index,
            "what is not in the snapshot is applied"
        );
        self.follow(position)
    }

    fn follow(&mut self, position: LogPosition) -> Result<(), RaftError> {
        if position.index == self.snapshot.index && position.term != self.snapshot.term {
            return Err(RaftError::NotTheSnapshotsLog {
                index: position.index.0,
            });
        }
        let Some(terms) = &mut self.terms else {
            let begun = self.begin(position)?;
            self.terms = Some(begun);
            return Ok(());
        };
        let last = terms.last();
        if position.index.0 != last.index.0 + 1 {
            return Err(RaftError::Gap {
                expected: last.index.0 + 1,
                found: position.index.0,
            });
        }
        if position.term < last.term || position.term == 0 {
            return Err(RaftError::TermsOutOfOrder {
                index: position.index.0,
            });
        }
        terms.append(position);
        Ok(())
    }

    fn begin(&self, first: LogPosition) -> Result<Terms, RaftError> {
        let expected = self.snapshot.index.0 + 1;
        if first.index.0 > expected {
            return Err(RaftError::Gap {
                expected,
                found: first.index.0,
            });
        }
        if first.index.0 < expected {
            // The term before the first entry is not known, so that entry itself becomes what
            // precedes the log. It is in the snapshot, and only followers far behind would miss it.
            return Ok(Terms::new(first));
        }
        if first.term < self.snapshot.term || first.term == 0 {
            return Err(RaftError::TermsOutOfOrder {
                index: first.index.0,
            });
        }
        let mut terms = Terms::new(self.snapshot);
        terms.append(first);
        Ok(terms)
    }

    fn keep(&mut self, entry: Entry) -> Result<Option<Committed>, RaftError> {
        match entry.kind {
            EntryKind::Normal => {}
            EntryKind::Config => {
                return Err(RaftError::ConfigEntry {
                    index: entry.index.0,
                });
            }
        }
        if entry.index > self.commit {
            self.tail.push_back(entry);
            return Ok(None);
        }
        if entry.index <= self.snapshot.index || entry.data.is_empty() {
            return Ok(None);
        }
        Ok(Some(Committed {
            index: entry.index,
            term: entry.term,
            data: entry.data,
        }))
    }

    pub(crate) fn finish(self) -> Result<Recovered, RaftError> {
        let terms = self.terms.unwrap_or_else(|| Terms::new(self.snapshot));
        let last = terms.last();
        if last.index < self.commit {
            return Err(RaftError::LogEndsEarly {
                expected: self.commit.0,
                found: last.index.0,
            });
        }
        let mut hard_state = self.hard_state;
        hard_state.commit = self.commit.0;
        if hard_state.term < last.term {
            // An entry is never written without the term it came in.
            return Err(RaftError::TermsOutOfOrder {
                index: last.index.0,
            });
        }
        Ok(Recovered {
            hard_state,
            snapshot: self.snapshot,
            terms,
            tail: self.tail,
        })
    }
}

/// What a raft loop starts from. All up to `hard_state.commit` has been applied.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) hard_state: HardState,
    pub(crate) snapshot: LogPosition,
    pub(crate) terms: Terms,
    pub(crate) tail: VecDeque<Entry>,
}
