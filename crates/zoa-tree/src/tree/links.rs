//! The changes that transactions are made of: each keeps every list, count and sum true.
//!
//! ```text
//! add_child    slab, index, sibling list, family and descendant counts, session's list, digest
//! remove_child the same backwards; the znode stays in its slot until nobody needs it
//! set_data, set_acl
//! ```
//!
//! Nothing is validated here: callers have found the znodes and checked every condition.
//!
//! Invariants: a change first lets an open snapshot keep the old version (`preserve`), and notes in
//! the journal how to undo it if a multi is running; a new child goes in at the head of its
//! siblings, and a deleted one stays in the list as long as a cursor may have to list it.

use zoa_proto::SessionId;
use zoa_proto::Zxid;

use crate::child_index::NameHash;
use crate::digest;
use crate::digest::PathHash;
use crate::members::MemberLines;
use crate::node::Ephemeral;
use crate::node::Family;
use crate::node::Lifetime;
use crate::node::NO_AUX;
use crate::node::Node;
use crate::node::NodeId;
use crate::node::NodeParts;
use crate::node::StoredStat;
use crate::node::Versions;
use crate::node::next_version;
use crate::predefined::CONFIG;
use crate::tree::Tree;
use crate::tree::journal::Undo;

/// Where a znode is or will be, and the transaction that changes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    pub(crate) parent: Parent,
    pub(crate) name: &'p str,
    /// Bytes of its path.
    pub(crate) path_len: usize,
    pub(crate) at: Stamp,
}

/// A znode that has children or may get some.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parent {
    pub(crate) id: NodeId,
    pub(crate) path: PathHash,
}

/// The parent that was found last: znodes come in runs with the same one.
#[derive(Debug, Default)]
pub(crate) struct LastParent {
    path: String,
    found: Option<Parent>,
}

impl LastParent {
    fn get(&self, path: &str) -> Option<Parent> {
        self.found.filter(|_| self.path == path)
    }

    fn set(&mut self, path: &str, parent: Parent) {
        self.path.clear();
        self.path.push_str(path);
        self.found = Some(parent);
    }

    /// To be called when a znode goes: its number may be another's later. Those above one that is
    /// there do not go before it.
    fn forget(&mut self, id: NodeId) {
        self.found = self.found.filter(|parent| parent.id != id);
    }
}

/// Splits at the last slash; the parent of `/a` is the empty path, as in the reference.
pub(crate) fn split_path(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The zxid and the time of a transaction, for a znode that is found already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) zxid: Zxid,
    pub(crate) time_ms: i64,
}

impl Tree {
    /// The znode at the path of a parent; the empty path is the root's.
    pub(crate) fn find_parent(&mut self, path: &str) -> Option<Parent> {
        let last = self.last_parent.get(path);
        last.or_else(|| {
            let parent = Parent {
                id: self.find_id(path)?,
                path: PathHash::of(path),
            };
            self.last_parent.set(path, parent);
            Some(parent)
        })
    }

    /// Adds a child with the ACL that stands in the scratch buffer as `fix_up_acl` left it; `hash`
    /// is that of parent and name.
    pub(crate) fn add_child(
        &mut self,
        place: &Place<'_>,
        hash: NameHash,
        (data, lifetime): (Option<&[u8]>, Lifetime),
    ) -> NodeId {
        let name = place.name.as_bytes();
        let (cversion, pzxid) = self.count_child_created(place);
        let Stamp { zxid, time_ms } = place.at;
        let parts = NodeParts {
            name,
            data,
            stat: StoredStat {
                czxid: zxid,
                mzxid: zxid,
                pzxid: zxid,
                ctime_ms: time_ms,
                mtime_ms: time_ms,
            },
            versions: Versions::default(),
            parent: place.parent.id,
            acl: self.acls.take(&self.acl_scratch),
            lifetime,
        };
        let id = self.insert_node(Node::new(parts), lifetime);
        self.index.insert(hash, id.0);
        self.link_newest(id);
        self.count_in(id);
        self.totals.paths_and_data_len += len_of(place.path_len + self.node(id).data_len());
        self.add_terms(id, place.parent.path.child(name));
        self.note(Undo::Created {
            node: id,
            parent_cversion: cversion,
            parent_pzxid: pzxid,
        });
        id
    }

