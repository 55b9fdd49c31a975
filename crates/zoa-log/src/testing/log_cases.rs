//! Cases of the log: what was persisted is what is read, whatever happened between.
//!
//! What they are not: crashes; a log is closed and opened again in order here.

use super::entry;
use super::open;
use super::order;
use super::read_all;
use crate::Disk;
use crate::Entry;
use crate::HardState;
use crate::LogError;
use crate::LogIndex;
use crate::LogInput;
use crate::LogLoop;
use crate::LogOutput;
use crate::Persist;

/// Lengths around every boundary: empty, block, batch head, several segments.
const LENS: [usize; 10] = [0, 1, 100, 3951, 3952, 3953, 4096, 20_000, 33_000, 100_000];

/// An order that commits nothing, so that its entries may be replaced.
fn uncommitted(number: u64, entries: Vec<Entry>) -> Persist {
    let hard_state = entries.last().map(|last| HardState {
        term: last.term,
        vote: 1,
        commit: 0,
    });
    Persist {
        number,
        hard_state,
        entries,
    }
}

/// Goal: every length of entry survives, read in any step.
pub fn what_was_persisted_is_there_after_reopening<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let mut expected = Vec::new();
    for (number, len) in (1..).zip(LENS.into_iter().cycle().take(40)) {
        expected.push(entry(number, number / 10 + 1, len));
        log.persist(&[order(
            number,
            expected.last().cloned().into_iter().collect(),
        )])
        .expect("no fault");
        assert_eq!(log.last_index(), LogIndex(number));
    }
    assert!(read_all(&log, 0) == expected);
    for _ in 0..3 {
        drop(log);
        let (reopened, recovered) = open(disk);
        log = reopened;
        assert_eq!(
            (
                recovered.first_index.0,
                recovered.last_index.0,
                recovered.last_term
            ),
            (1, 40, 5)
        );
        assert_eq!(
            recovered.hard_state,
            HardState {
                term: 5,
                vote: 1,
                commit: 39
            }
        );
        assert_eq!(recovered.torn_tail, None);
        for step in [0, 10_000, u64::MAX] {
            assert!(read_all(&log, step) == expected, "read in steps of {step}");
        }
    }
}

/// Goal: an overlapping order hides the old suffix for ever, also from a reopened log.
pub fn later_entries_replace_the_suffix<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let mut expected: Vec<Entry> = Vec::new();
    let starts = [1, 11, 5, 5, 12, 3, 1, 2, 40, 20];
    for (term, start) in (1..).zip(starts) {
        let new: Vec<_> = (start..start + 39)
            .map(|index| entry(index, term, 700))
            .collect();
        log.persist(&[uncommitted(term, new.clone())])
            .expect("no fault");
        expected.retain(|entry| entry.index.0 < start);
        expected.extend(new);
        assert!(read_all(&log, 5_000) == expected, "term {term}");
        assert_eq!(log.term(LogIndex(start)), Some(term));
        drop(log);
        log = open(disk).0;
        assert!(
            read_all(&log, u64::MAX) == expected,
            "term {term}, reopened"
        );
        assert_eq!(
            log.last_index(),
            expected.last().expect("39 were just added").index
        );
        for entry in &expected {
            assert_eq!(log.term(entry.index), Some(entry.term));
        }
    }
}

/// Goal: batching is not seen in the result.
pub fn orders_together_leave_what_orders_one_by_one_leave<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let run = |range: std::ops::Range<u64>, term| {
        range
            .map(|index| entry(index, term, 300))
            .collect::<Vec<_>>()
    };
    let runs = [run(1..9, 1), run(9..10, 1), run(4..7, 2), run(7..30, 3)];
    let orders: Vec<_> = (1..)
        .zip(runs)
        .map(|(number, run)| uncommitted(number, run))
        .collect();
    log.persist(&orders).expect("no fault");
    let expected = [run(1..4, 1), run(4..7, 2), run(7..30, 3)].concat();
    assert!(read_all(&log, 0) == expected);
    drop(log);
    assert!(read_all(&open(disk).0, 0) == expected);
}

