//! Snapshots are taken, travel as parcels, and are installed.

use bytes::Bytes;
use zoa_ensemble::Event;
use zoa_ensemble::NodeId;
use zoa_log::LogIndex;
use zoa_raft::LogPosition;
use zoa_raft::Members;

use super::World;
use crate::disk::Snapshot;

#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) from: u8,
    pub(crate) node: NodeId,
    snapshot: Snapshot,
    message: Bytes,
}

impl World {
    pub(crate) fn snapshot(&mut self, id: u8, keep: u64) {
        let server = self.server(id);
        let Some((index, term)) = server.machine.position() else {
            return;
        };
        let known = server
            .disk
            .snapshot
            .as_ref()
            .map_or(0, |it| it.position.index.0);
        let members = server
            .members
            .iter()
            .rev()
            .find(|(place, _)| place.0 <= index);
        let Some(members) = members.map(|(_, members)| members.clone()) else {
            return;
        };
        if server.ensemble.is_none() || known >= index {
            return;
        }
        server.wants_snapshot = false;
        let position = LogPosition {
            index: LogIndex(index),
            term,
        };
        let snapshot = Snapshot {
            position,
            members: members.clone(),
            state: server.machine.clone(),
        };
        let first_index = server.disk.take(snapshot, keep);
        self.event(id, Event::SnapshotTaken { position, members });
        self.event(id, Event::Compacted { first_index });
        self.pump();
    }

    /// The snapshot on the disk goes to another server, with this message.
    pub(super) fn pack(&mut self, id: u8, (node, position): (NodeId, LogPosition), message: Bytes) {
        let snapshot = self.at(id).disk.snapshot.clone().expect("one was taken");
        assert_eq!(snapshot.position, position);
        self.parcels.push(Parcel {
            from: id,
            node,
            snapshot,
            message,
        });
    }

    /// A snapshot arrives.
    pub(crate) fn hand_over_parcel(&mut self, at: usize) {
        let parcel = self.parcels.remove(at);
        let to = parcel.node.myid().0;
        if self.node(to) != Some(parcel.node) || self.cuts.contains(&(parcel.from, to)) {
            return self.lose(parcel);
        }
        self.server(to).arriving = Some(parcel.snapshot);
        let message = parcel.message;
        self.event(to, Event::SnapshotReceived { message });
        self.server(to).arriving = None;
        let (node, delivered) = (parcel.node, true);
        self.event(parcel.from, Event::SnapshotSent { node, delivered });
        self.pump();
    }

    pub(crate) fn lose(&mut self, parcel: Parcel) {
        let (node, delivered) = (parcel.node, false);
        self.event(parcel.from, Event::SnapshotSent { node, delivered });
        self.pump();
    }

    pub(super) fn lose_parcels_of(&mut self, id: u8) {
        let (lost, left) = std::mem::take(&mut self.parcels)
            .into_iter()
            .partition(|parcel| parcel.from == id || parcel.node.myid().0 == id);
        self.parcels = left;
        let lost: Vec<Parcel> = lost;
        lost.into_iter().for_each(|parcel| self.lose(parcel));
    }

    pub(super) fn install(&mut self, id: u8, position: LogPosition, members: Members) {
        let server = self.server(id);
        let arrived = server.arriving.take().expect("it came with a snapshot");
        assert_eq!(arrived.position, position);
        server.machine = arrived.state.clone();
        let lines = server.machine.lines.clone();
        server.disk.install(Snapshot { members, ..arrived });
        server.connections.clear();
        let semantics = server.machine.semantics();
        self.later.push_back((id, Event::MemberLines(lines)));
        self.later.push_back((id, Event::Semantics(semantics)));
    }
}
