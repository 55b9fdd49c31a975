//! The turns of the raft, log, apply and session clock threads.

use super::Death;
use super::Now;
use super::Process;
use super::Thread;
use super::Told;
use crate::witness;
use bytes::Bytes;
use zoa_core::Committed;
use zoa_core::Proposals;
use zoa_log::LogInput;
use zoa_log::LogOutput;
use zoa_raft::RaftEffect;
use zoa_raft::RaftEvent;
use zoa_tree::Tree;

/// Quiet steps before the durable offset is marked, as in `zoa-server`.
const STEPS_BEFORE_MARK: u32 = 5;

/// What the apply thread is told.
#[derive(Debug)]
pub(super) enum ApplyInput {
    Committed(Vec<Committed>),
    Established,
}

impl Process {
    pub(super) fn propose(&mut self, proposals: Vec<Bytes>) {
        if !proposals.is_empty() {
            self.push_raft(RaftEvent::Propose(proposals));
        }
    }

    pub(super) fn push_raft(&mut self, event: RaftEvent) {
        self.raft_inbox.push(event);
        self.wanted.insert(Thread::Raft);
    }

    pub(super) fn push_log(&mut self, input: LogInput) {
        self.log_inbox.push(input);
        self.wanted.insert(Thread::Log);
    }

    /// One unit of the raft loop's time has passed.
    pub(crate) fn tick_raft(&mut self) {
        self.push_raft(RaftEvent::Tick);
    }

    /// The session clock wakes up.
    pub(crate) fn tick_sessions(&mut self, now: Now, told: &mut Told) {
        let mut proposals = Proposals::default();
        self.core.handle_tick(now.moment, &mut proposals);
        let proposals = proposals.take();
        told.expiries
            .extend(proposals.iter().filter_map(witness::expiry_in));
        self.propose(proposals);
    }

    /// Milliseconds until the session clock should wake up again.
    pub(crate) fn session_sleep_ms(&self, now: Now) -> u64 {
        let due_ms = self.core.next_tick_ms().unwrap_or(u64::MAX);
        due_ms.saturating_sub(now.moment.mono_ms).clamp(1, 50)
    }

    pub(super) fn turn_raft(&mut self, told: &mut Told) {
        let events = merge_proposals(std::mem::take(&mut self.raft_inbox));
        let mut effects = Vec::new();
        for event in events {
            self.raft.handle(event, &mut effects);
        }
        self.carry_out(effects, told);
    }

    pub(super) fn carry_out(&mut self, effects: Vec<RaftEffect>, told: &mut Told) {
        for effect in effects {
            match effect {
                RaftEffect::Persist(persist) => self.push_log(LogInput::Persist(persist)),
                RaftEffect::Commit(committed) => {
                    let to_core = |entry: &zoa_raft::Committed| Committed {
                        term: entry.term,
                        index: entry.index.0,
                        bytes: entry.data.clone(),
                    };
                    self.apply_inbox.push(ApplyInput::Committed(
                        committed.iter().map(to_core).collect(),
                    ));
                    self.wanted.insert(Thread::Apply);
                    told.committed.extend(committed);
                }
                RaftEffect::Established { .. } => {
                    self.apply_inbox.push(ApplyInput::Established);
                    self.wanted.insert(Thread::Apply);
                }
                RaftEffect::Role { .. } | RaftEffect::Members { .. } => {}
                RaftEffect::Refused { proposals, .. } => self.core.handle_refused(&proposals),
                RaftEffect::Send { .. }
                | RaftEffect::SendSnapshot { .. }
                | RaftEffect::SnapshotWanted
                | RaftEffect::InstallSnapshot { .. }
                | RaftEffect::ReadLog { .. }
                | RaftEffect::PeerFault { .. } => {
                    told.wrong.push(format!(
                        "a server without peers was told to speak to one: {effect:?}"
                    ));
                }
            }
        }
    }