/// Goal: a vote is durable without entries, a commit index is kept with the next batch.
pub fn a_vote_alone_is_kept<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let vote = |term, vote, commit| Persist {
        number: term,
        hard_state: Some(HardState { term, vote, commit }),
        entries: Vec::new(),
    };
    log.persist(&[order(1, vec![entry(1, 1, 10), entry(2, 1, 10)])])
        .expect("no fault");
    log.persist(&[vote(7, 3, 0)]).expect("no fault");
    log.persist(&[vote(7, 3, 2)]).expect("no fault");
    assert_eq!(log.hard_state().commit, 2);
    drop(log);
    let (mut log, recovered) = open(disk);
    assert_eq!(
        recovered.hard_state,
        HardState {
            term: 7,
            vote: 3,
            commit: 0
        }
    );
    log.persist(&[vote(7, 3, 2)]).expect("no fault");
    log.persist(&[vote(8, 0, 2)]).expect("no fault");
    drop(log);
    assert_eq!(
        open(disk).1.hard_state,
        HardState {
            term: 8,
            vote: 0,
            commit: 2
        }
    );
}

/// Goal: a slow follower is served in bounded pieces, and always gets on.
pub fn a_read_is_bounded_and_gives_at_least_one_entry<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let entries: Vec<_> = (1..=50).map(|index| entry(index, 1, 1000)).collect();
    log.persist(&[order(1, entries)]).expect("no fault");
    let count = |from, to, bytes| {
        log.read(LogIndex(from), LogIndex(to), bytes)
            .map(|entries| entries.len())
    };
    assert_eq!(count(1, 51, 0).expect("there"), 1);
    assert_eq!(count(1, 51, 3_999).expect("there"), 3);
    assert_eq!(count(10, 15, u64::MAX).expect("there"), 5);
    assert_eq!(count(50, 99, u64::MAX).expect("there"), 1);
    assert_eq!(count(51, 99, u64::MAX).expect("nothing there"), 0);
    assert_eq!(count(9, 9, u64::MAX).expect("nothing asked"), 0);
    assert!(matches!(
        count(0, 9, 0),
        Err(LogError::Compacted {
            first: LogIndex(1),
            ..
        })
    ));
}

/// Goal: the number of files stays bounded, and reuse is not seen in the content.
pub fn segments_are_reused_and_their_old_content_never_returns<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let mut names = Vec::new();
    for number in 1..=300 {
        // The lengths vary, so that old batches show from behind new ones.
        let len = usize::try_from(number * 37 % 9_000).expect("small");
        log.persist(&[order(number, vec![entry(number, 1, len)])])
            .expect("no fault");
        if number % 20 == 0 {
            log.compact(LogIndex(number)).expect("no fault");
            assert_eq!(log.first_index(), LogIndex(number + 1));
            names.extend(disk.list("log").expect("it is there"));
            assert!(
                log.len_on_disk() <= 5 * (32 << 10),
                "{} bytes",
                log.len_on_disk()
            );
        }
        if number % 45 == 0 {
            drop(log);
            let (reopened, recovered) = open(disk);
            assert_eq!(recovered.last_index, LogIndex(number));
            assert_eq!(recovered.torn_tail, None, "an old batch is not a torn one");
            log = reopened;
        }
        let expected = (log.first_index().0..=number)
            .map(|at| entry(at, 1, usize::try_from(at * 37 % 9_000).expect("small")));
        assert!(
            read_all(&log, 4_000) == expected.collect::<Vec<_>>(),
            "entry {number}"
        );
    }
    names.sort();
    names.dedup();
    assert!(
        names.len() < 15,
        "{} names; without reuse it were some 60",
        names.len()
    );
}

/// Goal: a snapshot frees the front, keeps the tail, and the front never returns.
pub fn the_front_is_cut_but_the_tail_stays<D: Disk>(disk: &D) {
    let mut options = super::small_options();
    options.tail_entries = 5;
    let (mut log, _) = crate::Log::open(disk.clone(), &options).expect("an empty directory");
    for number in 1..=60 {
        log.persist(&[order(number, vec![entry(number, number / 10 + 1, 3_000)])])
            .expect("no fault");
    }
    let full = log.len_on_disk();
    assert_eq!(
        log.compact(LogIndex(3)).expect("no fault"),
        LogIndex(1),
        "the tail reaches beyond the front"
    );
    assert_eq!(log.compact(LogIndex(50)).expect("no fault"), LogIndex(46));
    assert_eq!(
        log.compact(LogIndex(40)).expect("no fault"),
        LogIndex(46),
        "an older snapshot changes nothing"
    );
    assert!(log.len_on_disk() < full / 2);
    for _ in 0..2 {
        let expected: Vec<_> = (46..=60)
            .map(|index| entry(index, index / 10 + 1, 3_000))
            .collect();
        assert!(read_all(&log, 0) == expected);
        assert_eq!(
            (
                log.term(LogIndex(44)),
                log.term(LogIndex(45)),
                log.term(LogIndex(50))
            ),
            (None, Some(5), Some(6))
        );
        let too_old = log
            .read(LogIndex(45), LogIndex(50), 0)
            .expect_err("it is cut");
        assert!(
            matches!(
                too_old,
                LogError::Compacted {
                    first: LogIndex(46),
                    ..
                }
            ),
            "{too_old}"
        );
        drop(log);
        let (reopened, recovered) =
            crate::Log::open(disk.clone(), &options).expect("a sound directory");
        assert_eq!((recovered.first_index.0, recovered.purged_term), (46, 5));
        log = reopened;
    }
    let new = vec![entry(60, 7, 10)];
    log.persist(&[order(99, new.clone())])
        .expect("an uncommitted entry may be replaced");
    assert!(
        log.read(LogIndex(60), LogIndex(61), 0)
            .expect("it is there")
            == new
    );
}

