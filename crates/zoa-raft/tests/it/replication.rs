//! Entries reach a quorum's disks, and are committed then and not before.

use bytes::BufMut;
use bytes::Bytes;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::PeerFault;
use zoa_raft::RaftEvent;
use zoa_raft::limits;

use crate::cluster::Cluster;

fn followers(leader: u64) -> Vec<u64> {
    (1..=3).filter(|id| *id != leader).collect()
}

#[test]
fn every_server_applies_the_same_entries() {
    let mut cluster = Cluster::new(3, 2);
    let leader = cluster.elect();
    cluster.propose(leader, &["a", "b"]);
    cluster.propose(leader, &["c"]);
    cluster.run(3);
    for id in 1..=3 {
        assert_eq!(cluster.applied(id), ["a", "b", "c"]);
    }
}

// Goal: entries count once they are synced on a quorum, the leader's own disk being one of three.
#[test]
fn a_slow_leader_disk_does_not_hold_up_a_quorum_of_followers() {
    let mut cluster = Cluster::new(3, 2);
    let leader = cluster.elect();
    cluster.run(2);
    cluster.propose(leader, &["a"]);
    let deliver_all = |cluster: &mut Cluster| {
        while !cluster.network.is_empty() {
            cluster.deliver(0);
        }
    };
    deliver_all(&mut cluster);
    assert!(cluster.history.is_empty(), "synced nowhere");
    for id in followers(leader) {
        cluster.sync(id, usize::MAX);
    }
    deliver_all(&mut cluster);
    let [one, _] = followers(leader)[..] else {
        panic!("three servers")
    };
    assert_eq!(cluster.applied(one), ["a"], "a quorum has it");
    assert_eq!(
        cluster.applied(leader),
        [""; 0],
        "the leader hands out what it has synced itself"
    );
    cluster.sync(leader, usize::MAX);
    assert_eq!(cluster.applied(leader), ["a"]);
}

// Goal: an append that comes again while its entries are being synced is not acknowledged early.
// Method: the disk checks each message; here only one answer may come, after the sync.
#[test]
fn a_repeated_append_is_acknowledged_after_the_sync_only() {
    let mut cluster = Cluster::new(3, 2);
    let leader = cluster.elect();
    cluster.run(2);
    let [follower, other] = followers(leader)[..] else {
        panic!("three servers")
    };
    cluster.crash(other);
    cluster.propose(leader, &["a"]);
    let append = cluster
        .network
        .iter()
        .position(|packet| packet.to == follower);
    let append = cluster
        .network
        .remove(append.expect("the append is on its way"));
    cluster.network.clear();
    for _ in 0..3 {
        cluster.event(follower, RaftEvent::Peer(append.message.clone()));
    }
    assert_eq!(
        cluster.network.len(),
        0,
        "nothing is synced, nothing is said"
    );
    cluster.sync(follower, usize::MAX);
    assert_eq!(cluster.network.len(), 3, "now every one is answered");
}

#[test]
fn entries_that_only_a_dead_leader_had_are_replaced() {
    let mut cluster = Cluster::new(3, 4);
    let old = cluster.elect();
    cluster.run(2);
    cluster.propose(old, &["never seen by others"]);
    cluster.sync(old, usize::MAX);
    cluster.crash(old);
    cluster.network.clear();
    let new = cluster.elect();
    cluster.propose(new, &["agreed"]);
    cluster.settle();
    cluster.start(old);
    cluster.run(5);
    for id in 1..=3 {
        assert_eq!(cluster.applied(id), ["agreed"]);
    }
}

#[test]
fn everything_acknowledged_survives_the_crash_of_all() {
    let mut cluster = Cluster::new(3, 4);
    for round in 0..5 {
        let leader = cluster.elect();
        let data = format!("{round}");
        cluster.propose(leader, &[&data]);
        cluster.settle();
        (1..=3).for_each(|id| cluster.crash(id));
        (1..=3).for_each(|id| cluster.start(id));
    }
    cluster.elect();
    cluster.run(3);
    for id in 1..=3 {
        assert_eq!(cluster.applied(id), ["0", "1", "2", "3", "4"]);
    }
}

// Goal: a server whose disk was wiped under its old id is found out, and does not panic. (That it
// must not vote either is the founding's business, not this crate's.)
#[test]
fn a_heartbeat_for_entries_that_are_gone_is_refused() {
    let mut cluster = Cluster::new(3, 2);
    let leader = cluster.elect();
    cluster.propose(leader, &["a"]);
    cluster.run(3);
    let [wiped, _] = followers(leader)[..] else {
        panic!("three servers")
    };
    cluster.crash(wiped);
    cluster.server(wiped).disk = crate::checked_disk::CheckedDisk::founded(
        LogPosition::default(),
        Members::of_voters(1..=3),
    );
    cluster.start(wiped);
    cluster.run(3);
    assert!(
        cluster
            .server(wiped)
            .faults
            .contains(&PeerFault::CommitBeyondLog)
    );
}

