//! The threads between a proposal and its delivery. Each only carries; what happens is decided by the loops of `zoa-raft`, `zoa-log` and
//! `zoa-core`, which the simulator drives as well.
//!
//! ```text
//!   connections --Propose--> [ raft -> log -> raft ] --Commit--> [ apply ] --> outboxes, sockets
//! ```
//!
//! A queue between two threads is emptied whole, so a batch is what came while the one before it was under way: no timer. With one
//! voter nobody waits for the raft loop but the writes that are to be synced anyway, so it shares its thread with the log loop
//! (`docs/decisions/0004-one-thread-for-raft-and-log.md`). A small batch is applied there as well; a large one by a thread of its own,
//! beside the next sync (`docs/decisions/0008-replies-from-the-thread-that-applies.md`).

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use zoa_core::Committed;
use zoa_core::Core;
use zoa_log::LogInput;
use zoa_log::LogLoop;
use zoa_log::LogOutput;
use zoa_raft::LogPosition;
use zoa_raft::RaftEffect;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;

use crate::client_port;
use crate::disk::RealDisk;
use crate::fatal::Fatal;
use crate::inbox::Inbox;
use crate::limits::APPLIED_AT_ONCE_MAX;
use crate::snapshots::Applied;
use crate::snapshots::SnapshotTrigger;
use crate::time;
use crate::time::Stopwatch;

/// How long the log waits for work before it uses the time for preparations.
const IDLE_STEP: Duration = Duration::from_millis(4);

/// Quiet steps before the durable offset is marked: it costs a write.
const STEPS_BEFORE_MARK: u32 = 5;

/// Takes proposals; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proposer(Arc<Inbox<Input>>);

impl Proposer {
    pub(crate) fn propose(&self, proposals: Vec<Bytes>) {
        self.0.push(Input::Propose(proposals));
    }

    /// All that was proposed, for tests that are the replication themselves.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<Bytes> {
        let mut inputs = Vec::new();
        self.0.drain(&mut inputs, Some(Duration::ZERO));
        let proposed = |input| match input {
            Input::Propose(proposals) => proposals,
            Input::SnapshotTaken(_) | Input::Stop => Vec::new(),
        };
        inputs.into_iter().flat_map(proposed).collect()
    }

    /// A snapshot of everything up to here is durable: the log may be cut.
    pub(crate) fn snapshot_taken(&self, position: LogPosition) {
        self.0.push(Input::SnapshotTaken(position));
    }

    /// Nothing more is proposed: the threads end once what is queued has been dealt with.
    pub(crate) fn stop(&self) {
        self.0.push(Input::Stop);
    }
}

/// What the replication thread is told.
#[derive(Debug)]
enum Input {
    Propose(Vec<Bytes>),
    SnapshotTaken(LogPosition),
    Stop,
}

/// What the apply thread is told.
enum ApplyInput {
    /// These are committed.
    Committed(Vec<Committed>),
    /// This server leads, and all that was committed before it did stands above in the queue.
    Established(Box<dyn FnOnce() + Send>),
    /// Nothing more will come.
    Stop,
}

/// What the threads work on.
pub(crate) struct Parts {
    pub(crate) raft: RaftLoop,
    pub(crate) first_effects: Vec<RaftEffect>,
    pub(crate) log: LogLoop<RealDisk>,
    pub(crate) core: Arc<Core>,
    pub(crate) snapshots: SnapshotTrigger,
    pub(crate) fatal: Fatal,
    /// A write to the log that takes longer is worth a warning.
    pub(crate) slow_sync: Duration,
}

/// Starts the threads; `established` is called once this server may serve.
pub(crate) fn start(
    proposer: &Proposer,
    parts: Parts,
    established: impl FnOnce() + Send + 'static,
) -> std::io::Result<[JoinHandle<()>; 2]> {
    let Parts {
        raft,
        first_effects,
        log,
        core,
        snapshots,
        fatal,
        slow_sync,
    } = parts;
    let apply = Arc::new(ApplyQueue::default());
    let applier = Arc::new(Applier {
        core: Arc::clone(&core),
        snapshots,
        fatal: fatal.clone(),
    });
    let replication = ReplicationThread {
        raft,
        log,
        core,
        inbox: Arc::clone(&proposer.0),
        apply: Arc::clone(&apply),
        applier: Arc::clone(&applier),
        established: Some(Box::new(established)),
        fatal: fatal.clone(),
        log_inputs: Vec::new(),
        slow_sync_ms: u64::try_from(slow_sync.as_millis()).unwrap_or(u64::MAX),
        is_stopping: false,
    };
    let raft = thread::Builder::new()
        .name("raft".to_owned())
        .spawn(move || replication.run(first_effects))?;
    let apply = thread::Builder::new()
        .name("apply".to_owned())
        .spawn(move || run_apply(&applier, &apply))?;
    Ok([raft, apply])
}

