//! The links as the replication thread sees them: where frames go, and what is still to be written.
//!
//! What it is not: the connections ([`crate::peers`]). Invariant: frames are written when all that is known to go has been queued, so
//! that each peer costs one system call a batch.

use std::collections::HashMap;
use std::mem;

use bytes::Bytes;
use zoa_ensemble::Identity;
use zoa_ensemble::LinkId;
use zoa_ensemble::NodeId;
use zoa_ensemble::PeerAddresses;
use zoa_log::LogIndex;
use zoa_log::SnapshotStore;

use crate::disk::RealDisk;
use crate::peers::Line;
use crate::peers::PeerAddress;
use crate::peers::Peers;

/// See the module. Links are numbered by this server, so their map needs no secret key.
#[derive(Debug)]
pub(super) struct Lines {
    peers: Option<Peers>,
    lines: HashMap<LinkId, Line>,
    /// Links with frames that were queued and not written.
    waiting: Vec<LinkId>,
}

impl Lines {
    /// `peers` is `None` for a server alone.
    pub(super) fn new(peers: Option<Peers>) -> Self {
        Self {
            peers,
            lines: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, link: LinkId, line: Line) {
        self.lines.insert(link, line);
    }

    pub(super) fn remove(&mut self, link: LinkId) {
        self.lines.remove(&link);
    }

    /// Queues a frame; it goes with the next [`Self::flush`]. One for a link that is over is lost with it.
    pub(super) fn send(&mut self, link: LinkId, frame: Bytes) {
        if let Some(Line::Out(outgoing)) = self.lines.get(&link) {
            outgoing.push(frame);
            if !self.waiting.contains(&link) {
                self.waiting.push(link);
            }
        }
    }

    pub(super) fn flush(&mut self) {
        for link in mem::take(&mut self.waiting) {
            if let Some(Line::Out(outgoing)) = self.lines.get(&link) {
                outgoing.flush();
            }
        }
    }

    pub(super) fn cut(&self, link: LinkId, reason: &str) {
        if let Some(line) = self.lines.get(&link) {
            line.cut(reason);
        }
    }

    pub(super) fn reach(&mut self, wanted: Vec<PeerAddresses>) {
        let places = |wanted: PeerAddresses| {
            let places = wanted.addresses.into_iter().map(|address| PeerAddress {
                host: address.host,
                port: address.quorum_port,
            });
            (wanted.peer, places.collect())
        };
        if let Some(peers) = &mut self.peers {
            peers.reach(wanted.into_iter().map(places).collect());
        }
    }

    pub(super) fn be(&self, identity: Identity) {
        if let Some(peers) = &self.peers {
            peers.be(identity);
        }
    }

    pub(super) fn use_snapshots(&self, store: SnapshotStore<RealDisk>) {
        if let Some(peers) = &self.peers {
            peers.use_snapshots(store);
        }
    }

    pub(super) fn send_snapshot(&self, node: NodeId, index: LogIndex, message: Bytes) {
        if let Some(peers) = &self.peers {
            peers.send_snapshot(node, index, message);
        }
    }

    pub(super) fn stop(&mut self) {
        self.lines.clear();
        if let Some(peers) = self.peers.take() {
            peers.stop();
        }
    }
}
