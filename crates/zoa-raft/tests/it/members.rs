//! Changes of members (G-23), one step at a time.

use bytes::Bytes;
use zoa_log::LogIndex;
use zoa_raft::LogPosition;
use zoa_raft::MemberChange;
use zoa_raft::MemberChange::AddLearner;
use zoa_raft::MemberChange::AddVoter;
use zoa_raft::MemberChange::Remove;
use zoa_raft::Members;
use zoa_raft::PeerFault;
use zoa_raft::RaftEvent;
use zoa_raft::Refusal;
use zoa_raft::limits;

use crate::cluster::Cluster;

/// The ids of servers that came later: an incarnation and the number of the server.
const FOUR: u64 = (77 << 8) + 4;
const FIVE: u64 = (78 << 8) + 5;

fn members(cluster: &mut Cluster, id: u64) -> Members {
    let raft = cluster.server(id).raft.as_ref().expect("it is up");
    raft.members().clone()
}

fn check_voters(cluster: &mut Cluster, ids: &[u64]) {
    for id in ids {
        let found = members(cluster, *id);
        assert_eq!(found, Members::of_voters(ids.iter().copied()), "at {id}");
    }
}

fn others(leader: u64) -> Vec<u64> {
    (1..=3).filter(|id| *id != leader).collect()
}

/// Three servers that have agreed on something, a leader, and a learner that has caught up.
fn with_a_learner(seed: u64) -> (Cluster, u64) {
    let mut cluster = Cluster::founded(3, seed);
    let leader = cluster.elect();
    cluster.propose(leader, &["a"]);
    cluster.settle();
    cluster.join(FOUR);
    cluster.change(leader, &[AddLearner(FOUR)], "");
    cluster.run(10);
    assert_eq!(cluster.applied(FOUR), ["a"]);
    (cluster, leader)
}

#[test]
fn a_server_joins_with_an_empty_log_and_is_sent_a_snapshot() {
    let (mut cluster, leader) = with_a_learner(1);
    assert_eq!(cluster.server(leader).snapshots_wanted, 1);
    assert!(cluster.server(FOUR).disk.snapshot.index.0 > 1);
    assert_eq!(cluster.server(FOUR).faults, []);
    assert_eq!(members(&mut cluster, FOUR).learners, [FOUR]);
    cluster.propose(leader, &["b"]);
    cluster.run(3);
    cluster.crash(FOUR);
    cluster.start(FOUR);
    cluster.run(3);
    assert_eq!(cluster.applied(FOUR), ["a", "b"]);
}

// Goal: a log that begins at its very first entry, as that of a server that was always alone, is no
// place to join from either: who the first members are is in no entry.
#[test]
fn a_server_that_was_alone_sends_whoever_joins_a_snapshot() {
    let mut cluster = Cluster::new(1, 1);
    cluster.propose(1, &["a", "b"]);
    cluster.settle();
    for id in [FOUR, FIVE] {
        cluster.join(id);
        cluster.change(1, &[AddLearner(id)], "");
        cluster.run(10);
        assert!(cluster.server(id).disk.snapshot.index.0 > 0);
    }
    cluster.change(1, &[AddVoter(FOUR), AddVoter(FIVE)], "grown");
    cluster.run(10);
    check_voters(&mut cluster, &[1, FOUR, FIVE]);
    assert_eq!(cluster.applied(FIVE), ["a", "b", "grown"]);
    cluster.crash(1);
    let leader = cluster.elect();
    assert_ne!(leader, 1);
    cluster.start(1);
    cluster.run(5);
    check_voters(&mut cluster, &[1, FOUR, FIVE]);
}