struct ReplicationThread {
    raft: RaftLoop,
    log: LogLoop<RealDisk>,
    core: Arc<Core>,
    inbox: Arc<Inbox<Input>>,
    apply: Arc<ApplyQueue>,
    applier: Arc<Applier>,
    established: Option<Box<dyn FnOnce() + Send>>,
    fatal: Fatal,
    log_inputs: Vec<LogInput>,
    slow_sync_ms: u64,
    is_stopping: bool,
}

impl ReplicationThread {
    fn run(mut self, first_effects: Vec<RaftEffect>) {
        let mut effects = first_effects;
        let mut inputs = Vec::new();
        let mut idle_steps = 0;
        loop {
            self.carry_out(&mut effects);
            if self.is_stopping {
                self.give_log(LogInput::Mark, &mut effects);
                self.apply.push(ApplyInput::Stop);
                return;
            }
            if let Some(due) = self.log.due() {
                self.give_log(due, &mut effects);
                continue;
            }
            self.inbox
                .drain(&mut inputs, self.log.idle().map(|_| IDLE_STEP));
            if inputs.is_empty() {
                idle_steps += 1;
                self.use_idle_time(idle_steps, &mut effects);
                continue;
            }
            idle_steps = 0;
            self.take(&mut inputs, &mut effects);
        }
    }

    /// Hands everything that queued up to the raft loop: all proposals of it in one.
    fn take(&mut self, inputs: &mut Vec<Input>, effects: &mut Vec<RaftEffect>) {
        let mut proposals = Vec::new();
        for input in inputs.drain(..) {
            match input {
                Input::Propose(more) if proposals.is_empty() => proposals = more,
                Input::Propose(more) => proposals.extend(more),
                Input::Stop => self.is_stopping = true,
                Input::SnapshotTaken(position) => {
                    let members = self.raft.members().clone();
                    self.raft
                        .handle(RaftEvent::SnapshotTaken { position, members }, effects);
                    self.give_log(LogInput::Compact { to: position.index }, effects);
                }
            }
        }
        if !proposals.is_empty() {
            self.raft.handle(RaftEvent::Propose(proposals), effects);
        }
    }

    /// A segment is prepared at the first quiet moment; the durable offset is marked only after a longer one.
    fn use_idle_time(&mut self, idle_steps: u32, effects: &mut Vec<RaftEffect>) {
        match self.log.idle() {
            Some(LogInput::Mark) if idle_steps < STEPS_BEFORE_MARK => {}
            Some(input) => self.give_log(input, effects),
            None => {}
        }
    }

    /// Carries out effects, and the effects of those, until none is left.
    fn carry_out(&mut self, effects: &mut Vec<RaftEffect>) {
        while !effects.is_empty() {
            for effect in effects.drain(..) {
                self.carry_out_one(effect);
            }
            if !self.log_inputs.is_empty() {
                let outputs = self.persist();
                self.take_log_outputs(outputs, effects);
            }
        }
    }

    /// One write and one sync for all that is to be persisted.
    fn persist(&mut self) -> Vec<LogOutput> {
        let begun = Stopwatch::start();
        let entries: usize = self.log_inputs.iter().map(entries_count).sum();
        let outputs = self.log.handle(self.log_inputs.drain(..));
        let entries = u64::try_from(entries).unwrap_or(u64::MAX);
        self.core.stats().sync_entries.record(entries);
        let millis = begun.elapsed_ms();
        self.core.stats().sync_time.record(millis);
        if millis > self.slow_sync_ms {
            tracing::warn!(
                millis,
                "the disk took long for a write to the log (fsync.warningthresholdms)"
            );
        }
        outputs
    }

