//! One life of a server process: the production core, raft loop and log loop, and the queues between them.
//!
//! It only carries, as `zoa-server`'s threads and tasks do: bytes into connections, proposals into the raft loop, orders into the
//! log loop, commits into the core. Which of them has its turn when is the world's choice.
//!
//! Invariant: a turn calls production code exactly as its thread would, empties the thread's queue whole, and never waits.
//!
//! ```text
//!   tasks --proposals--> raft --orders--> log --acknowledgements--> raft --commits--> apply --wakes--> tasks
//! ```

mod snapshots;
mod start;
mod tasks;
mod threads;

pub(crate) use start::Setup;
pub(crate) use tasks::TaskTurn;
pub(crate) use tasks::Wire;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use zoa_core::Core;
use zoa_core::Moment;
use zoa_log::LogInput;
use zoa_log::LogLoop;
use zoa_log::LogOutput;
use zoa_log::SnapshotStore;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;
use zoa_testkit::applied::Owner;
use zoa_testkit::clock::SimTime;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::rng::Rng;

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
    /// A committed entry could not be read.
    Undecodable(String),
}

/// When it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: SimTime,
    pub(crate) moment: Moment,
}

/// What a turn has to tell the world.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Entries handed out as committed: index, term, bytes.
    pub(crate) committed: Vec<zoa_raft::Committed>,
    /// Sessions whose expiry was proposed.
    pub(crate) expiries: Vec<i64>,
    /// The state after applying up to an index: index, digest.
    pub(crate) digests: Vec<(u64, u64)>,
    /// The server serves from here on.
    pub(crate) established: bool,
    /// Snapshots that were finished, and those that failed.
    pub(crate) snapshots: u64,
    pub(crate) snapshots_failed: u64,
    /// Segments that could not be prepared, each for one failure of the disk.
    pub(crate) unprepared: u64,
    /// Packets handed to connections.
    pub(crate) heard: Vec<Owner>,
    /// Production code did what it must not.
    pub(crate) wrong: Vec<String>,
}

/// One life of a server.
pub(crate) struct Process {
    pub(crate) core: Arc<Core>,
    raft: RaftLoop,
    log: LogLoop<SimDisk>,
    store: SnapshotStore<SimDisk>,
    raft_inbox: Vec<RaftEvent>,
    log_inbox: Vec<LogInput>,
    /// Written, and on its way to the raft thread.
    log_outbox: Vec<LogOutput>,
    apply_inbox: Vec<threads::ApplyInput>,
    tasks: BTreeMap<u64, tasks::Task>,
    wakes: Arc<Mutex<Vec<u64>>>,
    random: Rng,
    writing: Option<snapshots::Writing>,
    wanted: BTreeSet<Thread>,
    pub(crate) serves: bool,
    idle_steps: u32,
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
            Thread::Raft => {
                self.turn_raft(told);
                Ok(())
            }
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

    /// Whether nothing is under way inside.
    pub(crate) fn is_quiet(&self) -> bool {
        self.raft_inbox.is_empty()
            && self.log_inbox.is_empty()
            && self.log_outbox.is_empty()
            && self.apply_inbox.is_empty()
            && self.writing.is_none()
            && self.core.outstanding() == 0
    }
}
