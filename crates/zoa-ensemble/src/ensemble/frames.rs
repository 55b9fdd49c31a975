//! What comes in on a link, typed, and to whom in here it goes.
//!
//! Invariant: the replication gets a message only from the server that the link was accepted for, and an offer of a snapshot only by
//! [`Event::SnapshotReceived`](crate::Event::SnapshotReceived). A link on which anything else comes is cut.

use bytes::Buf;
use bytes::Bytes;
use zoa_log::LogIndex;
use zoa_raft::LogPosition;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;

use super::Ensemble;
use super::Stage;
use super::links::Link;
use crate::config::Prepared;
use crate::event::CutReason;
use crate::event::Direction;
use crate::event::Effect;
use crate::event::LinkId;
use crate::message::Leading;
use crate::message::PeerMessage;
use crate::message::PeerMessageError;
use crate::snapshot_offer::SNAPSHOT_OFFER;
use zoa_tree::Touch;

impl Ensemble {
    pub(super) fn handle_frame(&mut self, link: LinkId, frame: Bytes, effects: &mut Vec<Effect>) {
        let Some(known) = self.links.get(link) else {
            return;
        };
        if known.direction != Direction::Incoming {
            let error = PeerMessageError::OutOfPlace("a frame on a link to send on");
            return self.cut(link, CutReason::BadFrame(error), effects);
        }
        let taken = PeerMessage::decode(frame)
            .and_then(|message| self.take_message(link, message, effects));
        if let Err(error) = taken {
            self.cut(link, CutReason::BadFrame(error), effects);
        }
    }

    fn take_message(
        &mut self,
        link: LinkId,
        message: PeerMessage,
        effects: &mut Vec<Effect>,
    ) -> Result<(), PeerMessageError> {
        match message {
            PeerMessage::Raft(message) => self.take_raft(link, message, effects),
            PeerMessage::Forward(forward) => self.handle_forward(link, forward, effects),
            PeerMessage::ForwardRefused(place) => {
                self.handle_forward_refused(link, place, effects);
                Ok(())
            }
            PeerMessage::Touches { number, touches } => {
                self.take_touches(link, (number, touches), effects)
            }
            PeerMessage::Leading(leading) => {
                self.take_leading(link, leading, effects);
                Ok(())
            }
            PeerMessage::Handing { term } => {
                self.take_handing(link, term, effects);
                Ok(())
            }
            PeerMessage::Held { term } => {
                self.take_held(link, term);
                Ok(())
            }
            PeerMessage::Succession { term, last } => {
                self.take_succession(link, (term, LogIndex(last)));
                Ok(())
            }
            PeerMessage::Prepare { cluster, founders } => {
                self.handle_prepare(link, Prepared { cluster, founders }, effects);
                Ok(())
            }
            PeerMessage::LeaderAt { leader, line } => {
                self.take_leader_at(link, (leader, &line));
                Ok(())
            }
        }
    }

    fn take_raft(
        &mut self,
        link: LinkId,
        message: Bytes,
        effects: &mut Vec<Effect>,
    ) -> Result<(), PeerMessageError> {
        let (kind, from) = raft_head(&message)?;
        let node = self.links.get(link).and_then(Link::node);
        if node.map(|node| node.raft()) != Some(from) {
            return Err(PeerMessageError::OutOfPlace("another server's message"));
        }
        if kind == SNAPSHOT_OFFER {
            return Err(PeerMessageError::OutOfPlace("the offer of a snapshot"));
        }
        self.run_raft(RaftEvent::Peer(message), effects);
        if let Some(fault) = self.raft_fault.take() {
            self.cut(link, CutReason::BadRaftMessage(fault), effects);
        }
        Ok(())
    }

