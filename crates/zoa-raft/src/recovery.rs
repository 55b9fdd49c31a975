//! From what the disk held to a raft loop that can start.
//!
//! The driver reads the log once, from its first entry to its last, and hands in each entry. What
//! is known to be committed comes straight back to be applied, so that a long log is replayed in a
//! small memory; what is above it is kept for the library. What recovery has read counts as durable:
//! the log syncs it before it hands it out.
//!
//! The members are replayed with it: from those of the snapshot, or of the founding, through every
//! committed change.
//!
//! Invariant: a server that has an entry knows at least of every change of members up to the last
//! but one before it that they are committed, since the leader proposes a change only when the one
//! before is applied, and the commit index travels, and is stored, no later than the entry. So after a crash the
//! members here are at most one change behind, and their majorities overlap (G-23).

use std::collections::VecDeque;

use zoa_log::Entry;
use zoa_log::EntryKind;
use zoa_log::HardState;
use zoa_log::LogIndex;

use crate::config::RaftError;
use crate::event::Committed;
use crate::event::LogPosition;
use crate::limits;
use crate::members::ChangeEntry;
use crate::members::MemberChange;
use crate::members::Members;
use crate::terms::Terms;

/// A recovery under way.
#[derive(Debug)]
pub struct Recovery {
    hard_state: HardState,
    snapshot: LogPosition,
    snapshot_members: Members,
    members: Members,
    undecided: Option<(LogIndex, Vec<MemberChange>)>,
    commit: LogIndex,
    terms: Option<Terms>,
    tail: VecDeque<Entry>,
}

impl Recovery {
    /// `snapshot` is the newest complete snapshot and `members` are those in it. Without one: where
    /// the log begins behind ([`LogPosition::FOUNDING`]; index 0 and term 0 for a server that joins, or that was
    /// always alone) and the members of the founding, none for a server that joins.
    pub fn new(mut hard_state: HardState, snapshot: LogPosition, members: Members) -> Self {
        // What is in a snapshot was committed, whatever the last stored hint says; and its term began.
        let commit = LogIndex(hard_state.commit.max(snapshot.index.0));
        if hard_state.term < snapshot.term {
            // No vote of this server in a term above its stored one ever left it.
            (hard_state.term, hard_state.vote) = (snapshot.term, 0);
        }
        Self {
            hard_state,
            snapshot,
            snapshot_members: members.clone(),
            members,
            undecided: None,
            commit,
            terms: None,
            tail: VecDeque::new(),
        }
    }

    /// The first start of a member of the founding: an empty log behind the founding position.
    pub fn founding(members: Members) -> Self {
        Self::new(HardState::default(), LogPosition::FOUNDING, members)
    }

    /// The first start of a server that joins: nothing, until the leader sends a snapshot.
    pub fn joining() -> Self {
        Self::new(
            HardState::default(),
            LogPosition::default(),
            Members::default(),
        )
    }

    /// The members as of the entries pushed so far.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Where the newest complete snapshot stands, or where the log begins behind.
    pub fn snapshot(&self) -> LogPosition {
        self.snapshot
    }

    /// The last entry that was handed in, or what the log begins behind.
    pub fn last(&self) -> LogPosition {
        let last = self.terms.as_ref().map(Terms::last);
        last.unwrap_or(self.snapshot)
    }

    /// Goes on with `id` as the only member, without the others: an operator's last resort when a majority is lost for good.
    /// Everything in the log must have been handed in as committed. The log begins anew behind [`Recovery::snapshot`], a place that no
    /// entry of the others' has; a snapshot of the state with these members must be durable there before the start.
    ///
    /// # Panics
    ///
    /// When something in the log was not committed, and so is not in the state.
    #[must_use]
    pub fn alone(self, id: u64) -> Self {
        let last = self.last();
        assert!(
            self.tail.is_empty() && self.undecided.is_none(),
            "all of the log is applied"
        );
        let term = self.hard_state.term.max(last.term) + limits::TERMS_LEFT_OUT;
        let position = LogPosition {
            index: last.index.next(),
            term,
        };
        let hard_state = HardState {
            term,
            vote: 0,
            commit: position.index.0,
        };
        Self::new(hard_state, position, Members::of_voters([id]))
    }

    /// What became of the change that [`Recovery::push`] just handed out.
    ///
    /// # Panics
    ///
    /// When that was another one, or none.
    pub fn decided(&mut self, index: LogIndex, accepted: bool) {
        let Some((undecided, changes)) = self.undecided.take() else {
            panic!("no change waits for a decision");
        };
        assert!(undecided == index, "the change at {undecided:?} waits");
        if accepted {
            self.change(&changes);
        }
    }

    /// Takes the next entry of the log. Returns it if it is to be applied now.
    ///
    /// # Errors
    ///
    /// When the entry cannot follow the one before it, or contradicts the snapshot.
    ///
    /// # Panics
    ///
    /// When the change handed out before was not decided.
    pub fn push(&mut self, entry: Entry) -> Result<Option<Committed>, RaftError> {
        assert!(
            self.undecided.is_none(),
            "a change is decided before the next entry"
        );
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
        let change = match entry.kind {
            EntryKind::Normal => None,
            EntryKind::Config => Some(read_change(&entry)?),
        };
        if entry.index > self.commit {
            self.tail.push_back(entry);
            return Ok(None);
        }
        if entry.index <= self.snapshot.index {
            return Ok(None);
        }
        let is_change = change.is_some();
        let data = match change {
            None => entry.data,
            Some(change) if change.data.is_empty() => {
                self.change(&change.changes);
                return Ok(None);
            }
            Some(change) => {
                self.undecided = Some((entry.index, change.changes));
                change.data
            }
        };
        Ok((!data.is_empty()).then_some(Committed {
            index: entry.index,
            term: entry.term,
            data,
            is_change,
        }))
    }

    fn change(&mut self, changes: &[MemberChange]) {
        if changes.is_empty() {
            self.members = self.members.left();
        } else if let Ok(next) = self.members.changed(changes) {
            self.members = next;
        }
        // What cannot be is void, as it is for the raft loop (`raft_loop/apply.rs`).
    }

    pub(crate) fn finish(self) -> Result<Recovered, RaftError> {
        assert!(
            self.undecided.is_none(),
            "every change is decided before the start"
        );
        self.members.check()?;
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
            snapshot_members: self.snapshot_members,
            members: self.members,
            terms,
            tail: self.tail,
        })
    }
}

fn read_change(entry: &Entry) -> Result<ChangeEntry, RaftError> {
    ChangeEntry::decode(&entry.data).map_err(|_| RaftError::BadChange {
        index: entry.index.0,
    })
}

/// What a raft loop starts from. All up to `hard_state.commit` has been applied.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) hard_state: HardState,
    pub(crate) snapshot: LogPosition,
    pub(crate) snapshot_members: Members,
    pub(crate) members: Members,
    pub(crate) terms: Terms,
    pub(crate) tail: VecDeque<Entry>,
}
