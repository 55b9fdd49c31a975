//! What production clients tell is true in simulated runs; and a lie planted into what one of them told is found.

use crate::HASH_KEYS;
use crate::Options;
use crate::Report;
use crate::Scenario;
use crate::Tally;
use crate::clients::Life;
use crate::clients::Told;
use crate::clients::Verdict;
use crate::replay_command;
use crate::world::World;
use zoa_client_core::ExpiredBy;
use zoa_client_core::Reason;
use zoa_client_core::SessionEvent;
use zoa_testkit::clock::SimTime;
use zoa_testkit::op::Op;

fn options(seed: u64, key: usize) -> Options {
    Options {
        seed,
        hash_key: HASH_KEYS[key],
        scenario: Scenario::Clients,
        point: None,
        plan: crate::Plan::default(),
    }
}

#[test]
fn production_clients_tell_the_truth_whatever_fails_and_equal_seeds_are_equal_runs() {
    let mut tally = Tally::default();
    for seed in 0..3 {
        let report = World::new(options(seed, 0)).run();
        assert!(report.is_clean(), "{report}");
        let again = World::new(options(seed, 1)).run();
        let command = replay_command(seed, Scenario::Clients);
        assert_eq!(report.trace.hash(), again.trace.hash(), "{command}");
        tally.add(&report.clients);
    }
    assert!(tally.unknown > 10 && tally.reattached > 5 && tally.watches > 50);
}

/// Lets the first client to which `tamper` can do something lie, and gives the verdict.
fn judge_with(mut tamper: impl FnMut(&mut Life) -> bool) -> Report {
    let mut lied = false;
    for seed in 0..20 {
        let mut world = World::new(options(seed, 0));
        world.play();
        for user in world.users.values_mut() {
            for life in user.past.iter_mut().chain(&mut user.life) {
                lied = lied || tamper(life);
            }
        }
        if lied {
            return world.judge();
        }
    }
    panic!("no client of these seeds can tell this lie");
}

#[track_caller]
fn rejects(guarantee: &str, tamper: impl FnMut(&mut Life) -> bool) {
    let report = judge_with(tamper);
    let found = report
        .violations
        .iter()
        .any(|one| one.guarantee == guarantee);
    assert!(found, "{guarantee} was not reported: {report}");
}

/// The requests to create something, by their tags.
fn creates(life: &Life) -> Vec<u32> {
    let is_create = |tag: u32| {
        let asked = life.asked.get(tag as usize - 1);
        matches!(asked.map(|asked| &asked.op), Some(Op::Create { .. }))
    };
    let tags = 1..=life.asked.len() as u32;
    tags.filter(|tag| is_create(*tag)).collect()
}

/// Changes the first thing told that `change` takes.
fn retell(life: &mut Life, change: impl FnMut(&mut Told) -> bool) -> bool {
    let mut change = change;
    life.told.iter_mut().any(|(_, told)| change(told))
}

#[test]
fn a_write_that_was_applied_and_is_called_not_applied_is_reported() {
    rejects("G-26", |life| {
        let done = creates(life);
        retell(life, |told| match told {
            Told::Outcome(tag, verdict @ Verdict::Done(_, Ok(_))) if done.contains(tag) => {
                *verdict = Verdict::NotApplied(Reason::Closed);
                true
            }
            _ => false,
        })
    });
}

#[test]
fn the_answer_to_another_request_is_reported() {
    rejects("G-26", |life| {
        let done = creates(life);
        retell(life, |told| match told {
            Told::Outcome(tag, Verdict::Done(_, outcome @ Ok(_))) if done.contains(tag) => {
                *outcome = Err(-101);
                true
            }
            _ => false,
        })
    });
}

#[test]
fn outcomes_in_another_order_than_the_requests_are_reported() {
    rejects("G-27", |life| {
        let is_outcome = |told: &Told| matches!(told, Told::Outcome(1..1_000, _));
        let first = life.told.iter().position(|(_, told)| is_outcome(told));
        let last = life.told.iter().rposition(|(_, told)| is_outcome(told));
        match (first, last) {
            (Some(first), Some(last)) if first < last => {
                life.told.swap(first, last);
                true
            }
            _ => false,
        }
    });
}

#[test]
fn an_event_that_is_not_told_is_reported() {
    let mut taken = 0;
    rejects("G-28", |life| {
        // The last of a life may be due to nobody any more; the first is followed by replies.
        let at = life
            .told
            .iter()
            .position(|(_, told)| matches!(told, Told::Watch(_)));
        if let Some(at) = at.filter(|_| life.told.len() > 200) {
            life.told.remove(at);
            taken += 1;
        }
        taken > 0
    });
}

#[test]
fn an_event_told_twice_is_reported() {
    rejects("G-28", |life| {
        let at = life
            .told
            .iter()
            .position(|(_, told)| matches!(told, Told::Watch(_)));
        if let Some(at) = at {
            let again = life.told[at].clone();
            life.told.insert(at, again);
        }
        at.is_some()
    });
}

#[test]
fn a_session_called_expired_while_it_lives_is_reported() {
    rejects("G-29", |life| {
        let connected = |told: &Told| matches!(told, Told::Session(SessionEvent::Connected { .. }));
        let at = life.told.iter().position(|(_, told)| connected(told));
        if let Some(at) = at {
            let expired = Told::Session(SessionEvent::Expired(ExpiredBy::Server));
            life.told.insert(at + 1, (SimTime(1), expired));
        }
        at.is_some()
    });
}
