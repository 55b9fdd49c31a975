//! Who is told of events: pairs of a function and a context, by the numbers that the core knows them by.
//!
//! Invariant: the same pair has the same number, so it is told of one event once, as the original does. Numbers that nobody needs
//! any more are forgotten by a sweep when the table has doubled, so a context for each watch does not pile up.

use std::collections::HashMap;
use std::ffi::c_void;

use zoa_client_core::WatcherId;

use crate::abi::WatcherFn;

/// Below this many nobody looks for what can be forgotten.
const SWEEP_MIN: usize = 64;

/// A function and its context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watcher {
    pub(crate) function: WatcherFn,
    pub(crate) context: *mut c_void,
}

// SAFETY: the context is the caller's and only handed back to its function; nobody here looks behind it.
unsafe impl Send for Watcher {}

impl Watcher {
    fn key(self) -> (usize, usize) {
        (self.function as usize, self.context.addr())
    }
}

#[derive(Debug)]
struct Entry {
    watcher: Watcher,
    /// Requests under way that may register it.
    pending: usize,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Watchers {
    entries: HashMap<u64, Entry>,
    ids: HashMap<(usize, usize), u64>,
    last: u64,
    sweep_at: usize,
}

impl Watchers {
    pub(crate) fn new() -> Self {
        Self {
            entries: HashMap::new(),
            ids: HashMap::new(),
            last: 0,
            sweep_at: SWEEP_MIN,
        }
    }

    /// The number of a watcher that a request is about to name; [`Self::settle`] ends it.
    pub(crate) fn name(&mut self, watcher: Watcher) -> WatcherId {
        let id = *self.ids.entry(watcher.key()).or_insert_with(|| {
            self.last += 1;
            self.last
        });
        let entry = self.entries.entry(id).or_insert(Entry {
            watcher,
            pending: 0,
        });
        entry.pending += 1;
        WatcherId(id)
    }

    /// The number of a watcher, if it has one.
    pub(crate) fn find(&self, watcher: Watcher) -> Option<WatcherId> {
        self.ids.get(&watcher.key()).copied().map(WatcherId)
    }

    /// The request that named it has ended.
    pub(crate) fn settle(&mut self, id: WatcherId) {
        if let Some(entry) = self.entries.get_mut(&id.0) {
            entry.pending = entry.pending.saturating_sub(1);
        }
    }

    /// Whom a number stands for.
    pub(crate) fn get(&self, id: WatcherId) -> Option<Watcher> {
        self.entries.get(&id.0).map(|entry| entry.watcher)
    }

    /// Whom to tell of a change of the session: everybody who watches anything, in the order of their numbers, and last the
    /// default watcher.
    pub(crate) fn all(&self, mut live: Vec<WatcherId>, default: Watcher) -> Vec<Watcher> {
        live.sort_unstable();
        live.dedup();
        let default_key = default.key();
        live.iter()
            .filter_map(|id| self.get(*id))
            .filter(|watcher| watcher.key() != default_key)
            .chain([default])
            .collect()
    }

    /// Whether it is time to look for what can be forgotten.
    pub(crate) fn is_sweep_due(&self) -> bool {
        self.entries.len() >= self.sweep_at
    }

    /// Forgets all but those who watch, and those whom requests under way name.
    pub(crate) fn sweep(&mut self, live: impl IntoIterator<Item = WatcherId>) {
        let live: std::collections::HashSet<u64> = live.into_iter().map(|id| id.0).collect();
        self.entries
            .retain(|id, entry| entry.pending > 0 || live.contains(id));
        let entries = &self.entries;
        self.ids.retain(|_, id| entries.contains_key(id));
        self.sweep_at = (self.entries.len() * 2).max(SWEEP_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::SWEEP_MIN;
    use super::Watcher;
    use super::Watchers;
    use crate::abi::ZHandle;
    use std::ffi::c_char;
    use std::ffi::c_int;
    use std::ffi::c_void;

    unsafe extern "C" fn watch(
        _: *mut ZHandle,
        _: c_int,
        _: c_int,
        _: *const c_char,
        _: *mut c_void,
    ) {
    }

    fn with_context(context: usize) -> Watcher {
        Watcher {
            function: watch,
            context: std::ptr::without_provenance_mut(context),
        }
    }

    #[test]
    fn the_same_pair_has_the_same_number_and_the_default_watcher_comes_last() {
        let mut watchers = Watchers::new();
        let first = watchers.name(with_context(1));
        let second = watchers.name(with_context(2));
        assert_eq!(watchers.name(with_context(1)), first);
        let all = watchers.all(vec![second, first, first], with_context(1));
        let contexts: Vec<usize> = all.iter().map(|watcher| watcher.context.addr()).collect();
        assert_eq!(contexts, [2, 1]);
    }

    #[test]
    fn contexts_that_nobody_needs_do_not_pile_up() {
        let mut watchers = Watchers::new();
        let kept = watchers.name(with_context(9_999));
        for context in 0..100 * SWEEP_MIN {
            let id = watchers.name(with_context(context));
            if id != kept {
                watchers.settle(id);
            }
            if watchers.is_sweep_due() {
                watchers.sweep([]);
            }
        }
        assert!(watchers.entries.len() <= SWEEP_MIN && watchers.ids.len() <= SWEEP_MIN);
        assert!(watchers.get(kept).is_some());
    }
}
