//! One life of a server process: the production core, ensemble and log loop, and the queues between them.
//!
//! It only carries, as `zoa-server`'s threads and tasks do: bytes into connections, proposals and frames of peers into the ensemble,
//! orders into the log loop, commits into the core. Which of them has its turn when is the world's choice.
//!
//! Invariant: a turn calls production code exactly as its thread would, empties the thread's queue whole, and never waits.
//!
//! ```text
//!   tasks --proposals--> ensemble --orders--> log --acknowledgements--> ensemble --commits--> apply --wakes--> tasks
//!                          ^ |
//!               frames of  | v  peers
//! ```

mod effects;
mod founding;
mod held;
mod snapshots;
mod start;
mod tasks;
mod threads;

pub(crate) use held::Amount;
pub(crate) use start::Setup;
pub(crate) use start::StartError;
pub(crate) use tasks::TaskTurn;
pub(crate) use tasks::Wire;

use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use zoa_core::Core;
use zoa_core::Moment;
use zoa_ensemble::Ensemble;
use zoa_ensemble::Event;
use zoa_ensemble::HelloState;
use zoa_ensemble::Identity;
use zoa_ensemble::LinkId;
use zoa_ensemble::NodeId;
use zoa_ensemble::Role;
use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_log::LogLoop;
use zoa_log::LogOutput;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;
use zoa_raft::LogPosition;
use zoa_raft::MemberHistory;
use zoa_testkit::applied::Owner;
use zoa_testkit::clock::SimTime;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::faults::CrashPoint;
use zoa_testkit::rng::Rng;
use zoa_tree::MemberLines;

/// What in a process has turns of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thread {
    Raft,
    Log,
    Apply,
    Snapshots,
    /// The task of the connection with this number.
    Connection(u64),
}

/// Why a process ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// The log failed: the server stops, as it must.
    LogFailed(String),
    /// The disk failed for something else than the log.
    DiskFailed(String),
    /// A committed entry could not be read.
    Undecodable(String),
    /// The place was reached at which it was to go down.
    AtPlace(CrashPoint),
    /// Rules hold that its program does not know.
    TooOld(String),
}

/// When it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: SimTime,
    pub(crate) moment: Moment,
}

/// A leader begins to lead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Established {
    pub(crate) term: u64,
    pub(crate) applied_index: u64,
    /// Whether it is one of those that vote.
    pub(crate) votes: bool,
}

/// Newer rules that a leader proposes.
#[derive(Clone, Debug)]
pub(crate) struct NewerRules {
    pub(crate) term: u64,
    pub(crate) version: u32,
    /// Who takes part, as far as it knows.
    pub(crate) members: Vec<u8>,
}

/// A snapshot that is to be sent to a peer.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotOut {
    pub(crate) peer: PeerId,
    pub(crate) node: NodeId,
    pub(crate) position: LogPosition,
    pub(crate) message: Bytes,
}

/// What a turn has to tell the world.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Entries handed out as committed: index, term, bytes.
    pub(crate) committed: Vec<zoa_raft::Committed>,
    /// Snapshots of the leader's that take the place of the state: behind how many of these entries, and up to which index.
    pub(crate) installed: Vec<(usize, u64)>,
    /// Sessions whose expiry was proposed.
    pub(crate) expiries: Vec<i64>,
    /// The state after applying up to an index: index, digest.
    pub(crate) digests: Vec<(u64, u64)>,
    /// The server leads from here on, in this term, and has applied what its predecessors committed.
    pub(crate) established: Option<Established>,
    /// Whether clients are served from here on, and what had been applied then.
    pub(crate) serving: Option<(bool, u64)>,
    /// Snapshots that were finished, and those that failed.
    pub(crate) snapshots: u64,
    pub(crate) snapshots_failed: u64,
    /// Segments that could not be prepared, each for one failure of the disk.
    pub(crate) unprepared: u64,
    /// Packets handed to connections.
    pub(crate) heard: Vec<Owner>,
    /// Frames for peers.
    pub(crate) frames: Vec<(LinkId, Bytes)>,
    /// Links to end.
    pub(crate) cuts: Vec<LinkId>,
    /// Snapshots for peers.
    pub(crate) snapshots_out: Vec<SnapshotOut>,
    /// Leadership is given away, as far as that is possible.
    pub(crate) handed_over: bool,
    /// Changes of who takes part.
    pub(crate) members_changed: u64,
    /// How much was held in memory of what.
    pub(crate) amounts: Vec<Amount>,
    /// A leader wants newer rules to hold.
    pub(crate) rules_proposed: Option<NewerRules>,
    /// The rules by which the state goes, and up to where it is applied; when they changed.
    pub(crate) rules_held: Vec<(u64, u32)>,
    /// Production code did what it must not.
    pub(crate) wrong: Vec<String>,
}

