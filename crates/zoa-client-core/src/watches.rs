//! The client's watch table: who is told of which event, and what is set again after a reconnect.
//!
//! ```text
//!   kind        set by the reply to              told of, and gone (*) after
//!   data        getData, exists: found           created*, data changed*, deleted*
//!   exist       exists: NONODE                   created*, data changed*, deleted*
//!   child       getChildren, getChildren2        children changed*, deleted*
//!   persistent  addWatch mode 0                  all four, of exactly this path
//!   recursive   addWatch mode 1                  created, data changed, deleted, of the path and all below
//! ```
//!
//! It holds the server's paths. It is *not* what the server has: after a loss the server has nothing, and the table is what it
//! is told again. Invariant: a standard watch that fired is gone before anything newer is looked at, so it fires once; it is
//! here as soon as the reply that set it was read, so it is not lost (G-07, G-09).

use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;
use zoa_proto::EventKind;
use zoa_proto::EventType;
use zoa_proto::WatcherType;

use crate::event::WatcherId;
use crate::hashing::KeyedHasher;

/// One table of the original's clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WatchKind {
    Data,
    Exist,
    Child,
    Persistent,
    Recursive,
}

impl WatchKind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Data,
        Self::Exist,
        Self::Child,
        Self::Persistent,
        Self::Recursive,
    ];

    pub(crate) const fn is_persistent(self) -> bool {
        matches!(self, Self::Persistent | Self::Recursive)
    }

    /// What removeWatches calls it.
    pub(crate) const fn watcher_type(self) -> WatcherType {
        match self {
            Self::Data | Self::Exist => WatcherType::Data,
            Self::Child => WatcherType::Children,
            Self::Persistent => WatcherType::Persistent,
            Self::Recursive => WatcherType::PersistentRecursive,
        }
    }

    /// What its watchers are told when it is removed.
    pub(crate) const fn removed_event(self) -> EventType {
        match self {
            Self::Data | Self::Exist => EventType::DataWatchRemoved,
            Self::Child => EventType::ChildWatchRemoved,
            Self::Persistent | Self::Recursive => EventType::PersistentWatchRemoved,
        }
    }

    /// Who of several kinds is told first.
    const fn place(self) -> u8 {
        match self {
            Self::Child => 0,
            Self::Exist => 1,
            Self::Data => 2,
            Self::Persistent => 3,
            Self::Recursive => 4,
        }
    }

    fn is_meant_by(self, watcher_type: WatcherType) -> bool {
        watcher_type == WatcherType::Any || watcher_type == self.watcher_type()
    }

    /// Whether an event of exactly its path concerns it.
    const fn hears(self, event: EventKind) -> bool {
        match (self, event) {
            (Self::Data | Self::Exist | Self::Recursive, EventKind::NodeChildrenChanged)
            | (Self::Child, EventKind::NodeCreated | EventKind::NodeDataChanged) => false,
            (Self::Data | Self::Exist | Self::Child | Self::Persistent | Self::Recursive, _) => {
                true
            }
        }
    }
}

type Watchers = SmallVec<[(WatchKind, WatcherId); 1]>;

#[derive(Debug)]
pub(crate) struct WatchTable {
    by_path: HashMap<Arc<str>, Watchers, KeyedHasher>,
    count: usize,
    /// While it is zero no path above an event's is looked at.
    recursive_count: usize,
}

impl WatchTable {
    pub(crate) fn new(hasher: KeyedHasher) -> Self {
        Self {
            by_path: HashMap::with_hasher(hasher),
            count: 0,
            recursive_count: 0,
        }
    }

    /// Watches in the table.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// Everybody who watches anything, once for each watch.
    pub(crate) fn watchers(&self) -> impl Iterator<Item = WatcherId> {
        self.by_path.values().flatten().map(|(_, watcher)| *watcher)
    }

    /// All watched paths.
    pub(crate) fn paths(&self) -> Vec<Arc<str>> {
        self.by_path.keys().cloned().collect()
    }

    /// Registers a watch; one that is there already stays as it is.
    pub(crate) fn add(&mut self, path: &Arc<str>, kind: WatchKind, watcher: WatcherId) {
        let watchers = self.by_path.entry_ref(path).or_default();
        if !watchers.contains(&(kind, watcher)) {
            watchers.push((kind, watcher));
            self.count += 1;
            self.recursive_count += usize::from(kind == WatchKind::Recursive);
        }
    }

    /// Whether a watch of this kind stands on the path.
    pub(crate) fn has_kind(&self, path: &str, kind: WatchKind) -> bool {
        let watchers = self.by_path.get(path);
        watchers.is_some_and(|watchers| watchers.iter().any(|(other, _)| *other == kind))
    }

