//! Listing the children of one znode in steps, under separate holds of the lock, exact at one zxid.
//!
//! ```text
//! newest <-> c9 <-> c8 <-> (c7 deleted) <-> c6 ...     new ones go in left of where a cursor began
//!                    ^ cursor, opened when c7 was still there: it lists c7
//! ```
//!
//! A short list needs no cursor: walk it under one hold of the lock.
//!
//! Invariants: while a cursor is open on a znode, its deleted children stay in the list, marked
//! with the zxid that deleted them; a cursor passes over those that were gone when it was opened.
//! When the last cursor is closed they are unlinked a few at a time, by the applies that follow.
//! Nobody pays for the whole list at once.

use hashbrown::HashMap;
use zoa_proto::Stat;
use zoa_proto::Zxid;

use crate::hash_key::HashKey;
use crate::node::NodeId;
use crate::tree::Tree;

/// A place in a list of children. Must be given back with [`Tree::close_cursor`], to the tree that
/// made it: until then that tree keeps deleted children of this znode.
#[must_use = "a cursor that is not closed makes the tree keep deleted children for ever"]
#[derive(Debug)]
pub struct ChildCursor {
    /// Of the tree that it was opened on.
    life: u64,
    parent: NodeId,
    next: NodeId,
    zxid: Zxid,
    left: u32,
    children_count: u32,
    names_len: u64,
    stat: Stat,
}

impl ChildCursor {
    /// How many names the whole list has.
    #[must_use]
    pub const fn children_count(&self) -> u32 {
        self.children_count
    }

    /// Bytes of all names of the list together: with the count, the length of a reply is known
    /// before the first name is read.
    #[must_use]
    pub const fn names_len(&self) -> u64 {
        self.names_len
    }

    /// The zxid at which the list is true.
    #[must_use]
    pub const fn zxid(&self) -> Zxid {
        self.zxid
    }

    /// The parent's stat at that zxid.
    #[must_use]
    pub const fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Whether all names have been listed.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.left == 0
    }
}

/// Znodes whose children are being listed, or were and have deleted ones left to unlink.
#[derive(Debug)]
pub(crate) struct OpenFamilies {
    open: HashMap<NodeId, OpenFamily, HashKey>,
    /// Znodes without cursors that have deleted children to unlink.
    to_reclaim: Vec<NodeId>,
}

#[derive(Debug, Default)]
struct OpenFamily {
    cursors_count: u32,
    deleted: Vec<NodeId>,
    is_queued: bool,
}

impl OpenFamilies {
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            open: HashMap::with_hasher(key),
            to_reclaim: Vec::new(),
        }
    }

    /// Whether a cursor is open on this znode.
    pub(crate) fn is_open(&self, id: NodeId) -> bool {
        !self.open.is_empty()
            && self
                .open
                .get(&id)
                .is_some_and(|open| open.cursors_count > 0)
    }

    /// Whether this znode must keep its slot for its list.
    pub(crate) fn holds(&self, id: NodeId) -> bool {
        !self.open.is_empty() && self.open.contains_key(&id)
    }

    pub(crate) fn add_deleted(&mut self, parent: NodeId, child: NodeId) {
        self.open.entry(parent).or_default().deleted.push(child);
    }

    /// Undoes the last [`OpenFamilies::add_deleted`] of this parent.
    pub(crate) fn take_back_deleted(&mut self, parent: NodeId, child: NodeId) {
        let last = self
            .open
            .get_mut(&parent)
            .and_then(|open| open.deleted.pop());
        assert_eq!(last, Some(child), "undone in the opposite order");
    }

    fn add_cursor(&mut self, id: NodeId) {
        self.open.entry(id).or_default().cursors_count += 1;
    }

    /// Whether it was the last one and left nothing to unlink.
    fn remove_cursor(&mut self, id: NodeId) -> bool {
        let Some(open) = self.open.get_mut(&id) else {
            return false;
        };
        open.cursors_count = open.cursors_count.saturating_sub(1);
        if open.cursors_count > 0 {
            return false;
        }
        if open.deleted.is_empty() {
            self.open.remove(&id);
            return true;
        }
        if !open.is_queued {
            open.is_queued = true;
            self.to_reclaim.push(id);
        }
        false
    }
}

impl Tree {
    /// Begins to list the children of the znode at this path; `None` if there is none. Whether
    /// the caller may read it is the caller's to check.
    pub fn open_children_cursor(&mut self, path: &str) -> Option<ChildCursor> {
        let parent = self.find_id(path)?;
        let family = self.family(parent).copied();
        self.open_families.add_cursor(parent);
        let children_count = family.map_or(0, |family| family.children_count);
        Some(ChildCursor {
            life: self.life,
            parent,
            next: family.map_or(NodeId::NONE, |family| family.newest),
            zxid: self.last_zxid,
            left: children_count,
            children_count,
            names_len: family.map_or(0, |family| family.names_len),
            stat: self.stat(parent),
        })
    }

    /// Lists more names, looking at no more than `children_max` children, deleted ones included;
    /// true when the list is complete. Of a cursor whose tree was replaced nothing more is listed.
    pub fn cursor_step(
        &self,
        cursor: &mut ChildCursor,
        children_max: usize,
        each: &mut dyn FnMut(&str),
    ) -> bool {
        if cursor.life != self.life {
            return false;
        }
        for _ in 0..children_max {
            let Some(node) = cursor.next.some().and_then(|next| self.nodes.get(next.0)) else {
                break;
            };
            if cursor.left == 0 {
                break;
            }
            // Of a deleted child, pzxid is the transaction that deleted it.
            if node.is_live() || node.stat.pzxid > cursor.zxid {
                each(node.name_str());
                cursor.left -= 1;
            }
            cursor.next = node.older;
        }
        debug_assert!(
            cursor.is_done() || cursor.next != NodeId::NONE,
            "the list has all names"
        );
        cursor.is_done()
    }

    /// Ends a listing, complete or not.
    pub fn close_cursor(&mut self, cursor: ChildCursor) {
        if cursor.life == self.life && self.open_families.remove_cursor(cursor.parent) {
            self.free_if_unused(cursor.parent);
        }
    }

    /// Unlinks at most `children_max` deleted children that no cursor needs any more; true if some
    /// may be left. Every apply does a little of it; an idle server may do more.
    pub fn reclaim(&mut self, children_max: usize) -> bool {
        for _ in 0..children_max {
            let Some(parent) = self.open_families.to_reclaim.last().copied() else {
                return false;
            };
            self.reclaim_one(parent);
        }
        !self.open_families.to_reclaim.is_empty()
    }

    fn reclaim_one(&mut self, parent: NodeId) {
        let open = self.open_families.open.get_mut(&parent);
        let open = open.expect("a queued znode has deleted children");
        let child = if open.cursors_count > 0 {
            None
        } else {
            open.deleted.pop()
        };
        if let Some(child) = child {
            self.unlink(child);
            self.free_if_unused(child);
            return;
        }
        // A cursor was opened again, and its close will queue the znode; or nothing is left.
        open.is_queued = false;
        let is_empty = open.cursors_count == 0;
        self.open_families.to_reclaim.pop();
        if is_empty {
            self.open_families.open.remove(&parent);
            self.free_if_unused(parent);
        }
    }
}
