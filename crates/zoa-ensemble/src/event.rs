//! What goes into an ensemble and what comes out of it.
//!
//! No effect is a call: the ensemble only says what is to be done, in the order in which it is to be done. Effects that change what
//! clients see (`Commit`, `Members`, `ChangeMembers`, `InstallSnapshot`, `Role`, `Established`, `Serving`) keep their order among
//! each other also where they are carried out by another thread: `Serving(true)` counts on all `Commit`s before it.

use bytes::Bytes;
use zoa_log::ClusterId;
use zoa_log::Entry;
use zoa_log::LogIndex;
use zoa_log::Persist;
use zoa_proto::PeerId;
use zoa_raft::Committed;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::PeerFault;
use zoa_tree::MemberLines;
use zoa_tree::ServerAddress;
use zoa_tree::Touch;

use crate::config::Prepared;
use crate::hello::Hello;
use crate::hello::answer::HelloRefusal;
use crate::identity::Identity;
use crate::message::PeerMessageError;
use crate::node_id::NodeId;
use crate::notice::Notice;

/// A connection to a peer, after both sides have accepted the other's hello. Given by the driver, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

/// Who dialed. Frames go from the server that dialed to the other one only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// This server did: it sends on this link.
    Outgoing,
    /// The peer did: it is heard on this link.
    Incoming,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// Transactions of this server's clients, in order; none is empty.
    ///
    /// Not before every [`Effect::Unknown`] that came was carried out, and without those of connections that it ended, also when they
    /// were on their way before: a later write of a connection must not be taken when an earlier one may be lost (G-03).
    Propose(Vec<Bytes>),
    /// Sessions that this server's clients spoke for since the last time; to be given at heartbeat pace.
    Touched {
        /// The monotonic clock at which their ages were taken, in milliseconds: the last tick may lie long before it, after a standstill.
        now_ms: u64,
        /// Who, and how long before.
        touches: Vec<Touch>,
    },
    /// A connection to or from a peer is there; both sides have accepted the other's hello.
    LinkUp {
        /// Its name.
        link: LinkId,
        /// The peer, as its hello says.
        peer: PeerId,
        /// Who dialed.
        direction: Direction,
        /// What the peer said.
        hello: Hello,
        /// [`Identity::epoch`] of the identity that this server's hello was made of.
        epoch: u64,
    },
    /// The connection is gone, by whatever cause, also by [`Effect::CutLink`]. Nothing is received on it any more.
    LinkDown {
        /// Its name.
        link: LinkId,
    },
    /// A peer that this server dialed did not accept its hello. Not for those that dialed: they may claim to be anybody.
    LinkRefused {
        /// Which peer.
        peer: PeerId,
        /// Why.
        refusal: HelloRefusal,
    },
    /// A frame came in, its length and checksum found right.
    Received {
        /// Where.
        link: LinkId,
        /// All of it.
        frame: Bytes,
        /// What this server's clock says, in milliseconds since 1970: a leader's is the time of what is forwarded to it.
        wall_ms: i64,
    },
    /// Time has passed. To be given every `raft_tick_ms`, and with the true time also when that is late.
    Tick {
        /// The monotonic clock, in milliseconds.
        now_ms: u64,
    },
    /// Every [`Effect::Persist`] up to this number is durable.
    Persisted {
        /// The number of the newest durable step.
        number: u64,
    },
    /// The answer to [`Effect::ReadLog`]; no entries when the log no longer has them.
    LogRead {
        /// Where the read began.
        low: LogIndex,
        /// What was read.
        entries: Vec<Entry>,
    },
    /// The log now begins here.
    Compacted {
        /// The first entry that is still there.
        first_index: LogIndex,
    },
    /// A snapshot of the state after this entry is complete and durable.
    SnapshotTaken {
        /// The last entry that is in it.
        position: LogPosition,
        /// The members that are written in it.
        members: Members,
    },
    /// The end of what [`Effect::SendSnapshot`] asked for.
    SnapshotSent {
        /// Whom it was for.
        node: NodeId,
        /// Whether the peer has it all.
        delivered: bool,
    },
    /// A peer's snapshot has arrived: complete, checked and synced.
    SnapshotReceived {
        /// The message that came with it.
        message: Bytes,
    },
    /// The verdict of the state machine on a committed change of members.
    ChangeDecided {
        /// Where it stands in the log.
        index: LogIndex,
        /// Whether it was accepted.
        accepted: bool,
    },
    /// The `server.N` lines as the replicated state has them: given once at the start, and again after each change of them, before the
    /// [`Event::ChangeDecided`] of the entry that changed them. Empty when the state knows none yet.
    MemberLines(MemberLines),
    /// The rules by which the replicated state applies transactions: given once at the start, and again after each change.
    Semantics(u32),
    /// What [`Effect::Save`] asked for is durable.
    Saved,
    /// What [`Effect::OpenLog`] asked for is done.
    LogOpened,
    /// The server is about to stop: leadership is given away if it is held. Answered by [`Effect::HandoverDone`].
    Handover,
}

