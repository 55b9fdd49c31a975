//! The watch table: who is to be told about which path. Watches belong to connections, live in this server's memory only and die
//! with their connection.
//!
//! ```text
//!   kind        set by                      told of                                      one-shot
//!   data        getData, exists             created, deleted, data changed               yes
//!   child       getChildren, getChildren2   children changed, deleted                    yes
//!   persistent  addWatch mode 0             all four, of exactly this path               no
//!   recursive   addWatch mode 1             created, deleted, data changed, whole subtree no
//! ```
//!
//! All four may stand on one path for one connection, and one event is told once. The table is locked inside the tree's lock,
//! shared to register and exclusive to fire, so that a watch and the read it came with are one step. Serves G-07 and G-09.

mod watchers;

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::HashSet;
use zoa_proto::EventKind;

use crate::hashing::KeyedHasher;
use crate::lane::ConnectionNumber;
use crate::lane::Lane;
use crate::limits::WATCHED_LEN_MAX;
use crate::limits::WATCHED_LEN_PER_CONNECTION_MAX;
use crate::limits::WATCHES_MAX;
use crate::limits::WATCHES_PER_CONNECTION_MAX;
pub(crate) use watchers::Kinds;
use watchers::Watchers;

/// All watches of this server.
#[derive(Debug)]
pub(crate) struct WatchTable {
    by_path: HashMap<Arc<str>, Watchers, KeyedHasher>,
    by_connection: HashMap<ConnectionNumber, OwnPaths, KeyedHasher>,
    hasher: KeyedHasher,
    /// Of one connection.
    bounds: Bounds,
    /// Of all connections together.
    bounds_of_all: Bounds,
    /// What all connections hold together.
    all: Held,
    /// The same as the original counts them: a watch for data and one for children on one path are two.
    tables_count: usize,
    /// Paths with at least one recursive watch; while it is zero no ancestor is looked at.
    recursive_count: usize,
}

/// The paths that one connection watches.
#[derive(Debug)]
struct OwnPaths {
    paths: HashSet<Arc<str>, KeyedHasher>,
    /// Bytes of all of them: a path need not exist to be watched, so clients choose its length.
    len: usize,
}

/// How much is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    count: usize,
    /// Bytes of the paths, each counted for every connection that watches it.
    len: usize,
}

/// How much may be watched.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    count_max: usize,
    len_max: usize,
}

impl Bounds {
    fn allow(&self, held: Held, path: &str) -> bool {
        held.count < self.count_max && held.len + path.len() <= self.len_max
    }
}

impl OwnPaths {
    fn held(&self) -> Held {
        Held {
            count: self.paths.len(),
            len: self.len,
        }
    }
}

/// The connection, or all of them together, hold as many watches as they may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyWatches;

impl WatchTable {
    pub(crate) fn new(hasher: KeyedHasher) -> Self {
        Self {
            by_path: HashMap::with_hasher(hasher),
            by_connection: HashMap::with_hasher(hasher),
            hasher,
            bounds: Bounds {
                count_max: WATCHES_PER_CONNECTION_MAX,
                len_max: WATCHED_LEN_PER_CONNECTION_MAX,
            },
            bounds_of_all: Bounds {
                count_max: WATCHES_MAX,
                len_max: WATCHED_LEN_MAX,
            },
            all: Held::default(),
            tables_count: 0,
            recursive_count: 0,
        }
    }

    /// Registers `kinds` on `path`; what is registered already stays as it is.
    pub(crate) fn add(
        &mut self,
        lane: &Arc<Lane>,
        path: &str,
        kinds: Kinds,
    ) -> Result<(), TooManyWatches> {
        let hasher = self.hasher;
        let own = self
            .by_connection
            .entry(lane.number())
            .or_insert_with(|| OwnPaths {
                paths: HashSet::with_hasher(hasher),
                len: 0,
            });
        let path = match own.paths.get(path) {
            Some(path) => Arc::clone(path),
            None if !self.bounds.allow(own.held(), path)
                || !self.bounds_of_all.allow(self.all, path) =>
            {
                if own.paths.is_empty() {
                    self.by_connection.remove(&lane.number());
                }
                return Err(TooManyWatches);
            }
            None => {
                let path = self
                    .by_path
                    .get_key_value(path)
                    .map_or_else(|| Arc::from(path), |(path, _)| Arc::clone(path));
                own.len += path.len();
                own.paths.insert(Arc::clone(&path));
                self.all.count += 1;
                self.all.len += path.len();
                path
            }
        };
        let before = self.by_path.entry(path).or_default().add(lane, kinds);
        self.tables_count += (before | kinds).tables_count() - before.tables_count();
        if kinds.contains(Kinds::RECURSIVE) && !before.contains(Kinds::RECURSIVE) {
            self.recursive_count += 1;
        }
        Ok(())
    }

    /// Which of `kinds` the connection has on `path`.
    pub(crate) fn held(&self, connection: ConnectionNumber, path: &str) -> Kinds {
        self.by_path
            .get(path)
            .map_or(Kinds::NONE, |watchers| watchers.held(connection))
    }

