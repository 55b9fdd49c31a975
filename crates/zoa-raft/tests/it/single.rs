//! One server alone.

use bytes::Bytes;
use zoa_log::Entry;
use zoa_log::EntryKind;
use zoa_log::HardState;
use zoa_log::LogIndex;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_raft::RaftConfig;
use zoa_raft::RaftError;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;
use zoa_raft::Recovery;
use zoa_raft::Refusal;
use zoa_raft::limits;

use crate::cluster::Cluster;

#[test]
fn a_sole_voter_leads_at_once_and_commits_after_one_sync() {
    let mut cluster = Cluster::new(1, 1);
    assert_eq!(cluster.server(1).leader, Some(1));
    cluster.propose(1, &["a", "b"]);
    assert_eq!(
        cluster.applied(1),
        [""; 0],
        "nothing is committed before it is durable"
    );
    cluster.sync(1, usize::MAX);
    assert_eq!(cluster.applied(1), ["a", "b"]);
    assert_eq!(cluster.server(1).established, [1]);
}

#[test]
fn acknowledged_entries_survive_a_crash_and_others_may_not() {
    let mut cluster = Cluster::new(1, 1);
    cluster.propose(1, &["kept"]);
    cluster.settle();
    cluster.propose(1, &["lost"]);
    cluster.crash(1);
    cluster.start(1);
    cluster.settle();
    assert_eq!(cluster.applied(1), ["kept"]);
    cluster.propose(1, &["new"]);
    cluster.settle();
    assert_eq!(cluster.applied(1), ["kept", "new"]);
    assert_eq!(cluster.leaders.len(), 2, "each start takes a new term");
}

#[test]
fn synced_entries_whose_commit_was_not_stored_are_committed_after_a_crash() {
    let mut cluster = Cluster::new(1, 1);
    cluster.settle();
    cluster.propose(1, &["a"]);
    cluster.server(1).disk.sync(usize::MAX);
    cluster.crash(1);
    cluster.start(1);
    cluster.settle();
    assert_eq!(cluster.applied(1), ["a"]);
}

// Goal: a commit index alone is never written. Method: count syncs.
#[test]
fn one_batch_costs_one_sync() {
    let mut cluster = Cluster::new(1, 1);
    cluster.settle();
    let before = cluster.server(1).disk.syncs;
    for _ in 0..10 {
        cluster.propose(1, &["a", "b", "c"]);
        cluster.settle();
    }
    cluster.run(50);
    assert_eq!(cluster.server(1).disk.syncs - before, 10);
}

#[test]
fn batches_commit_with_the_acknowledgement_that_covers_them() {
    let mut cluster = Cluster::new(1, 1);
    cluster.settle();
    for batch in ["a", "b", "c", "d"] {
        cluster.propose(1, &[batch]);
    }
    cluster.sync(1, 3);
    assert_eq!(cluster.applied(1), ["a", "b", "c"]);
    cluster.sync(1, 1);
    assert_eq!(cluster.applied(1), ["a", "b", "c", "d"]);
}

#[test]
fn the_stored_commit_index_trails_by_one_batch_only() {
    let mut cluster = Cluster::new(1, 1);
    cluster.settle();
    cluster.propose(1, &["a"]);
    cluster.settle();
    cluster.propose(1, &["b"]);
    cluster.settle();
    let stored = cluster.server(1).disk.hard_state.commit;
    assert_eq!(stored, cluster.server(1).disk.last().index.0 - 1);
    let raft = cluster.server(1).raft.as_ref().expect("it is up");
    assert_eq!(raft.hard_state().commit, stored + 1);
}

#[test]
fn proposed_bytes_are_shared_and_not_copied() {
    let mut cluster = Cluster::new(1, 1);
    let data = Bytes::from(vec![7; 100]);
    cluster.event(1, RaftEvent::Propose(vec![data.clone()]));
    let queued = cluster
        .server(1)
        .disk
        .queue
        .back()
        .expect("it is on its way to the disk");
    let entry = queued.entries.last().expect("the proposal");
    assert_eq!(entry.data.as_ptr(), data.as_ptr());
}

