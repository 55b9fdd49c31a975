//! What the ensemble wants done, given to whoever does it: the log, the apply thread, the peers.

use super::Death;
use super::NewerRules;
use super::Now;
use super::Process;
use super::RaftInput;
use super::SnapshotOut;
use super::Thread;
use super::Told;
use super::threads::ApplyInput;
use bytes::Bytes;
use zoa_core::Committed;
use zoa_ensemble::Effect;
use zoa_ensemble::Event;
use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::RaftEffect;
use zoa_testkit::faults::CrashPoint;

impl Process {
    pub(super) fn turn_raft(&mut self, now: Now, told: &mut Told) -> Result<(), Death> {
        let mut effects = Vec::new();
        for input in merge_proposals(std::mem::take(&mut self.raft_inbox)) {
            let event = match input {
                RaftInput::Event(event) => event,
                RaftInput::Propose(round, mut proposals) => {
                    self.core.drop_orphans(round, &mut proposals);
                    if proposals.is_empty() {
                        continue;
                    }
                    Event::Propose(proposals)
                }
            };
            if let Event::Semantics(version) = event {
                self.rules_told = version;
            }
            self.ensemble.handle(event, &mut effects);
            self.note_proposed_rules(told);
            self.carry_out(&mut effects, now, told)?;
        }
        self.note_ensemble(told);
        Ok(())
    }

    /// Whether it wants newer rules to hold since it was looked at last.
    fn note_proposed_rules(&mut self, told: &mut Told) {
        let proposed = self.ensemble.proposed_rules();
        if proposed == self.rules_proposed {
            return;
        }
        self.rules_proposed = proposed;
        let peers = self.ensemble.peers();
        let others = peers.iter().map(|status| status.peer.0);
        told.rules_proposed = proposed.map(|(term, version)| NewerRules {
            term,
            version,
            members: others.chain([self.server.0]).collect(),
        });
    }

    /// Carries out effects, and the effects of those, until none is left.
    pub(super) fn carry_out(
        &mut self,
        effects: &mut Vec<Effect>,
        now: Now,
        told: &mut Told,
    ) -> Result<(), Death> {
        while !effects.is_empty() {
            for effect in std::mem::take(effects) {
                if let Some(event) = self.carry_out_one(effect, now, told)? {
                    self.ensemble.handle(event, effects);
                }
            }
        }
        Ok(())
    }

    /// Carries out one; what is done at once is answered at once.
    fn carry_out_one(
        &mut self,
        effect: Effect,
        now: Now,
        told: &mut Told,
    ) -> Result<Option<Event>, Death> {
        if let Some(place) = place_of(&effect) {
            self.reach(place)?;
        }
        match effect {
            Effect::Persist(persist) => self.push_log(LogInput::Persist(persist)),
            Effect::Commit(committed) => self.commit(committed, told),
            Effect::Members { index, members } => {
                self.members.note(&RaftEffect::Members { index, members });
                told.members_changed += 1;
            }
            Effect::ReadLog {
                low,
                high,
                bytes_max,
            } => self.read_log(low, high, bytes_max),
            Effect::InstallSnapshot { position, members } => {
                self.begin_install(position, members, told)
            }
            Effect::TakeSnapshot => self.begin_snapshot(told),
            Effect::Send { link, frame } => told.frames.push((link, frame)),
            Effect::SendSnapshot {
                peer,
                node,
                position,
                message,
            } => told.snapshots_out.push(SnapshotOut {
                peer,
                node,
                position,
                message,
            }),
            Effect::CutLink { link, .. } => told.cuts.push(link),
            Effect::Peers(peers) => self.dials = peers.iter().map(|it| it.peer).collect(),
            Effect::Identity(identity) => self.identity = Some(*identity),
            Effect::Role { role, leader, term } => {
                self.role = (role, leader, term);
                self.push_apply(ApplyInput::Role(role));
            }
            Effect::Established { term } => {
                // As of now: by the time that it is applied the leader may have taken itself out.
                let me = self.server.0;
                let votes = self.voters().is_none_or(|voters| voters.contains(&me));
                self.push_apply(ApplyInput::Established { term, votes });
            }
            Effect::Serving(serves) => self.push_apply(ApplyInput::Serving(serves)),
            Effect::Unknown => self.core.end_unanswered(),
            Effect::Touches(touches) => self.core.handle_touches(now.moment, &touches),
            Effect::Save(step) => return self.save(step).map(Some),
            Effect::OpenLog { .. } => return self.open_log().map(Some),
            Effect::RemoveMarkers | Effect::Notice(_) => {}
            Effect::HandoverDone => told.handed_over = true,
        }
        Ok(None)
    }