    /// Takes `kinds` of the connection off `path`; says which of them there were.
    pub(crate) fn remove(
        &mut self,
        connection: ConnectionNumber,
        path: &str,
        kinds: Kinds,
    ) -> Kinds {
        let Some(watchers) = self.by_path.get_mut(path) else {
            return Kinds::NONE;
        };
        let before = watchers.held(connection);
        let removed = watchers.remove(connection, kinds);
        self.tables_count -= before.tables_count() - watchers.held(connection).tables_count();
        if removed.contains(Kinds::RECURSIVE) {
            self.recursive_count -= 1;
        }
        if watchers.held(connection).is_none() {
            if watchers.is_empty() {
                self.by_path.remove(path);
            }
            self.forget(connection, path);
        }
        removed
    }

    /// Takes all watches of a connection away.
    pub(crate) fn remove_connection(&mut self, connection: ConnectionNumber) {
        let Some(own) = self.by_connection.remove(&connection) else {
            return;
        };
        self.all.count -= own.paths.len();
        self.all.len -= own.len;
        for path in own.paths {
            let Some(watchers) = self.by_path.get_mut(&path) else {
                continue;
            };
            let removed = watchers.remove(connection, Kinds::ALL);
            self.tables_count -= removed.tables_count();
            if removed.contains(Kinds::RECURSIVE) {
                self.recursive_count -= 1;
            }
            if watchers.is_empty() {
                self.by_path.remove(&path);
            }
        }
    }

    /// Consumes the one-shot watches of an event and calls `tell` once for every connection that is to hear of it.
    pub(crate) fn fire(&mut self, kind: EventKind, path: &str, mut tell: impl FnMut(&Arc<Lane>)) {
        if self.by_path.is_empty() {
            return;
        }
        let (consumed, heard) = kinds_of_event(kind);
        let has_recursive = self.recursive_count > 0 && heard.contains(Kinds::RECURSIVE);
        let mut told = HashSet::with_hasher(self.hasher);
        if let Some(watchers) = self.by_path.get_mut(path) {
            let mut exhausted = Vec::new();
            self.tables_count -= watchers.fire(heard, consumed, |lane, is_exhausted| {
                if has_recursive {
                    told.insert(lane.number());
                }
                if is_exhausted {
                    exhausted.push(lane.number());
                }
                tell(lane);
            });
            if watchers.is_empty() {
                self.by_path.remove(path);
            }
            for connection in exhausted {
                self.forget(connection, path);
            }
        }
        if has_recursive {
            for ancestor in ancestors(path) {
                let Some(watchers) = self.by_path.get(ancestor) else {
                    continue;
                };
                for lane in watchers.with(Kinds::RECURSIVE) {
                    if told.insert(lane.number()) {
                        tell(lane);
                    }
                }
            }
        }
    }

    /// How many watches there are, and the bytes of their paths.
    pub(crate) fn held_by_all(&self) -> (usize, usize) {
        (self.all.count, self.all.len)
    }

    /// Connections that hold a watch, paths that are watched, and watches in all.
    pub(crate) fn counts(&self) -> WatchCounts {
        WatchCounts {
            connections: self.by_connection.len(),
            paths: self.by_path.len(),
            watches: self.all.count,
            tables: self.tables_count,
        }
    }

    /// Watched paths, each with the lanes that watch it, as many as make `lines_max` lines with one a path and one a lane.
    pub(crate) fn list(&self, lines_max: usize) -> Vec<(Arc<str>, Vec<Arc<Lane>>)> {
        let mut left = lines_max;
        let mut listed = Vec::new();
        for (path, watchers) in &self.by_path {
            if left == 0 {
                break;
            }
            let lanes: Vec<_> = watchers
                .with(Kinds::ALL)
                .take(left)
                .map(Arc::clone)
                .collect();
            left = left.saturating_sub(1 + lanes.len());
            listed.push((Arc::clone(path), lanes));
        }
        listed
    }

    fn forget(&mut self, connection: ConnectionNumber, path: &str) {
        if let Some(own) = self.by_connection.get_mut(&connection) {
            if own.paths.remove(path) {
                own.len -= path.len();
                self.all.count -= 1;
                self.all.len -= path.len();
            }
            if own.paths.is_empty() {
                self.by_connection.remove(&connection);
            }
        }
    }
}

/// How much there is in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WatchCounts {
    pub(crate) connections: usize,
    pub(crate) paths: usize,
    pub(crate) watches: usize,
    /// Watches as the original counts them, in both of its tables.
    pub(crate) tables: usize,
}

/// What an event consumes, and which kinds on its own path hear of it.
fn kinds_of_event(kind: EventKind) -> (Kinds, Kinds) {
    match kind {
        EventKind::NodeCreated | EventKind::NodeDataChanged => (
            Kinds::DATA,
            Kinds::DATA | Kinds::PERSISTENT | Kinds::RECURSIVE,
        ),
        EventKind::NodeDeleted => (Kinds::DATA | Kinds::CHILD, Kinds::ALL),
        EventKind::NodeChildrenChanged => (Kinds::CHILD, Kinds::CHILD | Kinds::PERSISTENT),
    }
}

/// The proper ancestors of a path, nearest first, the root last.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = (path != "/").then_some(path);
    std::iter::from_fn(move || {
        let (parent, _) = rest?.rsplit_once('/')?;
        rest = (!parent.is_empty()).then_some(parent);
        Some(if parent.is_empty() { "/" } else { parent })
    })
}

#[cfg(test)]
mod tests;
