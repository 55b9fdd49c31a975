//! What the message that travels with a snapshot says of it (`docs/formats/peer.md`).
//!
//! What it is not: a check of the members in it, which is the replication's. Invariant: nothing else that the replication would take
//! passes for such a message, so that a connection for a snapshot carries no vote and no entries.

use bytes::Buf;
use zoa_log::LogIndex;
use zoa_raft::LogPosition;

use crate::node_id::NodeId;

/// The kind of a raft message that offers a snapshot.
pub(crate) const SNAPSHOT_OFFER: u8 = 9;

/// Whether `message` is `from`'s offer of the snapshot of `position`.
#[must_use]
pub fn is_snapshot_offer(message: &[u8], from: NodeId, position: LogPosition) -> bool {
    read(message) == Some((from.raft(), position))
}

/// Whom a message says it is from, and where its snapshot stands; `None` when it offers none.
fn read(mut message: &[u8]) -> Option<(u64, LogPosition)> {
    let _version = message.try_get_u8().ok()?;
    let kind = message.try_get_u8().ok()?;
    let from = message.try_get_u64().ok()?;
    let (_to, _term) = (message.try_get_u64().ok()?, message.try_get_u64().ok()?);
    let index = LogIndex(message.try_get_u64().ok()?);
    let term = message.try_get_u64().ok()?;
    (kind == SNAPSHOT_OFFER).then_some((from, LogPosition { index, term }))
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;
    use zoa_proto::PeerId;

    use super::*;

    const HERE: LogPosition = LogPosition {
        index: LogIndex(7),
        term: 3,
    };

    fn message(kind: u8, from: NodeId, position: LogPosition) -> Vec<u8> {
        let mut message = vec![1, kind];
        message.put_u64(from.raft());
        message.put_u64(1);
        message.put_u64(5);
        message.put_u64(position.index.0);
        message.put_u64(position.term);
        message.extend_from_slice(b"members");
        message
    }

    #[test]
    fn only_the_senders_own_offer_of_this_very_snapshot_is_one() {
        let (sender, other) = (NodeId::founding(PeerId(2)), NodeId::founding(PeerId(3)));
        let right = message(SNAPSHOT_OFFER, sender, HERE);
        assert!(is_snapshot_offer(&right, sender, HERE));
        let behind = LogPosition {
            index: LogIndex(8),
            ..HERE
        };
        let later = LogPosition { term: 4, ..HERE };
        for wrong in [
            message(SNAPSHOT_OFFER, other, HERE),
            message(SNAPSHOT_OFFER, sender, behind),
            message(SNAPSHOT_OFFER, sender, later),
            message(1, sender, HERE),
            message(3, sender, HERE),
            right[..41].to_vec(),
            Vec::new(),
        ] {
            assert!(!is_snapshot_offer(&wrong, sender, HERE), "{wrong:?}");
        }
    }
}
