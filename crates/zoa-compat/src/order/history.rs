//! All that was written during the run, in zxid order: what every read and every event is held against.
//!
//! Complete by construction: the writers wait for all their replies before the run is judged.
//!
//! Invariant: the lists are sorted by zxid, and within one zxid by the order of the txn's parts.

use super::arrival::Arrival;
use super::arrival::Persistent;
use super::arrival::spread;
use super::node::Kind;
use super::node::Node;
use std::collections::HashMap;

/// One change of one znode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) zxid: i64,
    pub(crate) node: Node,
    pub(crate) kind: Kind,
    pub(crate) stamp: u64,
}

/// The children of the directory after a zxid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Children {
    pub(crate) zxid: i64,
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

/// The whole history.
#[derive(Default)]
pub(crate) struct History {
    all: Vec<Change>,
    by_node: HashMap<Node, Vec<Change>>,
    children: Vec<Children>,
}

impl History {
    /// Gathers the writes of all connections.
    pub(crate) fn gather<'a>(logs: impl Iterator<Item = &'a Vec<Arrival>>) -> Self {
        let mut all: Vec<Change> = Vec::new();
        for arrival in logs.flatten() {
            if let Arrival::Written { zxid, changes } = arrival {
                let zxid = *zxid;
                all.extend(changes.iter().map(|(node, kind, stamp)| Change {
                    zxid,
                    node: *node,
                    kind: *kind,
                    stamp: *stamp,
                }));
            }
        }
        // Stable: the parts of one txn keep their order.
        all.sort_by_key(|change| change.zxid);
        let mut history = Self::default();
        for change in &all {
            history
                .by_node
                .entry(change.node)
                .or_default()
                .push(*change);
            if matches!(change.node, Node::Child(_)) {
                history.child_changed(*change);
            }
        }
        history.all = all;
        history
    }

    fn child_changed(&mut self, change: Change) {
        let last = self.children.last().copied().unwrap_or_default();
        let (count, sum) = match change.kind {
            Kind::Created => (last.count + 1, last.sum.wrapping_add(spread(change.stamp))),
            _ => (
                last.count.saturating_sub(1),
                last.sum.wrapping_sub(spread(change.stamp)),
            ),
        };
        self.children.push(Children {
            zxid: change.zxid,
            count,
            sum,
        });
        let parent = Change {
            node: Node::Parent,
            kind: Kind::ChildrenChanged,
            ..change
        };
        self.by_node.entry(Node::Parent).or_default().push(parent);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    fn of(&self, node: Node) -> &[Change] {
        self.by_node.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The last change of a znode at or before `zxid`, with its number among the znode's changes.
    pub(crate) fn last_at(&self, node: Node, zxid: i64) -> Option<(usize, Change)> {
        let changes = self.of(node);
        let at = changes
            .partition_point(|change| change.zxid <= zxid)
            .checked_sub(1)?;
        changes.get(at).map(|change| (at, *change))
    }

    /// The first change of a znode after `zxid`.
    pub(crate) fn first_after(&self, node: Node, zxid: i64) -> Option<Change> {
        let changes = self.of(node);
        changes
            .get(changes.partition_point(|change| change.zxid <= zxid))
            .copied()
    }

    /// The children at `zxid`.
    pub(crate) fn children_at(&self, zxid: i64) -> Children {
        let at = self
            .children
            .partition_point(|children| children.zxid <= zxid);
        at.checked_sub(1)
            .and_then(|at| self.children.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// What a persistent watch hears, and the place in it after `zxid`.
    pub(crate) fn heard_after(&self, persistent: Persistent, zxid: i64) -> (&[Change], usize) {
        let changes = match persistent {
            Persistent::Exact(node) => self.of(node),
            Persistent::Recursive => &self.all,
        };
        (
            changes,
            changes.partition_point(|change| change.zxid <= zxid),
        )
    }
}
