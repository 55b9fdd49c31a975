//! Where the log works: on the replication thread, or on one of its own.
//!
//! What it is not: the rule by which orders become one write; that is `zoa_log::LogLoop`. Invariant: orders are done in the order in
//! which they were given, and what follows from them is told in that order.

use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use zoa_core::Core;
use zoa_log::LogInput;
use zoa_log::LogLoop;
use zoa_log::LogOutput;

use super::Input;
use super::Proposer;
use crate::disk::RealDisk;
use crate::inbox::Inbox;
use crate::time::Stopwatch;

/// How long the log waits for work before it uses the time for preparations.
const IDLE_STEP: Duration = Duration::from_millis(4);

/// Quiet steps before the durable offset is marked: it costs a write.
const STEPS_BEFORE_MARK: u32 = 5;

/// See the module.
#[derive(Debug)]
pub(crate) enum LogSeat {
    /// On the replication thread.
    Here(Box<Desk>),
    /// On a thread of its own.
    Apart {
        orders: Arc<Inbox<Order>>,
        thread: Option<JoinHandle<()>>,
    },
    /// There is no log yet; when there is, it gets a thread.
    Awaited {
        proposer: Proposer,
        watch: SyncWatch,
    },
}

/// What a log with a thread of its own is told.
#[derive(Debug)]
pub(crate) enum Order {
    Do(Vec<LogInput>),
    Stop,
}

/// Looks how long writes take.
#[derive(Clone, Debug)]
pub(crate) struct SyncWatch {
    pub(crate) core: Arc<Core>,
    /// A write to the log that takes longer is worth a warning.
    pub(crate) slow_ms: u64,
}

/// A log and what is known of its idle moments.
#[derive(Debug)]
pub(crate) struct Desk {
    log: LogLoop<RealDisk>,
    watch: SyncWatch,
    idle_steps: u32,
}

impl LogSeat {
    /// On the thread that asks.
    pub(crate) fn here(log: LogLoop<RealDisk>, watch: SyncWatch) -> Self {
        Self::Here(Box::new(Desk {
            log,
            watch,
            idle_steps: 0,
        }))
    }

    /// On a thread of its own, which tells `proposer`.
    pub(crate) fn apart(
        log: LogLoop<RealDisk>,
        watch: SyncWatch,
        proposer: Proposer,
    ) -> std::io::Result<Self> {
        let orders = Arc::new(Inbox::default());
        let taken = Arc::clone(&orders);
        let desk = Desk {
            log,
            watch,
            idle_steps: 0,
        };
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || desk.run_apart(&taken, &proposer))?;
        Ok(Self::Apart {
            orders,
            thread: Some(thread),
        })
    }

    /// The log that was awaited is there.
    ///
    /// # Panics
    /// When the system gives no thread: nothing can be done without one.
    pub(super) fn take_place(&mut self, log: LogLoop<RealDisk>) {
        if let Self::Awaited { proposer, watch } = self {
            let apart = Self::apart(log, watch.clone(), proposer.clone());
            *self = apart.expect("the system gave threads until now");
        }
    }

    /// Does what was ordered, or has it done; what follows comes back at once, or as an input.
    pub(super) fn run(&mut self, inputs: &mut Vec<LogInput>) -> Vec<LogOutput> {
        match self {
            Self::Here(desk) => desk.run(inputs),
            Self::Apart { orders, .. } => {
                orders.push(Order::Do(std::mem::take(inputs)));
                Vec::new()
            }
            // What is not there has nothing to do but to come to an end.
            Self::Awaited { .. } => {
                inputs.clear();
                Vec::new()
            }
        }
    }

    /// What must be done before anything else.
    pub(super) fn due(&self) -> Option<LogInput> {
        match self {
            Self::Here(desk) => desk.log.due(),
            Self::Apart { .. } | Self::Awaited { .. } => None,
        }
    }

    /// How long until an idle moment could be used.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self {
            Self::Here(desk) => desk.patience(),
            Self::Apart { .. } | Self::Awaited { .. } => None,
        }
    }

    /// An idle moment: what it should be used for.
    pub(super) fn idle(&mut self) -> Option<LogInput> {
        match self {
            Self::Here(desk) => desk.idle(),
            Self::Apart { .. } | Self::Awaited { .. } => None,
        }
    }

    /// No idle moment.
    pub(super) fn is_busy(&mut self) {
        if let Self::Here(desk) = self {
            desk.idle_steps = 0;
        }
    }

    /// Waits until all that was ordered is done.
    pub(super) fn end(self) {
        if let Self::Apart { orders, thread } = self {
            orders.push(Order::Stop);
            // A thread that panicked has said so already.
            thread.map(JoinHandle::join);
        }
    }
}

impl Desk {
    fn run_apart(mut self, orders: &Inbox<Order>, proposer: &Proposer) {
        let mut taken = Vec::new();
        let mut inputs = Vec::new();
        loop {
            if let Some(due) = self.log.due() {
                inputs.push(due);
                self.run_and_tell(&mut inputs, proposer);
                continue;
            }
            orders.drain(&mut taken, self.patience());
            if taken.is_empty() {
                inputs.extend(self.idle());
                self.run_and_tell(&mut inputs, proposer);
                continue;
            }
            self.idle_steps = 0;
            let mut is_over = false;
            for order in taken.drain(..) {
                match order {
                    Order::Do(mut more) if inputs.is_empty() => inputs.append(&mut more),
                    Order::Do(more) => inputs.extend(more),
                    Order::Stop => is_over = true,
                }
            }
            self.run_and_tell(&mut inputs, proposer);
            if is_over {
                return;
            }
        }
    }

    fn run_and_tell(&mut self, inputs: &mut Vec<LogInput>, proposer: &Proposer) {
        let outputs = self.run(inputs);
        if !outputs.is_empty() {
            proposer.0.push(Input::Log(outputs));
        }
    }

    fn run(&mut self, inputs: &mut Vec<LogInput>) -> Vec<LogOutput> {
        let entries: Option<usize> = inputs.iter().map(entries_count).sum();
        let begun = Stopwatch::start();
        let outputs = self.log.handle(inputs.drain(..));
        if let Some(entries) = entries {
            self.watch.note(entries, begun.elapsed_ms());
        }
        outputs
    }

    fn patience(&self) -> Option<Duration> {
        self.log.idle().map(|_| IDLE_STEP)
    }

    /// A segment is prepared at the first quiet moment; the durable offset is marked only after a longer one.
    fn idle(&mut self) -> Option<LogInput> {
        self.idle_steps += 1;
        let is_early = self.idle_steps < STEPS_BEFORE_MARK;
        self.log
            .idle()
            .filter(|input| !(is_early && matches!(input, LogInput::Mark)))
    }
}

impl SyncWatch {
    fn note(&self, entries: usize, millis: u64) {
        let stats = self.core.stats();
        stats
            .sync_entries
            .record(u64::try_from(entries).unwrap_or(u64::MAX));
        stats.sync_time.record(millis);
        if millis > self.slow_ms {
            tracing::warn!(
                millis,
                "the disk took long for a write to the log (fsync.warningthresholdms)"
            );
        }
    }
}

/// `None` for what is no write of entries or votes.
fn entries_count(input: &LogInput) -> Option<usize> {
    match input {
        LogInput::Persist(persist) => Some(persist.entries.len()),
        LogInput::Compact { .. }
        | LogInput::Reset { .. }
        | LogInput::Read { .. }
        | LogInput::Prepare
        | LogInput::Mark => None,
    }
}
