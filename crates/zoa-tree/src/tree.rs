//! The replicated state: znodes, sessions, ACLs and the counters over them.
//!
//! ```text
//! apply(term, txn) -> Outcome      the only way to change it
//! find, read_...                   by shared reference, from any thread that holds the lock
//! ```
//!
//! It is not the server: it knows no connection, no watch and no frame, reads no clock and no
//! random source. Whatever it gives depends only on the transactions applied before, never on
//! the order of a hash table or the number of a slot (G-16).

pub(crate) mod journal;
pub(crate) mod links;
pub(crate) mod preserve;
mod reaping;
mod succeed;

use std::collections::BTreeMap;

use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Zxid;

use crate::acl::AclHandle;
use crate::acl::table::AclTable;
use crate::child_index::ChildIndex;
use crate::child_index::NameHash;
use crate::children_cursor::OpenFamilies;
use crate::digest;
use crate::digest::PathHash;
use crate::hash_key::HashKey;
use crate::limits::NODES_MAX;
use crate::members::MemberLines;
use crate::node::Ephemeral;
use crate::node::Family;
use crate::node::Lifetime;
use crate::node::Node;
use crate::node::NodeId;
use crate::node::SoughtName;
use crate::node::wire_stat;
use crate::semantics::SEMANTICS_FIRST;
use crate::session::Session;
use crate::session::Sessions;
use crate::slab::Slab;
use crate::snapshot::open::OpenSnapshot;
use crate::tree::journal::Journal;
use crate::tree::links::LastParent;

/// The replicated state machine.
#[derive(Debug)]
pub struct Tree {
    pub(crate) key: HashKey,
    pub(crate) nodes: Slab<Node>,
    pub(crate) index: ChildIndex,
    pub(crate) families: Slab<Family>,
    pub(crate) ephemerals: Slab<Ephemeral>,
    /// Containers and znodes with a time to live, by their number, with that time in milliseconds; 0 of a container.
    pub(crate) reaped: BTreeMap<u32, i64>,
    pub(crate) acls: AclTable,
    pub(crate) sessions: Sessions,
    /// The servers of the ensemble, also as `/zookeeper/config` shows them.
    pub(crate) members: MemberLines,
    pub(crate) totals: Totals,
    pub(crate) last_zxid: Zxid,
    /// The term in which `last_zxid` was given.
    pub(crate) zxid_term: u64,
    pub(crate) semantics: u32,
    /// Directories that are being listed in steps.
    pub(crate) open_families: OpenFamilies,
    pub(crate) snapshot: Option<OpenSnapshot>,
    /// How many snapshots were begun; the number of the last one.
    pub(crate) snapshots_begun: u32,
    /// How many trees had this place before.
    pub(crate) life: u64,
    /// How to undo what the running multi has done so far.
    pub(crate) journal: Option<Journal>,
    /// Reused by every create and setACL.
    pub(crate) acl_scratch: Vec<u8>,
    pub(crate) last_parent: LastParent,
}

/// Sums over all znodes and sessions, kept as they change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Totals {
    /// Of the terms of the digest; wraps.
    pub(crate) digest_sum: u64,
    /// Live znodes, the root included.
    pub(crate) nodes_count: u32,
    pub(crate) ephemerals_count: u32,
    /// Bytes of paths and data.
    pub(crate) paths_and_data_len: u64,
}

impl Tree {
    /// A tree as it is before the first transaction.
    #[must_use]
    pub fn new(key: HashKey) -> Self {
        let mut tree = Self::without_nodes(key);
        tree.add_predefined_nodes();
        tree
    }

    /// A tree to be loaded into.
    pub(crate) fn without_nodes(key: HashKey) -> Self {
        Self {
            key,
            nodes: Slab::new(NODES_MAX),
            index: ChildIndex::new(key),
            families: Slab::new(NODES_MAX),
            ephemerals: Slab::new(NODES_MAX),
            reaped: BTreeMap::new(),
            acls: AclTable::new(key),
            sessions: Sessions::new(key),
            members: MemberLines::default(),
            totals: Totals::default(),
            last_zxid: Zxid::ZERO,
            zxid_term: 0,
            semantics: SEMANTICS_FIRST,
            open_families: OpenFamilies::new(key),
            snapshot: None,
            snapshots_begun: 0,
            life: 0,
            journal: None,
            acl_scratch: Vec::new(),
            last_parent: LastParent::default(),
        }
    }