/// Goal: a start has little to read behind a snapshot, however long the entries are.
pub fn the_tail_that_stays_is_bounded_in_bytes<D: Disk>(disk: &D) {
    let mut options = super::small_options();
    options.tail_entries = 50;
    options.tail_len = 6 * 8192 + 100;
    let (mut log, _) = crate::Log::open(disk.clone(), &options).expect("an empty directory");
    for number in 1..=40 {
        log.persist(&[order(number, vec![entry(number, 1, 5_000)])])
            .expect("no fault");
    }
    assert_eq!(log.len_behind(LogIndex(0)), 40 * 8192);
    assert_eq!(log.len_behind(LogIndex(38)), 2 * 8192);
    assert_eq!(log.len_behind(LogIndex(40)), 0);
    assert_eq!(log.compact(LogIndex(30)).expect("no fault"), LogIndex(25));
    assert_eq!(log.len_behind(LogIndex(0)), 16 * 8192);
    options.tail_len = 0;
    drop(log);
    let (mut log, _) = crate::Log::open(disk.clone(), &options).expect("a sound directory");
    assert_eq!(log.compact(LogIndex(39)).expect("no fault"), LogIndex(40));
    assert!(read_all(&log, 0) == [entry(40, 1, 5_000)]);
}

/// Goal: after a snapshot from the leader the log goes on behind it, and nothing older is left.
pub fn a_snapshot_from_the_leader_replaces_the_log<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let entries: Vec<_> = (1..=20).map(|index| entry(index, 1, 3_000)).collect();
    log.persist(&[order(1, entries)]).expect("no fault");
    log.reset(LogIndex(1000), 4).expect("no fault");
    for round in 0..2 {
        assert_eq!(
            (log.first_index(), log.last_index()),
            (LogIndex(1001), LogIndex(1000)),
            "round {round}"
        );
        assert_eq!(log.term(LogIndex(1000)), Some(4));
        drop(log);
        let (reopened, recovered) = open(disk);
        assert_eq!(
            (recovered.last_index, recovered.last_term),
            (LogIndex(1000), 4)
        );
        assert!(recovered.hard_state.commit >= 1000 && recovered.hard_state.term >= 4);
        log = reopened;
    }
    let next = vec![entry(1001, 4, 10), entry(1002, 5, 5_000)];
    log.persist(&[order(2, next.clone())]).expect("no fault");
    drop(log);
    assert!(read_all(&open(disk).0, 0) == next);
}

/// Goal: a log with another history behind the snapshot's place, of whatever terms, is replaced as well.
pub fn a_snapshot_from_the_leader_replaces_another_history<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let entries = |range: std::ops::RangeInclusive<u64>, term| -> Vec<_> {
        range.map(|index| entry(index, term, 3_000)).collect()
    };
    log.persist(&[order(1, entries(1..=10, 1)), order(2, entries(11..=40, 7))])
        .expect("no fault");
    log.reset(LogIndex(20), 5).expect("no fault");
    for round in 0..2 {
        let (first, last) = (log.first_index(), log.last_index());
        assert_eq!(
            (first, last, log.term(last)),
            (LogIndex(21), LogIndex(20), Some(5)),
            "round {round}"
        );
        drop(log);
        log = open(disk).0;
    }
    let next = vec![entry(21, 7, 10)];
    log.persist(&[order(3, next.clone())]).expect("no fault");
    drop(log);
    let (log, recovered) = open(disk);
    assert!(read_all(&log, 0) == next && recovered.hard_state.commit == 20);
}

