//! The watches of one connection, by the model (reference: section 2.2).
//!
//! Invariant: one change leads to at most one event per connection and table; a one-shot watch is gone after it, seen or not.

use crate::op::EventKind;
use std::collections::BTreeMap;

/// Which modes a connection has set on one path of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Modes {
    once: bool,
    persistent: bool,
    recursive: bool,
}

impl Modes {
    fn is_empty(self) -> bool {
        !(self.once || self.persistent || self.recursive)
    }
}

#[derive(Clone, Debug, Default)]
struct Table(BTreeMap<String, Modes>);

impl Table {
    fn set(&mut self, path: &str, set: impl FnOnce(&mut Modes)) {
        set(self.0.entry(path.to_owned()).or_default());
    }

    /// Clears modes and says whether there was anything to clear.
    fn clear(&mut self, path: &str, clear: impl FnOnce(&mut Modes)) -> bool {
        let Some(modes) = self.0.get_mut(path) else {
            return false;
        };
        let before = *modes;
        clear(modes);
        let changed = *modes != before;
        if modes.is_empty() {
            self.0.remove(path);
        }
        changed
    }

    fn has(&self, path: &str, test: impl FnOnce(Modes) -> bool) -> bool {
        self.0.get(path).is_some_and(|modes| test(*modes))
    }

    /// Whether this change concerns the connection; one-shot watches on the path are used up by it.
    fn trigger(&mut self, kind: EventKind, path: &str) -> bool {
        let here = self.has(path, |modes| {
            modes.once
                || modes.persistent
                || (modes.recursive && kind != EventKind::NodeChildrenChanged)
        });
        self.clear(path, |modes| modes.once = false);
        let above = kind != EventKind::NodeChildrenChanged
            && ancestors(path).any(|ancestor| self.has(ancestor, |modes| modes.recursive));
        here || above
    }
}

fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path).filter(|path| *path != "/");
    std::iter::from_fn(move || {
        let parent = crate::model::parent_of(rest?)?;
        rest = Some(parent).filter(|parent| *parent != "/");
        Some(parent)
    })
}

/// Kinds of watches in checkWatches and removeWatches.
mod watcher_type {
    pub(super) const CHILDREN: i32 = 1;
    pub(super) const DATA: i32 = 2;
    pub(super) const ANY: i32 = 3;
    pub(super) const PERSISTENT: i32 = 4;
    pub(super) const PERSISTENT_RECURSIVE: i32 = 5;
}

/// Modes of addWatch.
pub(crate) mod add_mode {
    pub(crate) const PERSISTENT: i32 = 0;
    pub(crate) const PERSISTENT_RECURSIVE: i32 = 1;
}

/// All watches of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watches {
    data: Table,
    child: Table,
}

impl Watches {
    /// getData and exists.
    pub(crate) fn watch_data(&mut self, path: &str) {
        self.data.set(path, |modes| modes.once = true);
    }

    /// getChildren.
    pub(crate) fn watch_children(&mut self, path: &str) {
        self.child.set(path, |modes| modes.once = true);
    }

    /// addWatch; false for a mode that does not exist.
    pub(crate) fn add(&mut self, path: &str, mode: i32) -> bool {
        match mode {
            add_mode::PERSISTENT => {
                self.data.set(path, |modes| modes.persistent = true);
                self.child.set(path, |modes| modes.persistent = true);
                true
            }
            add_mode::PERSISTENT_RECURSIVE => {
                self.data.set(path, |modes| modes.recursive = true);
                true
            }
            _ => false,
        }
    }

    /// checkWatches; `None` for a kind that does not exist.
    pub(crate) fn check(&self, path: &str, kind: i32) -> Option<bool> {
        let any = |modes: Modes| !modes.is_empty();
        Some(match kind {
            watcher_type::CHILDREN => self.child.has(path, |modes| modes.once),
            watcher_type::DATA => self.data.has(path, |modes| modes.once),
            watcher_type::ANY => self.data.has(path, any) || self.child.has(path, any),
            watcher_type::PERSISTENT => self.data.has(path, |modes| modes.persistent),
            watcher_type::PERSISTENT_RECURSIVE => self.data.has(path, |modes| modes.recursive),
            _ => return None,
        })
    }

    /// removeWatches; whether there was any, `None` for a kind that does not exist.
    pub(crate) fn remove(&mut self, path: &str, kind: i32) -> Option<bool> {
        Some(match kind {
            watcher_type::CHILDREN => self.child.clear(path, |modes| modes.once = false),
            watcher_type::DATA => self.data.clear(path, |modes| modes.once = false),
            watcher_type::ANY => {
                let data = self.data.clear(path, |modes| *modes = Modes::default());
                self.child.clear(path, |modes| *modes = Modes::default()) || data
            }
            watcher_type::PERSISTENT => {
                let data = self.data.clear(path, |modes| modes.persistent = false);
                self.child.clear(path, |modes| modes.persistent = false) || data
            }
            watcher_type::PERSISTENT_RECURSIVE => {
                self.data.clear(path, |modes| modes.recursive = false)
            }
            _ => return None,
        })
    }

    /// Whether a change leads to an event here. Of a deletion the child table hears only when the data table did not.
    pub(crate) fn trigger(&mut self, kind: EventKind, path: &str) -> bool {
        match kind {
            EventKind::NodeCreated | EventKind::NodeDataChanged => self.data.trigger(kind, path),
            EventKind::NodeChildrenChanged => self.child.trigger(kind, path),
            EventKind::NodeDeleted => {
                let data = self.data.trigger(kind, path);
                let child = self.child.trigger(kind, path);
                data || child
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Watches;
    use super::add_mode;
    use crate::op::EventKind;

    #[test]
    fn a_one_shot_watch_fires_once() {
        let mut watches = Watches::default();
        watches.watch_data("/a");
        assert!(watches.trigger(EventKind::NodeDataChanged, "/a"));
        assert!(!watches.trigger(EventKind::NodeDataChanged, "/a"));
    }

    #[test]
    fn a_recursive_watch_hears_of_descendants_and_never_of_children_changed() {
        let mut watches = Watches::default();
        watches.add("/a", add_mode::PERSISTENT_RECURSIVE);
        assert!(watches.trigger(EventKind::NodeCreated, "/a/b/c"));
        assert!(watches.trigger(EventKind::NodeDeleted, "/a"));
        assert!(!watches.trigger(EventKind::NodeChildrenChanged, "/a"));
        assert!(!watches.trigger(EventKind::NodeCreated, "/ab"));
        watches.add("/", add_mode::PERSISTENT_RECURSIVE);
        assert!(watches.trigger(EventKind::NodeCreated, "/ab"));
    }

    #[test]
    fn a_deletion_is_told_once_though_both_tables_watch() {
        let mut watches = Watches::default();
        watches.watch_data("/a");
        watches.watch_children("/a");
        assert!(watches.trigger(EventKind::NodeDeleted, "/a"));
        assert!(
            !watches.trigger(EventKind::NodeDeleted, "/a"),
            "both one-shot watches are used up"
        );
    }

    #[test]
    fn removing_by_kind_leaves_the_other_kinds() {
        let mut watches = Watches::default();
        watches.watch_data("/a");
        watches.add("/a", add_mode::PERSISTENT);
        assert_eq!(watches.remove("/a", 2), Some(true));
        assert_eq!(watches.check("/a", 4), Some(true));
        assert_eq!(watches.remove("/a", 2), Some(false));
        assert_eq!(watches.remove("/a", 9), None);
        assert_eq!(watches.remove("/a", 3), Some(true));
        assert_eq!(watches.check("/a", 3), Some(false));
    }
}
