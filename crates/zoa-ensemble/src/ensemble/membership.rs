//! What a leader does about the members without being asked: new servers become learners, learners that have caught up and whose line says
//! so get a vote, in the place of the id that their server had before it lost its disk, and who is gone for good is taken out.
//!
//! ```text
//!   connected, no member ----------------------------> AddLearner(new)       an older learner of that server goes
//!   learner, caught up, line says participant -------> AddVoter(new), Remove(old)
//!   learner that no line names, gone for ten minutes -> Remove
//! ```
//!
//! Invariant: each step is an entry of the running quorum, one after the other; an id is never replaced while the server that has it is
//! heard of. Serves G-23.

use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_raft::MemberChange;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;
use zoa_tree::Identities;
use zoa_tree::MemberLines;
use zoa_tree::Owner;
use zoa_tree::Settings;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use super::Ensemble;
use super::links::Link;
use crate::event::Effect;
use crate::limits::CAUGHT_UP_ENTRIES_MAX;
use crate::limits::STRANGER_GONE_MS_MAX;
use crate::node_id::NodeId;
use crate::notice::Notice;

impl Ensemble {
    pub(super) fn care_for_members(&mut self, effects: &mut Vec<Effect>) {
        self.note_strangers();
        self.raise_semantics(effects);
        let Some(changes) = self.next_change() else {
            return;
        };
        if let [
            MemberChange::AddVoter(new),
            MemberChange::Remove(before),
            ..,
        ] = changes.as_slice()
            && let (Some(node), Some(before)) =
                (NodeId::from_raft(*new), NodeId::from_raft(*before))
        {
            let peer = node.myid();
            effects.push(Effect::Notice(Notice::Replaces { peer, node, before }));
        }
        let data = bytes::Bytes::new();
        // One that is refused, since another is under way, comes again with the next beat.
        self.run_raft(RaftEvent::ChangeMembers { changes, data }, effects);
    }

    fn next_change(&self) -> Option<Vec<MemberChange>> {
        let raft = self.leads().filter(|_| !self.is_handing())?;
        if raft.members().is_joint() || raft.transferring().is_some() {
            return None;
        }
        let newcomer = self
            .newcomers(raft)
            .next()
            .map(|id| self.admission(raft, id));
        let promoted = || {
            self.promotable(raft)
                .next()
                .map(|id| self.promotion(raft, id))
        };
        let gone = || {
            self.gone_for_good()
                .map(|id| vec![MemberChange::Remove(id)])
        };
        newcomer.or_else(promoted).or_else(gone)
    }

    /// Servers that are connected and no members, whose server has no other life that is heard of.
    fn newcomers<'a>(&'a self, raft: &'a RaftLoop) -> impl Iterator<Item = u64> + 'a {
        let able = self
            .links
            .all_outgoing()
            .filter(|link| self.knows_the_rules(link));
        let nodes = able.filter_map(Link::node);
        let ids = nodes
            .map(NodeId::raft)
            .filter(|id| self.links.is_connected(*id));
        ids.filter(|id| !raft.members().contains(*id) && !self.has_living_twin(raft, *id))
    }

    fn admission(&self, raft: &RaftLoop, id: u64) -> Vec<MemberChange> {
        let twins = twins(raft, id).filter(|twin| raft.members().learners.contains(twin));
        let mut changes = vec![MemberChange::AddLearner(id)];
        changes.extend(twins.map(MemberChange::Remove));
        changes
    }

    /// Learners that could vote, and should.
    fn promotable<'a>(&'a self, raft: &'a RaftLoop) -> impl Iterator<Item = u64> + 'a {
        let learners = raft.members().learners.iter().copied();
        learners.filter(|id| {
            let votes = NodeId::from_raft(*id).is_some_and(|node| self.should_vote(node.myid()));
            votes && self.is_caught_up(raft, *id) && !self.has_living_twin(raft, *id)
        })
    }

    fn promotion(&self, raft: &RaftLoop, id: u64) -> Vec<MemberChange> {
        let mut changes = vec![MemberChange::AddVoter(id)];
        changes.extend(twins(raft, id).map(MemberChange::Remove));
        changes
    }

    pub(super) fn is_caught_up(&self, raft: &RaftLoop, id: u64) -> bool {
        let last = raft.last_index().0;
        self.links.is_connected(id)
            && self.is_heard_of(raft, id)
            && raft.progress(id).is_some_and(|progress| {
                !progress.is_pending_snapshot && progress.matched.0 + CAUGHT_UP_ENTRIES_MAX >= last
            })
    }

