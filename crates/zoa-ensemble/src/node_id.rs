//! Which server, and which of its lives: the raft id.
//!
//! A server that lost its disk has promised things that it no longer knows of, so it may not speak under
//! its old id again. Its `myid` stays; the incarnation is new.

use std::fmt;

use zoa_log::ClusterId;
use zoa_proto::PeerId;

/// A raft id: the incarnation above, `myid` in the lowest byte; at most 2^56.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(u64);

/// Bits of an incarnation.
const INCARNATION_BITS: u32 = 48;

impl NodeId {
    /// A server of the founding, which has lost no disk yet.
    #[must_use]
    pub const fn founding(myid: PeerId) -> Self {
        Self(myid.0 as u64)
    }

    /// A server that begins again, or joins later; `random` from a secure source.
    #[must_use]
    pub fn joining(myid: PeerId, random: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = random;
        let drawn = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        // 0 is the founding's.
        Self(drawn.max(1) << 8 | u64::from(myid.0))
    }

    /// From the number that replication, log and wire use; `None` for one that is no such id.
    #[must_use]
    pub fn from_raft(id: u64) -> Option<Self> {
        let node = Self(id);
        let is_one = id >> 8 >> INCARNATION_BITS == 0 && node.myid().0 != 0;
        is_one.then_some(node)
    }

    /// The number that replication, log and wire use.
    #[must_use]
    pub const fn raft(self) -> u64 {
        self.0
    }

    /// The server's `myid`.
    #[must_use]
    pub const fn myid(self) -> PeerId {
        PeerId(self.0.to_be_bytes()[7])
    }

    /// Which of its lives; 0 is that of the founding.
    #[must_use]
    pub const fn incarnation(self) -> u64 {
        self.0 >> 8
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.incarnation() {
            0 => write!(f, "{}", self.myid().0),
            incarnation => write!(f, "{} ({incarnation:012x})", self.myid().0),
        }
    }
}

/// The first 16 bytes make a cluster's identity, the next six an incarnation; the rest is spare.
pub(crate) fn split_random(random: [u8; 32]) -> (ClusterId, [u8; 6]) {
    let [
        a0,
        a1,
        a2,
        a3,
        a4,
        a5,
        a6,
        a7,
        a8,
        a9,
        b0,
        b1,
        b2,
        b3,
        b4,
        b5,
        i0,
        i1,
        i2,
        i3,
        i4,
        i5,
        ..,
    ] = random;
    let cluster = [
        a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5,
    ];
    (ClusterId(cluster), [i0, i1, i2, i3, i4, i5])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_myid_and_incarnation_apart() {
        let first = NodeId::founding(PeerId(255));
        assert_eq!((first.raft(), first.incarnation()), (255, 0));
        let later = NodeId::joining(PeerId(3), [0xff; 6]);
        assert_eq!(later.myid(), PeerId(3));
        assert_eq!(later.incarnation(), (1 << 48) - 1);
        assert_eq!(NodeId::from_raft(later.raft()), Some(later));
        assert_eq!(NodeId::joining(PeerId(3), [0; 6]).incarnation(), 1);
    }

    #[test]
    fn numbers_that_are_no_ids_are_refused() {
        assert_eq!(NodeId::from_raft(0), None);
        assert_eq!(NodeId::from_raft(1 << 8), None);
        assert_eq!(NodeId::from_raft(1 << 56 | 1), None);
    }
}
