//! A tree from the records of a snapshot.
//!
//! ```text
//! push(bytes) -> whole records -> znodes at their old numbers, linked as soon as their parent is
//! finish      -> the rest linked, counts summed up, the digest compared -> Tree
//! ```
//!
//! It trusts nothing: the bytes may be cut, damaged or made up. Whatever they are, it ends with a
//! tree whose digest is the one in the snapshot, or with an error, never with a panic (G-16, G-19).
//!
//! Invariant: a znode is entered only below one that is in the tree, so that there are no circles;
//! memory grows with the bytes that came in, and with no more than a sixteenth of a byte for each
//! number that the header allows.

use hashbrown::HashMap;
use zoa_proto::DecodeError;
use zoa_proto::Path;
use zoa_proto::SessionId;
use zoa_proto::jute::Reader;

use crate::acl::AclHandle;
use crate::acl::table::AclId;
use crate::child_index::UnbuiltIndex;
use crate::digest;
use crate::digest::PathHash;
use crate::hash_key::HashKey;
use crate::limits::LOAD_RESERVED_MAX;
use crate::limits::NAME_LEN_MAX;
use crate::limits::NODES_MAX;
use crate::limits::SNAPSHOT_RECORD_LEN_MAX;
use crate::limits::TTL_MS_MAX;
use crate::node::Lifetime;
use crate::node::Node;
use crate::node::NodeId;
use crate::node::NodeParts;
use crate::semantics::SEMANTICS_FIRST;
use crate::semantics::SEMANTICS_NEWEST;
use crate::slab::Slab;
use crate::snapshot::record;
use crate::snapshot::record::Header;
use crate::snapshot::record::NodeRecord;
use crate::snapshot::record::tag;
use crate::tree::Tree;
use crate::tree::links::len_of;

/// Why the bytes give no tree: they are damaged, or of a later version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A format of a later version.
    #[error("snapshot has format {0}, this version reads formats up to {format}", format = record::FORMAT)]
    UnknownFormat(u32),
    /// A semantics version that this program does not have.
    #[error(
        "snapshot was taken under semantics version {0}, this program knows {SEMANTICS_NEWEST} at most: start the newer program again \
         that has written it"
    )]
    UnknownSemantics(u32),
    /// A record of a later version, or none at all.
    #[error("snapshot has a record of unknown kind {0}")]
    UnknownRecord(u8),
    /// A record longer than any can be.
    #[error("snapshot has a record of {0} bytes")]
    RecordTooLong(u32),
    /// The first record is not the header, or there is another one.
    #[error("snapshot does not begin with its header")]
    MisplacedHeader,
    /// A record's fields do not fit its bytes.
    #[error("a record of the snapshot is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A record says what cannot be.
    #[error("snapshot contradicts itself: {0}")]
    Contradiction(&'static str),
    /// The bytes end before the last record.
    #[error("snapshot ends early")]
    Truncated,
    /// The tree is not the one that was stored.
    #[error("snapshot has digest {stored:#x}, what was loaded has {loaded:#x}")]
    WrongDigest {
        /// The digest in the snapshot.
        stored: u64,
        /// The digest of what was loaded.
        loaded: u64,
    },
}

/// Takes the bytes of a snapshot and gives the tree.
#[derive(Debug)]
pub struct TreeLoader {
    tree: Tree,
    /// The beginning of a record whose end has not come yet.
    partial: Vec<u8>,
    header: Option<Header>,
    is_ended: bool,
    failed: Option<LoadError>,
    /// ACLs by their number in the snapshot; each is held once from here until the end.
    acls: HashMap<u32, AclId, HashKey>,
    /// What the children of a znode in the tree need of it.
    above: Slab<Above>,
    index: UnbuiltIndex,
    /// Znodes that came before their parent.
    waiting: Vec<NodeId>,
    ephemerals: Vec<NodeId>,
}

#[derive(Clone, Copy, Debug)]
struct Above {
    hash: PathHash,
    path_len: u64,
}

/// A record without its length.
type Body<'a> = (u8, Reader<'a>);

impl TreeLoader {
    /// A loader that has nothing yet.
    #[must_use]
    pub fn new(key: HashKey) -> Self {
        Self {
            tree: Tree::without_nodes(key),
            partial: Vec::new(),
            header: None,
            is_ended: false,
            failed: None,
            acls: HashMap::with_hasher(key),
            above: Slab::new(NODES_MAX),
            index: UnbuiltIndex::new(key),
            waiting: Vec::new(),
            ephemerals: Vec::new(),
        }
    }

