//! Access to the watch table for someone who reads: through its lock, or as the apply loop, which holds it already.

use std::sync::Arc;

use parking_lot::Mutex;
use zoa_proto::AddWatchMode;
use zoa_proto::WatcherType;

use crate::lane::Lane;
use crate::watches::Kinds;
use crate::watches::TooManyWatches;
use crate::watches::WatchTable;

/// The watch table, locked or to be locked.
pub(crate) enum Watching<'a> {
    /// A connection's own task: locks for each change.
    Shared(&'a Mutex<WatchTable>),
    /// The apply loop.
    Held(&'a mut WatchTable),
}

impl Watching<'_> {
    pub(crate) fn add(
        &mut self,
        lane: &Arc<Lane>,
        path: &str,
        kinds: Kinds,
    ) -> Result<(), TooManyWatches> {
        self.with(|table| table.add(lane, path, kinds))
    }

    pub(super) fn remove(&mut self, lane: &Lane, path: &str, kinds: Kinds) -> Kinds {
        self.with(|table| table.remove(lane.number(), path, kinds))
    }

    pub(super) fn held(&mut self, lane: &Lane, path: &str) -> Kinds {
        self.with(|table| table.held(lane.number(), path))
    }

    fn with<R>(&mut self, use_table: impl FnOnce(&mut WatchTable) -> R) -> R {
        match self {
            Self::Shared(table) => use_table(&mut table.lock()),
            Self::Held(table) => use_table(table),
        }
    }
}

pub(super) fn kinds_of_mode(mode: AddWatchMode) -> Kinds {
    match mode {
        AddWatchMode::Persistent => Kinds::PERSISTENT,
        AddWatchMode::PersistentRecursive => Kinds::RECURSIVE,
    }
}

/// As 3.9: the plain types mean one-shot watches only.
pub(super) fn kinds_of_type(watcher_type: WatcherType) -> Kinds {
    match watcher_type {
        WatcherType::Children => Kinds::CHILD,
        WatcherType::Data => Kinds::DATA,
        WatcherType::Persistent => Kinds::PERSISTENT,
        WatcherType::PersistentRecursive => Kinds::RECURSIVE,
        WatcherType::Any => Kinds::ALL,
    }
}
