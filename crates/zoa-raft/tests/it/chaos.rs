//! Everything goes wrong at random, and nothing that was committed is lost or changed.
//!
//! The checks stand in `cluster.rs` and `checked_disk.rs`: one leader a term, one truth an index, each
//! entry applied once and in order, no message ahead of the disk. Here is only the noise.

use bytes::Bytes;
use zoa_raft::MemberChange;
use zoa_raft::PeerFault;
use zoa_raft::RaftEvent;

use crate::cluster::Cluster;

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn below_len(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap_or(1).max(1))).unwrap_or(0)
    }
}

fn make_noise(cluster: &mut Cluster, dice: &mut Dice, size: u64, step: u64) {
    let id = 1 + dice.below(size);
    match dice.below(1000) {
        0..200 => cluster.event(id, RaftEvent::Tick),
        200..550 if !cluster.network.is_empty() => {
            let at = dice.below_len(cluster.network.len());
            cluster.deliver(at);
        }
        550..580 if !cluster.network.is_empty() => {
            let at = dice.below_len(cluster.network.len());
            let lost = cluster.network.remove(at);
            cluster.lose(lost);
        }
        580..610 if !cluster.network.is_empty() => {
            let at = dice.below_len(cluster.network.len());
            let twin = cluster.network.get(at).cloned();
            cluster
                .network
                .extend(twin.filter(|packet| packet.snapshot.is_none()));
        }
        610..800 => {
            let count = 1 + dice.below_len(4);
            cluster.sync(id, count);
        }
        800..970 => {
            let count = 1 + dice.below(3);
            let batch = (0..count)
                .map(|n| Bytes::from(format!("{step}.{n}")))
                .collect();
            cluster.event(id, RaftEvent::Propose(batch));
        }
        970..975 => {
            let peer = 1 + dice.below(size);
            cluster.event(id, RaftEvent::PeerLost { peer });
        }
        975..979 if cluster.is_up(id) => cluster.crash(id),
        979..990 if !cluster.is_up(id) => cluster.start(id),
        990..995 => {
            let keep = dice.below(5);
            cluster.snapshot(id, keep);
        }
        _ => {}
    }
}

/// Changes of members on top of all that: some void, some decided late, on whoever leads or thinks so.
fn make_changes(cluster: &mut Cluster, dice: &mut Dice, size: u64, step: u64) {
    let id = 1 + dice.below(size);
    match dice.below(100) {
        0..4 => {
            let one = |dice: &mut Dice| {
                let whom = 1 + dice.below(size);
                match dice.below(5) {
                    0 | 1 => MemberChange::AddVoter(whom),
                    2 | 3 => MemberChange::AddLearner(whom),
                    _ => MemberChange::Remove(whom),
                }
            };
            let changes: Vec<MemberChange> = (0..1 + dice.below(3)).map(|_| one(dice)).collect();
            let data = match dice.below(3) {
                0 => String::new(),
                1 => format!("void {step}"),
                _ => format!("change {step}"),
            };
            (1..=size).for_each(|id| cluster.change(id, &changes, &data));
        }
        4..6 => {
            let slow = dice.below(2) == 0;
            cluster.server(id).decides = !slow;
        }
        6..12 => cluster.decide(id),
        12..13 => {
            let to = 1 + dice.below(size);
            cluster.event(id, RaftEvent::TransferLeader { to });
        }
        _ => {}
    }
}

