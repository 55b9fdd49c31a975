//! What the replication thread is told, and the handle by which the others tell it.
//!
//! Invariant: nobody who proposes or brings news waits; both are taken in the order in which they came.

use std::sync::Arc;
#[cfg(test)]
use std::time::Duration;

use bytes::Bytes;
use zoa_core::Proposals;
use zoa_log::LogIndex;
use zoa_log::LogOutput;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_tree::MemberLines;
use zoa_tree::Touch;
use zoa_tree::Tree;

use crate::inbox::Inbox;
use crate::peers::PeerEvent;

/// Takes proposals and news; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proposer(pub(super) Arc<Inbox<Input>>);

impl Proposer {
    pub(crate) fn propose(&self, mut proposals: Proposals) {
        self.0.push(Input::Propose {
            round: proposals.round(),
            proposals: proposals.take(),
        });
    }

    /// All that was proposed, for tests that are the replication themselves.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<Bytes> {
        let mut inputs = Vec::new();
        self.0.drain(&mut inputs, Some(Duration::ZERO));
        let proposed = |input| match input {
            Input::Propose { proposals, .. } => proposals,
            _ => Vec::new(),
        };
        inputs.into_iter().flat_map(proposed).collect()
    }

    /// Sessions that spoke to this server since this was last told, as of this time of the monotonic clock.
    pub(crate) fn touched(&self, now_ms: u64, touches: Vec<Touch>) {
        self.0.push(Input::Touched { now_ms, touches });
    }

    /// A snapshot of everything up to here is durable: the log may be cut.
    pub(crate) fn snapshot_taken(&self, position: LogPosition, members: Members) {
        self.0.push(Input::SnapshotTaken { position, members });
    }

    /// A snapshot of a peer is durable and loaded.
    pub(crate) fn snapshot_arrived(&self, arrived: Arrived) {
        self.0.push(Input::Arrived(arrived));
    }

    /// News of the links to peers.
    pub(crate) fn heard(&self, event: PeerEvent) {
        self.0.push(Input::Peer(event));
    }

    /// Leadership is to be given away; `done` is called when it is not held any more.
    pub(crate) fn hand_over(&self, done: impl FnOnce() + Send + 'static) {
        self.0.push(Input::Handover(Box::new(done)));
    }

    /// Nothing more is proposed: the threads end once what is queued has been dealt with.
    pub(crate) fn stop(&self) {
        self.0.push(Input::Stop);
    }
}

/// Something to be done once.
pub(super) type Call = Box<dyn FnOnce() + Send>;

/// A peer's snapshot, durable and loaded.
pub(crate) struct Arrived {
    pub(crate) position: LogPosition,
    pub(crate) message: Bytes,
    pub(crate) tree: Box<Tree>,
}

/// What the replication thread is told.
pub(super) enum Input {
    /// Of this server's clients.
    Propose {
        round: u64,
        proposals: Vec<Bytes>,
    },
    Touched {
        now_ms: u64,
        touches: Vec<Touch>,
    },
    Peer(PeerEvent),
    /// What a log with a thread of its own has done.
    Log(Vec<LogOutput>),
    SnapshotTaken {
        position: LogPosition,
        members: Members,
    },
    Arrived(Arrived),
    /// What the tree says to a change of members.
    Decided {
        index: LogIndex,
        accepted: bool,
    },
    MemberLines(MemberLines),
    /// By which rules the tree applies transactions.
    Semantics(u32),
    Handover(Call),
    Stop,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Input")
    }
}
