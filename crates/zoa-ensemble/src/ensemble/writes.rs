//! Writes of this server's clients on their way to the log, and those that other servers send here.
//!
//! See `forward.rs` for the rule, and `handover.rs` for what becomes of it when leadership is given away.

use bytes::Bytes;
use zoa_proto::PeerId;
use zoa_raft::RaftLoop;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use super::Ensemble;
use super::forward::Course;
use super::handover::Verdict;
use super::links::StreamIn;
use crate::event::CutReason;
use crate::event::Effect;
use crate::event::LinkId;
use crate::message::Forward;
use crate::message::PeerMessage;
use crate::message::PeerMessageError;
use crate::message::StreamPlace;
use crate::node_id::NodeId;
use crate::notice::Notice;

impl Ensemble {
    pub(super) fn handle_propose(&mut self, proposals: Vec<Bytes>, effects: &mut Vec<Effect>) {
        if proposals.is_empty() {
            return;
        }
        // Nothing passes what waits, nor what was given to a leader of before and is not decided yet (G-03).
        let is_first = self.forwarder.waiting.is_empty() && !self.is_course_over();
        if is_first && self.own_term().is_some() {
            self.propose_own(proposals, effects);
        } else if self.forwarder.waiting.push(proposals).is_err() {
            effects.push(Effect::Notice(Notice::TooMuchWaits));
            self.give_up_writes(effects);
        }
    }

    /// Ends a course that is over, then sends on what waits.
    pub(super) fn settle_writes(&mut self, effects: &mut Vec<Effect>) {
        if self.is_course_over() {
            match self.verdict() {
                Verdict::Kept => self.forwarder.end_course(),
                Verdict::Unknown => self.give_up_writes(effects),
                Verdict::Open => return,
            }
        }
        if self.forwarder.waiting.is_empty() {
            return;
        }
        if self.own_term().is_some() {
            let proposals = self.forwarder.waiting.take();
            self.propose_own(proposals, effects);
        } else if let Some((term, link)) = self.way_to_leader() {
            for forward in self.forwarder.take_frames(term, link) {
                let frame = PeerMessage::Forward(forward).encode();
                effects.push(Effect::Send { link, frame });
            }
        }
    }

    fn is_course_over(&self) -> bool {
        match self.forwarder.course {
            Course::Idle => false,
            Course::Own { term } => !self.leads_in(term),
            Course::Stream { link, next } => {
                let term = self.raft().map(RaftLoop::term);
                term != Some(next.term) || self.links.get(link).is_none()
            }
        }
    }

    /// What was given to anybody, and what waits, is unknown from here on.
    pub(super) fn give_up_writes(&mut self, effects: &mut Vec<Effect>) {
        self.forwarder.give_up();
        self.propose_unasked_again();
        effects.push(Effect::Unknown);
    }

    /// The leader does not take what stands there, nor what is behind it.
    pub(super) fn handle_forward_refused(
        &mut self,
        link: LinkId,
        place: StreamPlace,
        effects: &mut Vec<Effect>,
    ) {
        let Course::Stream { link: own, next } = self.forwarder.course else {
            return;
        };
        let peers = [own, link].map(|id| self.links.get(id).map(|link| link.peer));
        let [to, from] = peers;
        let is_this_one = (place.term, place.stream) == (next.term, next.stream);
        if to == from && is_this_one && place.seq < next.seq {
            self.give_up_writes(effects);
        }
    }