    /// A snapshot of the leader is to take the place of the log, and of the state behind what is still to be applied.
    fn begin_install(&mut self, position: LogPosition, members: Members, told: &mut Told) {
        told.installed
            .push((told.committed.len(), position.index.0));
        self.members.note(&RaftEffect::Members {
            index: position.index,
            members,
        });
        self.push_log(LogInput::Reset {
            index: position.index,
            term: position.term,
        });
        self.push_apply(ApplyInput::Install(position));
    }

    fn read_log(&mut self, low: LogIndex, high: LogIndex, bytes_max: u64) {
        let token = self.reads.last_key_value().map_or(0, |(last, _)| last + 1);
        self.reads.insert(token, low);
        self.push_log(LogInput::Read {
            token,
            from: low,
            to: high,
            bytes_max,
        });
    }

    fn commit(&mut self, committed: Vec<zoa_raft::Committed>, told: &mut Told) {
        let to_core = |entry: &zoa_raft::Committed| Committed {
            term: entry.term,
            index: entry.index.0,
            bytes: entry.data.clone(),
            is_change: entry.is_change,
        };
        let entries = committed.iter().map(to_core).collect();
        told.committed.extend(committed.iter().cloned());
        self.members.note(&RaftEffect::Commit(committed));
        self.push_apply(ApplyInput::Committed(entries));
    }

    fn push_apply(&mut self, input: ApplyInput) {
        self.apply_inbox.push_back(input);
        self.wanted.insert(Thread::Apply);
    }

    pub(super) fn push_raft(&mut self, event: Event) {
        self.raft_inbox.push(RaftInput::Event(event));
        self.wanted.insert(Thread::Raft);
    }

    pub(super) fn propose(&mut self, round: u64, proposals: Vec<Bytes>) {
        if !proposals.is_empty() {
            self.raft_inbox.push(RaftInput::Propose(round, proposals));
            self.wanted.insert(Thread::Raft);
        }
    }

    pub(super) fn push_log(&mut self, input: LogInput) {
        self.log_inbox.push(input);
        self.wanted.insert(Thread::Log);
    }
}

/// The place in its work that a server reaches with an effect, before it is carried out.
fn place_of(effect: &Effect) -> Option<CrashPoint> {
    match effect {
        Effect::Persist(_) => Some(CrashPoint::BeforePersist),
        Effect::Members { .. } => Some(CrashPoint::MembersChange),
        Effect::InstallSnapshot { .. } => Some(CrashPoint::InstallBegins),
        Effect::Save(_) => Some(CrashPoint::FoundingStep),
        Effect::OpenLog { .. } => Some(CrashPoint::LogOpens),
        Effect::Commit(_)
        | Effect::ReadLog { .. }
        | Effect::TakeSnapshot
        | Effect::Send { .. }
        | Effect::SendSnapshot { .. }
        | Effect::CutLink { .. }
        | Effect::Peers(_)
        | Effect::Identity(_)
        | Effect::Role { .. }
        | Effect::Established { .. }
        | Effect::Serving(_)
        | Effect::Unknown
        | Effect::Touches(_)
        | Effect::RemoveMarkers
        | Effect::Notice(_)
        | Effect::HandoverDone => None,
    }
}

/// Makes one proposal of neighbouring ones of a round, as the raft thread of `zoa-server` does.
fn merge_proposals(inputs: Vec<RaftInput>) -> Vec<RaftInput> {
    let mut merged: Vec<RaftInput> = Vec::new();
    for input in inputs {
        match (merged.last_mut(), input) {
            (Some(RaftInput::Propose(round, before)), RaftInput::Propose(other, more))
                if *round == other =>
            {
                before.extend(more);
            }
            (_, input) => merged.push(input),
        }
    }
    merged
}