#[test]
fn who_joins_gives_no_vote_and_wants_none_before_it_knows_the_members() {
    let mut cluster = Cluster::founded(3, 1);
    cluster.join(FOUR);
    for kind in [3, 5] {
        let head = [&[1, kind][..], &numbers(&[2, FOUR, 9])].concat();
        let vote = [&head[..], &numbers(&[5, 3, 0, 0]), &[0]].concat();
        cluster.event(FOUR, RaftEvent::Peer(vote.into()));
    }
    for _ in 0..100 {
        cluster.event(FOUR, RaftEvent::Tick);
    }
    assert!(cluster.network.iter().all(|packet| packet.from != FOUR));
    assert_eq!(cluster.server(FOUR).disk.queue.len(), 0, "nor a new term");
    let entry = [
        &numbers(&[0, 0, 0])[..],
        &[0, 0, 0, 1],
        &numbers(&[9]),
        &[1],
    ]
    .concat();
    let append = [&[1, 1][..], &numbers(&[2, FOUR, 9]), &entry, &[0; 4]].concat();
    cluster.event(FOUR, RaftEvent::Peer(append.into()));
    assert_eq!(cluster.server(FOUR).faults, [PeerFault::NoMembers]);
}

fn numbers(list: &[u64]) -> Vec<u8> {
    list.iter().flat_map(|n| n.to_be_bytes()).collect()
}

#[test]
fn a_voter_is_added_and_counts_and_is_removed_and_does_not() {
    let (mut cluster, leader) = with_a_learner(1);
    cluster.change(leader, &[AddVoter(FOUR)], "more");
    cluster.run(3);
    check_voters(&mut cluster, &[1, 2, 3, FOUR]);
    assert_eq!(cluster.applied(FOUR), ["a", "more"]);
    let [one, two] = others(leader)[..] else {
        panic!("three servers")
    };
    cluster.crash(one);
    cluster.crash(FOUR);
    cluster.propose(leader, &["two of four"]);
    cluster.settle();
    assert_eq!(cluster.applied(two), ["a", "more"], "no majority");
    cluster.start(FOUR);
    cluster.run(5);
    assert_eq!(cluster.applied(two), ["a", "more", "two of four"]);
    cluster.start(one);
    cluster.change(leader, &[Remove(one)], "less");
    cluster.run(5);
    let mut voters = [leader, two, FOUR];
    voters.sort_unstable();
    check_voters(&mut cluster, &voters);
    cluster.crash(one);
    cluster.crash(two);
    cluster.propose(leader, &["two of three"]);
    cluster.settle();
    assert!(cluster.applied(FOUR).contains(&"two of three".to_owned()));
}

// Goal: during a joint membership both majorities must agree. Method: the new one alone.
#[test]
fn a_joint_membership_needs_both_majorities_and_is_left_without_being_asked() {
    let (mut cluster, leader) = with_a_learner(2);
    cluster.join(FIVE);
    cluster.change(leader, &[AddLearner(FIVE)], "");
    cluster.run(10);
    let [one, two] = others(leader)[..] else {
        panic!("three servers")
    };
    let changes = [AddVoter(FOUR), AddVoter(FIVE), Remove(one), Remove(two)];
    cluster.change(leader, &changes, "swap");
    cluster.settle();
    check_voters(&mut cluster, &[leader, FOUR, FIVE]);
    let steps: Vec<bool> = cluster
        .memberships
        .values()
        .map(Members::is_joint)
        .collect();
    assert_eq!(steps, [false, false, false, true, false]);

    let (mut cluster, leader) = with_a_learner(2);
    let [one, two] = others(leader)[..] else {
        panic!("three servers")
    };
    cluster.change(leader, &[AddVoter(FOUR), Remove(one)], "swap");
    while cluster.memberships.len() == 2 {
        assert!(cluster.step(), "something moves");
    }
    assert!(members(&mut cluster, leader).is_joint());
    cluster.crash(one);
    cluster.crash(two);
    cluster.propose(leader, &["new majority"]);
    cluster.run(3);
    assert!(!cluster.applied(FOUR).contains(&"new majority".to_owned()));
    cluster.start(two);
    cluster.elect();
    cluster.run(5);
    let mut voters = [leader, two, FOUR];
    voters.sort_unstable();
    check_voters(&mut cluster, &voters);
}