    fn take_touches(
        &mut self,
        link: LinkId,
        (number, touches): (u64, Vec<Touch>),
        effects: &mut Vec<Effect>,
    ) -> Result<(), PeerMessageError> {
        let leads = self.leads().is_some();
        let Some(known) = self.links.get_mut(link) else {
            return Ok(());
        };
        if number <= known.touches {
            return Err(PeerMessageError::OutOfPlace("a report of touches"));
        }
        if leads {
            known.touches = number;
            effects.push(Effect::Touches(touches));
        }
        Ok(())
    }

    fn take_leading(&mut self, link: LinkId, leading: Leading, effects: &mut Vec<Effect>) {
        let Some(known) = self.links.get(link) else {
            return;
        };
        let (peer, node, cluster) = (known.peer, known.node(), known.hello.state.cluster());
        if let (Stage::Bare(_), Some(cluster)) = (&self.stage, cluster) {
            return self.join(cluster, effects);
        }
        let Some(raft) = self.raft() else { return };
        let leader = raft.leader().and_then(Self::node_of);
        // What is behind or ahead of the replication's own messages says nothing yet.
        if leading.term != raft.term() || leader.is_none() || leader != node {
            return;
        }
        let (term, commit) = (raft.term(), LogIndex(leading.commit));
        let (index, at) = leading.elected_behind;
        let index = LogIndex(index);
        self.elected_behind = Some((term, LogPosition { index, term: at }));
        if !leading.is_handing && self.forwarder.closing == Some(term) {
            self.forwarder.reopen();
        }
        self.is_taken_out = false;
        // Whom this server hears and cannot reach does not hear of its clients, gives their sessions up, and sends it nothing new for want
        // of answers: serving here has to end, as if nothing were heard.
        if let Some(back) = self.links.outgoing(peer) {
            self.gate.hear(term, commit, self.now_ms);
            self.touches.confirm(back.id, leading.touches);
        }
    }

    /// Tells one peer, or all, that this server leads, if it does.
    pub(super) fn tell_leading(&self, only: Option<LinkId>, effects: &mut Vec<Effect>) {
        let Some(raft) = self.leads() else { return };
        let (term, commit) = (raft.term(), raft.commit().0);
        let behind = raft.elected_behind().unwrap_or_default();
        for link in self.links.all_outgoing() {
            if only.is_some_and(|only| only != link.id) {
                continue;
            }
            let touches = self.links.incoming(link.peer).map_or(0, |it| it.touches);
            let leading = Leading {
                term,
                commit,
                touches,
                elected_behind: (behind.index.0, behind.term),
                is_handing: self.is_handing(),
            };
            effects.push(Effect::Send {
                link: link.id,
                frame: PeerMessage::Leading(leading).encode(),
            });
        }
    }

    /// Sends the leader what this server's clients have shown signs of life of.
    pub(super) fn report_touches(&mut self, effects: &mut Vec<Effect>) {
        let Some(raft) = self.raft() else { return };
        if raft.is_leader() {
            return self.touches.keep_lately(self.now_ms);
        }
        let leader = raft.leader();
        let way = leader.and_then(|leader| self.links.outgoing_to(leader));
        let Some(link) = way.map(|link| link.id) else {
            return;
        };
        for (number, touches) in self.touches.take_reports(link, self.now_ms) {
            let frame = PeerMessage::Touches { number, touches }.encode();
            effects.push(Effect::Send { link, frame });
        }
    }

    /// Whether a leader is known.
    pub(super) fn knows_leader(&self) -> bool {
        self.raft().and_then(RaftLoop::leader).is_some()
    }
}

/// The kind of a raft message and whom it says it is from.
fn raft_head(message: &Bytes) -> Result<(u8, u64), PeerMessageError> {
    let mut head: &[u8] = message;
    let _version = head.try_get_u8();
    let kind = head.try_get_u8().map_err(|_| PeerMessageError::Truncated)?;
    let from = head
        .try_get_u64()
        .map_err(|_| PeerMessageError::Truncated)?;
    Ok((kind, from))
}