/// Something the driver must do.
#[derive(Debug)]
pub enum Effect {
    /// Make this durable, in the order of the numbers, then say [`Event::Persisted`].
    Persist(Persist),
    /// These entries are committed and durable here: apply them. After a batch that ends with a change of members nothing further
    /// comes before [`Event::ChangeDecided`].
    Commit(Vec<Committed>),
    /// The members after the entry at `index`, which may be none that was handed out: for the snapshots ([`zoa_raft::MemberHistory`]).
    Members {
        /// From which place on.
        index: LogIndex,
        /// Who they are.
        members: Members,
    },
    /// Read old entries from the log for a peer that lags, then say [`Event::LogRead`].
    ReadLog {
        /// The first entry wanted.
        low: LogIndex,
        /// The first entry no longer wanted.
        high: LogIndex,
        /// Stop at about so many bytes, but read one entry in any case.
        bytes_max: u64,
    },
    /// Put the received snapshot of this position in the place of log and state.
    InstallSnapshot {
        /// The last entry that is in the snapshot.
        position: LogPosition,
        /// Who takes part as of it.
        members: Members,
    },
    /// Take a snapshot soon, then say [`Event::SnapshotTaken`]: a peer needs one, and there is none that fits the log. Comes again and
    /// again until then, also while one is being taken.
    TakeSnapshot,
    /// Send a frame on an outgoing link. It may be lost only together with the link, and with everything behind it.
    Send {
        /// Where.
        link: LinkId,
        /// All of it, at most [`FRAME_LEN_MAX`](crate::limits::FRAME_LEN_MAX) bytes.
        frame: Bytes,
    },
    /// Send the snapshot of this position to a peer, with `message`, over a connection of its own; then say [`Event::SnapshotSent`].
    SendSnapshot {
        /// The peer.
        peer: PeerId,
        /// Under which id; an answer of another one does not want it.
        node: NodeId,
        /// Which snapshot: one that [`Event::SnapshotTaken`] named, or the one that was there at the start.
        position: LogPosition,
        /// What the peer's [`Event::SnapshotReceived`] takes.
        message: Bytes,
    },
    /// End this connection; [`Event::LinkDown`] follows. An outgoing one is dialed again, with the newest [`Effect::Identity`].
    CutLink {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CutReason,
    },
    /// Whom to dial from here on; others no more. This server itself is not among them.
    Peers(Vec<PeerAddresses>),
    /// Who this server is from here on, for hellos and for judging them. Comes first of all effects, and on every change. What is
    /// under way with an older one may go on.
    Identity(Box<Identity>),
    /// What this server is, and who leads, as far as it knows. Comes on every change.
    Role {
        /// What it is.
        role: Role,
        /// Who leads.
        leader: Option<PeerId>,
        /// The term of the replication.
        term: u64,
    },
    /// This server leads, and all that earlier leaders committed stands above: sessions get their full timeout, and from here on it is
    /// this server that says which have expired, until a role other than leader comes.
    Established {
        /// The term it leads.
        term: u64,
    },
    /// Whether clients are served. Not before the first `Serving(true)`; `Serving(false)` comes first when no leader does.
    Serving(bool),
    /// Writes that this server's clients await may never be answered, though they may come true: end every connection that has an
    /// unanswered write or attach, before the next [`Event::Propose`].
    Unknown,
    /// Sessions that other servers' clients spoke for; given to a leader only.
    Touches(Vec<Touch>),
    /// Make this step of the founding durable, then say [`Event::Saved`]. No other effect of this kind comes meanwhile.
    Save(Step),
    /// Open the empty log that the last step has made, then say [`Event::LogOpened`]. What follows needs it.
    OpenLog {
        /// Under which id this server speaks from here on.
        node: NodeId,
        /// Whose log.
        cluster: ClusterId,
    },
    /// The marker files `initialize` and `force-new-ensemble` have had their effect: remove them.
    RemoveMarkers,
    /// What an operator should read.
    Notice(Notice),
    /// Leadership is not held any more, or nobody could take it: see [`Event::Handover`].
    HandoverDone,
}

/// Where a peer may be reached; any of the addresses, all are worth a try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerAddresses {
    /// Who.
    pub peer: PeerId,
    /// Where.
    pub addresses: Vec<ServerAddress>,
}

/// What a server is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Nobody leads, or this server is no member yet.
    Looking,
    /// It follows.
    Follower,
    /// It leads.
    Leader,
    /// It follows, and its line says that it is an observer.
    Observer,
}

/// A step of the founding that must be durable before anything else happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Remember this agreement, in the place of an older one.
    Prepare(Prepared),
    /// Make a data directory whose state is the empty tree at [`LogPosition::FOUNDING`], with a snapshot of it that names these
    /// members, and an empty log that begins behind it. The metadata come last, then the agreement goes.
    Found {
        /// The cluster.
        cluster: ClusterId,
        /// This server's id in it.
        node: NodeId,
        /// Who takes part.
        members: Members,
    },
    /// Make an empty data directory; its first content will be a snapshot of the leader's. An agreement goes.
    Join {
        /// The cluster.
        cluster: ClusterId,
        /// This server's id in it.
        node: NodeId,
    },
}

/// Why a link is ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CutReason {
    /// The peer sent what no correct server writes.
    BadFrame(PeerMessageError),
    /// The peer's replication sent what no correct peer's sends.
    BadRaftMessage(PeerFault),
    /// Another link to or from the same peer has taken its place.
    Superseded,
    /// This server is somebody else now, and says so with a new hello.
    NewIdentity,
    /// The peer was taken out of the ensemble, or its place was given to another.
    NoMember,
    /// The peer's writes are not taken, and there is no other way to tell it.
    StreamRefused,
    /// No leader was heard of for too long; what waits on the link may be as old.
    OutOfTouch,
}