/// Replaces one voter by another, and stops after so many steps of the network and the disks.
fn swap_until(steps: usize, seed: u64) -> (Cluster, u64, u64, bool) {
    let (mut cluster, leader) = with_a_learner(seed);
    let [one, _] = others(leader)[..] else {
        panic!("three servers")
    };
    cluster.change(leader, &[AddVoter(FOUR), Remove(one)], "swap");
    let moved = (0..steps).all(|_| cluster.step());
    (cluster, leader, one, moved)
}

// Goal: a joint change comes to its end, or to nothing, wherever a crash meets it. Method: after
// each step of the network and of a disk: the crash of each server in turn, of pairs, of all.
#[test]
fn a_crash_at_each_step_of_a_joint_change_leaves_one_truth() {
    let mut steps = 0;
    loop {
        let (_, leader, one, moved) = swap_until(steps, 1);
        if !moved {
            break;
        }
        let everyone = [1, 2, 3, FOUR];
        let groups: [&[u64]; 6] = [
            &[leader],
            &[one],
            &[FOUR],
            &[leader, FOUR],
            &[leader, one],
            &everyone,
        ];
        for group in groups {
            crash_and_go_on(swap_until(steps, 1).0, group, one);
        }
        steps += 1;
    }
    assert!(steps > 10, "{steps}");
}

fn crash_and_go_on(mut cluster: Cluster, group: &[u64], one: u64) {
    group.iter().for_each(|id| cluster.crash(*id));
    cluster.run(25);
    group.iter().for_each(|id| cluster.start(*id));
    cluster.run(10);
    let leader = cluster.elect();
    cluster.propose(leader, &["after"]);
    cluster.run(10);
    let changed = cluster.applied(leader).contains(&"swap".to_owned());
    let voters: Vec<u64> = [1, 2, 3, FOUR]
        .into_iter()
        .filter(|id| *id != if changed { one } else { FOUR })
        .collect();
    for id in voters.iter().copied() {
        assert!(cluster.applied(id).contains(&"after".to_owned()), "{id}");
        assert_eq!(members(&mut cluster, id).voters, voters, "{id}");
        assert!(!members(&mut cluster, id).is_joint());
    }
}

#[test]
fn a_change_that_is_refused_at_apply_is_void_on_every_server() {
    let (mut cluster, leader) = with_a_learner(1);
    let before = members(&mut cluster, leader);
    cluster.change(leader, &[AddVoter(FOUR), Remove(leader)], "void");
    cluster.propose(leader, &["b"]);
    cluster.run(3);
    for id in [1, 2, 3, FOUR] {
        assert_eq!(members(&mut cluster, id), before);
        assert_eq!(cluster.applied(id), ["a", "void", "b"]);
    }
    let seen = cluster.memberships.len();
    for id in [1, 2, 3, FOUR] {
        cluster.crash(id);
    }
    for id in [1, 2, 3, FOUR] {
        cluster.start(id);
        assert_eq!(members(&mut cluster, id), before, "nor after a replay");
    }
    assert_eq!(cluster.memberships.len(), seen);
    let leader = cluster.elect();
    cluster.run(2);
    cluster.change(leader, &[AddVoter(FOUR)], "again");
    cluster.run(3);
    check_voters(&mut cluster, &[1, 2, 3, FOUR]);
}

// Goal: nothing overtakes a change whose outcome is open. Method: a layer above that takes its time.
#[test]
fn nothing_behind_a_change_is_handed_out_before_it_is_decided() {
    let (mut cluster, leader) = with_a_learner(1);
    cluster.server(leader).decides = false;
    cluster.change(leader, &[AddVoter(FOUR)], "slow");
    cluster.propose(leader, &["b", "c"]);
    cluster.run(5);
    assert_eq!(cluster.applied(leader), ["a", "slow"]);
    assert_eq!(members(&mut cluster, leader).voters.len(), 3);
    let place = cluster.server(leader).undecided.expect("it waits").0;
    assert_eq!(cluster.server(leader).history.at(place), None);
    cluster.snapshot(leader, 0);
    assert!(cluster.server(leader).disk.snapshot.index < place);
    cluster.change(leader, &[Remove(FOUR)], "");
    assert_eq!(refusals(&mut cluster, leader), [Refusal::ChangeUnderWay]);
    cluster.decide(leader);
    assert_eq!(cluster.applied(leader), ["a", "slow", "b", "c"]);
    assert_eq!(members(&mut cluster, leader).voters.len(), 4);
}

