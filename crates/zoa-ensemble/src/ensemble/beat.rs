//! Time: ticks of the replication, and what is done at the pace of its heartbeats.

use zoa_raft::RaftEvent;

use super::Ensemble;
use crate::event::Effect;
use crate::limits::TICKS_AT_ONCE_MAX;
use crate::notice::Notice;

impl Ensemble {
    pub(super) fn handle_tick(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        self.now_ms = now_ms.max(self.now_ms);
        let tick_ms = self.config.raft_tick_ms;
        let ticked_ms = *self.ticked_ms.get_or_insert(self.now_ms);
        let due = (self.now_ms - ticked_ms) / tick_ms;
        for _ in 0..due.min(TICKS_AT_ONCE_MAX) {
            self.run_raft(RaftEvent::Tick, effects);
            self.ticks += 1;
            let period = u64::try_from(self.config.heartbeat_ticks)
                .unwrap_or(1)
                .max(1);
            if self.ticks % period == 0 {
                self.beat(effects);
            }
        }
        self.ticked_ms = Some(ticked_ms + due * tick_ms);
    }

    fn beat(&mut self, effects: &mut Vec<Effect>) {
        self.tell_leading(None, effects);
        self.report_touches(effects);
        self.care_for_members(effects);
        if self.is_forcing && self.leads().is_some() {
            effects.push(Effect::TakeSnapshot);
        }
        if self.raft().is_some() && !self.gate.serves() && !self.knows_leader() {
            let peers = self.links.peers();
            let connected = peers.into_keys().collect();
            self.reminder.waits(Notice::NoQuorum { connected });
        }
        let is_waiting = !self.gate.serves();
        if let Some(notice) = self.reminder.due(self.now_ms, is_waiting) {
            effects.push(Effect::Notice(notice));
        }
    }
}