/// One life of a server.
pub(crate) struct Process {
    /// `myid`.
    pub(crate) server: PeerId,
    pub(crate) core: Arc<Core>,
    ensemble: Ensemble,
    disk: Disk,
    setup: Setup,
    raft_inbox: Vec<RaftInput>,
    log_inbox: Vec<LogInput>,
    /// Written, and on its way to the raft thread.
    log_outbox: Vec<LogOutput>,
    apply_inbox: VecDeque<threads::ApplyInput>,
    tasks: BTreeMap<u64, tasks::Task>,
    wakes: Arc<Mutex<Vec<u64>>>,
    random: Rng,
    writing: Option<snapshots::Writing>,
    members: MemberHistory,
    /// As the ensemble was told last.
    lines: MemberLines,
    semantics: u32,
    /// The rules that the ensemble has been told to hold.
    pub(crate) rules_told: u32,
    /// The newer rules that it had proposed when it was looked at last.
    rules_proposed: Option<(u64, u32)>,
    /// Where reads of the log began, by their tokens.
    reads: BTreeMap<u64, LogIndex>,
    wanted: BTreeSet<Thread>,
    /// What it says to peers.
    pub(crate) identity: Option<Identity>,
    /// Whom it dials.
    pub(crate) dials: Vec<PeerId>,
    pub(crate) serves: bool,
    /// What it is, whom it follows, and in which term.
    pub(crate) role: (Role, Option<PeerId>, u64),
    /// The term in which it leads, as its core was told.
    pub(crate) leads_in: Option<u64>,
    /// The place in its work at which it goes down.
    pub(crate) crash_at: Option<CrashPoint>,
    idle_steps: u32,
}

/// What stands on the disk, as far as it is open.
enum Disk {
    /// The directory holds no data of an ensemble.
    Bare(zoa_log::LockedDir<SimDisk>),
    /// It was just made.
    Made {
        dir: Box<zoa_log::LogDir<SimDisk>>,
        store: SnapshotStore<SimDisk>,
    },
    /// The log is open.
    Open {
        log: Box<LogLoop<SimDisk>>,
        store: SnapshotStore<SimDisk>,
    },
    /// On its way from one to the next.
    Between,
}

/// What the raft thread is told.
enum RaftInput {
    Event(Event),
    /// Proposals, and in which round of the core the first of them was put there.
    Propose(u64, Vec<Bytes>),
}

impl Process {
    /// The threads that have something to do and have not been told so.
    pub(crate) fn take_wanted(&mut self) -> BTreeSet<Thread> {
        let woken = std::mem::take(&mut *self.wakes.lock().unwrap_or_else(PoisonError::into_inner));
        self.wanted
            .extend(woken.into_iter().map(Thread::Connection));
        std::mem::take(&mut self.wanted)
    }

    /// A thread has its turn.
    pub(crate) fn turn(&mut self, thread: Thread, now: Now, told: &mut Told) -> Result<(), Death> {
        match thread {
            Thread::Raft => self.turn_raft(now, told),
            Thread::Log => self.turn_log(told),
            Thread::Apply => self.turn_apply(now, told),
            Thread::Snapshots => {
                self.turn_snapshots(told);
                Ok(())
            }
            // Needs its wire: see `turn_connection`.
            Thread::Connection(_) => Ok(()),
        }
    }

    /// Something happened between this server and its peers.
    pub(crate) fn meet(&mut self, event: Event) {
        self.push_raft(event);
    }

    /// Whether nothing is under way inside.
    pub(crate) fn is_quiet(&self) -> bool {
        self.raft_inbox.is_empty()
            && self.log_inbox.is_empty()
            && self.log_outbox.is_empty()
            && self.apply_inbox.is_empty()
            && self.writing.is_none()
            && self.core.outstanding() == 0
    }

    /// Whether it is to go down here.
    pub(crate) fn reach(&mut self, place: CrashPoint) -> Result<(), Death> {
        match self.crash_at.take_if(|at| *at == place) {
            Some(_) => Err(Death::AtPlace(place)),
            None => Ok(()),
        }
    }

    /// Whether it has data of an ensemble.
    pub(crate) fn is_member(&self) -> bool {
        let state = self.identity.as_ref().map(|identity| identity.state);
        matches!(state, Some(HelloState::Member { .. }))
    }

    /// Under which id it takes part, if it does.
    pub(crate) fn node(&self) -> Option<NodeId> {
        self.identity.as_ref()?.state.node()
    }

    /// The full ids of the servers that vote, as far as this one knows; `None` while that changes.
    pub(crate) fn voting_nodes(&self) -> Option<Vec<NodeId>> {
        let members = self.members.at(LogIndex(u64::MAX))?;
        let ids = members.voters.iter().chain(&members.voters_outgoing);
        Some(ids.filter_map(|id| NodeId::from_raft(*id)).collect())
    }

    /// The ids of the servers that vote, as far as this one knows; `None` while that changes.
    pub(crate) fn voters(&self) -> Option<Vec<u8>> {
        let members = self.members.at(LogIndex(u64::MAX))?;
        let ids = members.voters.iter().chain(&members.voters_outgoing);
        let peers = ids.filter_map(|id| NodeId::from_raft(*id).map(|node| node.myid().0));
        let mut peers: Vec<u8> = peers.collect();
        peers.sort_unstable();
        Some(peers)
    }

    /// The newest rules that its program knows.
    pub(crate) fn knows(&self) -> u32 {
        self.setup.versions.semantics
    }

    /// The ids of the servers that should vote, as the replicated state has them.
    pub(crate) fn participants(&self) -> Vec<u8> {
        self.lines.participants().map(|peer| peer.0).collect()
    }

    fn store(&self) -> Option<&SnapshotStore<SimDisk>> {
        match &self.disk {
            Disk::Made { store, .. } | Disk::Open { store, .. } => Some(store),
            Disk::Bare(_) | Disk::Between => None,
        }
    }

    fn log(&mut self) -> Option<&mut LogLoop<SimDisk>> {
        match &mut self.disk {
            Disk::Open { log, .. } => Some(log),
            Disk::Bare(_) | Disk::Made { .. } | Disk::Between => None,
        }
    }
}
