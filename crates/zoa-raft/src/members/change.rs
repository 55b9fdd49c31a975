//! The entry in the log that changes the members: its bytes, and the library's form of it.
//!
//! The library's own form would be protobuf, which is neither written nor parsed here. The bytes
//! stand in `docs/formats/peer.md`. An entry without bytes ends a joint membership; the library
//! itself adds it.

use bytes::BufMut;
use bytes::Bytes;
use raft::eraftpb::ConfChangeSingle;
use raft::eraftpb::ConfChangeType;
use raft::eraftpb::ConfChangeV2;

use super::MemberChange;
use crate::limits::MEMBERS_MAX;
use crate::peer::PeerFault;
use crate::peer::Reader;

const VERSION: u8 = 1;
const ADD_VOTER: u8 = 1;
const ADD_LEARNER: u8 = 2;
const REMOVE: u8 = 3;

/// What an entry that changes the members says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangeEntry {
    /// What changes; nothing when a joint membership ends.
    pub(crate) changes: Vec<MemberChange>,
    /// What the layer above has to say about it, and decides on; may be empty.
    pub(crate) data: Bytes,
}

impl ChangeEntry {
    pub(crate) fn encode(&self) -> Bytes {
        let mut buf = Vec::with_capacity(8 + 9 * self.changes.len() + self.data.len());
        buf.put_u8(VERSION);
        let count = u32::try_from(self.changes.len()).expect("changes are bounded");
        buf.put_u32(count);
        for change in &self.changes {
            let (kind, id) = match *change {
                MemberChange::AddVoter(id) => (ADD_VOTER, id),
                MemberChange::AddLearner(id) => (ADD_LEARNER, id),
                MemberChange::Remove(id) => (REMOVE, id),
            };
            buf.put_u8(kind);
            buf.put_u64(id);
        }
        buf.put_slice(&self.data);
        buf.into()
    }

    /// # Errors
    ///
    /// When the bytes are none that [`ChangeEntry::encode`] can have written.
    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, PeerFault> {
        let (mut changes, mut reader) = (Vec::new(), Reader::new(bytes.clone()));
        if bytes.is_empty() {
            return Ok(Self {
                changes,
                data: Bytes::new(),
            });
        }
        let version = reader.read_u8()?;
        let count = usize::try_from(reader.read_u32()?).unwrap_or(usize::MAX);
        if version != VERSION || count == 0 || count > 2 * MEMBERS_MAX {
            return Err(PeerFault::BadChange);
        }
        for _ in 0..count {
            let (kind, id) = (reader.read_u8()?, reader.read_number()?);
            changes.push(match kind {
                _ if id == 0 => return Err(PeerFault::BadChange),
                ADD_VOTER => MemberChange::AddVoter(id),
                ADD_LEARNER => MemberChange::AddLearner(id),
                REMOVE => MemberChange::Remove(id),
                _ => return Err(PeerFault::BadChange),
            });
        }
        let data = reader.rest();
        Ok(Self { changes, data })
    }

    /// Whether this ends a joint membership.
    pub(crate) fn leaves(&self) -> bool {
        self.changes.is_empty()
    }

    /// What the library applies: several changes make it enter a joint membership that it leaves
    /// by itself, none make it leave.
    pub(crate) fn to_library(&self) -> ConfChangeV2 {
        let single = |change: &MemberChange| {
            let (kind, node_id) = match *change {
                MemberChange::AddVoter(id) => (ConfChangeType::AddNode, id),
                MemberChange::AddLearner(id) => (ConfChangeType::AddLearnerNode, id),
                MemberChange::Remove(id) => (ConfChangeType::RemoveNode, id),
            };
            let mut single = ConfChangeSingle {
                node_id,
                ..ConfChangeSingle::default()
            };
            single.set_change_type(kind);
            single
        };
        let mut change = ConfChangeV2::default();
        change.set_changes(self.changes.iter().map(single).collect());
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_back_and_nonsense_is_not() {
        let entry = ChangeEntry {
            changes: vec![
                MemberChange::AddVoter(7),
                MemberChange::AddLearner(8),
                MemberChange::Remove(9),
            ],
            data: Bytes::from_static(b"why"),
        };
        let bytes = entry.encode();
        assert_eq!(ChangeEntry::decode(&bytes), Ok(entry));
        for len in 1..bytes.len() - 3 {
            let part = ChangeEntry::decode(&bytes.slice(..len));
            assert_eq!(part, Err(PeerFault::Truncated), "{len}");
        }
        let check = |bytes: &'static [u8]| {
            let found = ChangeEntry::decode(&Bytes::from_static(bytes));
            assert_eq!(found, Err(PeerFault::BadChange), "{bytes:?}");
        };
        check(&[1, 0, 0, 0, 0]);
        check(&[2, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
        check(&[1, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 7]);
        check(&[1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        check(&[1, 255, 255, 255, 255]);
    }

    #[test]
    fn nothing_to_change_is_the_end_of_a_joint_membership() {
        let leave = ChangeEntry::decode(&Bytes::new()).expect("it is sound");
        assert!(leave.leaves() && leave.to_library().leave_joint());
    }
}
