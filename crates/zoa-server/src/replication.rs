//! The threads between a proposal and its delivery: raft, log and apply. Each only carries; what happens is decided by the loops of
//! `zoa-raft`, `zoa-log` and `zoa-core`, which the simulator drives as well.
//!
//! ```text
//!   connections --Propose--> [raft] --Persist--> [log] --Persisted--> [raft] --Commit--> [apply] --> outboxes
//! ```
//!
//! A queue between two threads is emptied whole, so a batch is what came while the one before it was under way: no timer.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use zoa_core::Committed;
use zoa_core::Core;
use zoa_log::LogInput;
use zoa_log::LogLoop;
use zoa_log::LogOutput;
use zoa_raft::RaftEffect;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;

use crate::disk::RealDisk;
use crate::fatal::Fatal;
use crate::inbox::Inbox;
use crate::snapshots::SnapshotTrigger;
use crate::time;

/// How long the log thread waits for work before it uses the time for preparations.
const IDLE_STEP: Duration = Duration::from_millis(4);

/// Quiet steps before the durable offset is marked: it costs a write.
const STEPS_BEFORE_MARK: u32 = 5;

/// Takes proposals; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Proposer(Arc<Inbox<RaftEvent>>);

impl Proposer {
    pub(crate) fn propose(&self, proposals: Vec<Bytes>) {
        self.0.push(RaftEvent::Propose(proposals));
    }
}

/// The queues, before the threads run.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    pub(crate) raft: Arc<Inbox<RaftEvent>>,
    pub(crate) log: Arc<Inbox<LogInput>>,
    apply: Arc<Inbox<ApplyInput>>,
}

/// What the apply thread is told.
enum ApplyInput {
    /// These are committed.
    Committed(Vec<Committed>),
    /// This server leads, and all that was committed before it did stands above in the queue.
    Established(Box<dyn FnOnce() + Send>),
}

impl std::fmt::Debug for ApplyInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Committed(committed) => {
                f.debug_tuple("Committed").field(&committed.len()).finish()
            }
            Self::Established(_) => f.write_str("Established"),
        }
    }
}

/// What the threads work on.
pub(crate) struct Parts {
    pub(crate) raft: RaftLoop,
    pub(crate) first_effects: Vec<RaftEffect>,
    pub(crate) log: LogLoop<RealDisk>,
    pub(crate) core: Arc<Core>,
    pub(crate) snapshots: SnapshotTrigger,
    pub(crate) fatal: Fatal,
}

/// The running threads.
#[derive(Debug)]
pub(crate) struct Replication {
    queues: Queues,
}

impl Replication {
    /// Starts the threads; `established` is called once this server may serve.
    pub(crate) fn start(
        queues: Queues,
        parts: Parts,
        established: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let Parts {
            raft,
            first_effects,
            log,
            core,
            snapshots,
            fatal,
        } = parts;
        let raft_thread = RaftThread {
            raft,
            core: Arc::clone(&core),
            inbox: Arc::clone(&queues.raft),
            log: Arc::clone(&queues.log),
            apply: Arc::clone(&queues.apply),
            established: Some(Box::new(established)),
        };
        let (raft_inbox, log_inbox) = (Arc::clone(&queues.raft), Arc::clone(&queues.log));
        let log_fatal = fatal.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || run_log(log, &log_inbox, &raft_inbox, &log_fatal))?;
        thread::Builder::new()
            .name("raft".to_owned())
            .spawn(move || raft_thread.run(first_effects))?;
        let apply_inbox = Arc::clone(&queues.apply);
        thread::Builder::new()
            .name("apply".to_owned())
            .spawn(move || run_apply(&core, &apply_inbox, &snapshots, &fatal))?;
        Ok(Self { queues })
    }

    /// Where proposals go.
    pub(crate) fn proposer(&self) -> Proposer {
        Proposer(Arc::clone(&self.queues.raft))
    }
}

struct RaftThread {
    raft: RaftLoop,
    core: Arc<Core>,
    inbox: Arc<Inbox<RaftEvent>>,
    log: Arc<Inbox<LogInput>>,
    apply: Arc<Inbox<ApplyInput>>,
    established: Option<Box<dyn FnOnce() + Send>>,
}