    /// The zxid of the last transaction that took one.
    #[must_use]
    pub const fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }

    /// Leaves so many epochs out: the next zxid is above all that other copies of this state have given meanwhile, unless their
    /// epochs rose by more. For a state that goes on without those.
    pub fn leave_out_epochs(&mut self, count: u32) {
        let epoch = self.last_zxid.epoch().saturating_add(count);
        self.last_zxid = Zxid::new(epoch, 0);
    }

    /// The rules by which transactions are applied, one of [`SEMANTICS_FIRST`] to [`crate::SEMANTICS_NEWEST`].
    #[must_use]
    pub const fn semantics_version(&self) -> u32 {
        self.semantics
    }

    /// One number for the whole state: equal on all replicas at the same entry (G-16).
    #[must_use]
    pub fn digest(&self) -> u64 {
        digest::finish(
            self.totals.digest_sum,
            self.last_zxid,
            self.zxid_term,
            self.semantics,
        )
    }

    /// The number of znodes as the reference counts them for srvr and mntr: it holds the root
    /// under two names, so that an empty tree has 5.
    #[must_use]
    pub const fn node_count(&self) -> u64 {
        self.totals.nodes_count as u64 + 1
    }

    /// How many ephemerals there are.
    #[must_use]
    pub const fn ephemerals_count(&self) -> u64 {
        self.totals.ephemerals_count as u64
    }

    /// How many sessions there are.
    #[must_use]
    pub const fn sessions_count(&self) -> u64 {
        self.sessions.len() as u64
    }

    /// How many different ACLs there are.
    #[must_use]
    pub const fn acls_count(&self) -> u64 {
        self.acls.len() as u64
    }

    /// Bytes of all paths and data, as mntr's `approximate_data_size` counts them.
    #[must_use]
    pub const fn approximate_data_size(&self) -> u64 {
        self.totals.paths_and_data_len
    }

    /// The servers of the ensemble; none when this server stands alone, or the ensemble is not founded.
    #[must_use]
    pub const fn members(&self) -> &MemberLines {
        &self.members
    }

    /// A live session.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// All live sessions, in no order that means anything.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter()
    }

    /// The znode at a path; a malformed path finds nothing.
    ///
    /// The empty path finds the root, as in the reference, which keeps it under both names.
    pub(crate) fn find_id(&self, path: &str) -> Option<NodeId> {
        if path.is_empty() || path == "/" {
            return Some(NodeId::ROOT);
        }
        // No znode has an empty name, so "//a" and "/a/" find nothing.
        let mut names = path.strip_prefix('/')?.split('/');
        names.try_fold(NodeId::ROOT, |parent, name| {
            self.child(parent, name.as_bytes())
        })
    }

    /// The live child of this name.
    pub(crate) fn child(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        self.child_by_hash(parent, name, self.index.hash(parent.0, name))
    }

    /// The same, when the hash of parent and name is known.
    pub(crate) fn child_by_hash(
        &self,
        parent: NodeId,
        name: &[u8],
        hash: NameHash,
    ) -> Option<NodeId> {
        let sought = SoughtName::new(name);
        let found = self.index.find(hash, |candidate| {
            let node = self.nodes.at(candidate);
            node.parent == parent && node.has_name(&sought)
        });
        found.map(NodeId)
    }

    #[inline]
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.nodes.at(id.0)
    }

    #[inline]
    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.at_mut(id.0)
    }

    pub(crate) fn family(&self, id: NodeId) -> Option<&Family> {
        self.node(id)
            .family()
            .map(|family| self.families.at(family))
    }

    /// The session that an ephemeral goes with.
    pub(crate) fn owner_of(&self, node: &Node) -> SessionId {
        if node.is_ephemeral() {
            self.ephemerals.at(node.aux).owner
        } else {
            SessionId::NONE
        }
    }

    /// How long a znode lives.
    pub(crate) fn lifetime(&self, id: NodeId) -> Lifetime {
        let node = self.node(id);
        if node.is_ephemeral() {
            Lifetime::Ephemeral(self.owner_of(node))
        } else if node.is_container() {
            Lifetime::Container
        } else if node.is_reaped() {
            let ttl_ms = self.reaped.get(&id.0).copied();
            Lifetime::Ttl(ttl_ms.expect("a znode with a time to live stands in this table"))
        } else {
            Lifetime::Persistent
        }
    }

    pub(crate) fn children_count(&self, id: NodeId) -> u32 {
        self.family(id).map_or(0, |family| family.children_count)
    }

    pub(crate) fn acl(&self, id: NodeId) -> &AclHandle {
        self.acls.handle(self.node(id).acl)
    }

    pub(crate) fn stat(&self, id: NodeId) -> Stat {
        let node = self.node(id);
        let family = node.family().map(|family| self.families.at(family));
        let children_count = family.map_or(0, |family| family.children_count);
        wire_stat(node, self.owner_of(node), children_count)
    }

    /// The path of a znode: the names from the root down to it.
    pub(crate) fn path_of(&self, id: NodeId) -> String {
        let mut names = Vec::new();
        let mut at = id;
        while at != NodeId::ROOT {
            let node = self.node(at);
            names.push(node.name_str());
            at = node.parent;
        }
        let mut path = String::new();
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        if path.is_empty() {
            path.push('/');
        }
        path
    }

    fn stat_term(&self, id: NodeId, path: PathHash) -> u64 {
        let node = self.node(id);
        let acl_digest = self.acls.handle(node.acl).digest();
        digest::stat_term(path, node, self.lifetime(id).raw_owner(), acl_digest)
    }
}
