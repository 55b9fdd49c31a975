//! The entries of one simulated directory: as seen, and as a power cut would leave them.
//!
//! Invariant: without a sync of the directory, each change survives or not for itself; a rename is one change and never half.

use std::collections::BTreeMap;

use super::Persistence;
use crate::rng::Rng;

/// Names one inode.
pub(super) type InodeId = u64;

#[derive(Clone, Debug)]
pub(super) enum Change {
    Link(String, InodeId),
    Unlink(String),
    Rename(String, String, InodeId),
}

/// One directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) now: BTreeMap<String, InodeId>,
    durable: BTreeMap<String, InodeId>,
    /// With the place of each among all changes of the disk.
    pending: Vec<(u64, Change)>,
}

impl Directory {
    /// A directory that is durable as it is.
    pub(super) fn durable(entries: BTreeMap<String, InodeId>) -> Self {
        Self {
            now: entries.clone(),
            durable: entries,
            pending: Vec::new(),
        }
    }

    pub(super) fn change(&mut self, number: u64, change: Change) {
        apply(&mut self.now, &change);
        self.pending.push((number, change));
    }

    pub(super) fn sync(&mut self) {
        for (_, change) in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    pub(super) fn last_pending(&self) -> Option<u64> {
        self.pending.last().map(|(number, _)| *number)
    }

    /// The power goes; `last` is the number of the newest change of the whole disk.
    pub(super) fn power_cut(&mut self, persistence: Persistence, last: Option<u64>, rng: &mut Rng) {
        match persistence {
            Persistence::Nothing => self.pending.clear(),
            Persistence::All => {}
            Persistence::Subset => self.pending.retain(|_| rng.percent(50)),
            Persistence::TornLast => self.pending.retain(|(number, _)| last != Some(*number)),
        }
        self.sync();
        self.now.clone_from(&self.durable);
    }
}

fn apply(entries: &mut BTreeMap<String, InodeId>, change: &Change) {
    match change {
        Change::Link(name, inode) => {
            entries.insert(name.clone(), *inode);
        }
        Change::Unlink(name) => {
            entries.remove(name);
        }
        Change::Rename(from, to, inode) => {
            entries.remove(from);
            entries.insert(to.clone(), *inode);
        }
    }
}
