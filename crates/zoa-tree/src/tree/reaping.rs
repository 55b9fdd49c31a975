//! Which containers and znodes with a time to live are to go (reference 2.4).
//!
//! ```text
//! container  no children now, and there were some once; or never any, and its data were set long ago
//! ttl        no children now, and its data were set longer ago than its time to live
//! ```
//!
//! Only the leader looks, by its clock, and proposes; when that is applied the same is asked again with the same clock. Nothing here
//! changes the tree.

use std::ops::Bound;

use crate::node::NodeId;
use crate::tree::Tree;

impl Tree {
    /// Hands over the paths of unused znodes, looking at no more than `nodes_max` that may be some, from number `from` on; returns the
    /// number to go on from, or nothing when all were looked at.
    pub fn read_unused(
        &self,
        (from, nodes_max): (u32, usize),
        (time_ms, never_used_ms_max): (i64, u32),
        each: &mut dyn FnMut(&str),
    ) -> Option<u32> {
        let mut last = None;
        let numbers = self
            .reaped
            .range((Bound::Included(from), Bound::Unbounded))
            .map(|(number, _)| *number);
        for number in numbers.take(nodes_max) {
            let id = NodeId(number);
            if self.children_count(id) == 0 && self.is_due(id, time_ms, never_used_ms_max) {
                each(&self.path_of(id));
            }
            last = Some(number);
        }
        let next = last?.checked_add(1)?;
        self.reaped
            .range((Bound::Included(next), Bound::Unbounded))
            .next()
            .map(|(number, _)| *number)
    }

    /// How many containers and znodes with a time to live there are.
    #[must_use]
    pub fn reaped_count(&self) -> usize {
        self.reaped.len()
    }

    /// Whether a znode without children is to go.
    pub(crate) fn is_due(&self, id: NodeId, time_ms: i64, never_used_ms_max: u32) -> bool {
        let node = self.node(id);
        let unchanged_ms = time_ms.saturating_sub(node.stat.mtime_ms);
        if node.is_container() {
            let never_used_ms_max = i64::from(never_used_ms_max);
            return node.versions.cversion > 0
                || (never_used_ms_max > 0 && unchanged_ms > never_used_ms_max);
        }
        let ttl_ms = self.reaped.get(&id.0);
        ttl_ms.is_some_and(|ttl_ms| unchanged_ms > *ttl_ms)
    }
}
