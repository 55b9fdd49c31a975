//! A znode as it is kept.
//!
//! ```text
//! Node 112 bytes:  parent, name | -> data | family, ACL, siblings, snapshot | versions, zxids, times
//! ```
//!
//! A short name stands in the znode itself, so that finding it touches nothing else (at a million
//! znodes each other place in memory costs more than the rest of the lookup); a longer one stands
//! before the data. Children form a list through their siblings, newest first. What only a znode
//! with children needs stands in a [`Family`], what only an ephemeral needs in an [`Ephemeral`],
//! both found by the same field, since an ephemeral has no children.
//!
//! It is not the wire's stat: cversion is raw here (only creates count; reference 2.3).

use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Zxid;

use crate::acl::table::AclId;
use crate::limits::NAME_LEN_MAX;

/// The number of a znode in the slab; never in a replicated result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const ROOT: Self = Self(0);
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// Itself, or nothing if it is `NONE`.
    #[inline]
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

/// What of a znode's stat is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct StoredStat {
    pub(crate) czxid: Zxid,
    pub(crate) mzxid: Zxid,
    pub(crate) pzxid: Zxid,
    pub(crate) ctime_ms: i64,
    pub(crate) mtime_ms: i64,
}

/// The versions of a znode; apart from the rest of its stat so that both fit without a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Versions {
    pub(crate) version: i32,
    /// How many children were ever created; it stays at `i32::MAX`.
    pub(crate) cversion: i32,
    pub(crate) aversion: i32,
}

/// A znode. The fields that a lookup needs come first, so that they share a cache line.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Node {
    pub(crate) parent: NodeId,
    marks: Marks,
    /// The name, or as much of it as fits; zeros after it.
    name_head: NameHead,
    /// The name if it does not fit above, then the data.
    payload: Box<[u8]>,
    /// Its family or, of an ephemeral, that; `NO_AUX` if it has neither.
    pub(crate) aux: u32,
    pub(crate) acl: AclId,
    /// The next newer child of the same parent.
    pub(crate) newer: NodeId,
    /// The next older child of the same parent.
    pub(crate) older: NodeId,
    /// The snapshot that needs this znode no more: it has its old version, or it is newer.
    pub(crate) snapshot: u32,
    pub(crate) versions: Versions,
    pub(crate) stat: StoredStat,
}

/// Bytes of a name that stand in the znode itself.
const NAME_HEAD_LEN: usize = 16;

/// The first bytes of a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct NameHead([u8; NAME_HEAD_LEN]);

impl NameHead {
    #[inline]
    fn of(name: &[u8]) -> Self {
        let mut head = [0; NAME_HEAD_LEN];
        let len = name.len().min(NAME_HEAD_LEN);
        if let (Some(to), Some(from)) = (head.get_mut(..len), name.get(..len)) {
            to.copy_from_slice(from);
        }
        Self(head)
    }
}

/// A name to be compared with those of znodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoughtName<'a> {
    name: &'a [u8],
    head: NameHead,
}

impl<'a> SoughtName<'a> {
    #[inline]
    pub(crate) fn new(name: &'a [u8]) -> Self {
        Self {
            name,
            head: NameHead::of(name),
        }
    }
}

/// `aux` of a znode that needs none.
pub(crate) const NO_AUX: u32 = u32::MAX;

/// Yes-or-no facts over the length of the name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Marks(u32);

impl Marks {
    /// The data are null, which is not the same as empty.
    const NULL_DATA: u32 = 1 << 31;
    /// Part of the tree, and not deleted while a cursor still has to list it.
    const LIVE: u32 = 1 << 30;
    /// In the list of its parent's children.
    const LINKED: u32 = 1 << 29;
    /// Goes with its session.
    const EPHEMERAL: u32 = 1 << 28;
    /// Goes when it has had children and has none.
    const CONTAINER: u32 = 1 << 27;
    /// Goes when it has no children and nobody has set its data for a while.
    const TTL: u32 = 1 << 26;
    const NAME_LEN: u32 = Self::TTL - 1;

