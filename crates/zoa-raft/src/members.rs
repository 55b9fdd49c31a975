//! Who takes part in the replication, and how a change turns one such list into the next.
//!
//! ```text
//!   {1 2 3}  --AddVoter(4), Remove(1)-->  {2 3 4} and {1 2 3}  --leave-->  {2 3 4}
//! ```
//!
//! A change of one member takes effect at once; of several, by way of a joint membership, in which
//! every decision needs a majority of the new voters and one of the old (Ongaro, "Consensus:
//! Bridging Theory and Practice", section 4.3). The library computes the same; this is for where
//! no library runs, and each of its answers is compared with ours.
//!
//! Invariant: no member both votes and learns; what a joint membership is left to is in it.

mod change;
mod history;

use bytes::BufMut;
use bytes::Bytes;
use raft::eraftpb::ConfState;

pub(crate) use change::ChangeEntry;
pub use history::MemberHistory;

use crate::config::RaftError;
use crate::limits::MEMBERS_MAX;
use crate::peer::PeerFault;
use crate::peer::Reader;

/// The members of an ensemble by their raft ids, each list in rising order. Empty for a server that
/// has yet to hear who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Who votes.
    pub voters: Vec<u64>,
    /// Who follows without voting.
    pub learners: Vec<u64>,
    /// While a change of several members is under way: who voted before it, and still must agree.
    pub voters_outgoing: Vec<u64>,
    /// Outgoing voters that go on as learners.
    pub learners_next: Vec<u64>,
    /// Whether the leader ends the joint membership by itself; true for all joint ones.
    pub auto_leave: bool,
}

/// One step of a change of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// This member votes from now on; it may have been a learner, or nobody.
    AddVoter(u64),
    /// This member follows without voting; it may have been a voter, or nobody.
    AddLearner(u64),
    /// This one is no member any more.
    Remove(u64),
}

impl Members {
    /// Members that all vote.
    pub fn of_voters(voters: impl IntoIterator<Item = u64>) -> Self {
        let mut members = Self {
            voters: voters.into_iter().collect(),
            ..Self::default()
        };
        members.voters.sort_unstable();
        members
    }

    /// Whether nobody is a member, so that this server has yet to hear who is.
    pub fn is_empty(&self) -> bool {
        self.voters.is_empty() && self.learners.is_empty()
    }

    /// Whether a change of several members is under way.
    pub fn is_joint(&self) -> bool {
        !self.voters_outgoing.is_empty()
    }

    /// Whether this one takes part in any way.
    pub fn contains(&self, id: u64) -> bool {
        self.votes(id) || self.learners.contains(&id)
    }

    /// Whether this one's vote counts now; also that of an outgoing voter.
    pub fn votes(&self, id: u64) -> bool {
        self.voters.contains(&id) || self.voters_outgoing.contains(&id)
    }