fn refusals(cluster: &mut Cluster, id: u64) -> Vec<Refusal> {
    let refused = std::mem::take(&mut cluster.server(id).refused);
    refused.into_iter().map(|(reason, _)| reason).collect()
}

#[test]
fn one_change_at_a_time() {
    let (mut cluster, leader) = with_a_learner(1);
    cluster.change(
        leader,
        &[AddVoter(FOUR), Remove(others(leader)[0])],
        "first",
    );
    cluster.change(leader, &[AddVoter(FIVE)], "second");
    assert_eq!(
        cluster.server(leader).refused,
        [(Refusal::ChangeUnderWay, vec![Bytes::from_static(b"second")])]
    );
    while !members(&mut cluster, leader).is_joint() {
        assert!(cluster.step(), "something moves");
    }
    cluster.join(FIVE);
    cluster.change(leader, &[AddLearner(FIVE)], "");
    assert_eq!(cluster.server(leader).refused.len(), 2, "joint");
    cluster.settle();
    cluster.change(leader, &[AddLearner(FIVE)], "");
    cluster.settle();
    assert_eq!(members(&mut cluster, leader).learners, [FIVE]);
    assert!(!cluster.applied(leader).contains(&"second".to_owned()));
}

#[test]
fn changes_that_cannot_be_are_refused_by_the_leader_and_all_by_a_follower() {
    let mut cluster = Cluster::founded(3, 1);
    let leader = cluster.elect();
    cluster.propose(leader, &["a"]);
    cluster.run(2);
    let all: Vec<MemberChange> = (1..=3).map(Remove).collect();
    for changes in [&[][..], &[AddVoter(0)], &all] {
        cluster.change(leader, changes, "no");
        assert_eq!(refusals(&mut cluster, leader), [Refusal::ImpossibleChange]);
    }
    // A majority that needs whoever has nothing yet would be lost with the leader.
    cluster.join(FIVE);
    cluster.server(leader).takes_snapshots = false;
    cluster.change(leader, &[AddVoter(FIVE)], "too early");
    cluster.change(leader, &[AddLearner(FIVE)], "");
    cluster.run(10);
    cluster.change(leader, &[AddVoter(FIVE)], "still too early");
    let too_early = [Refusal::NotCaughtUp, Refusal::NotCaughtUp];
    assert_eq!(refusals(&mut cluster, leader), too_early);
    cluster.server(leader).takes_snapshots = true;
    let follower = others(leader)[0];
    cluster.change(follower, &[Remove(leader)], "");
    assert_eq!(refusals(&mut cluster, follower), [Refusal::NotLeader]);
    cluster.run(10);
    assert_eq!(cluster.applied(leader), ["a"]);
    cluster.change(leader, &[AddVoter(FIVE)], "now");
    assert_eq!(refusals(&mut cluster, leader), []);
}

#[test]
fn a_wiped_server_takes_its_own_place_under_a_new_id() {
    let mut cluster = Cluster::founded(3, 3);
    let leader = cluster.elect();
    cluster.propose(leader, &["a"]);
    cluster.settle();
    let old = others(leader)[0];
    let new = (99 << 8) + old;
    cluster.crash(old);
    cluster.join(new);
    cluster.change(leader, &[AddLearner(new)], "");
    cluster.run(10);
    let raft = cluster.server(leader).raft.as_ref().expect("it is up");
    let progress = raft.progress(new).expect("it is a member");
    assert_eq!(progress.matched, raft.last_index());
    assert!(progress.is_active && !progress.is_pending_snapshot);
    assert_eq!(raft.progress(old).map(|old| old.is_active), Some(false));
    cluster.change(leader, &[AddVoter(new), Remove(old)], "replaced");
    cluster.run(3);
    let other = others(leader)[1];
    let mut voters = [leader, other, new];
    voters.sort_unstable();
    check_voters(&mut cluster, &voters);
    cluster.crash(other);
    cluster.propose(leader, &["b"]);
    cluster.run(3);
    assert_eq!(cluster.applied(new), ["a", "replaced", "b"]);
}

