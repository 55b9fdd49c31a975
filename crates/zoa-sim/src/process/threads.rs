//! The turns of the log and apply threads, and the ticks of the clocks.

use super::Death;
use super::Established;
use super::Now;
use super::Process;
use super::Told;
use crate::witness;
use std::sync::Arc;
use zoa_core::Committed;
use zoa_core::Proposals;
use zoa_core::Serving;
use zoa_ensemble::Event;
use zoa_ensemble::Role;
use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_log::LogOutput;
use zoa_raft::LogPosition;
use zoa_testkit::faults::CrashPoint;
use zoa_tree::HashKey;
use zoa_tree::Tree;

/// Quiet steps before the durable offset is marked, as in `zoa-server`.
const STEPS_BEFORE_MARK: u32 = 5;

/// What the apply thread is told.
#[derive(Debug)]
pub(super) enum ApplyInput {
    Committed(Vec<Committed>),
    Install(LogPosition),
    Role(Role),
    Established { term: u64, votes: bool },
    Serving(bool),
}

impl Process {
    /// One unit of the ensemble's time has passed.
    pub(crate) fn tick_raft(&mut self, now: Now) {
        let mut touches = Vec::new();
        self.core.take_touches(now.moment, &mut touches);
        if !touches.is_empty() {
            self.push_raft(Event::Touched {
                now_ms: now.moment.mono_ms,
                touches,
            });
        }
        self.push_raft(Event::Tick {
            now_ms: now.moment.mono_ms,
        });
    }

    /// The session clock wakes up.
    pub(crate) fn tick_sessions(&mut self, now: Now, told: &mut Told) {
        let mut proposals = Proposals::default();
        self.core.handle_tick(now.moment, &mut proposals);
        let round = proposals.round();
        let proposals = proposals.take();
        told.expiries
            .extend(proposals.iter().filter_map(witness::expiry_in));
        self.propose(round, proposals);
    }

    /// Milliseconds until the session clock should wake up again.
    pub(crate) fn session_sleep_ms(&self, now: Now) -> u64 {
        let due_ms = self.core.next_tick_ms().unwrap_or(u64::MAX);
        due_ms.saturating_sub(now.moment.mono_ms).clamp(1, 50)
    }