    /// Everyone who takes part, each once, in rising order.
    pub fn ids(&self) -> Vec<u64> {
        let lists = [&self.voters, &self.voters_outgoing, &self.learners];
        let mut ids: Vec<u64> = lists.into_iter().flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The members after `changes`: at once after a single one, joint after several.
    ///
    /// # Errors
    ///
    /// When a change is under way, nothing is to be changed, nobody would be left to vote, there
    /// would be too many members, or one of them has no possible id; says which.
    pub fn changed(&self, changes: &[MemberChange]) -> Result<Self, RaftError> {
        let refuse = |why: &str| Err(RaftError::Members(why.to_owned()));
        if self.is_joint() {
            return refuse("the change before it is still under way");
        }
        let mut next = self.clone();
        if changes.len() > 1 {
            next.voters_outgoing.clone_from(&next.voters);
            next.auto_leave = true;
        }
        for change in changes {
            match *change {
                MemberChange::AddVoter(id) => next.add_voter(id),
                MemberChange::AddLearner(id) => next.add_learner(id),
                MemberChange::Remove(id) => next.remove(id),
            }
        }
        if changes.is_empty() {
            return refuse("nothing is to be changed");
        }
        next.check()?;
        if next.voters.is_empty() {
            return refuse("nobody would be left to vote");
        }
        Ok(next)
    }

    /// The members after the end of a joint membership; unchanged if it is none.
    pub fn left(&self) -> Self {
        let mut next = self.clone();
        next.voters_outgoing.clear();
        next.learners.append(&mut next.learners_next);
        next.learners.sort_unstable();
        next.auto_leave = false;
        next
    }

    /// The bytes for a snapshot's metadata; `docs/formats/peer.md` has them.
    pub fn encode(&self) -> Vec<u8> {
        let mut buf = Vec::new();
        self.put(&mut buf);
        buf
    }

    /// Reads what [`Members::encode`] wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are damaged, or no ensemble has such members.
    pub fn decode(bytes: &[u8]) -> Result<Self, RaftError> {
        let mut reader = Reader::new(Bytes::copy_from_slice(bytes));
        let damaged = |fault: PeerFault| RaftError::Members(fault.to_string());
        let members = Self::read(&mut reader).map_err(damaged)?;
        reader.check_end().map_err(damaged)?;
        Ok(members)
    }

    pub(crate) fn put(&self, buf: &mut Vec<u8>) {
        let lists = [
            &self.voters,
            &self.learners,
            &self.voters_outgoing,
            &self.learners_next,
        ];
        for list in lists {
            let count = u32::try_from(list.len()).expect("members are bounded");
            buf.put_u32(count);
            list.iter().for_each(|id| buf.put_u64(*id));
        }
        buf.put_u8(u8::from(self.auto_leave));
    }

    pub(crate) fn read(reader: &mut Reader) -> Result<Self, PeerFault> {
        // Fields of a struct expression are evaluated in the order written.
        let members = Self {
            voters: reader.read_ids()?,
            learners: reader.read_ids()?,
            voters_outgoing: reader.read_ids()?,
            learners_next: reader.read_ids()?,
            auto_leave: reader.read_bool()?,
        };
        members.check().map_err(|_| PeerFault::BadMembers)?;
        Ok(members)
    }

    /// Whether an ensemble can have such members. None at all is sound.
    pub(crate) fn check(&self) -> Result<(), RaftError> {
        let lists = [
            &self.voters,
            &self.learners,
            &self.voters_outgoing,
            &self.learners_next,
        ];
        let in_order = |list: &Vec<u64>| list.is_sorted_by(|one, two| one < two);
        let nobody = self.voters.is_empty();
        let why = if !lists.into_iter().all(in_order) {
            "a member is named twice, or the members are out of order"
        } else if lists.into_iter().any(|list| list.first() == Some(&0)) {
            "0 is nobody's id"
        } else if lists.into_iter().any(|list| list.len() > MEMBERS_MAX) {
            "there are too many"
        } else if nobody && lists.into_iter().any(|list| !list.is_empty()) {
            "nobody votes"
        } else if self.learners.iter().any(|id| self.votes(*id)) {
            "a member both votes and learns"
        } else if self.auto_leave != self.is_joint() {
            "a change that is under way ends by itself, and nothing else does"
        } else if !self.learners_next.iter().all(|id| self.is_on_its_way(*id)) {
            "only who stops voting can become a learner then"
        } else {
            return Ok(());
        };
        Err(RaftError::Members(why.to_owned()))
    }

    fn is_on_its_way(&self, id: u64) -> bool {
        self.voters_outgoing.contains(&id) && !self.voters.contains(&id)
    }

    fn add_voter(&mut self, id: u64) {
        self.learners.retain(|other| *other != id);
        self.learners_next.retain(|other| *other != id);
        insert(&mut self.voters, id);
    }

    fn add_learner(&mut self, id: u64) {
        self.voters.retain(|other| *other != id);
        // Who still votes on the way out can learn only after that.
        if self.voters_outgoing.contains(&id) {
            insert(&mut self.learners_next, id);
        } else {
            insert(&mut self.learners, id);
        }
    }

    fn remove(&mut self, id: u64) {
        for list in [
            &mut self.voters,
            &mut self.learners,
            &mut self.learners_next,
        ] {
            list.retain(|other| *other != id);
        }
    }
}

impl From<&ConfState> for Members {
    fn from(state: &ConfState) -> Self {
        // The library keeps sets; their order is not to be seen.
        let sorted = |list: &[u64]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list
        };
        Self {
            voters: sorted(&state.voters),
            learners: sorted(&state.learners),
            voters_outgoing: sorted(&state.voters_outgoing),
            learners_next: sorted(&state.learners_next),
            auto_leave: state.auto_leave,
        }
    }
}

