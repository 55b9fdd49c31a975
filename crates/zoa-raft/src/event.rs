//! What goes into the raft loop and what comes out of it.
//!
//! Events come from the driver (the server's raft thread, or a test), effects go back to it. No
//! effect is a call: the loop only says what is to be done, in the order in which it is to be done.

use bytes::Bytes;
use zoa_log::Entry;
use zoa_log::LogIndex;
use zoa_log::Persist;

use crate::members::MemberChange;
use crate::members::Members;
use crate::peer::PeerFault;

/// A place in the log together with the term of the entry there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// The place; 0 is before the first entry.
    pub index: LogIndex,
    /// The term of the entry there; 0 only for index 0.
    pub term: u64,
}

impl LogPosition {
    /// Where the log of a founded ensemble begins behind. What is there is no entry but the
    /// founding itself, so whoever joins later with an empty disk finds that the log does not
    /// reach back far enough, and is sent a snapshot with the members.
    pub const FOUNDING: Self = Self {
        index: LogIndex(1),
        term: 1,
    };
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum RaftEvent {
    /// Transactions to replicate, all that the driver has drained. None of them may be empty.
    Propose(Vec<Bytes>),
    /// Change the members: one at once, several by way of a joint membership that the leader ends
    /// by itself. Refused while another change is under way.
    ChangeMembers {
        /// What changes; at least one.
        changes: Vec<MemberChange>,
        /// The transaction on whose result the change depends: the entry is handed out with
        /// it, and [`RaftEvent::ChangeDecided`] says whether it counts. Empty: it always counts, and
        /// is not handed out.
        data: Bytes,
    },
    /// What became of the change that the last [`RaftEffect::Commit`] ended with. Nothing more is
    /// handed out until then.
    ChangeDecided {
        /// Its place in the log.
        index: LogIndex,
        /// False: the change is void, on every server alike.
        accepted: bool,
    },
    /// Give the leadership to this voter, once it has caught up. Proposals are refused meanwhile,
    /// for one election timeout at most. Nothing happens when this server does not lead, or the
    /// other is no voter.
    TransferLeader {
        /// Its raft id.
        to: u64,
    },
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
        /// The members as of that place ([`MemberHistory`](crate::MemberHistory)).
        members: Members,
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
    /// A peer needs a snapshot, and there is none that fits the log: take one soon, then say
    /// [`RaftEvent::SnapshotTaken`]. Comes again and again until then, also while one is being taken.
    SnapshotWanted,
    /// Put the received snapshot of this position in the place of log and state: the log goes on
    /// behind it. Comes before the [`RaftEffect::Persist`] that makes it lasting.
    InstallSnapshot {
        /// The last entry that is in the snapshot.
        position: LogPosition,
        /// The members from there on. This server may be among them though the snapshot's own
        /// metadata do not name it yet: the change that adds it comes in the log.
        members: Members,
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
    /// The members after the entry at `index`, which may be none that was handed out. Comes at the
    /// start, after every change, after every [`RaftEvent::ChangeDecided`] also when the change was
    /// void, and after [`RaftEffect::InstallSnapshot`]; in order with the commits.
    Members {
        /// From which place on.
        index: LogIndex,
        /// Who they are.
        members: Members,
    },
    /// This server leads, and all that earlier leaders committed has been handed out.
    Established {
        /// The term it leads.
        term: u64,
    },
    /// These proposals were not taken; nobody will ever see them.
    Refused {
        /// Why.
        reason: Refusal,
        /// What was proposed, unchanged; of a change of members its data, and nothing if it had none.
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
    /// Whether the members change with it, if it is accepted. Then it is the last one of its
    /// batch, and [`RaftEvent::ChangeDecided`] (in recovery:
    /// [`Recovery::decided`](crate::Recovery::decided)) is due.
    pub is_change: bool,
}

/// Why proposals were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This server does not lead.
    NotLeader,
    /// Too much waits for the disk or the quorum (`limits.rs`).
    TooMuchUncommitted,
    /// The leadership is being given away.
    Transferring,
    /// Another change of members is not over, or this leader is not established yet.
    ChangeUnderWay,
    /// No ensemble can have such members: nobody would vote, there would be too many, an id is 0,
    /// or nothing was to be changed.
    ImpossibleChange,
    /// Who is to vote has not taken a snapshot or an entry from this leader yet. It has to be a
    /// learner first, and to catch up.
    NotCaughtUp,
}
