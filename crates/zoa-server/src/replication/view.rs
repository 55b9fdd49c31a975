//! How the ensemble is, for those who look: `mntr` and tests.
//!
//! What it is not: a part of any decision. Invariant: nobody who looks keeps the replication waiting longer than a copy of some numbers
//! takes.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use zoa_core::EnsembleGauges;
use zoa_ensemble::PeerStatus;
use zoa_ensemble::Role;

/// See the module.
#[derive(Debug, Default)]
pub struct EnsembleView {
    is_ensemble: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    peers: Vec<PeerStatus>,
    /// Whether this server's own vote counts.
    is_observer: bool,
    leads_since_ms: Option<u64>,
    now_ms: u64,
}

impl EnsembleView {
    /// This server has peers.
    pub(crate) fn is_one_of_several(&self) {
        self.is_ensemble.store(true, Ordering::Relaxed);
    }

    /// Whether this server has peers at all.
    pub(crate) fn is_ensemble(&self) -> bool {
        self.is_ensemble.load(Ordering::Relaxed)
    }

    pub(super) fn be(&self, role: Role, now_ms: u64) {
        let mut seen = self.seen.lock();
        seen.is_observer = role == Role::Observer;
        let since_ms = seen.leads_since_ms.unwrap_or(now_ms);
        seen.leads_since_ms = (role == Role::Leader).then_some(since_ms);
    }

    pub(super) fn show(&self, peers: Vec<PeerStatus>, now_ms: u64) {
        let mut seen = self.seen.lock();
        (seen.peers, seen.now_ms) = (peers, now_ms);
    }

    /// How the peers do.
    pub fn peers(&self) -> Vec<PeerStatus> {
        self.seen.lock().peers.clone()
    }

    /// For `mntr`; `None` for a server alone.
    pub fn gauges(&self) -> Option<EnsembleGauges> {
        self.is_ensemble().then(|| self.seen.lock().gauges())
    }
}

impl Seen {
    fn gauges(&self) -> EnsembleGauges {
        let count = |counts: &dyn Fn(&PeerStatus) -> bool| {
            self.peers.iter().filter(|peer| counts(peer)).count() as u64
        };
        let is_synced =
            |peer: &PeerStatus| peer.is_connected && peer.matched.is_some() && !peer.takes_snapshot;
        EnsembleGauges {
            quorum_size: count(&|peer| peer.votes) + u64::from(!self.is_observer),
            learners: count(&|peer| peer.is_connected),
            synced_followers: count(&|peer| peer.votes && is_synced(peer)),
            synced_non_voting_followers: count(&|peer| {
                !peer.votes && !peer.is_observer && is_synced(peer)
            }),
            synced_observers: count(&|peer| !peer.votes && peer.is_observer && is_synced(peer)),
            pending_syncs: 0,
            leader_uptime_ms: self
                .leads_since_ms
                .map_or(0, |since_ms| self.now_ms.saturating_sub(since_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use zoa_ensemble::NodeId;
    use zoa_log::LogIndex;
    use zoa_proto::PeerId;

    use super::*;

    fn peer(id: u8, votes: bool, matched: Option<u64>) -> PeerStatus {
        PeerStatus {
            peer: PeerId(id),
            node: NodeId::founding(PeerId(id)),
            is_connected: matched.is_some(),
            votes,
            is_observer: false,
            matched: matched.map(LogIndex),
            takes_snapshot: false,
        }
    }

    #[test]
    fn a_leader_counts_itself_to_the_quorum_and_not_to_its_followers() {
        let view = EnsembleView::default();
        assert_eq!(view.gauges(), None, "a server alone has no ensemble");
        view.is_one_of_several();
        view.be(Role::Leader, 1_000);
        view.show(
            vec![
                peer(2, true, Some(5)),
                peer(3, true, None),
                peer(4, false, Some(5)),
                PeerStatus {
                    is_observer: true,
                    ..peer(5, false, Some(5))
                },
                PeerStatus {
                    is_observer: true,
                    ..peer(6, false, None)
                },
            ],
            3_500,
        );
        let gauges = view.gauges().expect("it has peers");
        assert_eq!((gauges.quorum_size, gauges.learners), (3, 3));
        assert_eq!(gauges.synced_followers, 1);
        assert_eq!(gauges.synced_non_voting_followers, 1);
        assert_eq!(gauges.synced_observers, 1);
        assert_eq!(gauges.leader_uptime_ms, 2_500);
        view.be(Role::Follower, 4_000);
        assert_eq!(view.gauges().expect("it has peers").leader_uptime_ms, 0);
    }
}