    /// A follower sends its clients' writes.
    pub(super) fn handle_forward(
        &mut self,
        link: LinkId,
        forward: Forward,
        effects: &mut Vec<Effect>,
    ) -> Result<(), PeerMessageError> {
        let Some(known) = self.links.get_mut(link) else {
            return Ok(());
        };
        let place = forward.place;
        let is_due = match known.stream {
            StreamIn::Refused { stream } if place.stream <= stream => return Ok(()),
            StreamIn::None | StreamIn::Refused { .. } => place.seq == 0,
            StreamIn::Next(next) if place.stream == next.stream => place == next,
            StreamIn::Next(next) => place.stream > next.stream && place.seq == 0,
        };
        if !is_due {
            return Err(PeerMessageError::OutOfPlace("a forwarded write"));
        }
        known.stream = StreamIn::Next(StreamPlace {
            seq: place.seq + 1,
            ..place
        });
        let node = known.node();
        let may_write = self.is_member(node) && self.leads_in(place.term) && !self.is_handed_on();
        let is_taken = may_write && {
            let proposals = what_clients_ask(self.stamp.forwarded(&forward.proposals))?;
            self.propose(proposals, effects)
        };
        if !is_taken {
            self.refuse(link, place, effects);
        }
        Ok(())
    }

    /// Whether clients may be served there: who is no member has none. One that was just taken out does not know yet.
    fn is_member(&self, node: Option<NodeId>) -> bool {
        let raft = self.raft();
        let members = raft.map(RaftLoop::members);
        members.is_some_and(|members| node.is_some_and(|node| members.contains(node.raft())))
    }

    /// The term in which this server may propose now.
    fn own_term(&self) -> Option<u64> {
        let raft = self.raft()?;
        let may = raft.is_leader() && raft.transferring().is_none() && !self.is_handing();
        may.then(|| raft.term())
    }

    pub(super) fn leads_in(&self, term: u64) -> bool {
        let raft = self.raft();
        raft.is_some_and(|raft| raft.is_leader() && raft.term() == term)
    }

    fn way_to_leader(&self) -> Option<(u64, LinkId)> {
        let raft = self.raft()?;
        let leader = raft.leader().filter(|leader| *leader != raft.id())?;
        if self.forwarder.closing == Some(raft.term()) {
            return None;
        }
        let link = self.links.outgoing_to(leader)?;
        Some((raft.term(), link.id))
    }

    fn propose_own(&mut self, mut proposals: Vec<Bytes>, effects: &mut Vec<Effect>) {
        let Some(term) = self.own_term() else {
            return;
        };
        self.stamp.own(&mut proposals);
        self.forwarder.course = Course::Own { term };
        if !self.propose(proposals, effects) {
            self.give_up_writes(effects);
        }
    }

    /// The link to this peer is gone, perhaps before it brought a refusal there: then what it sends goes nowhere, and it must hear of the
    /// end of its own.
    pub(super) fn cut_refused_stream(&mut self, peer: PeerId, effects: &mut Vec<Effect>) {
        let back = self.links.incoming(peer);
        let refused = back.filter(|it| matches!(it.stream, StreamIn::Refused { .. }));
        if let Some(id) = refused.map(|it| it.id) {
            self.cut(id, CutReason::StreamRefused, effects);
        }
    }

    fn refuse(&mut self, link: LinkId, place: StreamPlace, effects: &mut Vec<Effect>) {
        let Some(known) = self.links.get_mut(link) else {
            return;
        };
        let stream = place.stream;
        known.stream = StreamIn::Refused { stream };
        let peer = known.peer;
        let Some(back) = self.links.outgoing(peer).map(|back| back.id) else {
            // It must hear of it, and it hears of the end of its link.
            return self.cut(link, CutReason::StreamRefused, effects);
        };
        let frame = PeerMessage::ForwardRefused(place).encode();
        effects.push(Effect::Send { link: back, frame });
    }
}

/// Of what another server forwards, in order. Only a leader's own clock ends sessions (G-11): one that was deposed meanwhile may have
/// proposed so, and what it no longer could write itself would come here like any other write.
fn what_clients_ask(mut stamped: Vec<Bytes>) -> Result<Vec<Bytes>, PeerMessageError> {
    let mut all_known = true;
    stamped.retain(|proposal| match Txn::decode(proposal) {
        Ok(txn) => txn.op != TxnOp::ExpireSession,
        Err(_) => {
            all_known = false;
            true
        }
    });
    let unknown = PeerMessageError::Field("proposals");
    all_known.then_some(stamped).ok_or(unknown)
}