// Goal: UNCOMMITTED_BYTES_MAX. Method: a disk that never syncs, and one buffer proposed many times.
#[test]
fn proposals_beyond_the_uncommitted_bytes_are_refused_and_come_back() {
    let mut cluster = Cluster::new(1, 1);
    let data = Bytes::from(vec![1; 1 << 20]);
    let fit = limits::UNCOMMITTED_BYTES_MAX >> 20;
    for _ in 0..=fit {
        cluster.event(1, RaftEvent::Propose(vec![data.clone()]));
    }
    assert_eq!(
        cluster.server(1).refused,
        [(Refusal::TooMuchUncommitted, vec![data.clone()])]
    );
    cluster.settle();
    cluster.event(1, RaftEvent::Propose(vec![data]));
    assert_eq!(cluster.server(1).refused.len(), 1, "there is room again");
}

// Goal: UNCOMMITTED_ENTRIES_MAX, in the same way.
#[test]
fn proposals_beyond_the_uncommitted_entries_are_refused() {
    let mut cluster = Cluster::new(1, 1);
    cluster.settle();
    let many = vec![Bytes::from_static(b"x"); 1 << 14];
    let fit = limits::UNCOMMITTED_ENTRIES_MAX >> 14;
    for _ in 0..=fit {
        cluster.event(1, RaftEvent::Propose(many.clone()));
    }
    assert_eq!(cluster.server(1).refused.len(), 1);
}

#[test]
fn a_log_that_is_cut_behind_a_snapshot_restarts() {
    let mut cluster = Cluster::new(1, 1);
    cluster.propose(1, &["a", "b", "c"]);
    cluster.settle();
    cluster.snapshot(1, 0);
    cluster.propose(1, &["d"]);
    cluster.settle();
    cluster.crash(1);
    cluster.start(1);
    cluster.settle();
    assert_eq!(cluster.applied(1), ["a", "b", "c", "d"]);
}

#[test]
fn a_log_that_begins_before_its_snapshot_restarts() {
    let mut cluster = Cluster::new(1, 1);
    cluster.propose(1, &["a", "b", "c", "d"]);
    cluster.settle();
    cluster.snapshot(1, 2);
    assert_eq!(cluster.server(1).disk.entries.len(), 2);
    cluster.crash(1);
    cluster.start(1);
    cluster.propose(1, &["e"]);
    cluster.settle();
    assert_eq!(cluster.applied(1), ["a", "b", "c", "d", "e"]);
}

fn entry(index: u64, term: u64) -> Entry {
    let data = Bytes::from_static(b"x");
    Entry {
        index: LogIndex(index),
        term,
        kind: EntryKind::Normal,
        data,
    }
}

fn config() -> RaftConfig {
    RaftConfig {
        id: 1,
        election_tick: 10,
        heartbeat_tick: 1,
        seed: 0,
        notices: Notices::default(),
    }
}

fn check_recovery(hard_state: HardState, snapshot: (u64, u64), log: &[Entry]) -> Option<RaftError> {
    let snapshot = LogPosition {
        index: LogIndex(snapshot.0),
        term: snapshot.1,
    };
    let mut recovery = Recovery::new(hard_state, snapshot, Members::of_voters([1]));
    let pushed = log
        .iter()
        .try_for_each(|entry| recovery.push(entry.clone()).map(|_| ()));
    if let Err(error) = pushed {
        return Some(error);
    }
    RaftLoop::new(config(), recovery, &mut Vec::new()).err()
}

#[test]
fn a_log_that_cannot_be_ours_is_refused() {
    let hard_state = HardState {
        term: 5,
        vote: 1,
        commit: 4,
    };
    let whole = [entry(1, 1), entry(2, 1), entry(3, 4), entry(4, 5)];
    assert_eq!(check_recovery(hard_state, (0, 0), &whole), None);
    assert_eq!(check_recovery(hard_state, (3, 4), &whole), None);
    assert_eq!(check_recovery(hard_state, (4, 5), &[]), None);
    assert_eq!(
        check_recovery(hard_state, (0, 0), &whole[1..]),
        Some(RaftError::Gap {
            expected: 1,
            found: 2
        })
    );
    assert_eq!(
        check_recovery(hard_state, (0, 0), &[entry(1, 1), entry(3, 1)]),
        Some(RaftError::Gap {
            expected: 2,
            found: 3
        })
    );
    assert_eq!(
        check_recovery(hard_state, (0, 0), &[entry(1, 3), entry(2, 2)]),
        Some(RaftError::TermsOutOfOrder { index: 2 })
    );
    assert_eq!(
        check_recovery(hard_state, (3, 3), &whole),
        Some(RaftError::NotTheSnapshotsLog { index: 3 })
    );
    assert_eq!(
        check_recovery(hard_state, (0, 0), &whole[..3]),
        Some(RaftError::LogEndsEarly {
            expected: 4,
            found: 3
        })
    );
    assert_eq!(
        check_recovery(
            HardState {
                term: 4,
                ..hard_state
            },
            (0, 0),
            &whole
        ),
        Some(RaftError::TermsOutOfOrder { index: 4 })
    );
    let config_entry = Entry {
        kind: EntryKind::Config,
        ..entry(1, 1)
    };
    assert_eq!(
        check_recovery(hard_state, (0, 0), &[config_entry]),
        Some(RaftError::BadChange { index: 1 })
    );
}