    /// Takes more bytes; records may be cut anywhere. After an error every call gives that error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let result = self.load_bytes(bytes);
        self.failed = result.err();
        result
    }

    fn load_bytes(&mut self, mut bytes: &[u8]) -> Result<(), LoadError> {
        let mut held = std::mem::take(&mut self.partial);
        // Only as much is copied as the record lacks, first of its length and then of the rest.
        while !held.is_empty() && !bytes.is_empty() {
            let missing = record_len(&held)?.unwrap_or(LEN_LEN) - held.len();
            let (now, later) = bytes.split_at(missing.min(bytes.len()));
            held.extend_from_slice(now);
            bytes = later;
            if self.load_records(&held)?.is_empty() {
                held.clear();
            }
        }
        let rest = self.load_records(bytes)?;
        held.extend_from_slice(rest);
        self.partial = held;
        Ok(())
    }

    /// The tree, if all of it came and it is the one that was stored.
    pub fn finish(mut self) -> Result<Tree, LoadError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let header = self
            .header
            .filter(|_| self.is_ended)
            .ok_or(LoadError::Truncated)?;
        if !self.partial.is_empty() {
            return Err(LoadError::Contradiction("bytes follow the last record"));
        }
        self.enter_waiting()?;
        self.tree.nodes.close_gaps();
        let nodes = &self.tree.nodes;
        let index = self.index.build(|one, other| {
            let (one, other) = (nodes.at(one), nodes.at(other));
            one.parent == other.parent && one.name() == other.name()
        });
        self.tree.index = index.ok_or(LoadError::Contradiction("two children of one name"))?;
        self.count_descendants();
        self.give_ephemerals_to_sessions()?;
        for (_, id) in self.acls.drain() {
            self.tree.acls.release(id);
        }
        self.check(&header)?;
        Ok(self.tree)
    }

    /// Loads all whole records and returns what follows them.
    fn load_records<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], LoadError> {
        let mut rest = bytes;
        while let Some((body, after)) = split_record(rest)? {
            self.load_record(body)?;
            rest = after;
        }
        Ok(rest)
    }

    fn load_record(&mut self, (kind, mut reader): Body<'_>) -> Result<(), LoadError> {
        if self.is_ended {
            return Err(LoadError::Contradiction("records follow the last one"));
        }
        let Some(header) = self.header else {
            return self.load_header(kind, &mut reader);
        };
        match kind {
            tag::HEADER => return Err(LoadError::MisplacedHeader),
            tag::ACL => self.load_acl(&mut reader)?,
            tag::NODE => self.load_node(&header, &mut reader)?,
            tag::SESSION => self.load_session(&mut reader)?,
            tag::MEMBERS if header.format > record::FIRST_FORMAT => {
                self.load_members(&mut reader)?;
            }
            tag::END => {
                if !header.is_end(&mut reader)? {
                    return Err(LoadError::Contradiction("first and last record differ"));
                }
                self.is_ended = true;
            }
            unknown => return Err(LoadError::UnknownRecord(unknown)),
        }
        check_used_up(&reader)
    }

    fn load_header(&mut self, kind: u8, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        if kind != tag::HEADER {
            return Err(LoadError::MisplacedHeader);
        }
        let format = reader.int()?.cast_unsigned();
        if !(record::FIRST_FORMAT..=record::FORMAT).contains(&format) {
            return Err(LoadError::UnknownFormat(format));
        }
        let header = Header::decode(format, reader)?;
        check_used_up(reader)?;
        if !(SEMANTICS_FIRST..=SEMANTICS_NEWEST).contains(&header.semantics) {
            return Err(LoadError::UnknownSemantics(header.semantics));
        }
        self.tree.semantics = header.semantics;
        if header.node_slots > u64::from(NODES_MAX) {
            return Err(LoadError::Contradiction("more znodes than a tree may hold"));
        }
        self.tree.last_zxid = header.zxid;
        self.tree.zxid_term = header.zxid_term;
        let reserved = header.nodes_count.min(LOAD_RESERVED_MAX);
        self.index.reserve(usize::try_from(reserved).unwrap_or(0));
        self.header = Some(header);
        Ok(())
    }

    fn load_members(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let members = record::decode_members(reader)?;
        let members = members.ok_or(LoadError::Contradiction("servers that cannot be"))?;
        if !self.tree.members.is_empty() {
            return Err(LoadError::Contradiction("two lists of servers"));
        }
        let sum = self.tree.totals.digest_sum;
        self.tree.totals.digest_sum = sum.wrapping_add(digest::members_term(&members));
        self.tree.members = members;
        Ok(())
    }

    fn load_acl(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let number = reader.int()?.cast_unsigned();
        let bytes = reader.take(reader.remaining())?;
        if AclHandle::decode(bytes).is_none() {
            return Err(LoadError::Contradiction("an ACL that is none"));
        }
        // The walk and the writers ahead of it may both have written it.
        let id = self.tree.acls.take(bytes);
        match self.acls.insert(number, id) {
            Some(before) if before == id => self.tree.acls.release(id),
            Some(_) => return Err(LoadError::Contradiction("two ACLs of one number")),
            None => {}
        }
        Ok(())
    }

    fn load_session(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let session = record::decode_session(reader)?;
        let term = digest::session_term(&session);
        if session.id() == SessionId::NONE || !self.tree.sessions.add(session) {
            return Err(LoadError::Contradiction("a session that cannot be"));
        }
        let sum = self.tree.totals.digest_sum;
        self.tree.totals.digest_sum = sum.wrapping_add(term);
        Ok(())
    }

    fn load_node(&mut self, header: &Header, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let node = NodeRecord::decode(reader)?;
        let node = node.ok_or(LoadError::Contradiction("a znode with unknown marks"))?;
        check_node(&node, header)?;
        let acl = self.acls.get(&node.acl);
        let acl = *acl.ok_or(LoadError::Contradiction("a znode before its ACL"))?;
        let parts = NodeParts {
            name: node.name,
            data: node.data,
            stat: node.stat,
            versions: node.versions,
            parent: node.parent,
            acl,
            lifetime: node.lifetime,
        };
        let mut loaded = Node::new(parts);
        if let Lifetime::Ephemeral(owner) = node.lifetime {
            loaded.aux = self.tree.insert_ephemeral(owner);
        }
        let placed = self.tree.nodes.place(node.number, loaded);
        placed.map_err(|_| LoadError::Contradiction("two znodes of one number"))?;
        self.tree.acls.share(acl);
        let id = NodeId(node.number);
        if let Lifetime::Ephemeral(_) = node.lifetime {
            self.ephemerals.push(id);
        }
        if let Some(ttl_ms) = node.lifetime.reaped_after_ms() {
            self.tree.reaped.insert(node.number, ttl_ms);
        }
        if id == NodeId::ROOT {
            self.enter_root();
            return Ok(());
        }
        match self.above.get(node.parent.0).copied() {
            Some(above) => self.enter(id, above),
            None => {
                self.waiting.push(id);
                Ok(())
            }
        }
    }

    fn enter_root(&mut self) {
        self.tree.totals.nodes_count += 1;
        self.tree.add_terms(NodeId::ROOT, PathHash::ROOT);
        self.add_above(
            NodeId::ROOT,
            Above {
                hash: PathHash::ROOT,
                path_len: 0,
            },
        );
        // Its path is one slash.
        let data_len = len_of(self.tree.node(NodeId::ROOT).data_len());
        self.tree.totals.paths_and_data_len += data_len + 1;
    }

    /// Enters a znode whose parent is in the tree.
    fn enter(&mut self, id: NodeId, parent: Above) -> Result<(), LoadError> {
        let tree = &mut self.tree;
        let node = tree.nodes.at(id.0);
        let (name_len, data_len) = (len_of(node.name().len()), len_of(node.data_len()));
        let hash = parent.hash.child(node.name());
        if tree.node(node.parent).is_ephemeral() {
            return Err(LoadError::Contradiction("an ephemeral with children"));
        }
        self.index.push(node.parent.0, node.name(), id.0);
        tree.link_newest(id);
        tree.count_in_family(id);
        tree.totals.nodes_count += 1;
        let path_len = parent.path_len + 1 + name_len;
        tree.totals.paths_and_data_len += path_len + data_len;
        tree.add_terms(id, hash);
        self.add_above(id, Above { hash, path_len });
        Ok(())
    }

    fn add_above(&mut self, id: NodeId, above: Above) {
        let placed = self.above.place(id.0, above);
        placed.expect("a znode is entered once");
    }

    /// Enters the znodes that came before their parents, each below its parent.
    fn enter_waiting(&mut self) -> Result<(), LoadError> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut chain = Vec::new();
        for id in &waiting {
            let mut at = *id;
            while self.above.get(at.0).is_none() {
                chain.push(at);
                let node = self.tree.nodes.get(at.0);
                let node = node.ok_or(LoadError::Contradiction("a znode without a parent"))?;
                at = node.parent;
                if chain.len() > waiting.len() {
                    return Err(LoadError::Contradiction("znodes in a circle"));
                }
            }
            while let Some(child) = chain.pop() {
                let parent = self.tree.node(child).parent;
                let above = *self.above.at(parent.0);
                self.enter(child, above)?;
            }
        }
        Ok(())
    }

    /// Sums up from below: a family was made when its first child was entered, after the znode
    /// itself, so that families above have smaller numbers.
    fn count_descendants(&mut self) {
        let tree = &mut self.tree;
        for number in (0..tree.families.len()).rev() {
            let family = tree.families.at_mut(number);
            family.descendants_count += family.children_count;
            let below = family.descendants_count;
            let above = tree.nodes.at(family.parent.0).parent.some();
            if let Some(above) = above.and_then(|above| tree.nodes.at(above.0).family()) {
                tree.families.at_mut(above).descendants_count += below;
            }
        }
    }

    fn give_ephemerals_to_sessions(&mut self) -> Result<(), LoadError> {
        for id in std::mem::take(&mut self.ephemerals) {
            let owner = self.tree.owner_of(self.tree.node(id));
            if self.tree.session(owner).is_none() {
                return Err(LoadError::Contradiction("an ephemeral without its session"));
            }
            self.tree.join_session(id);
        }
        Ok(())
    }

    fn check(&self, header: &Header) -> Result<(), LoadError> {
        let tree = &self.tree;
        if tree.nodes.get(NodeId::ROOT.0).is_none() {
            return Err(LoadError::Contradiction("no root"));
        }
        let counts = (
            u64::from(tree.totals.nodes_count),
            u64::from(tree.sessions.len()),
        );
        if counts != (header.nodes_count, header.sessions_count) {
            return Err(LoadError::Contradiction(
                "the counts are not those of the header",
            ));
        }
        let (stored, loaded) = (header.digest, tree.digest());
        if stored == loaded {
            Ok(())
        } else {
            Err(LoadError::WrongDigest { stored, loaded })
        }
    }
}