    /// What the marks say of how long the znode lives.
    const fn of(lifetime: Lifetime) -> u32 {
        match lifetime {
            Lifetime::Persistent => 0,
            Lifetime::Ephemeral(_) => Self::EPHEMERAL,
            Lifetime::Container => Self::CONTAINER,
            Lifetime::Ttl(_) => Self::TTL,
        }
    }

    const fn has(self, mark: u32) -> bool {
        self.0 & mark != 0
    }

    const fn set(&mut self, mark: u32, on: bool) {
        self.0 = if on { self.0 | mark } else { self.0 & !mark };
    }
}

/// How long a znode lives, if nobody deletes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lifetime {
    /// For ever.
    Persistent,
    /// As long as this session.
    Ephemeral(SessionId),
    /// Some time after its last child.
    Container,
    /// Without children, so many milliseconds after its data were set last.
    Ttl(i64),
}

impl Lifetime {
    /// What the reference stores as the owner: no session's id, and never on the wire (reference 2.4).
    pub(crate) const fn raw_owner(self) -> i64 {
        const TTL: u64 = 0xff00_0000_0000_0000;
        match self {
            Self::Persistent => 0,
            Self::Ephemeral(session) => session.0,
            Self::Container => i64::MIN,
            Self::Ttl(ttl_ms) => (TTL | ttl_ms.cast_unsigned()).cast_signed(),
        }
    }

    /// The time to live of what the leader deletes: 0 of a container, nothing of others.
    pub(crate) const fn reaped_after_ms(self) -> Option<i64> {
        match self {
            Self::Persistent | Self::Ephemeral(_) => None,
            Self::Container => Some(0),
            Self::Ttl(ttl_ms) => Some(ttl_ms),
        }
    }
}

/// What a znode to be made consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeParts<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) data: Option<&'a [u8]>,
    pub(crate) stat: StoredStat,
    pub(crate) versions: Versions,
    pub(crate) parent: NodeId,
    pub(crate) acl: AclId,
    pub(crate) lifetime: Lifetime,
}

impl Node {
    /// A live znode that is in no list yet.
    pub(crate) fn new(parts: NodeParts<'_>) -> Self {
        assert!(
            parts.name.len() <= NAME_LEN_MAX,
            "callers check the length of a name"
        );
        let mut marks = Marks(u32::try_from(parts.name.len()).expect("NAME_LEN_MAX has 25 bits"));
        marks.set(Marks::LIVE, true);
        marks.set(Marks::NULL_DATA, parts.data.is_none());
        marks.set(Marks::of(parts.lifetime), true);
        Self {
            parent: parts.parent,
            marks,
            name_head: NameHead::of(parts.name),
            payload: payload(parts.name, parts.data),
            aux: NO_AUX,
            acl: parts.acl,
            newer: NodeId::NONE,
            older: NodeId::NONE,
            snapshot: 0,
            versions: parts.versions,
            stat: parts.stat,
        }
    }

    #[inline]
    pub(crate) fn name(&self) -> &[u8] {
        let len = self.name_len();
        let held = if len <= NAME_HEAD_LEN {
            &self.name_head.0[..]
        } else {
            &self.payload
        };
        held.get(..len).unwrap_or_default()
    }

    /// The name as a string.
    pub(crate) fn name_str(&self) -> &str {
        std::str::from_utf8(self.name()).expect("names come in as strings")
    }

    /// Whether this is its name.
    #[inline]
    pub(crate) fn has_name(&self, sought: &SoughtName<'_>) -> bool {
        self.name_head == sought.head
            && self.name_len() == sought.name.len()
            && (sought.name.len() <= NAME_HEAD_LEN || self.name() == sought.name)
    }

    #[inline]
    pub(crate) fn data(&self) -> Option<&[u8]> {
        let data = self.payload.get(self.data_start()..).unwrap_or_default();
        (!self.marks.has(Marks::NULL_DATA)).then_some(data)
    }

