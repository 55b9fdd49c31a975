//! Who leads, and when.

use zoa_raft::RaftEvent;
use zoa_raft::Refusal;

use crate::cluster::Cluster;

#[test]
fn three_servers_elect_one_leader_and_agree_on_it() {
    for seed in 0..20 {
        let mut cluster = Cluster::new(3, seed);
        let leader = cluster.elect();
        cluster.run(2);
        for id in 1..=3 {
            assert_eq!(
                cluster.server(id).leader,
                Some(leader),
                "server {id}, seed {seed}"
            );
        }
    }
}

#[test]
fn a_dead_leader_is_replaced_and_comes_back_as_a_follower() {
    let mut cluster = Cluster::new(3, 7);
    let old = cluster.elect();
    cluster.propose(old, &["before"]);
    cluster.settle();
    cluster.crash(old);
    let new = cluster.elect();
    assert_ne!(new, old);
    cluster.propose(new, &["after"]);
    cluster.settle();
    cluster.start(old);
    cluster.run(5);
    assert_eq!(
        cluster.leader(),
        Some(new),
        "a server that comes back disturbs nobody"
    );
    assert_eq!(cluster.applied(old), ["before", "after"]);
}

// Goal: when the leader's sockets die, nobody waits for a whole timeout. Method: count ticks.
#[test]
fn a_leader_known_to_be_gone_is_replaced_within_a_few_ticks() {
    for seed in 0..20 {
        let mut cluster = Cluster::new(3, seed);
        let old = cluster.elect();
        cluster.run(3);
        cluster.crash(old);
        for id in (1..=3).filter(|id| *id != old) {
            cluster.event(id, RaftEvent::PeerLost { peer: old });
            assert_eq!(cluster.server(id).leader, None);
        }
        // Shorter than the shortest timeout (10), also when the first try splits the votes.
        cluster.run(8);
        assert!(cluster.leader().is_some(), "seed {seed}");
    }
}

#[test]
fn a_server_without_a_quorum_does_not_lead_and_raises_no_term() {
    let mut cluster = Cluster::new(3, 3);
    cluster.crash(2);
    cluster.crash(3);
    cluster.run(100);
    assert_eq!(cluster.leaders.len(), 0);
    assert_eq!(cluster.server(1).disk.hard_state.term, 0, "pre-vote");
}

#[test]
fn a_leader_cut_off_from_its_followers_steps_down() {
    let mut cluster = Cluster::new(3, 3);
    let leader = cluster.elect();
    (1..=3)
        .filter(|id| *id != leader)
        .for_each(|id| cluster.crash(id));
    cluster.run(25);
    assert_eq!(cluster.server(leader).leader, None, "check-quorum");
}

#[test]
fn only_the_leader_takes_proposals() {
    let mut cluster = Cluster::new(3, 1);
    cluster.propose(1, &["early"]);
    let leader = cluster.elect();
    let follower = 1 + leader % 3;
    cluster.run(2);
    cluster.propose(follower, &["astray"]);
    let reasons: Vec<Refusal> = [1, follower]
        .iter()
        .map(|id| cluster.server(*id).refused.remove(0).0)
        .collect();
    assert_eq!(reasons, [Refusal::NotLeader, Refusal::NotLeader]);
    cluster.run(5);
    assert!(
        cluster.history.is_empty(),
        "what was refused is never seen: no forwarding"
    );
}

#[test]
fn a_new_leader_is_established_after_it_has_handed_out_what_came_before() {
    let mut cluster = Cluster::new(3, 5);
    let old = cluster.elect();
    cluster.propose(old, &["a", "b"]);
    cluster.settle();
    cluster.crash(old);
    let new = cluster.elect();
    cluster.settle();
    assert_eq!(cluster.server(new).established.len(), 1);
    assert_eq!(cluster.applied(new), ["a", "b"]);
}