    /// Deletes a znode without children.
    pub(crate) fn remove_child(&mut self, id: NodeId, place: &Place<'_>) {
        assert_eq!(
            self.children_count(id),
            0,
            "only a znode without children is deleted"
        );
        self.preserve(id);
        let (parent, zxid) = (place.parent, place.at.zxid);
        self.subtract_terms(id, parent.path.child(place.name.as_bytes()));
        self.totals.paths_and_data_len -= len_of(place.path_len + self.node(id).data_len());
        let mut parent_pzxid = Zxid::ZERO;
        self.change_stat(parent, |node| {
            parent_pzxid = std::mem::replace(&mut node.stat.pzxid, zxid);
        });
        let pzxid = std::mem::replace(&mut self.node_mut(id).stat.pzxid, zxid);
        self.leave(id);
        let is_listed = self.open_families.is_open(parent.id);
        if is_listed {
            self.open_families.add_deleted(parent.id, id);
        } else {
            self.unlink(id);
        }
        if self.journal.is_some() {
            self.note(Undo::Deleted {
                node: id,
                parent_pzxid,
                pzxid,
                is_listed,
            });
        } else {
            self.release(id);
        }
    }

    /// Sets data and what goes with it.
    pub(crate) fn set_data(&mut self, id: NodeId, path: &str, data: Option<&[u8]>, at: Stamp) {
        self.preserve(id);
        let hash = PathHash::of(path);
        let (stat, version) = (self.node(id).stat, self.node(id).versions.version);
        self.subtract_terms(id, hash);
        self.totals.paths_and_data_len -= len_of(self.node(id).data_len());
        let is_undoable = self.journal.is_some();
        let node = self.node_mut(id);
        node.versions.version = next_version(version);
        node.stat.mzxid = at.zxid;
        node.stat.mtime_ms = at.time_ms;
        if is_undoable {
            let old = node.swap_data(data);
            self.note(Undo::DataSet {
                node: id,
                old,
                stat,
                version,
            });
        } else {
            node.set_data(data);
        }
        self.totals.paths_and_data_len += len_of(self.node(id).data_len());
        self.add_terms(id, hash);
    }

    /// Sets the ACL that stands in the scratch buffer as `fix_up_acl` left it.
    pub(crate) fn set_acl(&mut self, id: NodeId, path: &str) {
        assert!(
            self.journal.is_none(),
            "a multi has no setACL, so that its undo is not written"
        );
        self.preserve(id);
        let hash = PathHash::of(path);
        self.totals.digest_sum = self
            .totals
            .digest_sum
            .wrapping_sub(self.stat_term(id, hash));
        // The new one first: it may be the same.
        let acl = self.acls.take(&self.acl_scratch);
        let node = self.nodes.at_mut(id.0);
        self.acls.release(std::mem::replace(&mut node.acl, acl));
        node.versions.aversion = next_version(node.versions.aversion);
        self.totals.digest_sum = self
            .totals
            .digest_sum
            .wrapping_add(self.stat_term(id, hash));
    }

    /// Sets the servers of the ensemble, and what `/zookeeper/config` says of them.
    pub(crate) fn set_members(&mut self, members: MemberLines, at: Stamp) {
        assert!(self.journal.is_none(), "a multi changes no servers");
        let config = members.to_string();
        let hash = PathHash::of(CONFIG);
        let id = self.find_id(CONFIG).expect("this znode cannot be deleted");
        self.preserve(id);
        self.subtract_terms(id, hash);
        self.totals.paths_and_data_len -= len_of(self.node(id).data_len());
        let node = self.node_mut(id);
        node.set_data(Some(config.as_bytes()));
        // The original sets these data with version -1, and clients see that.
        node.versions.version = -1;
        node.stat.mzxid = at.zxid;
        node.stat.mtime_ms = at.time_ms;
        self.totals.paths_and_data_len += len_of(config.len());
        self.add_terms(id, hash);
        let sum = self.totals.digest_sum;
        self.totals.digest_sum = sum
            .wrapping_sub(digest::members_term(&self.members))
            .wrapping_add(digest::members_term(&members));
        self.members = members;
    }

    /// Counts one more child ever created; returns cversion and pzxid as they were.
    fn count_child_created(&mut self, place: &Place<'_>) -> (i32, Zxid) {
        let mut before = (0, Zxid::ZERO);
        self.change_stat(place.parent, |node| {
            before = (node.versions.cversion, node.stat.pzxid);
            // The reference applies a cversion only if it is larger, so that it stays at the
            // largest one: the next sequential create finds its name taken (G-13).
            node.versions.cversion = node.versions.cversion.saturating_add(1);
            node.stat.pzxid = place.at.zxid;
        });
        before
    }