    #[inline]
    pub(crate) fn data_len(&self) -> usize {
        self.payload.len() - self.data_start()
    }

    /// Replaces the data; in place when their length stays.
    pub(crate) fn set_data(&mut self, data: Option<&[u8]>) {
        let start = self.data_start();
        let bytes = data.unwrap_or_default();
        if bytes.len() == self.data_len() {
            let held = self.payload.get_mut(start..).unwrap_or_default();
            held.copy_from_slice(bytes);
        } else {
            self.payload = payload(self.name(), data);
        }
        self.marks.set(Marks::NULL_DATA, data.is_none());
    }

    /// Replaces the data and returns them as they were, for [`Node::put_back`].
    pub(crate) fn swap_data(&mut self, data: Option<&[u8]>) -> OldData {
        let new = payload(self.name(), data);
        let was_null = self.marks.has(Marks::NULL_DATA);
        self.marks.set(Marks::NULL_DATA, data.is_none());
        OldData {
            payload: std::mem::replace(&mut self.payload, new),
            was_null,
        }
    }

    /// Undoes [`Node::swap_data`].
    pub(crate) fn put_back(&mut self, old: OldData) {
        self.payload = old.payload;
        self.marks.set(Marks::NULL_DATA, old.was_null);
    }

    /// Lets the data go, when only the name is still to be listed.
    pub(crate) fn drop_data(&mut self) {
        self.set_data(None);
    }

    #[inline]
    pub(crate) const fn is_live(&self) -> bool {
        self.marks.has(Marks::LIVE)
    }

    pub(crate) const fn set_live(&mut self, live: bool) {
        self.marks.set(Marks::LIVE, live);
    }

    pub(crate) const fn is_linked(&self) -> bool {
        self.marks.has(Marks::LINKED)
    }

    pub(crate) const fn set_linked(&mut self, linked: bool) {
        self.marks.set(Marks::LINKED, linked);
    }

    #[inline]
    pub(crate) const fn is_ephemeral(&self) -> bool {
        self.marks.has(Marks::EPHEMERAL)
    }

    #[inline]
    pub(crate) const fn is_container(&self) -> bool {
        self.marks.has(Marks::CONTAINER)
    }

    /// Whether the leader deletes it one day: it stands in `Tree::reaped`.
    #[inline]
    pub(crate) const fn is_reaped(&self) -> bool {
        self.marks.has(Marks::CONTAINER | Marks::TTL)
    }

    /// The number of its family, if it has one.
    #[inline]
    pub(crate) fn family(&self) -> Option<u32> {
        (!self.is_ephemeral() && self.aux != NO_AUX).then_some(self.aux)
    }

    #[inline]
    fn name_len(&self) -> usize {
        usize::try_from(self.marks.0 & Marks::NAME_LEN).expect("26 bits fit")
    }

    #[inline]
    fn data_start(&self) -> usize {
        let len = self.name_len();
        if len <= NAME_HEAD_LEN { 0 } else { len }
    }
}

/// Data that were replaced.
#[derive(Debug)]
pub(crate) struct OldData {
    payload: Box<[u8]>,
    was_null: bool,
}

fn payload(name: &[u8], data: Option<&[u8]>) -> Box<[u8]> {
    let data = data.unwrap_or_default();
    let name = if name.len() <= NAME_HEAD_LEN {
        b""
    } else {
        name
    };
    let mut payload = Vec::with_capacity(name.len() + data.len());
    payload.extend_from_slice(name);
    payload.extend_from_slice(data);
    payload.into_boxed_slice()
}

/// What a znode with children has beside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Family {
    /// Whose children they are.
    pub(crate) parent: NodeId,
    /// The child that was created last. Deleted ones may stand in the list too.
    pub(crate) newest: NodeId,
    /// Live children.
    pub(crate) children_count: u32,
    /// Live znodes below, at any depth.
    pub(crate) descendants_count: u32,
    /// Bytes of the live children's names.
    pub(crate) names_len: u64,
}

