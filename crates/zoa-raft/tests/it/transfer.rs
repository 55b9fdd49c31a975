//! The leadership is given away, and nothing is lost by it.

use zoa_raft::MemberChange::AddLearner;
use zoa_raft::PeerFault;
use zoa_raft::RaftEvent;
use zoa_raft::Refusal;

use crate::cluster::Cluster;

fn followers(leader: u64) -> Vec<u64> {
    (1..=3).filter(|id| *id != leader).collect()
}

fn transferring(cluster: &mut Cluster, id: u64) -> Option<u64> {
    let raft = cluster.server(id).raft.as_ref().expect("it is up");
    raft.transferring()
}

#[test]
fn a_follower_that_has_everything_takes_over_at_once() {
    let mut cluster = Cluster::founded(3, 1);
    let old = cluster.elect();
    cluster.propose(old, &["a"]);
    cluster.run(2);
    let to = followers(old)[0];
    cluster.event(old, RaftEvent::TransferLeader { to });
    assert_eq!(transferring(&mut cluster, old), Some(to));
    // No tick passes: the lease of the old leader does not stand in the way.
    cluster.settle();
    assert_eq!(cluster.leader(), Some(to));
    assert_eq!(cluster.server(old).leader, Some(to));
    cluster.propose(to, &["b"]);
    cluster.run(2);
    assert_eq!(cluster.applied(old), ["a", "b"]);
}

#[test]
fn a_follower_that_lags_catches_up_first() {
    let mut cluster = Cluster::founded(3, 1);
    let old = cluster.elect();
    cluster.run(2);
    let to = followers(old)[0];
    cluster.propose(old, &["a", "b"]);
    cluster.event(old, RaftEvent::TransferLeader { to });
    cluster.settle();
    assert_eq!(cluster.leader(), Some(to));
    cluster.run(2);
    assert_eq!(cluster.applied(to), ["a", "b"]);
}

#[test]
fn proposals_are_refused_meanwhile_and_taken_again_when_it_fails() {
    let mut cluster = Cluster::founded(3, 1);
    let leader = cluster.elect();
    cluster.run(2);
    let to = followers(leader)[0];
    cluster.crash(to);
    cluster.event(leader, RaftEvent::TransferLeader { to });
    cluster.propose(leader, &["a"]);
    cluster.change(leader, &[AddLearner(9)], "");
    let reasons: Vec<Refusal> = cluster
        .server(leader)
        .refused
        .iter()
        .map(|(reason, _)| *reason)
        .collect();
    assert_eq!(reasons, [Refusal::Transferring, Refusal::Transferring]);
    cluster.run(12);
    assert_eq!(
        transferring(&mut cluster, leader),
        None,
        "one election timeout"
    );
    cluster.propose(leader, &["b"]);
    cluster.run(2);
    assert_eq!(cluster.applied(leader), ["b"]);
}

#[test]
fn only_a_voter_is_given_the_leadership_and_only_by_the_leader() {
    let mut cluster = Cluster::with_learners(3, 1, 1);
    let leader = cluster.elect();
    cluster.run(2);
    for to in [4, 5, leader] {
        cluster.event(leader, RaftEvent::TransferLeader { to });
        assert_eq!(transferring(&mut cluster, leader), None);
    }
    let [one, two] = followers(leader)[..] else {
        panic!("three servers")
    };
    cluster.event(one, RaftEvent::TransferLeader { to: one });
    cluster.settle();
    assert_eq!(cluster.leader(), Some(leader));
    // A member that does not lead tells another to take over.
    let term = cluster.server(one).disk.hard_state.term;
    let ids: Vec<u8> = [two, one, term]
        .iter()
        .flat_map(|n| n.to_be_bytes())
        .collect();
    cluster.event(one, RaftEvent::Peer([&[1, 10][..], &ids].concat().into()));
    assert_eq!(
        cluster.server(one).faults,
        [PeerFault::TakeOverFromNoLeader]
    );
    cluster.settle();
    assert_eq!(cluster.leader(), Some(leader));
}
