//! What the ensemble wants done, given to whoever does it: the log, the peers, those who apply, the directories on the disk.
//!
//! What it is not: a place where anything is decided. Invariant: effects are carried out in the order in which they came; what is for a
//! peer leaves before this server waits for its own disk.

use zoa_ensemble::Effect;
use zoa_ensemble::Event;
use zoa_ensemble::Notice;
use zoa_ensemble::NoticeLevel;
use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_log::LogOutput;
use zoa_raft::LogPosition;
use zoa_raft::Members;

use super::ReplicationThread;
use super::apply::ApplyInput;
use crate::limits::APPLIED_AT_ONCE_MAX;
use crate::time;

impl ReplicationThread {
    /// Carries out effects, and the effects of those, until none is left.
    pub(super) fn carry_out(&mut self, effects: &mut Vec<Effect>) {
        loop {
            for effect in effects.drain(..) {
                self.carry_out_one(effect);
            }
            // Peers get what is theirs before this server waits for its own disk.
            self.lines.flush();
            if !self.log_inputs.is_empty() {
                self.run_log(effects);
            }
            for event in self.events.drain(..) {
                self.ensemble.handle(event, effects);
            }
            if effects.is_empty() && self.log_inputs.is_empty() {
                return;
            }
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(persist) => {
                self.cut.grow(&persist);
                self.log_inputs.push(LogInput::Persist(persist));
            }
            Effect::ReadLog {
                low,
                high,
                bytes_max,
            } => self.log_inputs.push(LogInput::Read {
                token: low.0,
                from: low,
                to: high,
                bytes_max,
            }),
            Effect::Send { link, frame } => self.lines.send(link, frame),
            Effect::Commit(committed) => self.for_clients(ApplyInput::committed(committed)),
            Effect::Members { index, members } => {
                self.for_clients(ApplyInput::Members { index, members });
            }
            Effect::InstallSnapshot { position, members } => self.install(position, members),
            Effect::Role { role, leader, term } => {
                tracing::info!(?role, leader = leader.map(|peer| peer.0), term, "role");
                let now_ms = time::now().mono_ms;
                self.view.be(role, now_ms);
                if self.tick_ms.is_some() {
                    self.spells.be(role, self.core.stats(), now_ms);
                }
                self.for_clients(ApplyInput::Role(role));
            }
            Effect::Established { .. } => self.for_clients(ApplyInput::Established),
            Effect::Serving(serving) => {
                let now_ms = time::now().mono_ms;
                self.spells.serve(serving, self.core.stats(), now_ms);
                self.for_clients(ApplyInput::Serving(serving));
            }
            Effect::Touches(touches) => self.core.handle_touches(time::now(), &touches),
            Effect::Unknown => {
                tracing::info!(
                    "nobody knows what becomes of the writes under way: their connections end"
                );
                self.core.end_unanswered();
            }
            Effect::TakeSnapshot => self.snapshots.take_soon(),
            Effect::SendSnapshot {
                node,
                position,
                message,
                ..
            } => {
                self.cut.sending();
                self.lines.send_snapshot(node, position.index, message);
            }
            Effect::Notice(notice) => tell(&notice),
            Effect::HandoverDone => self.handed_over.drain(..).for_each(|done| done()),
            Effect::CutLink { .. }
            | Effect::Peers(_)
            | Effect::Identity(_)
            | Effect::Save(_)
            | Effect::OpenLog { .. }
            | Effect::RemoveMarkers => self.carry_out_rare(effect),
        }
    }

    /// What happens a few times in the life of a server.
    fn carry_out_rare(&mut self, effect: Effect) {
        match effect {
            Effect::CutLink { link, reason } => self.lines.cut(link, &format!("{reason:?}")),
            Effect::Peers(peers) => self.lines.reach(peers),
            Effect::Identity(identity) => self.lines.be(*identity),
            Effect::Save(step) => {
                let saved = self.home.save(&step, &self.core);
                self.must(saved, "the founding cannot be written");
                self.events.push(Event::Saved);
            }
            Effect::OpenLog { .. } => {
                let opened = self.home.open();
                let (log, store) = self.must(opened, "the new log cannot be opened");
                self.log.take_place(log);
                self.lines.use_snapshots(store);
                self.events.push(Event::LogOpened);
            }
            Effect::RemoveMarkers => self.home.remove_markers(),
            other => self
                .fatal
                .stop(&format!("an effect is carried out nowhere: {other:?}")),
        }
    }

    fn must<T>(&self, outcome: Result<T, crate::server::ServeError>, what: &str) -> T {
        outcome.unwrap_or_else(|error| self.fatal.stop(&format!("{what}: {error}")))
    }

    /// What clients see, in order: at once, or behind what the apply thread still has before it.
    fn for_clients(&self, input: ApplyInput) {
        if is_applied_at_once(input.len()) && self.apply.is_idle() {
            self.applier.take(input);
        } else {
            self.apply.push(input);
        }
    }

    fn install(&mut self, position: LogPosition, members: Members) {
        let Some(arrived) = self.arrivals.take(position) else {
            self.fatal
                .stop("a snapshot is to be installed that has not arrived");
        };
        self.log_inputs.push(LogInput::Reset {
            index: position.index,
            term: position.term,
        });
        self.apply.push(ApplyInput::Install {
            position,
            tree: arrived.tree,
            members,
        });
    }

    /// One write and one sync for all that is to be persisted.
    pub(super) fn run_log(&mut self, effects: &mut Vec<Effect>) {
        let outputs = self.log.run(&mut self.log_inputs);
        self.take_log_outputs(outputs, effects);
    }

    pub(super) fn take_log_outputs(&mut self, outputs: Vec<LogOutput>, effects: &mut Vec<Effect>) {
        for output in outputs {
            let event = match output {
                LogOutput::Persisted { number } => Event::Persisted { number },
                LogOutput::Compacted { first_index } => Event::Compacted { first_index },
                LogOutput::Entries { token, entries } => Event::LogRead {
                    low: LogIndex(token),
                    entries: entries.unwrap_or_else(|error| {
                        tracing::warn!("old entries for a peer cannot be read: {error}");
                        Vec::new()
                    }),
                },
                LogOutput::ResetDone { .. } => continue,
                LogOutput::Unprepared(error) => {
                    tracing::error!(
                        "a further file of the log cannot be made: {error}; this server goes on as long as the present one has room, \
                         and then stops if there still is none for another"
                    );
                    continue;
                }
                LogOutput::Failed(error) => self
                    .fatal
                    .stop(&format!("the log cannot be written: {error}")),
            };
            self.ensemble.handle(event, effects);
        }
    }
}

fn tell(notice: &Notice) {
    match notice.level() {
        NoticeLevel::Info => tracing::info!("{notice}"),
        NoticeLevel::Warning => tracing::warn!("{notice}"),
        NoticeLevel::Error => tracing::error!("{notice}"),
    }
}

/// Whether so many entries are applied by the replication thread itself, when the apply thread has nothing before them.
fn is_applied_at_once(entries_count: usize) -> bool {
    entries_count <= APPLIED_AT_ONCE_MAX
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
