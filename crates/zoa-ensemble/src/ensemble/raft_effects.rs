//! What the replication wants done, turned into effects of this crate: raft ids become servers and links.

use zoa_raft::PeerFault;
use zoa_raft::RaftEffect;
use zoa_raft::RaftEvent;

use super::Ensemble;
use super::Stage;
use crate::event::Effect;
use crate::node_id::NodeId;

impl Ensemble {
    /// Hands an event to the replication, if there is one, and carries out what follows.
    pub(super) fn run_raft(&mut self, event: RaftEvent, effects: &mut Vec<Effect>) {
        self.raft_fault = None;
        self.raft_refusal = None;
        if let Stage::Running(raft) = &mut self.stage {
            raft.handle(event, &mut self.raft_effects);
            self.carry_out_raft(effects);
        }
    }

    pub(super) fn carry_out_raft(&mut self, effects: &mut Vec<Effect>) {
        let mut pending = std::mem::take(&mut self.raft_effects);
        for effect in pending.drain(..) {
            self.carry_out_raft_one(effect, effects);
        }
        // Its room is worth keeping.
        self.raft_effects = pending;
    }

    fn carry_out_raft_one(&mut self, effect: RaftEffect, effects: &mut Vec<Effect>) {
        match effect {
            // Told by `settle_role`, together with what follows from it.
            RaftEffect::Role { .. } => {}
            RaftEffect::Persist(persist) => effects.push(Effect::Persist(persist)),
            RaftEffect::Send { to, message } => {
                if let Some(link) = self.links.outgoing_to(to) {
                    effects.push(Effect::Send {
                        link: link.id,
                        frame: message,
                    });
                }
            }
            RaftEffect::SendSnapshot {
                to,
                position,
                message,
            } => match self.links.outgoing_to(to).and_then(|link| link.node()) {
                Some(node) => effects.push(Effect::SendSnapshot {
                    peer: node.myid(),
                    node,
                    position,
                    message,
                }),
                None => self.undelivered.push(to),
            },
            RaftEffect::SnapshotWanted => effects.push(Effect::TakeSnapshot),
            RaftEffect::InstallSnapshot { position, members } => {
                effects.push(Effect::InstallSnapshot { position, members });
            }
            RaftEffect::ReadLog {
                low,
                high,
                bytes_max,
            } => effects.push(Effect::ReadLog {
                low,
                high,
                bytes_max,
            }),
            RaftEffect::Commit(committed) => effects.push(Effect::Commit(committed)),
            RaftEffect::Members { index, members } => self.note_members(index, members, effects),
            RaftEffect::Established { term } => {
                self.established = Some(term);
                // Whoever applies must know first that this server leads.
                self.settle_role(effects);
                effects.push(Effect::Established { term });
                self.tell_leading(None, effects);
            }
            RaftEffect::Refused { reason, .. } => self.raft_refusal = Some(reason),
            RaftEffect::PeerFault { fault, .. } => self.note_fault(fault),
        }
    }

    /// Someone who was a member a moment ago may not know yet that it is none.
    fn note_fault(&mut self, fault: PeerFault) {
        if fault != PeerFault::NotAMember {
            self.raft_fault = Some(fault);
        }
    }

    /// Snapshots that could not be sent: the replication hears of it when it is not itself at work.
    pub(super) fn settle_snapshots(&mut self, effects: &mut Vec<Effect>) {
        for peer in std::mem::take(&mut self.undelivered) {
            let delivered = false;
            self.run_raft(RaftEvent::SnapshotSent { peer, delivered }, effects);
        }
    }

    /// The server that a raft id belongs to.
    pub(super) fn node_of(id: u64) -> Option<NodeId> {
        NodeId::from_raft(id)
    }
}
