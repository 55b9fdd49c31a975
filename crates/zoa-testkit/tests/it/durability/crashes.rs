//! The power goes at every operation of every scenario, and again during every operation of the recovery (G-19).

use zoa_log::Log;
use zoa_log::WriteMode;
use zoa_testkit::disk::Fault;
use zoa_testkit::disk::Persistence;
use zoa_testkit::disk::SimDisk;

use super::check::Expected;
use super::check::check_recovery;
use super::check::check_state;
use super::life::Life;
use super::life::options;
use super::model::Step;
use super::scenarios;

fn fresh(seed: u64, mode: WriteMode) -> SimDisk {
    SimDisk::new(seed).with_write_mode(mode)
}

/// Goal: cut at op k, for all k, with all four fates of what was not durable, and as a mere kill of the process.
fn cut_everywhere(mode: WriteMode) {
    let mut cuts = 0;
    for (name, steps) in scenarios::all() {
        let clean = fresh(1, mode);
        let life = Life::play(&clean, &steps);
        assert!(
            life.failed.is_none() && life.not_opened.is_none(),
            "{name} without a fault: {life:?}"
        );
        drop(life);
        for op in 1..=clean.ops() {
            let disk = fresh(op, mode);
            disk.fault_at(op, Fault::Crash);
            let life = Life::play(&disk, &steps);
            assert!(disk.is_down(), "{name}: operation {op} was reached");
            let expected = Expected::after(&life);
            for persistence in Persistence::ALL {
                let context = || {
                    format!(
                        "{name}, {mode:?}, power cut at operation {op}, {persistence:?} persisted"
                    )
                };
                let check = if persistence == Persistence::Subset {
                    check_recovery
                } else {
                    check_state
                };
                check(&disk.fork().power_cut(persistence), &expected, &context);
            }
            check_recovery(&disk.kill(), &expected, &|| {
                format!("{name}, {mode:?}, killed at operation {op}")
            });
            cuts += 5;
        }
    }
    assert!(cuts > 5_000, "only {cuts} cuts");
}

#[test]
fn what_was_acknowledged_survives_a_cut_at_every_operation_of_direct_writes() {
    cut_everywhere(WriteMode::Direct);
}

#[test]
fn what_was_acknowledged_survives_a_cut_at_every_operation_of_buffered_writes() {
    cut_everywhere(WriteMode::Buffered);
}

/// Goal: a recovery that is itself cut, at every operation, after every cut of a scenario.
fn cut_recovery_everywhere(mode: WriteMode, steps: &[Step]) {
    let clean = fresh(1, mode);
    drop(Life::play(&clean, steps));
    for op in 1..=clean.ops() {
        let disk = fresh(op, mode);
        disk.fault_at(op, Fault::Crash);
        let life = Life::play(&disk, steps);
        let expected = Expected::after(&life);
        for first in [Persistence::Subset, Persistence::TornLast] {
            let cut = disk.fork().power_cut(first);
            let counted = cut.fork();
            let before = counted.ops();
            drop(Log::open(counted.clone(), &options()).expect("checked by the other test"));
            for second_op in before + 1..=counted.ops() {
                let again = cut.fork();
                again.fault_at(second_op, Fault::Crash);
                assert!(
                    Log::open(again.clone(), &options()).is_err(),
                    "operation {second_op} was reached"
                );
                let second = if second_op % 2 == 0 {
                    Persistence::Nothing
                } else {
                    Persistence::Subset
                };
                let context = || {
                    format!(
                        "{mode:?}, cut at operation {op} ({first:?}), recovery cut at {second_op} ({second:?})"
                    )
                };
                check_state(&again.power_cut(second), &expected, &context);
            }
        }
    }
}

#[test]
fn a_recovery_may_be_cut_at_every_operation_too() {
    cut_recovery_everywhere(WriteMode::Direct, &scenarios::mixed());
    cut_recovery_everywhere(WriteMode::Buffered, &scenarios::mixed());
}