#[test]
fn damaged_and_misdirected_messages_are_refused() {
    let mut cluster = Cluster::new(3, 2);
    let leader = cluster.elect();
    cluster.propose(leader, &["a"]);
    let packet = cluster.network.first().expect("an append").clone();
    let (to, other) = (
        packet.to,
        followers(leader).into_iter().find(|id| *id != packet.to),
    );
    cluster.event(
        other.expect("three servers"),
        RaftEvent::Peer(packet.message.clone()),
    );
    cluster.event(to, RaftEvent::Peer(packet.message.slice(..5)));
    assert_eq!(
        cluster.server(other.unwrap_or(0)).faults,
        [PeerFault::Misdirected]
    );
    assert_eq!(cluster.server(to).faults, [PeerFault::Truncated]);
}

// Goal: a sole voter leads before its vote is durable; nobody may hear of the term until it is, or
// a crash would let it lead the same term twice. Method: the disk checks each message.
#[test]
fn a_sole_voter_speaks_to_its_learners_after_its_vote_is_durable() {
    let mut cluster = Cluster::with_learners(1, 2, 6);
    assert_eq!(cluster.server(1).leader, Some(1));
    cluster.propose(1, &["a"]);
    for _ in 0..4 {
        cluster.event(1, RaftEvent::Tick);
    }
    assert_eq!(cluster.network.len(), 0, "not even a heartbeat");
    cluster.run(3);
    for id in 1..=3 {
        assert_eq!(cluster.applied(id), ["a"]);
    }
}

#[test]
fn a_sole_voter_refuses_terms_that_nobody_won() {
    let mut cluster = Cluster::with_learners(1, 1, 6);
    cluster.run(1);
    let ids = [
        0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9,
    ];
    let heartbeat = [&[1, 7][..], &ids, &[0; 8]].concat();
    cluster.event(1, RaftEvent::Peer(heartbeat.into()));
    assert_eq!(cluster.server(1).faults, [PeerFault::TermNobodyWon]);
    assert_eq!(cluster.server(1).leader, Some(1));
}

// Goal: APPEND_BYTES_MAX. Method: a follower that missed entries of nearly half that size each.
#[test]
fn appends_are_cut_where_they_grow_too_large() {
    let mut cluster = Cluster::new(3, 2);
    let leader = cluster.elect();
    cluster.run(2);
    let [absent, _] = followers(leader)[..] else {
        panic!("three servers")
    };
    cluster.crash(absent);
    let max = usize::try_from(limits::APPEND_BYTES_MAX).expect("it fits in memory");
    let data = Bytes::from(vec![1; max / 2 - 1000]);
    let large = Bytes::from(vec![1; 2 * max]);
    for data in [&data, &data, &data, &data, &data, &large, &data] {
        cluster.event(leader, RaftEvent::Propose(vec![data.clone()]));
        cluster.settle();
    }
    cluster.start(absent);
    let mut sizes = Vec::new();
    for _ in 0..30 {
        let lens = cluster.network.iter().filter(|packet| packet.to == absent);
        sizes.extend(lens.map(|packet| packet.message.len()));
        cluster.run_one_hop();
    }
    assert_eq!(cluster.applied(absent).len(), 7);
    let alone = large.len()..large.len() + 100;
    assert!(
        sizes.iter().any(|len| *len > 2 * data.len()),
        "several in one message"
    );
    assert!(
        sizes.iter().all(|len| *len <= max || alone.contains(len)),
        "{sizes:?}"
    );
}

// Goal: APPENDS_IN_FLIGHT_MAX. Method: a network that delivers nothing.
#[test]
fn a_follower_that_does_not_answer_is_sent_a_bounded_number_of_appends() {
    let mut cluster = Cluster::new(3, 2);
    let leader = cluster.elect();
    cluster.run(2);
    for _ in 0..2 * limits::APPENDS_IN_FLIGHT_MAX {
        cluster.propose(leader, &["x"]);
    }
    for follower in followers(leader) {
        let sent = cluster
            .network
            .iter()
            .filter(|packet| packet.to == follower)
            .count();
        assert_eq!(sent, limits::APPENDS_IN_FLIGHT_MAX);
    }
    cluster.run(3);
    assert_eq!(
        cluster.applied(1).len(),
        2 * limits::APPENDS_IN_FLIGHT_MAX,
        "no more is lost"
    );
}

// Goal: what was acknowledged in an earlier term may have been replaced since.
#[test]
fn an_acknowledgement_of_an_earlier_term_counts_for_nothing() {
    let mut cluster = Cluster::new(3, 9);
    let first = cluster.elect();
    cluster.crash(first);
    let leader = cluster.elect();
    cluster.settle();
    cluster.propose(leader, &["a"]);
    cluster.sync(leader, 1);
    cluster.network.clear();
    let follower = (1..=3).find(|id| *id != first && *id != leader);
    let ends = |cluster: &mut Cluster| {
        let raft = cluster.server(leader).raft.as_ref();
        let raft = raft.expect("it is up");
        (raft.commit(), raft.last_index(), raft.term())
    };
    let (commit, last, term) = ends(&mut cluster);
    assert!(commit < last);
    for (at, expected) in [(term - 1, commit), (term, last)] {
        let mut answer = vec![1, 2];
        let from = follower.expect("there are three");
        for field in [from, leader, at, last.0, at, commit.0] {
            answer.put_u64(field);
        }
        answer.put_u8(0);
        answer.put_u64(0);
        cluster.event(leader, RaftEvent::Peer(answer.into()));
        assert_eq!(ends(&mut cluster).0, expected);
    }
}
