//! Followers that were away for long: entries from the log, and snapshots.

use bytes::Bytes;
use zoa_raft::RaftEvent;
use zoa_raft::limits;

use crate::cluster::Cluster;

fn with_an_absent_follower(seed: u64) -> (Cluster, u64, u64) {
    let mut cluster = Cluster::new(3, seed);
    let leader = cluster.elect();
    cluster.run(2);
    let absent = 1 + leader % 3;
    cluster.crash(absent);
    (cluster, leader, absent)
}

// Goal: TAIL_ENTRIES_MAX. Method: commit more than that while a follower is away; what it misses is
// then no longer in memory.
#[test]
fn entries_that_left_the_memory_are_read_from_the_log() {
    let (mut cluster, leader, absent) = with_an_absent_follower(1);
    let batch = vec![Bytes::from_static(b"x"); 1 << 12];
    let batches = (limits::TAIL_ENTRIES_MAX >> 12) + 2;
    for _ in 0..batches {
        cluster.event(leader, RaftEvent::Propose(batch.clone()));
        cluster.settle();
    }
    cluster.start(absent);
    cluster.run(10);
    assert!(!cluster.server(leader).log_reads.is_empty());
    assert_eq!(cluster.applied(absent).len(), cluster.applied(leader).len());
    let behind = cluster.server(leader).log_reads.len();
    cluster.propose(leader, &["y"]);
    cluster.run(3);
    assert_eq!(
        cluster.server(leader).log_reads.len(),
        behind,
        "it has caught up with the memory"
    );
}

// Goal: TAIL_BYTES_MAX, in the same way.
#[test]
fn large_entries_leave_the_memory_sooner() {
    let (mut cluster, leader, absent) = with_an_absent_follower(1);
    let data = Bytes::from(vec![1; 1 << 20]);
    for _ in 0..=(limits::TAIL_BYTES_MAX >> 20) {
        cluster.event(leader, RaftEvent::Propose(vec![data.clone()]));
        cluster.settle();
    }
    cluster.start(absent);
    cluster.run(40);
    assert!(!cluster.server(leader).log_reads.is_empty());
    assert_eq!(cluster.applied(absent).len(), cluster.applied(leader).len());
}

#[test]
fn a_restarted_leader_feeds_a_follower_from_its_log() {
    let (mut cluster, leader, absent) = with_an_absent_follower(3);
    for data in ["a", "b", "c", "d"] {
        cluster.propose(leader, &[data]);
        cluster.settle();
    }
    (1..=3).for_each(|id| cluster.crash(id));
    (1..=3).for_each(|id| cluster.start(id));
    cluster.elect();
    cluster.run(5);
    assert_eq!(cluster.applied(absent), ["a", "b", "c", "d"]);
    let reads: usize = (1..=3).map(|id| cluster.server(id).log_reads.len()).sum();
    assert!(reads > 0);
}

#[test]
fn a_follower_behind_the_log_gets_a_snapshot_and_then_entries() {
    let (mut cluster, leader, absent) = with_an_absent_follower(4);
    for data in ["a", "b", "c"] {
        cluster.propose(leader, &[data]);
        cluster.settle();
    }
    cluster.snapshot(leader, 0);
    cluster.propose(leader, &["d"]);
    cluster.settle();
    cluster.start(absent);
    cluster.run(10);
    assert_eq!(cluster.applied(absent), ["a", "b", "c", "d"]);
    assert!(
        cluster.server(absent).disk.snapshot.index.0 > 0,
        "it came as a snapshot"
    );
    cluster.crash(absent);
    cluster.start(absent);
    cluster.propose(leader, &["e"]);
    cluster.run(5);
    assert_eq!(cluster.applied(absent), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_snapshot_that_got_lost_is_offered_again() {
    let (mut cluster, leader, absent) = with_an_absent_follower(4);
    cluster.propose(leader, &["a"]);
    cluster.settle();
    cluster.snapshot(leader, 0);
    cluster.start(absent);
    let mut lost = 0;
    for _ in 0..20 {
        cluster.tick_all();
        while let Some(at) = cluster
            .network
            .iter()
            .position(|packet| packet.snapshot.is_some())
        {
            if lost == 2 {
                break;
            }
            lost += 1;
            let packet = cluster.network.remove(at);
            cluster.lose(packet);
        }
        if !cluster.network.is_empty() {
            cluster.deliver(0);
        }
        (1..=3).for_each(|id| cluster.sync(id, usize::MAX));
    }
    cluster.run(10);
    assert_eq!(lost, 2);
    assert_eq!(cluster.applied(absent), ["a"]);
}

// Goal: nothing is asked for in a loop when the log no longer has it.
#[test]
fn an_empty_answer_from_the_log_is_not_repeated_at_once() {
    let (mut cluster, leader, absent) = with_an_absent_follower(3);
    for data in ["a", "b", "c", "d"] {
        cluster.propose(leader, &[data]);
        cluster.settle();
    }
    let others: Vec<u64> = (1..=3).filter(|id| *id != absent).collect();
    for id in others {
        cluster.crash(id);
        cluster.start(id);
        cluster.server(id).answers_log_reads = false;
    }
    let leader = cluster.elect();
    cluster.start(absent);
    cluster.run(3);
    let asked = cluster.server(leader).log_reads.clone();
    let [low] = asked[..] else {
        panic!("asked once: {asked:?}")
    };
    cluster.event(
        leader,
        RaftEvent::LogRead {
            low,
            entries: Vec::new(),
        },
    );
    assert_eq!(cluster.server(leader).log_reads, [low], "not at once");
    cluster.server(leader).answers_log_reads = true;
    cluster.run(5);
    assert!(
        cluster.server(leader).log_reads.len() > 1,
        "but with a heartbeat"
    );
    assert_eq!(cluster.applied(absent), ["a", "b", "c", "d"]);
}
