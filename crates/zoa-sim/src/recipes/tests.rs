//! Recipes keep their promises in simulated runs; and a broken promise is reported.

use std::sync::Arc;
use std::sync::Mutex;

use zoa_testkit::clock::SimTime;
use zoa_testkit::rng::Rng;

use super::desk;
use super::desk::Desk;
use super::desk::Shared;
use super::ledger::Kind;
use super::ledger::Ledger;
use super::tally::RecipeTally;
use crate::HASH_KEYS;
use crate::Options;
use crate::Scenario;
use crate::replay_command;

/// G-30, and G-16 of the scenario itself.
#[test]
fn recipes_keep_their_promises_whatever_fails_and_equal_seeds_are_equal_runs() {
    for seed in 0..4 {
        let options = Options {
            seed,
            hash_key: HASH_KEYS[0],
            scenario: Scenario::Recipes,
            point: None,
            plan: crate::Plan::default(),
        };
        let report = crate::run(options);
        assert!(report.is_clean(), "{report}");
        let again = crate::run(Options {
            hash_key: HASH_KEYS[1],
            ..options
        });
        let command = replay_command(seed, Scenario::Recipes);
        assert_eq!(report.trace.hash(), again.trace.hash(), "{command}");
        assert!(report.recipes.processes > 0);
    }
}

/// The same where the leader of three servers changes under them: in seeds in which that happens.
#[test]
fn recipes_and_farms_keep_their_promises_while_the_leader_of_three_servers_changes() {
    let seeds = [
        (Scenario::Recipes, [3, 5, 6].as_slice()),
        (Scenario::Farm, &[3, 5, 8]),
    ];
    for (scenario, seeds) in seeds {
        for seed in seeds.iter().copied() {
            let report = crate::run(Options {
                seed,
                hash_key: HASH_KEYS[0],
                scenario,
                point: None,
                plan: crate::Plan::default(),
            });
            assert!(report.is_clean(), "{report}");
            let RecipeTally {
                ensembles,
                leader_changes,
                ..
            } = report.recipes;
            let command = replay_command(seed, scenario);
            assert!(ensembles == 1 && leader_changes > 0, "{command}: {report}");
        }
    }
}

/// A process whose session is surely alive until then.
fn process(alive_until: SimTime) -> Shared {
    let mut desk = Desk::new(Rng::new(1));
    desk.at = SimTime(1_000);
    desk.alive_until = alive_until;
    Arc::new(Mutex::new(desk))
}

const LATER: SimTime = SimTime(2_000);

#[track_caller]
fn check(ledger: &mut Ledger, violations: usize) {
    let found = ledger.judge();
    assert_eq!(found.len(), violations, "{found:?}");
    assert!(found.iter().all(|one| one.guarantee == "G-30"));
}

#[test]
fn two_believed_holders_are_reported_and_one_who_may_have_expired_is_no_holder() {
    let mut ledger = Ledger::default();
    let way = ("/lock", Kind::Exclusive);
    let (first, second) = (process(LATER), process(LATER));
    ledger.acquired(way, (1, &first), Some(5));
    ledger.acquired(way, (2, &second), Some(6));
    check(&mut ledger, 1);
    desk::at(&first).alive_until = SimTime(999);
    desk::at(&second).die();
    ledger.acquired(way, (3, &process(LATER)), Some(7));
    check(&mut ledger, 0);
}

#[test]
fn a_hold_given_without_a_session_and_a_token_that_falls_are_reported() {
    let mut ledger = Ledger::default();
    let way = ("/lock", Kind::Exclusive);
    let number = ledger.acquired(way, (1, &process(LATER)), Some(5));
    ledger.ended(number);
    let number = ledger.acquired(way, (2, &process(LATER)), Some(4));
    check(&mut ledger, 1);
    ledger.ended(number);
    ledger.acquired(way, (3, &process(SimTime::ZERO)), Some(6));
    check(&mut ledger, 1);
}

#[test]
fn who_counts_on_a_session_that_has_ended_elsewhere_is_no_holder() {
    let mut ledger = Ledger::default();
    let way = ("/lock", Kind::Exclusive);
    let cut_off = process(LATER);
    ledger.acquired(way, (1, &cut_off), Some(5));
    desk::at(&cut_off).has_outlived = true;
    ledger.acquired(way, (2, &process(LATER)), Some(6));
    ledger.acquired(way, (1, &cut_off), Some(4));
    check(&mut ledger, 0);
    ledger.acquired(way, (3, &process(LATER)), Some(7));
    check(&mut ledger, 1);
}

#[test]
fn readers_share_and_leases_are_counted() {
    let mut ledger = Ledger::default();
    let reading = ("/rw", Kind::Shared);
    ledger.acquired(reading, (1, &process(LATER)), None);
    ledger.acquired(reading, (2, &process(LATER)), None);
    check(&mut ledger, 0);
    ledger.acquired(("/rw", Kind::Exclusive), (3, &process(LATER)), None);
    check(&mut ledger, 1);
    for user in 0..2 {
        ledger.acquired(("/s", Kind::OneOf(2)), (user, &process(LATER)), None);
    }
    check(&mut ledger, 0);
    ledger.acquired(("/s", Kind::OneOf(2)), (9, &process(LATER)), None);
    check(&mut ledger, 1);
}
