//! The log thread without the thread: inputs in, outputs out.
//!
//! What it is: the rule by which queued orders become one write, and in which
//! order acknowledgements leave. What it is not: a queue or a clock; the driver
//! has those, on a real thread or in the simulator.
//! Invariant: `Persisted` is put out only after the sync that covers it; after
//! `Failed` nothing is put out but `Failed` (G-20).

use crate::Disk;
use crate::Entry;
use crate::Log;
use crate::LogError;
use crate::LogIndex;
use crate::Persist;

/// What the log is asked to do.
#[derive(Clone, Debug)]
pub enum LogInput {
    /// Make this durable. Neighbours in the queue share one write.
    Persist(Persist),
    /// A snapshot of everything up to `to` is durable: cut the log, keep the tail.
    Compact {
        /// The snapshot's index.
        to: LogIndex,
    },
    /// A snapshot from the leader, durable by now, takes the place of the whole log.
    Reset {
        /// The snapshot's index.
        index: LogIndex,
        /// The term of the entry at that index.
        term: u64,
    },
    /// Read entries that the asker no longer has in memory.
    Read {
        /// Comes back with the answer.
        token: u64,
        /// The first index wanted.
        from: LogIndex,
        /// The index behind the last one wanted.
        to: LogIndex,
        /// As much data as is wanted, in bytes, beyond the first entry.
        bytes_max: u64,
    },
    /// One step towards the next segment; see [`LogLoop::due`] and [`LogLoop::idle`].
    Prepare,
    /// Record that all is durable; see [`LogLoop::idle`]. Also the last input before a clean end.
    Mark,
}

/// What the log has done.
#[derive(Debug)]
pub enum LogOutput {
    /// The order of this number, and all before it, are durable.
    Persisted {
        /// The number of the order.
        number: u64,
    },
    /// The log now begins here.
    Compacted {
        /// The first index there is.
        first_index: LogIndex,
    },
    /// Answer to [`LogInput::Reset`].
    ResetDone {
        /// The index of the snapshot.
        index: LogIndex,
    },
    /// Answer to [`LogInput::Read`].
    Entries {
        /// As asked.
        token: u64,
        /// What is there, perhaps less than asked; or that the log no longer reaches back that far.
        entries: Result<Vec<Entry>, LogError>,
    },
    /// The next segment could not be prepared. Nothing is lost: the log goes on as long as the one it has lasts. Said once a segment.
    Unprepared(LogError),
    /// Nothing given was or will be acknowledged any more. The server has to stop.
    Failed(LogError),
}

/// The loop around one [`Log`].
#[derive(Debug)]
pub struct LogLoop<D: Disk> {
    log: Log<D>,
    orders: Vec<Persist>,
}

impl<D: Disk> LogLoop<D> {
    /// A loop around an open log.
    pub fn new(log: Log<D>) -> Self {
        Self {
            log,
            orders: Vec::new(),
        }
    }

    /// Does all that was queued, in order. Hand the outputs on at once: whoever
    /// waits for them should not wait for preparations.
    pub fn handle(&mut self, inputs: impl IntoIterator<Item = LogInput>) -> Vec<LogOutput> {
        let mut outputs = Vec::new();
        if let Err(error) = self.handle_all(inputs, &mut outputs) {
            outputs.push(LogOutput::Failed(error));
        }
        outputs
    }

    fn handle_all(
        &mut self,
        inputs: impl IntoIterator<Item = LogInput>,
        outputs: &mut Vec<LogOutput>,
    ) -> Result<(), LogError> {
        for input in inputs {
            match input {
                LogInput::Persist(order) => self.orders.push(order),
                other => {
                    self.persist_queued(outputs)?;
                    self.handle_other(other, outputs)?;
                }
            }
        }
        self.persist_queued(outputs)
    }

    /// What must be done between two batches even under load; to be asked after
    /// the outputs of a `handle` are on their way.
    pub fn due(&self) -> Option<LogInput> {
        self.log.preparation_due().then_some(LogInput::Prepare)
    }

    /// What an idle moment should be used for: a few milliseconds without input
    /// for a `Prepare`, some ten for a `Mark`.
    pub fn idle(&self) -> Option<LogInput> {
        if self.log.wants_preparation() {
            return Some(LogInput::Prepare);
        }
        self.log.wants_mark().then_some(LogInput::Mark)
    }

    /// The log, to look at.
    pub fn log(&self) -> &Log<D> {
        &self.log
    }

    fn persist_queued(&mut self, outputs: &mut Vec<LogOutput>) -> Result<(), LogError> {
        if self.orders.is_empty() {
            return Ok(());
        }
        let outcome = self.log.persist(&self.orders);
        if outcome.is_ok() {
            outputs.extend(self.orders.iter().map(|order| LogOutput::Persisted {
                number: order.number,
            }));
        }
        self.orders.clear();
        outcome
    }

    fn handle_other(
        &mut self,
        input: LogInput,
        outputs: &mut Vec<LogOutput>,
    ) -> Result<(), LogError> {
        match input {
            LogInput::Persist(order) => self.orders.push(order),
            LogInput::Compact { to } => {
                let first_index = self.log.compact(to)?;
                outputs.push(LogOutput::Compacted { first_index });
            }
            LogInput::Reset { index, term } => {
                self.log.reset(index, term)?;
                outputs.push(LogOutput::ResetDone { index });
            }
            LogInput::Read {
                token,
                from,
                to,
                bytes_max,
            } => {
                let entries = self.log.read(from, to, bytes_max);
                outputs.push(LogOutput::Entries { token, entries });
            }
            LogInput::Prepare => match self.log.prepare() {
                Ok(()) => {}
                Err(error @ LogError::Poisoned { .. }) => return Err(error),
                Err(error) => outputs.push(LogOutput::Unprepared(error)),
            },
            LogInput::Mark => self.log.mark()?,
        }
        Ok(())
    }
}
