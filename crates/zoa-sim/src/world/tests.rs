//! The simulator itself: runs are clean, equal seeds are equal runs, and every fault leaves its mark.

use super::Failure;
use super::Options;
use super::Plan;
use super::Point;
use super::Scenario;
use crate::HASH_KEYS;
use crate::Report;
use crate::operations_of_scenario;
use crate::replay_command;
use crate::run;
use crate::run_point;
use crate::shrink;
use std::collections::BTreeSet;

fn run_seed(seed: u64, key: usize) -> Report {
    run(Options {
        seed,
        hash_key: HASH_KEYS[key],
        scenario: Scenario::Server,
        point: None,
        plan: Plan::default(),
    })
}

#[test]
fn every_guarantee_holds_through_faults_of_every_kind() {
    let mut kinds = BTreeSet::new();
    for seed in 0..12 {
        let report = run_seed(seed, 0);
        assert!(report.is_clean(), "{report}");
        assert!(report.fault_kinds.len() >= 3, "seed {seed}");
        assert!(
            report.counters.acknowledged > 200,
            "seed {seed}: {}",
            report.counters
        );
        kinds.extend(report.fault_kinds);
    }
    assert!(kinds.len() >= 10, "{kinds:?}");
}

#[test]
fn a_seed_runs_the_same_again_and_with_other_hash_keys() {
    for seed in [3, 4] {
        let first = run_seed(seed, 0);
        for key in [0, 1] {
            let again = run_seed(seed, key);
            let same = (first.trace.hash(), first.trace.count())
                == (again.trace.hash(), again.trace.count());
            assert!(
                same,
                "seed {seed} with key {key}; see {}",
                replay_command(seed, Scenario::Server)
            );
        }
    }
    assert_ne!(run_seed(3, 0).trace.hash(), run_seed(4, 0).trace.hash());
}

#[test]
fn ensembles_keep_every_guarantee_through_cut_networks_and_lost_disks() {
    let mut seen = (0, 0, 0);
    for seed in 0..14 {
        let options = Options {
            seed,
            hash_key: HASH_KEYS[0],
            scenario: Scenario::Ensemble,
            point: None,
            plan: Plan::default(),
        };
        let report = run(options);
        assert!(report.is_clean(), "{report}");
        let counters = report.counters;
        assert!(counters.acknowledged > 100, "seed {seed}: {counters}");
        seen.0 += counters.leaders;
        seen.1 += counters.snapshots_sent;
        seen.2 += counters.wipes;
        if seed < 2 {
            let hash_key = HASH_KEYS[1];
            let again = run(Options {
                hash_key,
                ..options
            });
            assert_eq!(again.trace.hash(), report.trace.hash(), "seed {seed}");
        }
    }
    let (leaders, snapshots_sent, wipes) = seen;
    assert!(
        leaders > 15 && snapshots_sent > 3 && wipes > 0,
        "leaders, snapshots sent, wiped disks: {seen:?}"
    );
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_of_all_servers_goes_again_and_again() {
    let report = run(Options {
        seed: 1,
        hash_key: HASH_KEYS[0],
        scenario: Scenario::Ensemble,
        point: None,
        plan: Plan {
            power_cuts: true,
            ..Plan::default()
        },
    });
    assert!(report.is_clean(), "{report}");
    let counters = report.counters;
    assert!(counters.whole_power_cuts >= 4, "{counters}");
    assert!(counters.succeeded > 200, "{counters}");
}

#[test]
fn a_fault_without_a_bit_does_not_happen_and_a_clean_run_is_not_shrunk() {
    let of_faults = |kept| {
        run(Options {
            seed: 4,
            hash_key: HASH_KEYS[0],
            scenario: Scenario::Ensemble,
            point: None,
            plan: Plan {
                kept,
                ..Plan::default()
            },
        })
    };
    let report = of_faults(0b101);
    assert_eq!(report.plan.len(), 2, "{:?}", report.plan);
    let words = shrink(&report).to_string();
    assert_eq!(words, "none of the 2 faults can be left out\n");
    assert!(of_faults(0).plan.is_empty());
}

/// Every 40th operation here; all of them with `zoa-sim --points`.
#[test]
fn a_failure_of_the_disk_at_any_operation_loses_nothing() {
    let ops = operations_of_scenario(0);
    assert!(ops > 300, "the scenario does {ops} operations");
    for op in (1..=ops).step_by(40) {
        for failure in Failure::ALL {
            let report = run_point(0, Point { op, failure });
            assert!(report.is_clean(), "operation {op}, {failure:?}: {report}");
        }
    }
}

#[test]
fn the_short_scenario_rotates_snapshots_and_recovers() {
    let report = run_point(
        0,
        Point {
            op: 0,
            failure: Failure::Error,
        },
    );
    assert!(report.is_clean(), "{report}");
    assert!(report.counters.snapshots >= 5, "{}", report.counters);
    assert!(report.counters.starts == 2, "{}", report.counters);
}

#[test]
fn a_report_of_a_failure_says_how_to_see_it_again() {
    let mut report = run_point(
        0,
        Point {
            op: 0,
            failure: Failure::Error,
        },
    );
    let broken = zoa_testkit::checkers::Violation {
        guarantee: "G-01",
        what: "planted".to_owned(),
    };
    report.violations.push(broken);
    let text = report.to_string();
    assert!(text.contains("G-01 broken: planted"), "{text}");
    assert!(
        text.contains(&replay_command(0, Scenario::Server)),
        "{text}"
    );
    assert!(
        text.contains("committed"),
        "the last happenings are shown: {text}"
    );
}
