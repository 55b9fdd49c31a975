//! What a leader is asked for: to propose transactions, to change the members, to give the
//! leadership away. The library would drop in silence what does not fit; here it is refused first.

use bytes::Bytes;
use raft::eraftpb;
use raft::eraftpb::Message;
use raft::eraftpb::MessageType;

use super::RaftLoop;
use crate::event::RaftEffect;
use crate::event::Refusal;
use crate::limits;
use crate::members::ChangeEntry;

impl RaftLoop {
    pub(super) fn handle_propose(&mut self, proposals: Vec<Bytes>, effects: &mut Vec<RaftEffect>) {
        if proposals.is_empty() {
            return;
        }
        // An empty entry would be taken for one of the replication's own and never be handed out.
        assert!(
            proposals.iter().all(|data| !data.is_empty()),
            "a transaction has bytes"
        );
        if let Err(reason) = self.check_room(&proposals) {
            effects.push(RaftEffect::Refused { reason, proposals });
            return;
        }
        let entries: Vec<eraftpb::Entry> = proposals.into_iter().map(library_entry).collect();
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgPropose);
        message.from = self.node.raft.id;
        message.set_entries(entries.into());
        self.node
            .step(message)
            .expect("each reason to drop proposals was ruled out before");
    }

    pub(super) fn handle_change_members(
        &mut self,
        change: ChangeEntry,
        effects: &mut Vec<RaftEffect>,
    ) {
        // Longer than its data: what it takes of the room is all of it.
        let encoded = change.encode();
        if let Err(reason) = self.check_change(&change, &encoded) {
            let mut proposals = vec![change.data];
            proposals.retain(|data| !data.is_empty());
            effects.push(RaftEffect::Refused { reason, proposals });
            return;
        }
        // Through `step` the library would read the entry as protobuf. What it does there beside
        // appending, it does here.
        let mut entry = library_entry(encoded);
        entry.set_entry_type(eraftpb::EntryType::EntryConfChangeV2);
        let raft = &mut self.node.raft;
        raft.pending_conf_index = raft.raft_log.last_index() + 1;
        let taken = raft.append_entry(&mut [entry]);
        assert!(taken, "there is room, as checked before");
        raft.bcast_append();
    }

    pub(super) fn handle_transfer(&mut self, to: u64) {
        if self.is_leader() && self.members.voters.contains(&to) {
            self.node.transfer_leader(to);
        }
    }

    fn check_change(&self, change: &ChangeEntry, encoded: &Bytes) -> Result<(), Refusal> {
        self.check_room(std::slice::from_ref(encoded))?;
        if self.is_change_under_way() {
            return Err(Refusal::ChangeUnderWay);
        }
        let next = self.members.changed(&change.changes);
        let next = next.map_err(|_| Refusal::ImpossibleChange)?;
        // Fewer than a list can hold: whoever is sent a snapshot may be named in it before its time.
        if next.ids().len() > limits::MEMBERS_MAX {
            return Err(Refusal::ImpossibleChange);
        }
        if !next.voters.iter().all(|id| self.can_vote(*id)) {
            return Err(Refusal::NotCaughtUp);
        }
        Ok(())
    }

    /// Whether this one votes already, or has taken something from this leader: then it knows the
    /// members. One that does not gives no vote, and a majority that needs it would wait for ever once the
    /// leader is gone.
    fn can_vote(&self, id: u64) -> bool {
        let progress = self.node.raft.prs().get(id);
        self.members.votes(id) || progress.is_some_and(|progress| progress.matched > 0)
    }

    /// Rules out, before the proposals are given away, all that would make the library drop them.
    fn check_room(&self, proposals: &[Bytes]) -> Result<(), Refusal> {
        let raft = &self.node.raft;
        let id = raft.id;
        if !self.is_leader() || raft.prs().get(id).is_none() {
            return Err(Refusal::NotLeader);
        }
        if raft.lead_transferee.is_some() {
            return Err(Refusal::Transferring);
        }
        let bytes: usize = proposals.iter().map(Bytes::len).sum();
        let bytes_after = wide(bytes).saturating_add(wide(raft.uncommitted_size()));
        let entries = raft.raft_log.last_index() - raft.raft_log.committed;
        let entries_after = wide(proposals.len()).saturating_add(entries);
        // With nothing uncommitted everything is taken: a bound must not make progress impossible.
        if raft.uncommitted_size() > 0
            && (bytes_after > limits::UNCOMMITTED_BYTES_MAX
                || entries_after > limits::UNCOMMITTED_ENTRIES_MAX)
        {
            return Err(Refusal::TooMuchUncommitted);
        }
        Ok(())
    }
}

fn library_entry(data: Bytes) -> eraftpb::Entry {
    eraftpb::Entry {
        data,
        ..eraftpb::Entry::default()
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