    /// Changes a stat and its share of the digest.
    fn change_stat(&mut self, Parent { id, path }: Parent, change: impl FnOnce(&mut Node)) {
        self.preserve(id);
        let before = self.stat_term(id, path);
        change(self.node_mut(id));
        let after = self.stat_term(id, path);
        let sum = self.totals.digest_sum;
        self.totals.digest_sum = sum.wrapping_sub(before).wrapping_add(after);
    }

    pub(crate) fn add_terms(&mut self, id: NodeId, path: PathHash) {
        let terms = self.terms(id, path);
        self.totals.digest_sum = self.totals.digest_sum.wrapping_add(terms);
    }

    fn subtract_terms(&mut self, id: NodeId, path: PathHash) {
        let terms = self.terms(id, path);
        self.totals.digest_sum = self.totals.digest_sum.wrapping_sub(terms);
    }

    fn terms(&self, id: NodeId, path: PathHash) -> u64 {
        let data = digest::data_term(path, self.node(id).data());
        self.stat_term(id, path).wrapping_add(data)
    }

    fn insert_node(&mut self, mut node: Node, lifetime: Lifetime) -> NodeId {
        // An open snapshot is of the tree without it.
        node.snapshot = self.snapshots_begun;
        if let Lifetime::Ephemeral(owner) = lifetime {
            node.aux = self.insert_ephemeral(owner);
        }
        let number = self.nodes.insert(node);
        let number = number.expect("create has checked that there is room");
        if let Some(ttl_ms) = lifetime.reaped_after_ms() {
            self.reaped.insert(number, ttl_ms);
        }
        NodeId(number)
    }

    /// Makes room for what an ephemeral has beside; it joins its session when it enters.
    pub(crate) fn insert_ephemeral(&mut self, owner: SessionId) -> u32 {
        let ephemeral = Ephemeral { owner, place: 0 };
        let number = self.ephemerals.insert(ephemeral);
        number.expect("no more ephemerals than znodes")
    }
}

/// Into the tree and out of it, without stat, digest and journal: the part that undoing shares.
impl Tree {
    /// Makes a live znode part of the tree: index, siblings, counts, session.
    pub(crate) fn enter(&mut self, id: NodeId) {
        self.enter_index(id);
        self.link_newest(id);
        self.count_in(id);
    }

    /// Puts a znode at the head of its siblings.
    pub(crate) fn link_newest(&mut self, id: NodeId) {
        let parent = self.node(id).parent;
        let family = self.family_of(parent);
        let newest = std::mem::replace(&mut self.families.at_mut(family).newest, id);
        let node = self.node_mut(id);
        node.older = newest;
        node.newer = NodeId::NONE;
        node.set_linked(true);
        if let Some(newest) = newest.some() {
            self.node_mut(newest).newer = id;
        }
    }

    /// Puts a znode that `unlink` took out back between its siblings.
    pub(crate) fn relink(&mut self, id: NodeId) {
        let Node {
            parent,
            newer,
            older,
            ..
        } = *self.node(id);
        match newer.some() {
            Some(newer) => self.node_mut(newer).older = id,
            None => {
                let family = self.family_of(parent);
                self.families.at_mut(family).newest = id;
            }
        }
        if let Some(older) = older.some() {
            self.node_mut(older).newer = id;
        }
        self.node_mut(id).set_linked(true);
    }

    /// Takes a znode out of its siblings; it remembers between which it stood.
    pub(crate) fn unlink(&mut self, id: NodeId) {
        let Node {
            parent,
            newer,
            older,
            ..
        } = *self.node(id);
        if let Some(older) = older.some() {
            self.node_mut(older).newer = newer;
        }
        match newer.some() {
            Some(newer) => self.node_mut(newer).older = older,
            None => {
                let family = self.node(parent).family().expect("a child has a family");
                self.families.at_mut(family).newest = older;
                self.drop_empty_family(parent, family);
            }
        }
        self.node_mut(id).set_linked(false);
    }

    pub(crate) fn enter_index(&mut self, id: NodeId) {
        let node = self.nodes.at(id.0);
        let hash = self.index.hash(node.parent.0, node.name());
        self.index.insert(hash, id.0);
    }

