//! Judges a disk after something happened to it.
//!
//! What it is not: lenient. A recovered state must be one of the states the model allows, entry for entry, and must stay so.

use std::collections::BTreeSet;

use zoa_log::HardState;
use zoa_log::Log;
use zoa_log::LogIndex;
use zoa_log::Persist;
use zoa_log::SnapshotStore;
use zoa_log::testing;
use zoa_testkit::disk::Persistence;
use zoa_testkit::disk::SimDisk;

use super::life::Life;
use super::life::TAIL;
use super::life::options;
use super::life::snapshot_content;
use super::model::Model;

/// What may be found after something happened.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    states: Vec<Model>,
    /// Snapshots that may be there or not.
    uncertain: BTreeSet<u64>,
}

impl Expected {
    /// Every state that the disk may be in after this life.
    pub(crate) fn after(life: &Life) -> Self {
        let states = match &life.failed {
            Some((step, _)) => life.acked.during(step, TAIL),
            None => vec![life.acked.clone()],
        };
        Self {
            states,
            uncertain: life.uncertain.clone(),
        }
    }

    /// One state and no other.
    pub(crate) fn exactly(state: Model) -> Self {
        Self {
            states: vec![state],
            uncertain: BTreeSet::new(),
        }
    }

    fn allows(&self, found: &Model) -> bool {
        let HardState { term, vote, commit } = found.hard_state;
        let certain = |model: &Model| {
            let mut snapshots = model.snapshots.clone();
            snapshots.retain(|index, _| !self.uncertain.contains(index));
            snapshots
        };
        self.states.iter().any(|state| {
            (term, vote) == (state.hard_state.term, state.hard_state.vote)
                && commit <= state.hard_state.commit
                && found.purged == state.purged
                && found.entries == state.entries
                && certain(found) == certain(state)
        })
    }
}

/// Opens the disk and checks that what is found is allowed.
pub(crate) fn check_state(disk: &SimDisk, expected: &Expected, context: &dyn Fn() -> String) {
    drop(open_and_match(disk, expected, context));
}

/// As [`check_state`], and that what was found is durable by then, and that the log goes on from there.
pub(crate) fn check_recovery(disk: &SimDisk, expected: &Expected, context: &dyn Fn() -> String) {
    let (log, found) = open_and_match(disk, expected, context);
    drop(log);
    // What recovery has shown may be acted on, so it has to survive a power cut at once.
    let disk = disk.power_cut(Persistence::Nothing);
    let found_again = Expected::exactly(found.clone());
    let (mut log, again) = open_and_match(&disk, &found_again, &|| {
        format!("{}, second recovery", context())
    });
    assert_eq!(again.hard_state, found.hard_state, "{}", context());
    let next = found.last() + 1;
    let hard_state = HardState {
        term: found.hard_state.term + 1,
        vote: 0,
        commit: found.hard_state.commit,
    };
    let entry = testing::entry(next, hard_state.term, 5000);
    let order = Persist {
        number: 1,
        hard_state: Some(hard_state),
        entries: vec![entry.clone()],
    };
    log.persist(&[order])
        .unwrap_or_else(|error| panic!("{}: the log does not go on: {error}", context()));
    drop(log);
    let disk = disk.power_cut(Persistence::Nothing);
    let mut extended = found;
    extended.entries.insert(next, entry);
    extended.hard_state = hard_state;
    check_state(&disk, &Expected::exactly(extended), &|| {
        format!("{}, after it went on", context())
    });
}

fn open_and_match(
    disk: &SimDisk,
    expected: &Expected,
    context: &dyn Fn() -> String,
) -> (Log<SimDisk>, Model) {
    let (log, recovered) = Log::open(disk.clone(), &options())
        .unwrap_or_else(|error| panic!("{}: refused: {error}", context()));
    let found = found_state(disk, &log, recovered.hard_state, context);
    assert_eq!(recovered.first_index.0, found.purged + 1, "{}", context());
    assert_eq!(recovered.last_index.0, found.last(), "{}", context());
    assert!(
        expected.allows(&found),
        "{}:\nfound {found:?}\nexpected {expected:?}",
        context()
    );
    (log, found)
}

fn found_state(
    disk: &SimDisk,
    log: &Log<SimDisk>,
    hard_state: HardState,
    context: &dyn Fn() -> String,
) -> Model {
    let entries = testing::read_all(log, 10_000);
    for entry in &entries {
        assert_eq!(log.term(entry.index), Some(entry.term), "{}", context());
    }
    let mut found = Model {
        entries: entries
            .into_iter()
            .map(|entry| (entry.index.0, entry))
            .collect(),
        purged: log.first_index().0 - 1,
        hard_state,
        ..Model::default()
    };
    let store = SnapshotStore::open(disk.clone(), testing::CLUSTER).expect("no fault is planned");
    for LogIndex(index) in store.list().expect("no fault is planned") {
        let mut reader = store
            .read(LogIndex(index))
            .unwrap_or_else(|error| panic!("{}: {error}", context()));
        let bytes = testing::read_snapshot(&mut reader)
            .unwrap_or_else(|error| panic!("{}: {error}", context()));
        assert!(
            bytes == snapshot_content(index, bytes.len()),
            "{}: snapshot {index}",
            context()
        );
        found.snapshots.insert(index, bytes.len());
    }
    if !found.snapshots.is_empty() {
        let loaded = store.load_newest(log.first_index(), testing::read_snapshot);
        let loaded = loaded.unwrap_or_else(|error| panic!("{}: {error}", context()));
        assert!(
            loaded.found.is_some() && loaded.damaged.is_empty(),
            "{}: {loaded:?}",
            context()
        );
    }
    found
}