/// Bytes that say how long a record is.
const LEN_LEN: usize = 4;

/// Bytes of the record that begins here, those of its length included; `None` if these are not
/// all there.
fn record_len(bytes: &[u8]) -> Result<Option<usize>, LoadError> {
    let Some((len, _)) = bytes.split_first_chunk::<LEN_LEN>() else {
        return Ok(None);
    };
    let len = u32::from_be_bytes(*len);
    if len == 0 || len > SNAPSHOT_RECORD_LEN_MAX {
        return Err(LoadError::RecordTooLong(len));
    }
    let len = usize::try_from(len).expect("usize has 32 bits or more");
    Ok(Some(LEN_LEN + len))
}

/// Splits off the first whole record.
fn split_record(bytes: &[u8]) -> Result<Option<(Body<'_>, &[u8])>, LoadError> {
    let whole = record_len(bytes)?.and_then(|len| bytes.split_at_checked(len));
    Ok(whole.and_then(|(record, rest)| {
        let (kind, fields) = record.get(LEN_LEN..)?.split_first()?;
        Some(((*kind, Reader::new(fields)), rest))
    }))
}

fn check_used_up(reader: &Reader<'_>) -> Result<(), LoadError> {
    if reader.remaining() == 0 {
        Ok(())
    } else {
        Err(LoadError::Contradiction("a record with bytes to spare"))
    }
}

