//! A client's reconfig on its way into the log: the one kind of write that also changes who replicates.
//!
//! ```text
//!   another change under way ------------> the same transaction, refused with RECONFIGINPROGRESS
//!   no quorum of the new servers synced -> refused with NEWCONFIGNOQUORUM
//!   else --------------------------------> a change of members that carries the transaction
//! ```
//!
//! What only the leader knows is decided here; whether the request itself is in order and who may ask, the state machine decides when it
//! is applied, and the change counts only if it says yes (reference 2.9). Who leaves goes on as a learner, as in the original: it is
//! served, and can be added again; who is gone for long is taken out later (`membership.rs`). A server that is added and not there yet
//! gets its vote when it has come. Serves G-23.

use bytes::Bytes;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::request::Request;
use zoa_raft::MemberChange;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;
use zoa_raft::Refusal;
use zoa_tree::MemberLines;
use zoa_tree::Settings;
use zoa_tree::Txn;
use zoa_tree::TxnOp;
use zoa_tree::next_members;

use super::Ensemble;
use crate::event::Effect;
use crate::node_id::NodeId;

/// How a reconfig goes into the log.
enum Way {
    /// As any write: the state machine will refuse it.
    Plain,
    /// Refused for what only the leader knows.
    Refused(ErrorCode),
    /// With the members.
    Change(Vec<MemberChange>),
}

impl Ensemble {
    /// Gives writes to the replication, in order; whether all were taken. What is behind one that is not taken is not given.
    pub(super) fn propose(&mut self, proposals: Vec<Bytes>, effects: &mut Vec<Effect>) -> bool {
        if !proposals.iter().any(is_reconfig) {
            return self.propose_plain(proposals, effects);
        }
        let mut plain = Vec::new();
        for proposal in proposals {
            if !is_reconfig(&proposal) {
                plain.push(proposal);
                continue;
            }
            let before = std::mem::take(&mut plain);
            if !self.propose_plain(before, effects) || !self.propose_reconfig(proposal, effects) {
                return false;
            }
        }
        self.propose_plain(plain, effects)
    }

    fn propose_plain(&mut self, proposals: Vec<Bytes>, effects: &mut Vec<Effect>) -> bool {
        if proposals.is_empty() {
            return true;
        }
        self.run_raft(RaftEvent::Propose(proposals), effects);
        self.raft_refusal.take().is_none()
    }

    fn propose_reconfig(&mut self, proposal: Bytes, effects: &mut Vec<Effect>) -> bool {
        let changes = match self.way_of(&proposal) {
            Way::Plain => return self.propose_plain(vec![proposal], effects),
            Way::Refused(error) => return self.propose_refused(&proposal, error, effects),
            Way::Change(changes) => changes,
        };
        let data = proposal.clone();
        self.run_raft(RaftEvent::ChangeMembers { changes, data }, effects);
        match self.raft_refusal.take() {
            None => true,
            Some(Refusal::ChangeUnderWay) => {
                self.propose_refused(&proposal, ErrorCode::ReconfigInProgress, effects)
            }
            Some(Refusal::ImpossibleChange | Refusal::NotCaughtUp) => {
                self.propose_refused(&proposal, ErrorCode::NewConfigNoQuorum, effects)
            }
            Some(Refusal::NotLeader | Refusal::TooMuchUncommitted | Refusal::Transferring) => false,
        }
    }

    fn propose_refused(
        &mut self,
        proposal: &Bytes,
        error: ErrorCode,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Ok(txn) = Txn::decode(proposal) else {
            return self.propose_plain(vec![proposal.clone()], effects);
        };
        let op = TxnOp::Refuse { error };
        let mut bytes = Vec::new();
        Txn { op, ..txn }.encode(&mut bytes);
        self.propose_plain(vec![bytes.into()], effects)
    }

    fn way_of(&self, proposal: &Bytes) -> Way {
        let (Ok(txn), Some(raft), Some(lines)) = (Txn::decode(proposal), self.raft(), &self.lines)
        else {
            return Way::Plain;
        };
        let TxnOp::Request { op, body } = txn.op else {
            return Way::Plain;
        };
        let Ok(Request::Reconfig(request)) = Request::decode(op, body) else {
            return Way::Plain;
        };
        if !txn.settings.contains(Settings::RECONFIG_ENABLED) {
            return Way::Plain;
        }
        // Before the lines are looked at: they are those from before such a change, and what they forbid the state machine may allow when
        // it comes to it, without any change of the members.
        let has_lines = !lines.is_empty() || self.config.is_alone();
        if raft.is_change_under_way() || self.established != Some(raft.term()) || !has_lines {
            return Way::Refused(ErrorCode::ReconfigInProgress);
        }
        match next_members(lines, &request, txn.settings) {
            Err(_) => Way::Plain,
            Ok(next) if !self.is_quorum_synced(raft, &next) => {
                Way::Refused(ErrorCode::NewConfigNoQuorum)
            }
            Ok(next) => {
                let changes = self.changes_for(raft, &next);
                if self.can_decide_after(raft, &changes) {
                    Way::Change(changes)
                } else {
                    Way::Refused(ErrorCode::NewConfigNoQuorum)
                }
            }
        }
    }

    /// Whether more than half of the ids that vote after these changes are heard of. A server that has lost its disk is there under a new
    /// id, and its vote is still that of the old one, which will never be heard of again.
    fn can_decide_after(&self, raft: &RaftLoop, changes: &[MemberChange]) -> bool {
        let Ok(members) = raft.members().changed(changes) else {
            // The replication refuses it in its own words.
            return true;
        };
        let is_there = |id: &&u64| **id == raft.id() || self.is_caught_up(raft, **id);
        2 * members.voters.iter().filter(is_there).count() > members.voters.len()
    }

    /// Whether more than half of those that are to vote have the log, this server among them if it is one.
    fn is_quorum_synced(&self, raft: &RaftLoop, next: &MemberLines) -> bool {
        let ids = raft.members().ids();
        let is_synced = |peer: &PeerId| {
            let mut nodes = ids.iter().filter(|id| node_of(**id) == Some(*peer));
            *peer == self.config.me || nodes.any(|id| self.is_caught_up(raft, *id))
        };
        let synced = next.participants().filter(is_synced).count();
        2 * synced > next.participants().count()
    }

    fn changes_for(&self, raft: &RaftLoop, next: &MemberLines) -> Vec<MemberChange> {
        let members = raft.members();
        let is_participant = |id: u64| {
            let mut participants = next.participants();
            participants.any(|peer| node_of(id) == Some(peer))
        };
        let has_vote = |peer: Option<PeerId>| members.voters.iter().any(|id| node_of(*id) == peer);
        let mut changes = Vec::new();
        for id in members.ids() {
            match (members.votes(id), is_participant(id)) {
                (true, false) => changes.push(MemberChange::AddLearner(id)),
                (false, true) if !has_vote(node_of(id)) && self.is_caught_up(raft, id) => {
                    changes.push(MemberChange::AddVoter(id));
                }
                (true, true) | (false, _) => {}
            }
        }
        if changes.is_empty() {
            // It changes nobody, but stands in line with those that do.
            let voter = members.voters.first().copied();
            changes.extend(voter.map(MemberChange::AddVoter));
        }
        changes
    }
}

fn is_reconfig(proposal: &Bytes) -> bool {
    Txn::is_request(proposal, OpCode::Reconfig)
}

fn node_of(id: u64) -> Option<PeerId> {
    NodeId::from_raft(id).map(NodeId::myid)
}
