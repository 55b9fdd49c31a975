//! What a log holds, as an ordinary map: the judge of every recovery.
//!
//! What it is not: clever. It knows nothing of batches, segments or files.

use std::collections::BTreeMap;
use std::fmt;

use zoa_log::Entry;
use zoa_log::HardState;
use zoa_log::Persist;

/// One step of a scenario.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Make these orders durable together.
    Persist(Vec<Persist>),
    /// Cut the log for a snapshot at this index.
    Compact(u64),
    /// A snapshot from the leader takes the log's place: index, term.
    Reset(u64, u64),
    /// Record that all is durable.
    Mark,
    /// One step towards the next segment.
    Prepare,
    /// Close in order and open again.
    Reopen,
    /// Take a snapshot of this index and length.
    Snapshot(u64, usize),
    /// Keep so many snapshots.
    Purge(usize),
}

/// The state that a log and the snapshots should have.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) entries: BTreeMap<u64, Entry>,
    /// The log begins behind this index.
    pub(crate) purged: u64,
    pub(crate) hard_state: HardState,
    /// Index and length.
    pub(crate) snapshots: BTreeMap<u64, usize>,
}

impl fmt::Debug for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "behind {}:", self.purged)?;
        for entry in self.entries.values() {
            write!(
                formatter,
                " {}/{}({} B)",
                entry.index,
                entry.term,
                entry.data.len()
            )?;
        }
        write!(
            formatter,
            ", {:?}, snapshots {:?}",
            self.hard_state, self.snapshots
        )
    }
}

impl Model {
    pub(crate) fn last(&self) -> u64 {
        self.entries
            .last_key_value()
            .map_or(self.purged, |(index, _)| *index)
    }

    /// Every state that may be found when the power went during `step`, the one before it and the one after it included.
    pub(crate) fn during(&self, step: &Step, tail_entries: u64) -> Vec<Self> {
        let mut after = self.clone();
        match step {
            Step::Persist(orders) => return self.during_persist(orders),
            Step::Compact(to) => {
                after.purged = after.purged.max(to.saturating_sub(tail_entries));
                after.entries = after.entries.split_off(&(after.purged + 1));
            }
            Step::Reset(index, term) => {
                after.purged = *index;
                after.entries.clear();
                after.hard_state.term = after.hard_state.term.max(*term);
                after.hard_state.commit = after.hard_state.commit.max(*index);
            }
            Step::Snapshot(index, len) => {
                after.snapshots.insert(*index, *len);
            }
            Step::Purge(retain) => return self.during_purge(*retain),
            Step::Mark | Step::Prepare | Step::Reopen => {}
        }
        vec![self.clone(), after]
    }

    /// The state when `step` has succeeded.
    pub(crate) fn after(&self, step: &Step, tail_entries: u64) -> Self {
        self.during(step, tail_entries)
            .pop()
            .expect("the last one is the one after it")
    }

    /// Orders may be cut between two entries, never within one; the hard state comes with the first.
    fn during_persist(&self, orders: &[Persist]) -> Vec<Self> {
        let mut whole = self.clone();
        let mut first_new = u64::MAX;
        for order in orders {
            if let Some(first) = order.entries.first() {
                first_new = first_new.min(first.index.0);
                whole.entries.split_off(&first.index.0);
            }
            whole.entries.extend(
                order
                    .entries
                    .iter()
                    .map(|entry| (entry.index.0, entry.clone())),
            );
            whole.hard_state = order.hard_state.unwrap_or(whole.hard_state);
        }
        let mut states = vec![self.clone()];
        for last in first_new..whole.last() {
            let mut part = whole.clone();
            part.entries.split_off(&(last + 1));
            part.hard_state.commit = self.hard_state.commit;
            states.push(part);
        }
        states.push(whole);
        states
    }

    /// Each of the old ones may be gone or not.
    fn during_purge(&self, retain: usize) -> Vec<Self> {
        let surplus = self.snapshots.len().saturating_sub(retain);
        let mut states = vec![self.clone()];
        for index in self.snapshots.keys().take(surplus) {
            let without = states.clone().into_iter().map(|mut state| {
                state.snapshots.remove(index);
                state
            });
            states.extend(without.collect::<Vec<_>>());
        }
        states
    }
}
