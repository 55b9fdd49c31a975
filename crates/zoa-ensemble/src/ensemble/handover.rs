//! A server that is about to stop gives its leadership to the voter that is furthest: nobody waits for a timeout, and no write is lost or
//! left in doubt.
//!
//! ```text
//!   leader                 follower                 heir
//!     | -- Handing ---------> |  it sends nothing more |
//!     | <------------- Held - |  (behind all it sent)  |
//!     | -- Succession(last) -> |                        |
//!     | -- (transfer, by the replication) ------------> |  elected
//!     |                        | <-- Leading(elected behind) --
//! ```
//!
//! When all have answered, everything that anybody gave to this leader stands in its log, which ends at `last`. If the log of the next leader
//! ended, when it was elected, at `last` or later with an entry of the old term, it has all of that, by the log matching property (Ongaro
//! and Ousterhout, section 5.3), and it is committed once that leader is established. Then the writes on their way are no more unknown, and
//! those that wait go to the new leader behind them. In every other case they are unknown, as after any other change of leader (G-03).

use std::collections::BTreeSet;

use zoa_log::LogIndex;
use zoa_proto::PeerId;
use zoa_raft::LogPosition;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;

use super::Ensemble;
use super::forward::Course;
use super::links::Link;
use crate::event::Effect;
use crate::event::LinkId;
use crate::message::PeerMessage;

/// A handover under way.
#[derive(Clone, Debug)]
pub(super) struct Handover {
    /// The term that is given away.
    term: u64,
    /// The tick at which those that have not answered are waited for no longer.
    ask_until: u64,
    /// The tick at which it is given up.
    until: u64,
    phase: Phase,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Phase {
    /// Until these have stopped sending.
    Asking {
        missing: BTreeSet<PeerId>,
        held: BTreeSet<PeerId>,
    },
    /// The replication is at it.
    Giving,
    /// The driver has heard of its end.
    Over,
}

/// What becomes of the writes on a course that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// They all are in the log of the leader that is established now.
    Kept,
    /// It can still be that they are.
    Open,
    /// Nobody knows.
    Unknown,
}

impl Ensemble {
    pub(super) fn handle_handover(&mut self, effects: &mut Vec<Effect>) {
        let ticks = |count: usize| u64::try_from(count).unwrap_or(u64::MAX / 4);
        let Some(term) = self
            .raft()
            .map(RaftLoop::term)
            .filter(|_| self.heir().is_some())
        else {
            // Nobody to give it to, or nothing to give.
            return effects.push(Effect::HandoverDone);
        };
        let missing: BTreeSet<PeerId> = self.connected_members();
        for peer in &missing {
            self.say(*peer, &PeerMessage::Handing { term }, effects);
        }
        self.handover = Some(Handover {
            term,
            ask_until: self.ticks + ticks(self.config.heartbeat_ticks),
            until: self.ticks + 3 * ticks(self.config.election_ticks),
            phase: Phase::Asking {
                missing,
                held: BTreeSet::new(),
            },
        });
    }

    /// Whether own writes wait for the end of a handover.
    pub(super) fn is_handing(&self) -> bool {
        let handover = self.handover.as_ref();
        handover.is_some_and(|handover| handover.phase != Phase::Over)
    }

    /// Whether the log has to stay as it is, since it was said where it ends.
    pub(super) fn is_handed_on(&self) -> bool {
        let handover = self.handover.as_ref();
        handover.is_some_and(|handover| handover.phase == Phase::Giving)
    }

    pub(super) fn settle_handover(&mut self, effects: &mut Vec<Effect>) {
        if !self.is_handing() {
            return;
        }
        let connected = self.connected_members();
        let Some(handover) = &mut self.handover else {
            return;
        };
        let ticks = self.ticks;
        let is_ready = match &mut handover.phase {
            Phase::Asking { missing, .. } => {
                missing.retain(|peer| connected.contains(peer));
                missing.is_empty() || ticks >= handover.ask_until
            }
            Phase::Giving => false,
            Phase::Over => return,
        };
        let (term, until) = (handover.term, handover.until);
        if is_ready && self.leads_in(term) {
            self.give_away(effects);
        }
        let is_under_way = self
            .raft()
            .is_some_and(|raft| raft.transferring().is_some());
        let is_called_off = self.leads_in(term) && self.is_handed_on() && !is_under_way;
        let somebody_leads = !self.leads_in(term) && self.knows_leader();
        if somebody_leads || is_called_off || ticks >= until {
            if let Some(handover) = &mut self.handover {
                handover.phase = Phase::Over;
            }
            if self.leads_in(term) {
                // More is given to this server from here on than it said.
                self.forwarder.reopen();
            }
            self.settle_writes(effects);
            effects.push(Effect::HandoverDone);
        }
    }

