//! Time: ticks of the replication, and what is done at the pace of its heartbeats.

use zoa_proto::PeerId;
use zoa_raft::RaftEvent;

use super::Ensemble;
use crate::event::Effect;
use crate::hello::Hello;
use crate::hello::HelloState;
use crate::limits::TICKS_AT_ONCE_MAX;
use crate::notice::Notice;

impl Ensemble {
    pub(super) fn handle_tick(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        self.now_ms = now_ms.max(self.now_ms);
        let tick_ms = self.config.raft_tick_ms;
        let ticked_ms = *self.ticked_ms.get_or_insert(self.now_ms);
        let due = (self.now_ms - ticked_ms) / tick_ms;
        for _ in 0..due.min(TICKS_AT_ONCE_MAX) {
            self.note_heard();
            self.run_raft(RaftEvent::Tick, effects);
            self.ticks += 1;
            let period = u64::try_from(self.config.heartbeat_ticks)
                .unwrap_or(1)
                .max(1);
            if self.ticks.is_multiple_of(period) {
                self.beat(effects);
            }
        }
        self.ticked_ms = Some(ticked_ms + due * tick_ms);
    }

    fn beat(&mut self, effects: &mut Vec<Effect>) {
        self.tell_leading(None, effects);
        self.report_touches(effects);
        self.tell_where_the_leader_is(effects);
        self.care_for_members(effects);
        self.links.forget_asking();
        if self.raft().is_some() && !self.gate.serves() && !self.knows_leader() {
            self.reminder.waits(self.nobody_leads());
        }
        self.note_catching_up(effects);
        self.compare_lines(effects);
        let is_waiting = !self.gate.serves();
        if let Some(notice) = self.reminder.due(self.now_ms, is_waiting) {
            effects.push(Effect::Notice(notice));
        }
    }

    /// What initLimit is for: says when it takes long until this server has what its leader has.
    fn note_catching_up(&mut self, effects: &mut Vec<Effect>) {
        let raft = self.raft();
        let missing = raft.and_then(|raft| self.gate.missing(raft.handed_out()));
        let Some(missing) = missing else {
            self.catches_up = None;
            return;
        };
        let (now_ms, init_ms_max) = (self.now_ms, self.config.init_ms_max);
        let (since_ms, told_ms) = self.catches_up.get_or_insert((now_ms, now_ms));
        if now_ms.saturating_sub(*told_ms) > init_ms_max {
            *told_ms = now_ms;
            let for_ms = now_ms - *since_ms;
            effects.push(Effect::Notice(Notice::CatchesUp { for_ms, missing }));
        }
    }

    fn nobody_leads(&self) -> Notice {
        let peers = self.links.peers();
        if self.identity.members.is_empty() {
            let is_member = |hello: &&Hello| matches!(hello.state, HelloState::Member { .. });
            let (members, mut empty): (Vec<PeerId>, Vec<PeerId>) = peers
                .keys()
                .partition(|peer| peers.get(peer).is_some_and(is_member));
            empty.push(self.config.me);
            empty.sort_unstable();
            return Notice::NobodyToJoin { members, empty };
        }
        let connected = peers.into_keys().collect();
        Notice::NoQuorum { connected }
    }
}