/// What a znode's record must fulfil by itself.
fn check_node(node: &NodeRecord<'_>, header: &Header) -> Result<(), LoadError> {
    let is_root = node.number == NodeId::ROOT.0;
    if u64::from(node.number) >= header.node_slots {
        return Err(LoadError::Contradiction("a znode beyond the last number"));
    }
    if is_root && node.lifetime != Lifetime::Persistent {
        return Err(LoadError::Contradiction("a root that goes one day"));
    }
    let is_new = node.lifetime.reaped_after_ms().is_some();
    if is_new && header.format == record::FIRST_FORMAT {
        return Err(LoadError::Contradiction("a znode with unknown marks"));
    }
    if let Lifetime::Ttl(ttl_ms) = node.lifetime
        && !(1..=TTL_MS_MAX).contains(&ttl_ms)
    {
        return Err(LoadError::Contradiction(
            "a time to live that none can have",
        ));
    }
    if is_root != node.name.is_empty() || is_root != (node.parent == NodeId::NONE) {
        return Err(LoadError::Contradiction(
            "a root that is none, or a second one",
        ));
    }
    if node.name.len() > NAME_LEN_MAX {
        return Err(LoadError::Contradiction("a name longer than any may be"));
    }
    let name = std::str::from_utf8(node.name).ok();
    if !is_root && name.is_none_or(|name| Path::check_name(name).is_err()) {
        return Err(LoadError::Contradiction("a name that no znode can have"));
    }
    Ok(())
}