    /// Says where the log ends, to those that send nothing more, and lets the replication do it.
    fn give_away(&mut self, effects: &mut Vec<Effect>) {
        let (Some(to), Some(raft)) = (self.heir(), self.raft()) else {
            return;
        };
        let (term, last) = (raft.term(), raft.last_index());
        let Some(handover) = &mut self.handover else {
            return;
        };
        let phase = std::mem::replace(&mut handover.phase, Phase::Giving);
        if let Phase::Asking { held, .. } = phase {
            let message = PeerMessage::Succession { term, last: last.0 };
            held.iter()
                .for_each(|peer| self.say(*peer, &message, effects));
        }
        self.forwarder.closing = Some(term);
        self.forwarder.succession = Some(LogPosition { index: last, term });
        self.run_raft(RaftEvent::TransferLeader { to }, effects);
    }

    /// The leader wants nothing more to be sent.
    pub(super) fn take_handing(&mut self, link: LinkId, term: u64, effects: &mut Vec<Effect>) {
        let (Some(raft), Some(link)) = (self.raft(), self.links.get(link)) else {
            return;
        };
        let leads = raft.leader().is_some() && raft.leader() == link.node().map(|it| it.raft());
        if raft.term() != term || !leads {
            return;
        }
        let peer = link.peer;
        self.forwarder.closing = Some(term);
        self.say(peer, &PeerMessage::Held { term }, effects);
    }

    /// A follower sends nothing more.
    pub(super) fn take_held(&mut self, link: LinkId, term: u64) {
        let Some(peer) = self.links.get(link).map(|link| link.peer) else {
            return;
        };
        if let Some(handover) = self.handover.as_mut().filter(|it| it.term == term)
            && let Phase::Asking { missing, held } = &mut handover.phase
            && missing.remove(&peer)
        {
            held.insert(peer);
        }
    }

    /// All that this server has sent to the leader of `term` stands in its log.
    pub(super) fn take_succession(&mut self, link: LinkId, (term, index): (u64, LogIndex)) {
        let Course::Stream { link: own, next } = self.forwarder.course else {
            return;
        };
        // Its course may be over already, and with it the link: then it is no more this leader's word.
        let peer = |id: LinkId| self.links.get(id).map(|link| link.peer);
        let is_its_word = peer(own).is_none_or(|to| Some(to) == peer(link));
        if next.term == term && self.forwarder.closing == Some(term) && is_its_word {
            self.forwarder.succession = Some(LogPosition { index, term });
        }
    }

    /// What became of the writes on the course that is over.
    pub(super) fn verdict(&mut self) -> Verdict {
        let Some(term) = self.forwarder.course.term() else {
            return Verdict::Kept;
        };
        let patience = u64::try_from(2 * self.config.election_ticks).unwrap_or(u64::MAX);
        let over_since = *self.forwarder.over_since.get_or_insert(self.ticks);
        if self.forwarder.closing != Some(term) || self.ticks >= over_since + patience {
            return Verdict::Unknown;
        }
        let Some(raft) = self.raft() else {
            return Verdict::Unknown;
        };
        let own = self.leads().and_then(RaftLoop::elected_behind);
        let told = self.elected_behind.filter(|(at, _)| *at == raft.term());
        let begun = own.or_else(|| told.map(|(_, position)| position));
        match (self.forwarder.succession, begun) {
            (Some(last), Some(begun)) if raft.term() > term => {
                let is_kept = begun.term == last.term && begun.index >= last.index;
                if is_kept {
                    Verdict::Kept
                } else {
                    Verdict::Unknown
                }
            }
            (Some(_), _) => Verdict::Open,
            (None, _) if self.is_leader_of_course_there() => Verdict::Open,
            (None, _) => Verdict::Unknown,
        }
    }

    /// Whether the word of the leader that the course was for can still come.
    fn is_leader_of_course_there(&self) -> bool {
        let Course::Stream { link, .. } = self.forwarder.course else {
            return false;
        };
        let peer = self.links.get(link).map(|link| link.peer);
        peer.is_some_and(|peer| self.links.incoming(peer).is_some())
    }

    fn say(&self, peer: PeerId, message: &PeerMessage, effects: &mut Vec<Effect>) {
        if let Some(link) = self.links.outgoing(peer).map(|link| link.id) {
            let frame = message.encode();
            effects.push(Effect::Send { link, frame });
        }
    }

    fn connected_members(&self) -> BTreeSet<PeerId> {
        let Some(raft) = self.raft() else {
            return BTreeSet::new();
        };
        let is_member = |link: &&Link| {
            let node = link.node().map(|node| node.raft());
            node.is_some_and(|id| raft.members().contains(id) && self.links.is_connected(id))
        };
        let members = self.links.all_outgoing().filter(is_member);
        members.map(|link| link.peer).collect()
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