/// Goal: a crash between the arrival of the leader's snapshot and the reset of the log is made up for at the next start, whether the log
/// ends before the snapshot or has another history there; what the log holds of a snapshot of its own stays.
pub fn a_snapshot_that_the_log_does_not_hold_replaces_it_at_the_next_start<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let entries: Vec<_> = (1..=20).map(|index| entry(index, 1, 3_000)).collect();
    log.persist(&[uncommitted(1, entries)]).expect("no fault");
    for (own, last) in [((LogIndex(10), 1), 20), ((LogIndex(20), 1), 20)] {
        drop(log);
        let (reopened, mut recovered) = open(disk);
        log = reopened;
        log.begin_behind(&mut recovered, own).expect("no fault");
        assert_eq!(recovered.last_index, LogIndex(last));
    }
    for (number, received) in [(2, (LogIndex(15), 2)), (3, (LogIndex(1000), 4))] {
        let (index, term) = received;
        drop(log);
        let (reopened, mut recovered) = open(disk);
        log = reopened;
        log.begin_behind(&mut recovered, received)
            .expect("no fault");
        let (first, last) = (recovered.first_index, recovered.last_index);
        assert_eq!((first, last), (index.next(), index));
        assert_eq!((recovered.last_term, recovered.purged_term), (term, term));
        assert!(recovered.hard_state.commit >= index.0);
        let next = vec![entry(index.0 + 1, term, 10)];
        log.persist(&[order(number, next.clone())])
            .expect("no fault");
        assert!(read_all(&log, 0) == next);
    }
}

/// Goal: acknowledgements leave in the order of the numbers, answers in the order of the questions.
pub fn the_loop_acknowledges_in_order_and_answers_reads<D: Disk>(disk: &D) {
    let mut log_loop = LogLoop::new(open(disk).0);
    let persist = |number: u64| LogInput::Persist(order(number, vec![entry(number, 1, 500)]));
    let read = LogInput::Read {
        token: 7,
        from: LogIndex(1),
        to: LogIndex(9),
        bytes_max: u64::MAX,
    };
    let outputs = log_loop.handle([
        persist(1),
        persist(2),
        read.clone(),
        persist(3),
        LogInput::Compact { to: LogIndex(2) },
        read,
        LogInput::Mark,
        LogInput::Reset {
            index: LogIndex(10),
            term: 2,
        },
    ]);
    let shown: Vec<_> = outputs
        .iter()
        .map(|output| match output {
            LogOutput::Persisted { number } => format!("persisted {number}"),
            LogOutput::Compacted { first_index } => format!("begins at {first_index}"),
            LogOutput::ResetDone { index } => format!("reset to {index}"),
            LogOutput::Entries {
                token,
                entries: Ok(entries),
            } => format!("{token}: {} entries", entries.len()),
            LogOutput::Entries {
                token,
                entries: Err(error),
            } => format!("{token}: {error}"),
            LogOutput::Unprepared(error) => format!("unprepared: {error}"),
            LogOutput::Failed(error) => format!("failed: {error}"),
        })
        .collect();
    let expected = [
        "persisted 1",
        "persisted 2",
        "7: 2 entries",
        "persisted 3",
        "begins at 3",
        "7: entry 1 was replaced by a snapshot; the log begins at 3",
        "reset to 10",
    ];
    assert_eq!(shown, expected);
}

/// Goal: the driver's two questions lead to a ready segment before the active one is full, and to a mark.
pub fn the_loop_makes_segments_ahead_of_need<D: Disk>(disk: &D) {
    let mut log_loop = LogLoop::new(open(disk).0);
    let mut idle = Vec::new();
    while let Some(input) = log_loop.idle() {
        assert!(idle.len() < 100, "idle work ends");
        assert!(log_loop.handle([input.clone()]).is_empty());
        idle.push(input);
    }
    assert!(
        idle.iter().all(|input| matches!(input, LogInput::Prepare)) && !idle.is_empty(),
        "{idle:?}"
    );
    for number in 1..=100 {
        let files = disk.list("log").expect("it is there").len();
        log_loop.handle([LogInput::Persist(order(
            number,
            vec![entry(number, 1, 500)],
        ))]);
        assert_eq!(
            disk.list("log").expect("it is there").len(),
            files,
            "order {number} had to make a segment itself"
        );
        while let Some(input) = log_loop.due() {
            log_loop.handle([input]);
        }
    }
    assert!(matches!(
        log_loop.idle(),
        Some(LogInput::Prepare | LogInput::Mark)
    ));
}
