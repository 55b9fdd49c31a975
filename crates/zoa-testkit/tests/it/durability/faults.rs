//! Every operation fails once, with EIO or with a full disk: nothing is acknowledged after it, nothing is tried again, and
//! what was acknowledged before is there after a restart (G-20).

use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_log::LogLoop;
use zoa_log::LogOutput;
use zoa_log::Persist;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotStore;
use zoa_log::WriteMode;
use zoa_log::testing;
use zoa_testkit::disk::Fault;
use zoa_testkit::disk::Persistence;
use zoa_testkit::disk::SimDisk;

use super::check::Expected;
use super::check::check_recovery;
use super::check::check_state;
use super::life::Life;
use super::scenarios;

/// Goal: after a failure the log refuses everything, without touching the disk.
fn check_poisoned(disk: &SimDisk, life: Life, context: &dyn Fn() -> String) {
    let Some(mut log) = life.log else {
        return;
    };
    let ops = disk.ops();
    let order = || Persist {
        number: 9,
        hard_state: None,
        entries: Vec::new(),
    };
    let refusals = [
        log.persist(&[order()]),
        log.mark(),
        log.prepare(),
        log.compact(LogIndex(1)).map(drop),
        log.reset(LogIndex(1 << 40), 1 << 40),
        log.read(log.first_index(), log.last_index().next(), 1)
            .map(drop),
    ];
    for refusal in refusals {
        assert!(
            matches!(refusal, Err(LogError::Poisoned { .. })),
            "{}: {refusal:?}",
            context()
        );
    }
    assert!(
        !log.wants_mark() && !log.wants_preparation() && !log.preparation_due(),
        "{}",
        context()
    );
    let outputs = LogLoop::new(log).handle([LogInput::Persist(order()), LogInput::Mark]);
    assert!(
        matches!(
            outputs.as_slice(),
            [LogOutput::Failed(LogError::Poisoned { .. })]
        ),
        "{}: {outputs:?}",
        context()
    );
    assert_eq!(disk.ops(), ops, "{}: something was tried again", context());
}

fn fail_everywhere(mode: WriteMode, fault: Fault) {
    for (name, steps) in scenarios::all() {
        let clean = SimDisk::new(1).with_write_mode(mode);
        drop(Life::play(&clean, &steps));
        for op in 1..=clean.ops() {
            let disk = SimDisk::new(op).with_write_mode(mode);
            disk.fault_at(op, fault);
            let life = Life::play(&disk, &steps);
            let context = || format!("{name}, {mode:?}, {fault:?} at operation {op}");
            let expected = Expected::after(&life);
            if life.failed.is_some() {
                check_poisoned(&disk, life, &context);
            } else {
                drop(life);
            }
            for persistence in [Persistence::Nothing, Persistence::Subset] {
                let context = || format!("{}, then a power cut, {persistence:?}", context());
                check_state(&disk.fork().power_cut(persistence), &expected, &context);
            }
            check_recovery(&disk.kill(), &expected, &|| {
                format!("{}, then a restart", context())
            });
        }
    }
}

#[test]
fn nothing_is_acknowledged_after_an_io_error_at_any_operation_of_direct_writes() {
    fail_everywhere(WriteMode::Direct, Fault::Eio);
}

#[test]
fn nothing_is_acknowledged_after_an_io_error_at_any_operation_of_buffered_writes() {
    fail_everywhere(WriteMode::Buffered, Fault::Eio);
}

#[test]
fn nothing_is_acknowledged_after_a_full_disk_at_any_operation() {
    fail_everywhere(WriteMode::Direct, Fault::Enospc);
}

/// Goal: a disk that fills up for real stops the log at every possible length, and more space lets it go on.
#[test]
fn a_full_disk_stops_the_log_and_more_space_lets_it_go_on() {
    for capacity in (0..40).map(|blocks| blocks * 4096) {
        let disk = SimDisk::new(capacity);
        disk.set_capacity(Some(capacity));
        let steps = scenarios::mixed();
        let life = Life::play(&disk, &steps);
        let context = || format!("{capacity} bytes of room");
        let expected = Expected::after(&life);
        if let Some((_, error)) = &life.failed {
            let text = error.to_string();
            assert!(
                text.contains("no storage space") || text.contains("sim:/"),
                "{}: {text}",
                context()
            );
            check_poisoned(&disk, life, &context);
        } else {
            drop(life);
        }
        let disk = disk.power_cut(Persistence::Nothing);
        disk.set_capacity(None);
        check_recovery(&disk, &expected, &context);
    }
}