impl RaftThread {
    fn run(mut self, mut effects: Vec<RaftEffect>) {
        let mut events = Vec::new();
        loop {
            for effect in effects.drain(..) {
                self.carry_out(effect);
            }
            self.inbox.drain(&mut events, None);
            for event in merge_proposals(&mut events) {
                self.raft.handle(event, &mut effects);
            }
        }
    }

    fn carry_out(&mut self, effect: RaftEffect) {
        match effect {
            RaftEffect::Persist(persist) => self.log.push(LogInput::Persist(persist)),
            RaftEffect::Commit(committed) => {
                let to_core = |entry: zoa_raft::Committed| Committed {
                    term: entry.term,
                    index: entry.index.0,
                    bytes: entry.data,
                };
                self.apply.push(ApplyInput::Committed(
                    committed.into_iter().map(to_core).collect(),
                ));
            }
            RaftEffect::Established { .. } => {
                if let Some(established) = self.established.take() {
                    self.apply.push(ApplyInput::Established(established));
                }
            }
            RaftEffect::Role { leader, term } => tracing::debug!(?leader, term, "role"),
            RaftEffect::Refused { reason, proposals } => {
                tracing::warn!(
                    ?reason,
                    count = proposals.len(),
                    "proposals refused; their connections end"
                );
                self.core.handle_refused(&proposals);
            }
            // One voter has no peers; these come with the ensemble.
            RaftEffect::Send { .. }
            | RaftEffect::SendSnapshot { .. }
            | RaftEffect::InstallSnapshot { .. }
            | RaftEffect::ReadLog { .. }
            | RaftEffect::PeerFault { .. } => {
                tracing::error!(?effect, "a server without peers was told to speak to one")
            }
        }
    }
}

/// Makes one proposal of neighbouring ones, so that a burst is one message to the library.
fn merge_proposals(events: &mut Vec<RaftEvent>) -> Vec<RaftEvent> {
    let mut merged: Vec<RaftEvent> = Vec::with_capacity(events.len().min(8));
    for event in events.drain(..) {
        match (merged.last_mut(), event) {
            (Some(RaftEvent::Propose(before)), RaftEvent::Propose(more)) => before.extend(more),
            (_, event) => merged.push(event),
        }
    }
    merged
}

fn run_log(
    mut log: LogLoop<RealDisk>,
    inbox: &Inbox<LogInput>,
    raft: &Inbox<RaftEvent>,
    fatal: &Fatal,
) {
    let mut inputs = Vec::new();
    let mut idle_steps = 0;
    loop {
        let patience = log.idle().map(|_| IDLE_STEP);
        inbox.drain(&mut inputs, patience);
        if inputs.is_empty() {
            idle_steps += 1;
            // A segment is prepared at the first quiet moment; the durable offset is marked only after a longer one.
            match log.idle() {
                Some(LogInput::Mark) if idle_steps < STEPS_BEFORE_MARK => {}
                Some(input) => inputs.push(input),
                None => {}
            }
        } else {
            idle_steps = 0;
        }
        forward(log.handle(inputs.drain(..)), raft, fatal);
        if let Some(due) = log.due() {
            forward(log.handle([due]), raft, fatal);
        }
    }
}

fn forward(outputs: Vec<LogOutput>, raft: &Inbox<RaftEvent>, fatal: &Fatal) {
    raft.push_all(outputs.into_iter().map(|output| match output {
        LogOutput::Persisted { number } => RaftEvent::Persisted { number },
        LogOutput::Compacted { first_index } => RaftEvent::Compacted { first_index },
        LogOutput::Failed(error) => fatal.stop(&format!("the log cannot be written: {error}")),
        LogOutput::ResetDone { .. } | LogOutput::Entries { .. } => {
            fatal.stop("the log answers what a server without peers never asks")
        }
    }));
}

fn run_apply(core: &Core, inbox: &Inbox<ApplyInput>, snapshots: &SnapshotTrigger, fatal: &Fatal) {
    let mut inputs = Vec::new();
    loop {
        inbox.drain(&mut inputs, None);
        for input in inputs.drain(..) {
            match input {
                ApplyInput::Committed(committed) => {
                    if let Err(error) = core.handle_committed(time::now(), &committed) {
                        fatal.stop(&format!("a committed entry cannot be read: {error}"));
                    }
                    snapshots.applied(committed.len());
                }
                ApplyInput::Established(established) => established(),
            }
        }
    }
}