impl From<&Members> for ConfState {
    fn from(members: &Members) -> Self {
        Self {
            voters: members.voters.clone(),
            learners: members.learners.clone(),
            voters_outgoing: members.voters_outgoing.clone(),
            learners_next: members.learners_next.clone(),
            auto_leave: members.auto_leave,
            ..Self::default()
        }
    }
}

fn insert(list: &mut Vec<u64>, id: u64) {
    if let Err(at) = list.binary_search(&id) {
        list.insert(at, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(members: &Members, changes: &[MemberChange]) -> Members {
        members.changed(changes).expect("it is possible")
    }

    #[test]
    fn one_change_takes_effect_at_once() {
        let three = Members::of_voters([3, 1, 2]);
        let with_learner = changed(&three, &[MemberChange::AddLearner(9)]);
        assert_eq!(with_learner.learners, [9]);
        assert!(!with_learner.is_joint());
        let promoted = changed(&with_learner, &[MemberChange::AddVoter(9)]);
        assert_eq!(promoted, Members::of_voters([1, 2, 3, 9]));
        let without = changed(&promoted, &[MemberChange::Remove(1)]);
        assert_eq!(without, Members::of_voters([2, 3, 9]));
        assert_eq!(changed(&without, &[MemberChange::Remove(77)]), without);
    }

    #[test]
    fn several_changes_are_joint_until_left() {
        let three = Members::of_voters([1, 2, 3]);
        let changes = [MemberChange::AddVoter(4), MemberChange::AddLearner(1)];
        let joint = changed(&three, &changes);
        assert_eq!(joint.voters, [2, 3, 4]);
        assert_eq!(joint.voters_outgoing, [1, 2, 3]);
        assert_eq!(joint.learners_next, [1]);
        assert!(joint.votes(1) && joint.auto_leave);
        assert!(joint.changed(&changes).is_err(), "one at a time");
        let left = joint.left();
        assert_eq!((left.voters, left.learners), (vec![2, 3, 4], vec![1]));
    }

    #[test]
    fn impossible_changes_are_refused() {
        let one = Members::of_voters([1]);
        for changes in [
            &[][..],
            &[MemberChange::Remove(1)],
            &[MemberChange::AddLearner(1)],
            &[MemberChange::AddLearner(2), MemberChange::Remove(1)],
            &[MemberChange::AddVoter(0)],
        ] {
            assert!(one.changed(changes).is_err(), "{changes:?}");
        }
    }

    // Goal: MEMBERS_MAX.
    #[test]
    fn members_are_bounded() {
        let full = Members::of_voters(1..=255);
        assert_eq!(full.voters.len(), MEMBERS_MAX);
        assert!(full.changed(&[MemberChange::AddVoter(256)]).is_err());
        assert!(full.changed(&[MemberChange::Remove(255)]).is_ok());
    }

    #[test]
    fn members_are_read_back_and_nonsense_is_not() {
        let joint = Members::of_voters([1, 2, 3])
            .changed(&[MemberChange::AddVoter(1 << 60), MemberChange::AddLearner(1)]);
        for members in [Members::default(), joint.expect("it is possible")] {
            let bytes = members.encode();
            assert_eq!(Members::decode(&bytes).as_ref(), Ok(&members));
            for len in 0..bytes.len() {
                assert!(Members::decode(bytes.get(..len).unwrap_or(&[])).is_err());
            }
            assert!(Members::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
        let check = |change: fn(&mut Members)| {
            let mut members = Members::of_voters([1, 2]);
            change(&mut members);
            assert!(Members::decode(&members.encode()).is_err(), "{members:?}");
        };
        check(|members| members.voters = vec![1, 1]);
        check(|members| members.voters = vec![0, 1]);
        check(|members| members.learners = vec![2]);
        check(|members| members.auto_leave = true);
        check(|members| members.voters_outgoing = vec![1]);
        check(|members| members.learners_next = vec![3]);
        check(|members| {
            members.voters = Vec::new();
            members.learners = vec![3];
        });
    }
}