    /// The log thread writes what is queued; what it has to say leaves when the disk has had its time.
    pub(super) fn turn_log(&mut self, told: &mut Told) -> Result<(), Death> {
        let mut inputs = std::mem::take(&mut self.log_inbox);
        if inputs.is_empty() {
            self.idle_steps += 1;
            match self.log.idle() {
                Some(LogInput::Mark) if self.idle_steps < STEPS_BEFORE_MARK => {}
                Some(input) => inputs.push(input),
                None => {}
            }
        } else {
            self.idle_steps = 0;
        }
        let outputs = self.log.handle(inputs);
        self.take_log_outputs(outputs, told)?;
        if let Some(due) = self.log.due() {
            let outputs = self.log.handle([due]);
            self.take_log_outputs(outputs, told)?;
        }
        Ok(())
    }

    fn take_log_outputs(&mut self, outputs: Vec<LogOutput>, told: &mut Told) -> Result<(), Death> {
        for output in outputs {
            match output {
                LogOutput::Failed(error) => return Err(Death::LogFailed(error.to_string())),
                // The real server says so, and goes on.
                LogOutput::Unprepared(_) => told.unprepared += 1,
                output => self.log_outbox.push(output),
            }
        }
        Ok(())
    }

    /// Whether orders wait for the log thread.
    pub(crate) fn has_log_orders(&self) -> bool {
        !self.log_inbox.is_empty()
    }

    /// Whether the log thread has something to say.
    pub(crate) fn log_has_spoken(&self) -> bool {
        !self.log_outbox.is_empty()
    }

    /// Whether the log thread wants a step though nothing is queued.
    pub(crate) fn log_wants_idle_step(&self) -> bool {
        self.log.idle().is_some()
    }

    /// What the log said reaches the raft thread.
    pub(crate) fn deliver_log_outputs(&mut self, told: &mut Told) {
        for output in std::mem::take(&mut self.log_outbox) {
            match output {
                LogOutput::Persisted { number } => self.push_raft(RaftEvent::Persisted { number }),
                LogOutput::Compacted { first_index } => {
                    self.push_raft(RaftEvent::Compacted { first_index })
                }
                LogOutput::Failed(_)
                | LogOutput::Unprepared(_)
                | LogOutput::ResetDone { .. }
                | LogOutput::Entries { .. } => {
                    told.wrong
                        .push(format!("the log says what nobody asked: {output:?}"));
                }
            }
        }
    }

    /// After its failure a log acknowledges nothing, whatever it is asked (G-20).
    pub(crate) fn probe_failed_log(&mut self, told: &mut Told) {
        let mut inputs = std::mem::take(&mut self.log_inbox);
        inputs.push(LogInput::Mark);
        for output in self.log.handle(inputs) {
            if !matches!(output, LogOutput::Failed(_)) {
                told.wrong
                    .push(format!("a log that has failed goes on: {output:?}"));
            }
        }
    }

    pub(super) fn turn_apply(&mut self, now: Now, told: &mut Told) -> Result<(), Death> {
        for input in std::mem::take(&mut self.apply_inbox) {
            match input {
                ApplyInput::Committed(committed) => {
                    let applied = self.core.handle_committed(now.moment, &committed);
                    applied.map_err(|error| Death::Undecodable(error.to_string()))?;
                    told.digests
                        .push((self.core.applied_index(), self.core.with_tree(Tree::digest)));
                }
                ApplyInput::Established => {
                    self.core.restart_session_clock(now.moment);
                    self.serves = true;
                    told.established = true;
                }
            }
        }
        Ok(())
    }
}

/// Makes one proposal of neighbouring ones, as the raft thread of `zoa-server` does.
fn merge_proposals(events: Vec<RaftEvent>) -> Vec<RaftEvent> {
    let mut merged: Vec<RaftEvent> = Vec::new();
    for event in events {
        match (merged.last_mut(), event) {
            (Some(RaftEvent::Propose(before)), RaftEvent::Propose(more)) => before.extend(more),
            (_, event) => merged.push(event),
        }
    }
    merged
}