/// Three founders, and others that come with an empty disk and go, while everything goes wrong.
fn check_with_changes(size: u64, seed: u64) -> (usize, usize) {
    let mut cluster = Cluster::founded(3, seed);
    (4..=size).for_each(|id| cluster.join(id));
    let mut dice = Dice(seed);
    for step in 0..6000 {
        make_noise(&mut cluster, &mut dice, size, step);
        make_changes(&mut cluster, &mut dice, size, step);
    }
    for id in 1..=size {
        cluster.server(id).decides = true;
        if !cluster.is_up(id) {
            cluster.start(id);
        }
        cluster.decide(id);
    }
    let leader = (0..20).find_map(|_| {
        cluster.run(20);
        cluster.leader()
    });
    let leader = leader.unwrap_or_else(|| panic!("no leader after the noise, seed {seed}"));
    cluster.propose(leader, &["the end"]);
    cluster.run(30);
    let (_, members) = cluster.memberships.last_key_value().expect("the founding");
    let (members, history) = (members.clone(), cluster.history.clone());
    assert!(
        !members.is_joint(),
        "every change comes to its end, seed {seed}"
    );
    for id in members.ids() {
        let applied = &cluster.server(id).applied;
        let applied = applied
            .iter()
            .map(|(index, term, data)| (*index, (*term, data.clone())));
        assert!(applied.eq(history.clone()), "server {id}, seed {seed}");
        let raft = cluster.server(id).raft.as_ref();
        let found = raft.map(|raft| raft.members());
        assert_eq!(found, Some(&members), "server {id}, seed {seed}");
    }
    for id in 1..=size {
        let faults = &cluster.server(id).faults;
        let known = |fault: &PeerFault| *fault == PeerFault::NotAMember;
        assert!(
            faults.iter().all(known),
            "server {id}, seed {seed}: {faults:?}"
        );
    }
    (history.len(), cluster.memberships.len())
}

#[test]
fn changes_of_members_leave_one_truth_whatever_happens() {
    let mut sums = (0, 0);
    for seed in 200..260 {
        let (committed, changes) = check_with_changes(6, seed);
        sums = (sums.0 + committed, sums.1 + changes);
    }
    assert!(
        sums.0 > 2000 && sums.1 > 500,
        "the noise must leave room for work: {sums:?}"
    );
}

fn run(size: u64, seed: u64, steps: u64, traced: bool) -> Cluster {
    let mut cluster = Cluster::new(size, seed);
    cluster.trace = traced.then(Vec::new);
    let mut dice = Dice(seed);
    for step in 0..steps {
        make_noise(&mut cluster, &mut dice, size, step);
    }
    cluster
}

fn check(size: u64, seed: u64) -> usize {
    let mut cluster = run(size, seed, 4000, false);
    for id in 1..=size {
        if !cluster.is_up(id) {
            cluster.start(id);
        }
    }
    let leader = (0..20).find_map(|_| {
        cluster.run(20);
        cluster.leader()
    });
    let leader = leader.unwrap_or_else(|| panic!("no leader after the noise, seed {seed}"));
    cluster.propose(leader, &["the end"]);
    cluster.run(20);
    let history: Vec<_> = cluster
        .history
        .values()
        .map(|(_, data)| data.clone())
        .collect();
    for id in 1..=size {
        let applied: Vec<_> = cluster
            .server(id)
            .applied
            .iter()
            .map(|(_, _, data)| data.clone())
            .collect();
        let place = format!("server {id}, size {size}, seed {seed}");
        assert_eq!(applied.len(), history.len(), "{place}");
        assert!(applied == history, "{place}");
        assert_eq!(
            cluster.server(id).faults,
            [],
            "server {id}, size {size}, seed {seed}"
        );
    }
    history.len()
}

#[test]
fn three_servers_agree_whatever_happens() {
    let committed: usize = (0..60).map(|seed| check(3, seed)).sum();
    assert!(
        committed > 5000,
        "the noise must leave room for work: {committed}"
    );
}

#[test]
fn five_servers_agree_whatever_happens() {
    let committed: usize = (100..130).map(|seed| check(5, seed)).sum();
    assert!(
        committed > 1000,
        "the noise must leave room for work: {committed}"
    );
}

#[test]
fn one_seed_takes_one_way() {
    for seed in 0..5 {
        let (one, two) = (run(3, seed, 3000, true), run(3, seed, 3000, true));
        assert!(one.trace.as_ref().is_some_and(|trace| trace.len() > 500));
        assert_eq!(one.trace, two.trace, "seed {seed}");
    }
    assert_ne!(run(3, 1, 3000, true).trace, run(3, 2, 3000, true).trace);
}
