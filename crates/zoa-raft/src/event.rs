//! What goes into the raft loop and what comes out of it.
//!
//! Events come from the driver (the server's raft thread, or a test), effects go back to it. No
//! effect is a call: the loop only says what is to be done, in the order in which it is to be done.

use bytes::Bytes;
use zoa_log::Entry;
use zoa_log::LogIndex;
use zoa_log::Persist;

use crate::peer::PeerFault;

/// A place in the log together with the term of the entry there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// The place; 0 is before the first entry.
    pub index: LogIndex,
    /// The term of the entry there; 0 only for index 0.
    pub term: u64,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum RaftEvent {
    /// Transactions to replicate, all that the driver has drained. None of them may be empty.
    Propose(Vec<Bytes>),
    /// Every [`RaftEffect::Persist`] up to this number is durable.
    Persisted {
        /// The number of the newest durable step.
        number: u64,
    },
    /// One unit of the loop's time has passed.
    Tick,
    /// A message of a peer. One that offers a snapshot may be handed in only when the snapshot's
    /// file is complete, checked and synced.
    Peer(Bytes),
    /// The connection to this peer is gone.
    PeerLost {
        /// Its raft id.
        peer: u64,
    },
    /// The answer to [`RaftEffect::ReadLog`]: entries from `low` on, contiguous, at least one; none
    /// when the log no longer has them.
    LogRead {
        /// Where the read began.
        low: LogIndex,
        /// What was read.
        entries: Vec<Entry>,
    },
    /// The log now begins here; what was before is gone.
    Compacted {
        /// The first entry that is still there.
        first_index: LogIndex,
    },
    /// A snapshot of the state after this entry is complete and durable.
    SnapshotTaken {
        /// The last entry that is in it.
        position: LogPosition,
    },
    /// The end of what [`RaftEffect::SendSnapshot`] asked for.
    SnapshotSent {
        /// The peer it was for.
        peer: u64,
        /// Whether the peer has it all.
        delivered: bool,
    },
}

/// Something the driver must do. Effects are done in order, each kind in the thread it belongs to.
#[derive(Clone, Debug)]
pub enum RaftEffect {
    /// Who leads, as far as this server knows. Comes on every change of either.
    Role {
        /// The leader's raft id; this server may propose when it is its own.
        leader: Option<u64>,
        /// The current term.
        term: u64,
    },
    /// Make this durable, in the order of the numbers, then say [`RaftEvent::Persisted`].
    Persist(Persist),
    /// Send these bytes to a peer. Losing them is allowed, changing them is not.
    Send {
        /// The peer's raft id.
        to: u64,
        /// What [`RaftEvent::Peer`] takes on the other side.
        message: Bytes,
    },
    /// Send the newest snapshot to a peer, then hand it `message`, then say
    /// [`RaftEvent::SnapshotSent`].
    SendSnapshot {
        /// The peer's raft id.
        to: u64,
        /// Which snapshot: one that [`RaftEvent::SnapshotTaken`] named.
        position: LogPosition,
        /// What [`RaftEvent::Peer`] takes on the other side once the file is there.
        message: Bytes,
    },
    /// Put the received snapshot of this position in the place of log and state: the log goes on
    /// behind it. Comes before the [`RaftEffect::Persist`] that makes it lasting.
    InstallSnapshot {
        /// The last entry that is in the snapshot.
        position: LogPosition,
    },
    /// Read old entries from the log for a peer that lags, then say [`RaftEvent::LogRead`].
    ReadLog {
        /// The first entry wanted.
        low: LogIndex,
        /// The first entry no longer wanted.
        high: LogIndex,
        /// Stop at about so many bytes, but read one entry in any case.
        bytes_max: u64,
    },
    /// These entries are committed and durable here: apply them.
    Commit(Vec<Committed>),
    /// This server leads, and all that earlier leaders committed has been handed out.
    Established {
        /// The term it leads.
        term: u64,
    },
    /// These proposals were not taken; nobody will ever see them.
    Refused {
        /// Why.
        reason: Refusal,
        /// What was proposed, unchanged.
        proposals: Vec<Bytes>,
    },
    /// A peer sent what no correct peer sends; it was ignored.
    PeerFault {
        /// Who says it is from, where that could be read.
        from: Option<u64>,
        /// What was wrong.
        fault: PeerFault,
    },
}

/// An entry that is committed; empty entries, which belong to the replication itself, never appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its place in the log.
    pub index: LogIndex,
    /// The term in which it was proposed.
    pub term: u64,
    /// The proposed bytes.
    pub data: Bytes,
}

/// Why proposals were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This server does not lead.
    NotLeader,
    /// Too much waits for the disk or the quorum (`limits.rs`).
    TooMuchUncommitted,
}
