//! What the log keeps: entries, the hard state, and the order to keep them.
//!
//! What it is not: the meaning of an entry's data; that is the state machine's.

use std::fmt;

use bytes::Bytes;

/// Position of an entry in the replicated log. The first entry has 1; 0 is "before all".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogIndex(pub u64);

impl LogIndex {
    /// The index behind this one.
    pub fn next(self) -> Self {
        Self(
            self.0
                .checked_add(1)
                .expect("2^64 entries are never reached"),
        )
    }
}

impl fmt::Display for LogIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What the data of an entry is, for the reader above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A transaction, or empty.
    Normal,
    /// A change of the configuration of the ensemble.
    Config,
}

/// One entry of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub index: LogIndex,
    /// The Raft term in which it was proposed.
    pub term: u64,
    /// What the data is.
    pub kind: EntryKind,
    /// The bytes, at most [`ENTRY_LEN_MAX`](crate::limits::ENTRY_LEN_MAX).
    pub data: Bytes,
}

/// What a Raft member must not forget beside its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HardState {
    /// The latest term this member has seen.
    pub term: u64,
    /// Whom it voted for in that term; 0 is nobody.
    pub vote: u64,
    /// Highest index known to be committed. Kept lazily: it is written with the
    /// next batch that has another reason, so after a crash it may be lower than
    /// the last one given, never higher.
    pub commit: u64,
}

/// One order to make something durable; orders are acknowledged by their number.
#[derive(Clone, Debug, Default)]
pub struct Persist {
    /// The number of the Ready it belongs to; rises from order to order.
    pub number: u64,
    /// The new hard state, when it changed.
    pub hard_state: Option<HardState>,
    /// Entries without a gap among them. The first replaces what stands at its
    /// index and everything behind it.
    pub entries: Vec<Entry>,
}