    /// Whether a member is heard of. At the end of each of its election timeouts the library forgets of all whether they are, until they
    /// answer the next heartbeat: nobody is taken for silent for that.
    fn is_heard_of(&self, raft: &RaftLoop, id: u64) -> bool {
        let is_active = raft.progress(id).is_some_and(|it| it.is_active);
        let ticks = u64::try_from(self.config.election_ticks / 2).unwrap_or(0);
        let patience_ms = ticks * self.config.raft_tick_ms;
        let heard_ms = self.heard_ms.get(&id);
        is_active || heard_ms.is_some_and(|at_ms| self.now_ms - at_ms <= patience_ms)
    }

    /// Before a tick, with which it may be forgotten.
    pub(super) fn note_heard(&mut self) {
        let now_ms = self.now_ms;
        let Some(raft) = self.leads() else {
            return self.heard_ms.clear();
        };
        let is_active = |id: &u64| raft.progress(*id).is_some_and(|it| it.is_active);
        let active: Vec<u64> = raft.members().ids().into_iter().filter(is_active).collect();
        let heard = active.into_iter().map(|id| (id, now_ms));
        self.heard_ms.extend(heard);
    }

    fn should_vote(&self, peer: PeerId) -> bool {
        let line = self.lines().get(peer);
        line.is_some_and(|line| line.role == zoa_tree::MemberRole::Participant)
    }

    /// Whether another life of the same server is heard of: two disks, or two machines, have one `myid`.
    fn has_living_twin(&self, raft: &RaftLoop, id: u64) -> bool {
        let is_alive = |twin: u64| twin == raft.id() || self.is_heard_of(raft, twin);
        twins(raft, id).any(is_alive)
    }

    /// The first leader says who the servers are, if the replicated state does not know: before anybody can ask.
    pub(super) fn found_lines(&mut self, effects: &mut Vec<Effect>) {
        let is_wanted = self.lines.as_ref().is_some_and(MemberLines::is_empty)
            && !self.config.lines.is_empty()
            && self.lines_said_in < self.established;
        if !is_wanted || self.leads().is_none() {
            return;
        }
        self.lines_said_in = self.established;
        let lines = self.config.lines.servers_text();
        self.propose_unasked(TxnOp::FoundMembers { lines: &lines }, effects);
    }

    /// What a leader proposed once in its term may be lost with the rest. It may come true as well: a second time it changes nothing.
    pub(super) fn propose_unasked_again(&mut self) {
        self.lines_said_in = None;
        if let Some((term, _)) = &mut self.raised_in {
            *term = 0;
        }
    }

    /// Proposes what no client asked for.
    pub(super) fn propose_unasked(&mut self, op: TxnOp<'_>, effects: &mut Vec<Effect>) {
        let txn = Txn {
            session: SessionId(0),
            owner: Owner {
                server: self.config.me,
                connection: 0,
            },
            xid: Xid(0),
            time_ms: 0,
            settings: Settings::NONE,
            identities: Identities::NONE,
            op,
        };
        let mut bytes = Vec::new();
        txn.encode(&mut bytes);
        self.handle_propose(vec![bytes.into()], effects);
    }

    /// Keeps account of learners that no line names and that are gone.
    fn note_strangers(&mut self) {
        let Some(raft) = self.leads() else {
            return self.strangers_gone_ms.clear();
        };
        let is_stranger = |id: &u64| {
            let node = NodeId::from_raft(*id);
            node.is_none_or(|node| self.lines().get(node.myid()).is_none())
        };
        let gone: Vec<u64> = raft
            .members()
            .learners
            .iter()
            .copied()
            .filter(|id| is_stranger(id) && !self.links.is_connected(*id))
            .collect();
        let now_ms = self.now_ms;
        self.strangers_gone_ms.retain(|id, _| gone.contains(id));
        for id in gone {
            self.strangers_gone_ms.entry(id).or_insert(now_ms);
        }
    }

    fn gone_for_good(&self) -> Option<u64> {
        let is_long = |since_ms: u64| self.now_ms.saturating_sub(since_ms) >= STRANGER_GONE_MS_MAX;
        let mut strangers = self.strangers_gone_ms.iter();
        strangers
            .find(|(_, since_ms)| is_long(**since_ms))
            .map(|(id, _)| *id)
    }
}

/// Other lives of the same server that are members.
fn twins(raft: &RaftLoop, id: u64) -> impl Iterator<Item = u64> {
    let myid = NodeId::from_raft(id).map(NodeId::myid);
    let others = raft
        .members()
        .ids()
        .into_iter()
        .filter(move |other| *other != id);
    others.filter(move |other| NodeId::from_raft(*other).map(NodeId::myid) == myid)
}