    fn carry_out_one(&mut self, effect: RaftEffect) {
        match effect {
            RaftEffect::Persist(persist) => self.log_inputs.push(LogInput::Persist(persist)),
            RaftEffect::Commit(committed) => {
                let to_core = |entry: zoa_raft::Committed| Committed {
                    term: entry.term,
                    index: entry.index.0,
                    bytes: entry.data,
                };
                let committed: Vec<_> = committed.into_iter().map(to_core).collect();
                if is_applied_at_once(committed.len()) && self.apply.is_idle() {
                    self.applier.apply(&committed);
                } else {
                    self.apply.push(ApplyInput::Committed(committed));
                }
            }
            RaftEffect::Established { .. } => {
                if let Some(established) = self.established.take() {
                    self.apply.push(ApplyInput::Established(established));
                }
            }
            RaftEffect::Role { leader, term } => tracing::debug!(?leader, term, "role"),
            RaftEffect::Members { .. } => {}
            RaftEffect::Refused { reason, proposals } => {
                tracing::warn!(
                    ?reason,
                    count = proposals.len(),
                    "writes refused; their connections end"
                );
                self.core.handle_refused(&proposals);
            }
            RaftEffect::Members { .. } => {}
            // One voter has no peers; these come with the ensemble.
            RaftEffect::Send { .. }
            | RaftEffect::SendSnapshot { .. }
            | RaftEffect::SnapshotWanted
            | RaftEffect::InstallSnapshot { .. }
            | RaftEffect::ReadLog { .. }
            | RaftEffect::SnapshotWanted
            | RaftEffect::PeerFault { .. } => {
                self.fatal
                    .stop("the replication speaks of peers, of which this server has none");
            }
        }
    }

    fn give_log(&mut self, input: LogInput, effects: &mut Vec<RaftEffect>) {
        let outputs = self.log.handle([input]);
        self.take_log_outputs(outputs, effects);
    }

    fn take_log_outputs(&mut self, outputs: Vec<LogOutput>, effects: &mut Vec<RaftEffect>) {
        for output in outputs {
            match output {
                LogOutput::Persisted { number } => {
                    self.raft.handle(RaftEvent::Persisted { number }, effects)
                }
                LogOutput::Compacted { first_index } => {
                    self.raft
                        .handle(RaftEvent::Compacted { first_index }, effects);
                }
                LogOutput::Unprepared(error) => tracing::error!(
                    "a further file of the log cannot be made: {error}; this server goes on as long as the present one has room, \
                     and then stops if there still is none for another"
                ),
                LogOutput::Failed(error) => self
                    .fatal
                    .stop(&format!("the log cannot be written: {error}")),
                LogOutput::ResetDone { .. } | LogOutput::Entries { .. } => {
                    self.fatal
                        .stop("the log answers what a server without peers never asks");
                }
            }
        }
    }
}

/// Whether so many entries are applied by the replication thread itself, when the apply thread has nothing before them.
fn is_applied_at_once(entries_count: usize) -> bool {
    entries_count <= APPLIED_AT_ONCE_MAX
}

fn entries_count(input: &LogInput) -> usize {
    match input {
        LogInput::Persist(persist) => persist.entries.len(),
        LogInput::Compact { .. }
        | LogInput::Reset { .. }
        | LogInput::Read { .. }
        | LogInput::Prepare
        | LogInput::Mark => 0,
    }
}

/// What the apply thread has before it.
#[derive(Default)]
struct ApplyQueue {
    inbox: Inbox<ApplyInput>,
    /// Inputs that were put in and are not dealt with yet.
    behind: AtomicUsize,
}

impl ApplyQueue {
    fn push(&self, input: ApplyInput) {
        self.behind.fetch_add(1, Ordering::Relaxed);
        self.inbox.push(input);
    }

    /// Whether all that was put in has been dealt with; stays true until the one thread that puts in does so again.
    fn is_idle(&self) -> bool {
        self.behind.load(Ordering::Acquire) == 0
    }

    fn done(&self) {
        self.behind.fetch_sub(1, Ordering::Release);
    }
}

/// Applies what is committed: on the replication thread, or on the apply thread while that has something to do.
struct Applier {
    core: Arc<Core>,
    snapshots: SnapshotTrigger,
    fatal: Fatal,
}

impl Applier {
    fn apply(&self, committed: &[Committed]) {
        let outcome = client_port::deliver(|| self.core.handle_committed(time::now(), committed));
        if let Err(error) = outcome {
            self.fatal
                .stop(&format!("a committed entry cannot be read: {error}"));
        }
        self.snapshots.applied(Applied::of(committed));
    }
}

fn run_apply(applier: &Applier, queue: &ApplyQueue) {
    let mut inputs = Vec::new();
    loop {
        queue.inbox.drain(&mut inputs, None);
        for input in inputs.drain(..) {
            match input {
                ApplyInput::Committed(committed) => applier.apply(&committed),
                ApplyInput::Established(established) => established(),
                ApplyInput::Stop => return,
            }
            queue.done();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_applied_at_once_max_entries_keep_the_log_waiting() {
        assert!(is_applied_at_once(APPLIED_AT_ONCE_MAX));
        assert!(!is_applied_at_once(APPLIED_AT_ONCE_MAX + 1));
    }
}