// Goal: what the library says reaches the callback, and only what matters.
#[test]
fn notices_reach_whoever_listens() {
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let listener = std::sync::Arc::clone(&heard);
    let notices = Notices::to(move |level, text| {
        listener
            .lock()
            .expect("no test panics with it")
            .push((level, text.to_owned()));
    });
    let config = RaftConfig {
        notices,
        ..config()
    };
    let recovery = Recovery::founding(Members::of_voters([1]));
    RaftLoop::new(config, recovery, &mut Vec::new()).expect("the settings are right");
    let heard = heard.lock().expect("no test panics with it");
    let leads = (
        zoa_raft::NoticeLevel::Info,
        "became leader at term 2".to_owned(),
    );
    assert!(heard.contains(&leads), "{heard:?}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let check = |change: fn(&mut RaftConfig)| {
        let mut config = config();
        change(&mut config);
        let recovery = Recovery::founding(Members::of_voters([1]));
        let made = RaftLoop::new(config, recovery, &mut Vec::new());
        assert!(matches!(made, Err(RaftError::Config(_))), "{made:?}");
    };
    check(|config| config.id = 0);
    check(|config| config.heartbeat_tick = 10);
    check(|config| config.heartbeat_tick = 0);
}

#[test]
fn members_that_no_ensemble_can_have_are_refused() {
    let check = |voters: &[u64], learners: &[u64]| {
        let members = Members {
            voters: voters.to_vec(),
            learners: learners.to_vec(),
            ..Members::default()
        };
        let recovery = Recovery::founding(members);
        let made = RaftLoop::new(config(), recovery, &mut Vec::new());
        assert!(matches!(made, Err(RaftError::Members(_))), "{made:?}");
    };
    check(&[], &[1]);
    check(&[1, 1], &[]);
    check(&[1], &[1]);
    check(&[1], &[0]);
    check(&(1..=256).collect::<Vec<u64>>(), &[]);
}

// Goal: TERMS_LEFT_OUT. Whoever goes on without the others has a log that theirs cannot meet: no place and no term is the same.
#[test]
fn who_goes_on_alone_begins_behind_everything_that_the_others_can_have() {
    let entry = |index| Entry {
        index: LogIndex(index),
        term: 4,
        kind: EntryKind::Normal,
        data: Bytes::from_static(b"a"),
    };
    let hard_state = HardState {
        term: 5,
        vote: 2,
        commit: 3,
    };
    let members = Members::of_voters([1, 2, 3]);
    let mut recovery = Recovery::new(hard_state, LogPosition::FOUNDING, members);
    for index in 2..=3 {
        recovery.push(entry(index)).expect("it follows");
    }
    assert_eq!(recovery.last().index, LogIndex(3));
    let alone = recovery.alone(1);
    let begins = LogPosition {
        index: LogIndex(4),
        term: 5 + limits::TERMS_LEFT_OUT,
    };
    assert_eq!((alone.snapshot(), alone.last()), (begins, begins));
    assert_eq!(alone.members(), &Members::of_voters([1]));
    let config = RaftConfig {
        id: 1,
        election_tick: 10,
        heartbeat_tick: 2,
        seed: 1,
        notices: Notices::default(),
    };
    let raft = RaftLoop::new(config, alone, &mut Vec::new()).expect("it is sound");
    assert!(raft.is_leader());
    assert_eq!(raft.term(), begins.term + 1);
}