// Goal: a leader that removes itself steps down once that is committed, and not before; the library would
// go on and panic at its next sync.
#[test]
fn a_leader_removes_itself() {
    for alone in [true, false] {
        let (mut cluster, leader) = with_a_learner(1);
        let changes: &[MemberChange] = match alone {
            true => &[Remove(leader)],
            false => &[AddVoter(FOUR), Remove(leader)],
        };
        cluster.propose(leader, &["with it"]);
        cluster.change(leader, changes, "bye");
        cluster.propose(leader, &["still"]);
        cluster.run(3);
        assert_eq!(cluster.server(leader).leader, None);
        assert!(!members(&mut cluster, leader).contains(leader));
        let next = cluster.elect();
        assert_ne!(next, leader);
        cluster.propose(next, &["b"]);
        cluster.run(5);
        for id in others(leader) {
            assert_eq!(cluster.applied(id), ["a", "with it", "bye", "still", "b"]);
        }
        let before = cluster.leaders.len();
        cluster.run(100);
        assert_eq!(cluster.leaders.len(), before, "it disturbs nobody");
    }
}

#[test]
fn a_leader_becomes_a_learner_and_follows() {
    let (mut cluster, leader) = with_a_learner(1);
    cluster.change(leader, &[AddVoter(FOUR), AddLearner(leader)], "rest");
    cluster.run(3);
    let next = cluster.elect();
    assert_ne!(next, leader);
    cluster.propose(next, &["b"]);
    cluster.run(3);
    assert_eq!(cluster.applied(leader), ["a", "rest", "b"]);
    assert_eq!(members(&mut cluster, next).learners, [leader]);
}

// Goal: who becomes the only voter wins its next election by itself, and must have its log on disk
// first. Method: a disk that does not sync while the old leader leaves.
#[test]
fn the_last_voter_left_waits_for_its_disk_before_it_leads() {
    let mut cluster = Cluster::founded(1, 1);
    cluster.settle();
    cluster.join(FOUR);
    cluster.change(1, &[AddLearner(FOUR)], "");
    cluster.run(10);
    assert_eq!(cluster.server(FOUR).disk.snapshot, LogPosition::FOUNDING);
    cluster.change(1, &[AddVoter(FOUR), Remove(1)], "bye");
    while !members(&mut cluster, 1).is_joint() {
        assert!(cluster.step(), "something moves");
    }
    cluster.propose(1, &["late"]);
    while members(&mut cluster, FOUR) != Members::of_voters([FOUR]) {
        cluster.sync(1, usize::MAX);
        if cluster.network.is_empty() {
            cluster.sync(FOUR, 1);
        } else {
            cluster.deliver(0);
        }
    }
    assert_eq!(cluster.server(FOUR).disk.queue.len(), 1, "late");
    cluster.crash(1);
    cluster.event(FOUR, RaftEvent::PeerLost { peer: 1 });
    for _ in 0..50 {
        cluster.event(FOUR, RaftEvent::Tick);
    }
    assert_eq!(cluster.server(FOUR).leader, None);
    cluster.run(3);
    assert_eq!(cluster.server(FOUR).leader, Some(FOUR));
    assert_eq!(cluster.applied(FOUR), ["bye", "late"]);
}