    /// Whether a watch that removeWatches would remove stands on the path, of this watcher or, with `None`, of any.
    pub(crate) fn has(
        &self,
        path: &str,
        watcher_type: WatcherType,
        watcher: Option<WatcherId>,
    ) -> bool {
        let watchers = self.by_path.get(path);
        watchers.is_some_and(|watchers| {
            watchers
                .iter()
                .any(|one| is_meant(*one, watcher_type, watcher))
        })
    }

    /// Whether a watch would be left for which the server must keep its own, were those of `watcher` removed.
    pub(crate) fn has_others(
        &self,
        path: &str,
        watcher_type: WatcherType,
        watcher: Option<WatcherId>,
    ) -> bool {
        let is_other = |one: &(WatchKind, WatcherId)| {
            one.0.is_meant_by(watcher_type) && !is_meant(*one, watcher_type, watcher)
        };
        let watchers = self.by_path.get(path);
        watchers.is_some_and(|watchers| watchers.iter().any(is_other))
    }

    /// Removes watches; tells of each kind whose they were.
    pub(crate) fn remove(
        &mut self,
        path: &str,
        watcher_type: WatcherType,
        watcher: Option<WatcherId>,
    ) -> Vec<(WatchKind, Vec<WatcherId>)> {
        let mut gone: Vec<(WatchKind, Vec<WatcherId>)> = Vec::new();
        self.retain(path, |one| {
            let is_gone = is_meant(one, watcher_type, watcher);
            if is_gone {
                // Data and exist watches are one to the user.
                let of_type = |kind: WatchKind| kind.watcher_type() == one.0.watcher_type();
                match gone.iter_mut().find(|(kind, _)| of_type(*kind)) {
                    Some((_, watchers)) if watchers.contains(&one.1) => {}
                    Some((_, watchers)) => watchers.push(one.1),
                    None => gone.push((one.0, vec![one.1])),
                }
            }
            !is_gone
        });
        gone
    }

    /// Finds out whom to tell of an event, each one once, and takes the standard watches among them away.
    pub(crate) fn fire(&mut self, event: EventKind, path: &str, told: &mut Vec<WatcherId>) {
        told.clear();
        let mut heard: Watchers = SmallVec::new();
        self.retain(path, |(kind, watcher)| {
            let hears = kind.hears(event);
            if hears {
                heard.push((kind, watcher));
            }
            !hears || kind.is_persistent()
        });
        // The order of the original's C library: who watches children first, then existence, then data, each in the order in
        // which they were set. One who watches several is told at the last of these places.
        heard.sort_by_key(|(kind, _)| kind.place());
        for (_, watcher) in heard.iter().rev() {
            if !told.contains(watcher) {
                told.push(*watcher);
            }
        }
        told.reverse();
        if self.recursive_count > 0 && event != EventKind::NodeChildrenChanged {
            self.tell_above(path, told);
        }
    }

    /// Adds the recursive watchers of the paths above.
    fn tell_above(&self, path: &str, told: &mut Vec<WatcherId>) {
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            let watched = if parent.is_empty() { "/" } else { parent };
            if watched == path {
                return;
            }
            for (kind, watcher) in self.by_path.get(watched).into_iter().flatten() {
                if *kind == WatchKind::Recursive && !told.contains(watcher) {
                    told.push(*watcher);
                }
            }
            above = parent;
        }
    }

    /// Keeps of one path's watches those of which `keep` says so.
    fn retain(&mut self, path: &str, mut keep: impl FnMut((WatchKind, WatcherId)) -> bool) {
        let Some(watchers) = self.by_path.get_mut(path) else {
            return;
        };
        let (mut gone, mut recursive_gone) = (0, 0);
        watchers.retain(|one| {
            let is_kept = keep(*one);
            gone += usize::from(!is_kept);
            recursive_gone += usize::from(!is_kept && one.0 == WatchKind::Recursive);
            is_kept
        });
        if watchers.is_empty() {
            self.by_path.remove(path);
        }
        assert!(
            gone <= self.count && recursive_gone <= self.recursive_count,
            "watches are counted"
        );
        self.count -= gone;
        self.recursive_count -= recursive_gone;
    }
}

fn is_meant(
    one: (WatchKind, WatcherId),
    watcher_type: WatcherType,
    watcher: Option<WatcherId>,
) -> bool {
    one.0.is_meant_by(watcher_type) && watcher.is_none_or(|watcher| watcher == one.1)
}

#[cfg(test)]
mod tests;