impl Family {
    pub(crate) const fn new(parent: NodeId) -> Self {
        Self {
            parent,
            newest: NodeId::NONE,
            children_count: 0,
            descendants_count: 0,
            names_len: 0,
        }
    }
}

/// What an ephemeral has beside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ephemeral {
    /// The session it goes with.
    pub(crate) owner: SessionId,
    /// Its place in that session's list.
    pub(crate) place: u32,
}

/// The stat as clients see it.
pub(crate) fn wire_stat(node: &Node, owner: SessionId, children_count: u32) -> Stat {
    let num_children = i32::try_from(children_count).unwrap_or(i32::MAX);
    let (stat, versions) = (&node.stat, &node.versions);
    // Creates and deletes: every child ever created counts, those that are gone count again. The
    // reference computes in Java's int, which wraps.
    let cversion = versions.cversion.wrapping_mul(2).wrapping_sub(num_children);
    Stat {
        czxid: stat.czxid,
        mzxid: stat.mzxid,
        ctime_ms: stat.ctime_ms,
        mtime_ms: stat.mtime_ms,
        version: Version(versions.version),
        cversion: Version(cversion),
        aversion: Version(versions.aversion),
        ephemeral_owner: owner,
        data_length: i32::try_from(node.data_len()).unwrap_or(i32::MAX),
        num_children,
        pzxid: stat.pzxid,
    }
}

/// The version after this one, for data and ACL alike.
///
/// It wraps as Java's int does and leaves -1 out, which as an expectation means "any"
/// (ZOOKEEPER-4743).
pub(crate) const fn next_version(version: i32) -> i32 {
    match version.wrapping_add(1) {
        -1 => 0,
        next => next,
    }
}

#[cfg(test)]
mod tests {
    use super::Lifetime;
    use super::Node;
    use super::NodeId;
    use super::NodeParts;
    use super::SoughtName;
    use super::StoredStat;
    use super::Versions;
    use super::next_version;
    use crate::acl::table::AclId;

    #[test]
    fn a_znode_takes_112_bytes() {
        assert_eq!(size_of::<Node>(), 112);
        assert_eq!(size_of::<Option<Node>>(), 112);
    }

    #[test]
    fn names_and_data_of_all_lengths_come_back() {
        for name_len in [0, 1, 15, 16, 17, 40] {
            let name = vec![b'n'; name_len];
            let mut node = node(&name, Some(b"data"));
            assert_eq!((node.name(), node.data()), (&name[..], Some(&b"data"[..])));
            for data in [
                None,
                Some(&b"atad"[..]),
                Some(b""),
                Some(b"longer data"),
                None,
            ] {
                node.set_data(data);
                assert_eq!((node.name(), node.data()), (&name[..], data));
                let old = node.swap_data(Some(b"other"));
                assert_eq!(node.data(), Some(&b"other"[..]));
                node.put_back(old);
                assert_eq!((node.name(), node.data()), (&name[..], data));
                assert_eq!(node.data_len(), data.unwrap_or_default().len());
            }
        }
    }

    #[test]
    fn a_name_is_only_equal_to_itself() {
        let names: [&[u8]; 7] = [
            b"",
            b"a",
            b"a\0",
            b"0123456789abcdef",
            b"0123456789abcdefg",
            b"0123456789abcdefh",
            b"0123456789abcde",
        ];
        for held in names {
            for sought in names {
                let found = node(held, None).has_name(&SoughtName::new(sought));
                assert_eq!(found, held == sought, "{held:?} {sought:?}");
            }
        }
    }

    fn node(name: &[u8], data: Option<&[u8]>) -> Node {
        Node::new(NodeParts {
            name,
            data,
            stat: StoredStat::default(),
            versions: Versions::default(),
            parent: NodeId::ROOT,
            acl: AclId(0),
            lifetime: Lifetime::Persistent,
        })
    }

    #[test]
    fn versions_wrap_and_leave_minus_one_out() {
        assert_eq!(next_version(0), 1);
        assert_eq!(next_version(i32::MAX), i32::MIN);
        assert_eq!(next_version(-2), 0);
    }
}