#[test]
fn an_old_leader_that_missed_a_change_follows_the_new_one() {
    let (mut cluster, old) = with_a_learner(1);
    let [one, two] = others(old)[..] else {
        panic!("three servers")
    };
    cluster.change(old, &[AddVoter(FOUR)], "seen by nobody");
    cluster.crash(old);
    cluster.network.clear();
    let new = cluster.elect();
    cluster.settle();
    cluster.change(new, &[AddVoter(FOUR), Remove(old)], "without it");
    cluster.run(3);
    let mut voters = [one, two, FOUR];
    voters.sort_unstable();
    check_voters(&mut cluster, &voters);
    cluster.start(old);
    let before = cluster.leaders.len();
    cluster.run(100);
    assert_eq!(cluster.leaders.len(), before, "nobody elects it");
    assert_eq!(cluster.server(old).leader, None);
    assert!(!cluster.applied(old).contains(&"seen by nobody".to_owned()));
    assert_eq!(cluster.applied(new), ["a", "without it"]);
}

#[test]
fn the_log_of_a_founded_ensemble_begins_behind_the_founding() {
    let mut cluster = Cluster::founded(3, 1);
    let leader = cluster.elect();
    cluster.propose(leader, &["a"]);
    cluster.run(2);
    let disk = &cluster.server(leader).disk;
    assert_eq!(
        disk.entries.first().map(|entry| entry.index),
        Some(LogIndex(2))
    );
    assert_eq!(disk.base, LogPosition::FOUNDING);
    assert!(disk.hard_state.term > LogPosition::FOUNDING.term);
    assert_eq!(cluster.server(leader).snapshots_wanted, 0);
    (1..=3).for_each(|id| cluster.crash(id));
    (1..=3).for_each(|id| cluster.start(id));
    cluster.elect();
    cluster.run(3);
    for id in 1..=3 {
        assert_eq!(cluster.applied(id), ["a"]);
    }
}

// Goal: a snapshot carries the members of its own place, not today's. Method: changes behind a
// snapshot, and a server that comes by way of it.
#[test]
fn a_snapshot_from_before_a_change_is_followed_by_the_change() {
    let (mut cluster, leader) = with_a_learner(1);
    cluster.change(leader, &[AddVoter(FOUR)], "");
    cluster.propose(leader, &["b"]);
    cluster.settle();
    cluster.snapshot(leader, 0);
    let behind = cluster.server(leader).disk.snapshot.index;
    let one = others(leader)[0];
    cluster.change(leader, &[Remove(one), AddLearner(FOUR)], "");
    cluster.settle();
    cluster.join(FIVE);
    cluster.change(leader, &[AddLearner(FIVE)], "");
    cluster.run(10);
    assert_eq!(cluster.server(FIVE).disk.snapshot.index, behind);
    let expected = members(&mut cluster, leader);
    assert_eq!(members(&mut cluster, FIVE), expected);
    assert_eq!(expected.learners, [FOUR, FIVE]);
    cluster.crash(FIVE);
    cluster.start(FIVE);
    assert_eq!(members(&mut cluster, FIVE), expected);
    assert_eq!(cluster.server(FIVE).faults, []);
}

// Goal: a change that has room without what stands before its data, and none with it, is refused and not dropped. Method: a disk that
// does not sync, and entries up to a few bytes below UNCOMMITTED_BYTES_MAX.
#[test]
fn a_change_is_as_long_as_its_entry() {
    let mut cluster = Cluster::new(1, 1);
    cluster.settle();
    let piece = Bytes::from(vec![1; 1 << 20]);
    let count = limits::UNCOMMITTED_BYTES_MAX >> 20;
    for number in 1..=count {
        let left_free = if number == count { 10 } else { 0 };
        let data = piece.slice(left_free..);
        cluster.event(1, RaftEvent::Propose(vec![data]));
    }
    let data = Bytes::from_static(b"12345678");
    let change = || RaftEvent::ChangeMembers {
        changes: vec![AddLearner(FOUR)],
        data: data.clone(),
    };
    cluster.event(1, change());
    assert_eq!(
        cluster.server(1).refused,
        [(Refusal::TooMuchUncommitted, vec![data.clone()])]
    );
    cluster.settle();
    cluster.event(1, change());
    assert_eq!(cluster.server(1).refused.len(), 1, "there is room again");
}
