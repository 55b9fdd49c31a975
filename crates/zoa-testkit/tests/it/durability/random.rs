//! Many lives of one disk in a row, each with random steps, ended by a random crash or fault; every recovery is judged.
//!
//! The enumerating tests cut one scenario once; this one finds what needs several cuts. A failure prints its seed.

use zoa_log::Entry;
use zoa_log::HardState;
use zoa_log::Log;
use zoa_log::LogIndex;
use zoa_log::Persist;
use zoa_log::WriteMode;
use zoa_log::testing;
use zoa_testkit::disk::Fault;
use zoa_testkit::disk::Persistence;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::rng::Rng;

use super::life::TAIL;
use super::life::options;
use super::model::Model;
use super::model::Step;

const SEEDS: u64 = 150;
const LIVES: u64 = 8;
const STEPS: u64 = 12;

/// The next order: it may replace what is not committed, raise the term, vote, commit.
fn random_order(model: &Model, rng: &mut Rng) -> Persist {
    let before = model.hard_state;
    let term = before.term.max(1) + u64::from(rng.percent(20));
    let last = model.last();
    let first = if rng.percent(20) {
        rng.between(before.commit.max(model.purged) + 1, last + 1)
    } else {
        last + 1
    };
    let count = if rng.percent(15) {
        0
    } else {
        rng.between(1, 5)
    };
    let entries: Vec<Entry> = (first..first + count)
        .map(|index| {
            testing::entry(
                index,
                term,
                [0, 10, 300, 3000, 9000, 20_000][rng.weighted(&[1, 4, 4, 3, 2, 1])],
            )
        })
        .collect();
    let last = if count == 0 { last } else { first + count - 1 };
    let commit = if rng.percent(50) {
        rng.between(before.commit, last)
    } else {
        before.commit
    };
    Persist {
        number: 0,
        hard_state: Some(HardState {
            term,
            vote: rng.below(3),
            commit,
        }),
        entries,
    }
}

fn random_step(model: &Model, rng: &mut Rng) -> Step {
    match rng.weighted(&[60, 12, 8, 12, 4]) {
        0 => {
            let mut orders = vec![random_order(model, rng)];
            if rng.percent(30) {
                let between = model.after(&Step::Persist(orders.clone()), TAIL);
                orders.push(random_order(&between, rng));
            }
            Step::Persist(orders)
        }
        1 if model.hard_state.commit > model.purged => {
            Step::Compact(rng.between(model.purged + 1, model.hard_state.commit))
        }
        1 | 2 => Step::Mark,
        3 => Step::Prepare,
        _ => Step::Reset(model.last() + rng.between(1, 9), model.hard_state.term + 1),
    }
}

fn take(log: &mut Log<SimDisk>, step: &Step) -> bool {
    let outcome = match step {
        Step::Persist(orders) => log.persist(orders),
        Step::Compact(to) => log.compact(LogIndex(*to)).map(drop),
        Step::Reset(index, term) => log.reset(LogIndex(*index), *term),
        Step::Mark => log.mark(),
        _ => log.prepare(),
    };
    outcome.is_ok()
}

/// What the log holds now, if it is one of `allowed`.
fn recovered(log: &Log<SimDisk>, allowed: &[Model], context: &str) -> Model {
    let entries = testing::read_all(log, 5000);
    let found = Model {
        entries: entries
            .into_iter()
            .map(|entry| (entry.index.0, entry))
            .collect(),
        purged: log.first_index().0 - 1,
        hard_state: log.hard_state(),
        ..Model::default()
    };
    let fits = |model: &&Model| {
        let (found, model) = (found.hard_state, model.hard_state);
        (found.term, found.vote) == (model.term, model.vote) && found.commit <= model.commit
    };
    let fitting = allowed
        .iter()
        .filter(fits)
        .any(|model| (model.purged, &model.entries) == (found.purged, &found.entries));
    assert!(fitting, "{context}: found {found:?}, allowed {allowed:?}");
    found
}

fn live_and_die(seed: u64) {
    let mut rng = Rng::new(seed);
    let mode = if rng.percent(50) {
        WriteMode::Direct
    } else {
        WriteMode::Buffered
    };
    let mut disk = SimDisk::new(rng.next_u64()).with_write_mode(mode);
    let mut allowed = vec![Model::default()];
    for life in 0..LIVES {
        let context = format!("seed {seed} of SEEDS in {}, life {life}", file!());
        let fault = [Fault::Crash, Fault::Eio, Fault::Enospc][rng.weighted(&[6, 2, 1])];
        disk.fault_at(disk.ops() + rng.between(1, 120), fault);
        if let Ok((mut log, _)) = Log::open(disk.clone(), &options()) {
            // It was judged at the end of the life before.
            let mut model = allowed.remove(0);
            allowed = vec![model.clone()];
            for _ in 0..rng.between(0, STEPS) {
                let step = random_step(&model, &mut rng);
                if !take(&mut log, &step) {
                    // A segment that is not needed yet: the log goes on without it.
                    if matches!(step, Step::Prepare) && !disk.is_down() {
                        continue;
                    }
                    allowed = model.during(&step, TAIL);
                    break;
                }
                model = model.after(&step, TAIL);
                allowed = vec![model.clone()];
            }
        }
        let persistence = Persistence::ALL[rng.index(4)];
        disk = if rng.percent(25) {
            disk.kill()
        } else {
            disk.power_cut(persistence)
        };
        let (log, _) = Log::open(disk.clone(), &options())
            .unwrap_or_else(|error| panic!("{context}: {error}"));
        allowed = vec![recovered(&log, &allowed, &context)];
        drop(log);
    }
}

#[test]
fn any_row_of_lives_and_deaths_keeps_what_was_acknowledged() {
    (0..SEEDS).for_each(live_and_die);
}
