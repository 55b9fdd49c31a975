//! A server that is about to stop gives its leadership to the voter that is furthest, so that nobody waits for a timeout.

use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;

use super::Ensemble;
use crate::event::Effect;

/// A handover under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handover {
    /// The tick at which it is given up.
    until: u64,
    /// The driver has heard of its end.
    is_over: bool,
}

impl Ensemble {
    pub(super) fn handle_handover(&mut self, effects: &mut Vec<Effect>) {
        let patience = 2 * u64::try_from(self.config.election_ticks).unwrap_or(u64::MAX / 4);
        self.handover = Some(Handover {
            until: self.ticks + patience,
            is_over: false,
        });
        if let Some(to) = self.heir() {
            self.run_raft(RaftEvent::TransferLeader { to }, effects);
        }
    }

    pub(super) fn settle_handover(&mut self, effects: &mut Vec<Effect>) {
        let Some(handover) = self.handover.filter(|handover| !handover.is_over) else {
            return;
        };
        let is_under_way = self
            .raft()
            .is_some_and(|raft| raft.transferring().is_some());
        let leads = self.raft().is_some_and(RaftLoop::is_leader);
        // Where nobody can take over, nothing is waited for; else until somebody else is known to lead.
        let somebody_leads = !leads && (self.knows_leader() || self.raft().is_none());
        if somebody_leads || (leads && !is_under_way) || self.ticks >= handover.until {
            self.handover = Some(Handover {
                is_over: true,
                ..handover
            });
            effects.push(Effect::HandoverDone);
        }
    }

    /// The connected voter with the longest log.
    fn heir(&self) -> Option<u64> {
        let raft = self.raft().filter(|raft| raft.is_leader())?;
        let others = raft.members().voters.iter().copied();
        let others = others.filter(|id| *id != raft.id() && self.links.is_connected(*id));
        let matched = |id: &u64| raft.progress(*id).map(|progress| progress.matched);
        others.max_by_key(|id| (matched(id), std::cmp::Reverse(*id)))
    }
}