    /// The log thread writes what is queued; what it has to say leaves when the disk has had its time.
    pub(super) fn turn_log(&mut self, told: &mut Told) -> Result<(), Death> {
        let mut inputs = std::mem::take(&mut self.log_inbox);
        let idle_steps = if inputs.is_empty() {
            self.idle_steps + 1
        } else {
            0
        };
        self.idle_steps = idle_steps;
        let Some(log) = self.log() else {
            return Ok(());
        };
        if inputs.is_empty() {
            match log.idle() {
                Some(LogInput::Mark) if idle_steps < STEPS_BEFORE_MARK => {}
                Some(input) => inputs.push(input),
                None => {}
            }
        }
        let mut outputs = log.handle(inputs);
        if let Some(due) = log.due() {
            outputs.extend(log.handle([due]));
        }
        self.take_log_outputs(outputs, told)
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

    /// Whether it says that something is durable.
    pub(crate) fn log_acknowledges(&self) -> bool {
        let mut outputs = self.log_outbox.iter();
        outputs.any(|output| matches!(output, LogOutput::Persisted { .. }))
    }

    /// Whether the log thread wants a step though nothing is queued.
    pub(crate) fn log_wants_idle_step(&self) -> bool {
        match &self.disk {
            super::Disk::Open { log, .. } => log.idle().is_some(),
            _ => false,
        }
    }

    /// What the log said reaches the raft thread.
    pub(crate) fn deliver_log_outputs(&mut self, told: &mut Told) {
        for output in std::mem::take(&mut self.log_outbox) {
            match output {
                LogOutput::Persisted { number } => self.push_raft(Event::Persisted { number }),
                LogOutput::Compacted { first_index } => {
                    self.push_raft(Event::Compacted { first_index });
                }
                LogOutput::Entries { token, entries } => {
                    let low = self.reads.remove(&token).unwrap_or(LogIndex(0));
                    let entries = entries.unwrap_or_default();
                    self.push_raft(Event::LogRead { low, entries });
                }
                LogOutput::ResetDone { .. } => {}
                LogOutput::Failed(_) | LogOutput::Unprepared(_) => {
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
        let outputs = self.log().map(|log| log.handle(inputs));
        for output in outputs.unwrap_or_default() {
            if !matches!(output, LogOutput::Failed(_)) {
                told.wrong
                    .push(format!("a log that has failed goes on: {output:?}"));
            }
        }
    }

    pub(super) fn turn_apply(&mut self, now: Now, told: &mut Told) -> Result<(), Death> {
        while let Some(input) = self.apply_inbox.pop_front() {
            match input {
                ApplyInput::Committed(committed) => self.apply(&committed, now, told)?,
                ApplyInput::Install(position) => self.install(position, now, told)?,
                ApplyInput::Role(role) => {
                    self.core.set_role(match role {
                        Role::Looking => zoa_core::Role::Looking,
                        Role::Follower => zoa_core::Role::Follower,
                        Role::Leader => zoa_core::Role::Leader,
                        Role::Observer => zoa_core::Role::Observer,
                    });
                    if role != Role::Leader {
                        self.core.set_leading(false, now.moment);
                        self.leads_in = None;
                    }
                }
                ApplyInput::Established { term, votes } => {
                    self.core.set_leading(true, now.moment);
                    self.leads_in = Some(term);
                    told.established = Some(Established {
                        term,
                        applied_index: self.core.applied_index(),
                        votes,
                    });
                }
                ApplyInput::Serving(serves) => {
                    let serving = if serves { Serving::Full } else { Serving::No };
                    self.core.set_serving(serving);
                    self.serves = serves;
                    told.serving = Some((serves, self.core.applied_index()));
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, committed: &[Committed], now: Now, told: &mut Told) -> Result<(), Death> {
        let applied = self.core.handle_committed(now.moment, committed);
        let verdicts = applied.map_err(|error| Death::Undecodable(error.to_string()))?;
        told.digests
            .push((self.core.applied_index(), self.core.with_tree(Tree::digest)));
        self.tell_lines(told);
        self.note_lanes(told);
        self.check_rules()?;
        if !verdicts.is_empty() {
            self.reach(CrashPoint::ChangeDecided)?;
        }
        for verdict in verdicts {
            self.push_raft(Event::ChangeDecided {
                index: LogIndex(verdict.index),
                accepted: verdict.accepted,
            });
        }
        Ok(())
    }

    /// The program before this one could not read what raises the rules beyond what it knows.
    pub(super) fn check_rules(&self) -> Result<(), Death> {
        if self.semantics <= self.knows() {
            return Ok(());
        }
        let why = format!(
            "rules of version {} hold, and its program knows {}",
            self.semantics,
            self.knows()
        );
        Err(Death::TooOld(why))
    }

    /// By which rules the state goes, and how far it is.
    pub(super) fn note_rules(&self, told: &mut Told) {
        told.rules_held
            .push((self.core.applied_index(), self.semantics));
    }

    /// Tells the ensemble who the servers are and which rules hold, when that has changed.
    fn tell_lines(&mut self, told: &mut Told) {
        let core = Arc::clone(&self.core);
        core.with_tree(|tree| {
            if *tree.members() != self.lines {
                self.lines = tree.members().clone();
                self.push_raft(Event::MemberLines(self.lines.clone()));
            }
            if tree.semantics_version() != self.semantics {
                self.semantics = tree.semantics_version();
                self.push_raft(Event::Semantics(self.semantics));
            }
        });
        self.note_rules(told);
    }

    /// The leader's snapshot takes the place of the state.
    fn install(&mut self, position: LogPosition, now: Now, told: &mut Told) -> Result<(), Death> {
        self.reach(CrashPoint::InstallEnds)?;
        let key = HashKey(self.setup.hash_key);
        let loaded = self
            .store()
            .map(|store| super::start::load_at(store, position.index, key));
        let tree = match loaded {
            Some(Ok(tree)) => tree,
            Some(Err(error)) => return Err(Death::DiskFailed(error.to_string())),
            None => return Err(Death::DiskFailed("no place for a snapshot".to_owned())),
        };
        self.abandon_snapshot();
        self.core
            .install(tree, (position.index.0, position.term), now.moment);
        told.digests
            .push((self.core.applied_index(), self.core.with_tree(Tree::digest)));
        self.tell_lines(told);
        self.check_rules()
    }
}