    /// Counts a znode in: family, ancestors, totals, the list of its session.
    pub(crate) fn count_in(&mut self, id: NodeId) {
        self.count_in_family(id);
        let node = self.nodes.at(id.0);
        let is_ephemeral = node.is_ephemeral();
        self.for_each_above(node.parent, |above| above.descendants_count += 1);
        self.totals.nodes_count += 1;
        if is_ephemeral {
            self.join_session(id);
        }
    }

    pub(crate) fn count_in_family(&mut self, id: NodeId) {
        let node = self.nodes.at(id.0);
        let (parent, name_len) = (node.parent, len_of(node.name().len()));
        let family = self.family_of(parent);
        let family = self.families.at_mut(family);
        family.children_count += 1;
        family.names_len += name_len;
    }

    /// Puts an ephemeral on the list of its session.
    pub(crate) fn join_session(&mut self, id: NodeId) {
        let number = self.node(id).aux;
        let ephemeral = self.ephemerals.at_mut(number);
        ephemeral.place = self.sessions.add_ephemeral(ephemeral.owner, id);
        self.totals.ephemerals_count += 1;
    }

    /// Makes a znode no part of the tree any more: index, counts, session. It stays linked.
    pub(crate) fn leave(&mut self, id: NodeId) {
        self.last_parent.forget(id);
        let node = self.nodes.at_mut(id.0);
        node.set_live(false);
        let (parent, name_len) = (node.parent, len_of(node.name().len()));
        let hash = self.index.hash(parent.0, node.name());
        self.index.remove(hash, id.0);
        let family = self.node(parent).family().expect("a child has a family");
        let family = self.families.at_mut(family);
        family.children_count -= 1;
        family.names_len -= name_len;
        self.for_each_above(parent, |above| above.descendants_count -= 1);
        self.totals.nodes_count -= 1;
        self.leave_session(id);
    }

    fn leave_session(&mut self, id: NodeId) {
        let node = self.nodes.at(id.0);
        if !node.is_ephemeral() {
            return;
        }
        let Ephemeral { owner, place } = *self.ephemerals.at(node.aux);
        if let Some(moved) = self.sessions.remove_ephemeral(owner, place) {
            let number = self.node(moved).aux;
            self.ephemerals.at_mut(number).place = place;
        }
        self.totals.ephemerals_count -= 1;
    }

    /// Lets go of what a deleted znode holds, and of itself unless it still stands in a list.
    pub(crate) fn release(&mut self, id: NodeId) {
        let node = self.nodes.at_mut(id.0);
        self.acls.release(node.acl);
        if node.is_ephemeral() {
            self.ephemerals
                .remove(std::mem::replace(&mut node.aux, NO_AUX));
        }
        if node.is_reaped() {
            self.reaped.remove(&id.0);
        }
        if node.is_linked() {
            node.drop_data();
        }
        self.free_if_unused(id);
    }

    /// Frees the slot of a znode that is deleted, in no list, and not being listed itself.
    pub(crate) fn free_if_unused(&mut self, id: NodeId) {
        let node = self.node(id);
        if node.is_live() || node.is_linked() || self.open_families.holds(id) {
            return;
        }
        assert_eq!(node.family(), None, "a znode is freed after its children");
        self.nodes.remove(id.0);
    }

    fn for_each_above(&mut self, from: NodeId, mut change: impl FnMut(&mut Family)) {
        let mut at = from.some();
        while let Some(id) = at {
            let node = self.nodes.at(id.0);
            at = node.parent.some();
            let family = node
                .family()
                .expect("each znode above another has a family");
            change(self.families.at_mut(family));
        }
    }

    fn family_of(&mut self, parent: NodeId) -> u32 {
        if let Some(family) = self.node(parent).family() {
            return family;
        }
        let family = self.families.insert(Family::new(parent));
        let family = family.expect("no more families than znodes");
        self.node_mut(parent).aux = family;
        family
    }

    fn drop_empty_family(&mut self, parent: NodeId, family: u32) {
        let held = self.families.at(family);
        if held.children_count == 0 && held.newest == NodeId::NONE {
            assert_eq!(held.descendants_count, 0, "descendants are below children");
            self.families.remove(family);
            self.node_mut(parent).aux = NO_AUX;
        }
    }
}

/// Bytes as the totals count them.
pub(crate) fn len_of(len: usize) -> u64 {
    u64::try_from(len).expect("usize has 64 bits or fewer")
}
