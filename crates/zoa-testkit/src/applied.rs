//! What the servers applied: the committed entries in the order of the log, in plain values.
//!
//! It is the witness by which calls of unknown outcome are resolved; it is not believed for anything else. The simulator fills
//! it from the bytes that the raft loop hands out as committed.
//!
//! Invariant: an index is committed once; a second, different entry at an index that was handed out before is kept as a
//! [`Rewritten`], and an entry that a later life of a server passes over as vanished, for the checker of G-02 to report.

use crate::clock::SimTime;
use crate::op::Identity;
use crate::op::Op;
use std::collections::BTreeMap;

/// The connection that speaks for a session: server and connection number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The server's number in the ensemble.
    pub server: u8,
    /// The number that server gave the connection.
    pub connection: u64,
}

/// What an entry asks of the replicated state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A new session.
    Open {
        /// The negotiated timeout.
        timeout_ms: i32,
        /// The secret for re-attaching.
        password: Vec<u8>,
    },
    /// A client is back with its session.
    Attach {
        /// The newly negotiated timeout.
        timeout_ms: i32,
        /// What the client showed.
        password: Vec<u8>,
    },
    /// The client ends its session.
    Close,
    /// The session clock ends a session.
    Expire,
    /// A write of a client.
    Request(Op),
    /// A request that was refused before it reached the state, with the code it is told.
    Refuse(i32),
    /// A sync of a client.
    Sync,
    /// The first leader of an ensemble says who its servers are, as lines.
    FoundMembers(String),
    /// Every member knows newer rules: they hold from here on.
    RaiseSemantics(u32),
    /// The leader found a container, or a znode with a time to live, that nobody uses.
    Reap {
        /// Which.
        path: String,
        /// How long a container may be unused from its beginning, in milliseconds; 0 is for ever.
        never_used_ms_max: u32,
    },
    /// Bytes that this test kit cannot read: always a violation.
    Unreadable(String),
}

/// One committed entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position in the replicated log.
    pub index: u64,
    /// The leader's term.
    pub term: u64,
    /// When a server first heard that it is committed.
    pub committed_at: SimTime,
    /// Whose session.
    pub session: i64,
    /// Who spoke for it.
    pub owner: Owner,
    /// The client's number of the request.
    pub xid: i32,
    /// The leader's wall clock.
    pub time_ms: i64,
    /// The identities that the connection had.
    pub identities: Vec<Identity>,
    /// What is asked.
    pub asked: Asked,
}

impl Entry {
    /// Whether two entries ask the same, when each was heard of aside.
    fn same_as(&self, other: &Self) -> bool {
        let aligned = Self {
            committed_at: self.committed_at,
            ..other.clone()
        };
        *self == aligned
    }
}

/// A committed entry that was another one later.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// What was committed first.
    pub before: Entry,
    /// What stood there later.
    pub after: Entry,
}

/// The committed entries of a run.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    entries: BTreeMap<u64, Entry>,
    rewritten: Vec<Rewritten>,
    vanished: Vec<Entry>,
}

impl Applied {
    /// Takes note that a server handed out these two indices one right after the other: what was committed between them before
    /// is gone.
    pub fn note_neighbours(&mut self, (index, next): (u64, u64)) {
        let between = index.saturating_add(1)..next.max(index.saturating_add(1));
        let passed_over: Vec<u64> = self.entries.range(between).map(|(at, _)| *at).collect();
        for at in passed_over {
            self.vanished.extend(self.entries.remove(&at));
        }
    }

    /// Entries that were committed once, and are not there any more.
    pub fn vanished(&self) -> &[Entry] {
        &self.vanished
    }

    /// Takes note of a committed entry; the same entry may be heard again after a restart.
    pub fn note(&mut self, entry: Entry) {
        let Some(before) = self.entries.get(&entry.index) else {
            self.entries.insert(entry.index, entry);
            return;
        };
        if before.same_as(&entry) {
            return;
        }
        self.rewritten.push(Rewritten {
            before: before.clone(),
            after: entry.clone(),
        });
        self.entries.insert(entry.index, entry);
    }

    /// The entries in the order of the log, as they stood last.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Entries that changed after they were committed.
    pub fn rewritten(&self) -> &[Rewritten] {
        &self.rewritten
    }

    /// As a disk that lost its end would have it.
    #[cfg(test)]
    pub(crate) fn forget_last(&mut self) {
        self.entries.pop_last();
    }

    /// How many entries are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was committed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