/// Goal: a segment that cannot be prepared stops nothing before it is needed, and is told once; when it is needed, room makes all well and
/// none is an end (G-20).
#[test]
fn a_failed_preparation_is_told_once_and_stops_the_log_only_when_it_needs_the_segment() {
    for (fault, room_comes_back) in [
        (Fault::Enospc, true),
        (Fault::Enospc, false),
        (Fault::Eio, true),
    ] {
        let disk = SimDisk::new(7);
        let (log, _) = testing::open(&disk);
        let mut log_loop = LogLoop::new(log);
        disk.fault_at(disk.ops() + 1, fault);
        let mut told = 0;
        while let Some(input @ LogInput::Prepare) = log_loop.idle() {
            let outputs = log_loop.handle([input]);
            let is_told = matches!(outputs.as_slice(), [LogOutput::Unprepared(_)]);
            assert!(is_told || outputs.is_empty(), "{outputs:?}");
            told += u32::from(is_told);
        }
        assert_eq!(told, 1, "{fault:?}");
        assert!(log_loop.due().is_none(), "it is not tried again");
        if !room_comes_back {
            disk.set_capacity(Some(0));
        }
        let mut has_failed = false;
        for number in 1..=100 {
            let order = testing::order(number, vec![testing::entry(number, 1, 500)]);
            match log_loop.handle([LogInput::Persist(order)]).as_slice() {
                [LogOutput::Persisted { number: done }] => assert_eq!(*done, number),
                [LogOutput::Failed(_)] => {
                    has_failed = true;
                    assert!(number > 1, "the active segment has room");
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(has_failed, !room_comes_back);
    }
}

/// Goal: a failed loop says so once for the failure and acknowledges nothing of the same call.
#[test]
fn the_loop_fails_without_acknowledging_what_shared_the_write() {
    let disk = SimDisk::new(3);
    let (log, _) = testing::open(&disk);
    let mut log_loop = LogLoop::new(log);
    let persist =
        |number| LogInput::Persist(testing::order(number, vec![testing::entry(number, 1, 10)]));
    assert!(matches!(
        log_loop.handle([persist(1)]).as_slice(),
        [LogOutput::Persisted { number: 1 }]
    ));
    disk.fault_at(disk.ops() + 1, Fault::Eio);
    let outputs = log_loop.handle([persist(2), persist(3), LogInput::Mark]);
    assert!(
        matches!(outputs.as_slice(), [LogOutput::Failed(LogError::Io { .. })]),
        "{outputs:?}"
    );
    let outputs = log_loop.handle([persist(4)]);
    assert!(
        matches!(
            outputs.as_slice(),
            [LogOutput::Failed(LogError::Poisoned { .. })]
        ),
        "{outputs:?}"
    );
}

/// Goal: a snapshot that is seen but, after a failed sync, not durable is no reason to remove the one before it.
#[test]
fn an_older_snapshot_is_not_given_up_for_one_that_may_vanish() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let store = SnapshotStore::open(disk.clone(), testing::CLUSTER).expect("no fault");
        testing::take_snapshot(&store, 1, 100);
        let before = disk.ops();
        testing::take_snapshot(&store, 2, 100);
        let ops_of_one = disk.ops() - before;
        // The last operation of taking one is the sync of the directory.
        disk.fault_at(disk.ops() + ops_of_one, Fault::Eio);
        let meta = SnapshotMeta {
            index: LogIndex(3),
            term: 0,
            zxid: 9,
            extra: Vec::new(),
        };
        let mut writer = store.begin(meta).expect("no fault yet");
        writer.write(&[3; 100]).expect("no fault yet");
        writer.finish().expect_err("the sync fails");
        assert_eq!(store.list().expect("no fault").len(), 3, "it is seen");
        let ops = disk.ops();
        disk.fault_at(ops + 1 + seed % 5, Fault::Crash);
        assert!(
            store.purge(1).is_err(),
            "operation {} was reached",
            ops + 1 + seed % 5
        );
        for persistence in Persistence::ALL {
            let after = disk.fork().power_cut(persistence);
            let store = SnapshotStore::open(after, testing::CLUSTER).expect("no fault");
            let loaded = store.load_newest(LogIndex(2), testing::read_snapshot);
            assert!(
                loaded.is_ok_and(|loaded| loaded.found.is_some()),
                "seed {seed}, {persistence:?}"
            );
        }
    }
}
