//! Equal ACLs once: znodes hold the number of an ACL, the table counts how many do.
//!
//! Numbers are local to this process and reach no result; an ACL goes when its last znode does.

use hashbrown::HashTable;
use zoa_proto::AclList;

use crate::acl::AclHandle;
use crate::acl::fixup::is_settled;
use crate::hash_key::HashKey;
use crate::limits::NODES_MAX;
use crate::slab::Slab;

/// Each is in use by a znode, so there are no more of them than znodes; and setACL takes a new one
/// before it lets the old one go.
const ACLS_MAX: u32 = NODES_MAX + 1;

/// The number of an ACL in the table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct AclId(pub(crate) u32);

/// ACLs by number and by content.
#[derive(Debug)]
pub(crate) struct AclTable {
    key: HashKey,
    acls: Slab<Shared>,
    by_content: HashTable<u32>,
    /// The one that was taken last: znodes come in runs with the same ACL.
    last: Option<AclId>,
}

#[derive(Debug)]
struct Shared {
    acl: AclHandle,
    uses: u32,
    /// Asked for, it is stored as it is, whoever asks.
    is_settled: bool,
    /// The snapshot that has this ACL among the old versions it kept.
    snapshot: u32,
}

impl AclTable {
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            key,
            acls: Slab::new(ACLS_MAX),
            by_content: HashTable::new(),
            last: None,
        }
    }

    /// Counts one more use of this ACL, given as a jute vector.
    ///
    /// The caller knows that the bytes are a vector of entries and that a znode of its own is not
    /// counted yet, so that there is room.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> AclId {
        let found = self
            .last
            .filter(|last| self.handle(*last).as_bytes() == bytes);
        let id = found
            .or_else(|| self.find(bytes))
            .unwrap_or_else(|| self.add(bytes));
        self.acls.at_mut(id.0).uses += 1;
        self.last = Some(id);
        id
    }

    /// The ACL that was taken last, if it is the one asked for and would be stored as it is.
    pub(crate) fn last_if_settled(&self, asked: AclList<'_>) -> Option<&AclHandle> {
        let last = self.acls.at(self.last?.0);
        let (_, entries) = last.acl.as_bytes().split_first_chunk::<4>()?;
        // Of equal entries there are equally many.
        (last.is_settled && entries == asked.bytes()).then_some(&last.acl)
    }

    /// Counts one more use of an ACL that is in use.
    pub(crate) fn share(&mut self, id: AclId) {
        self.acls.at_mut(id.0).uses += 1;
    }

    /// Counts one use less.
    pub(crate) fn release(&mut self, id: AclId) {
        let shared = self.acls.at_mut(id.0);
        shared.uses -= 1;
        if shared.uses > 0 {
            return;
        }
        let shared = self.acls.remove(id.0);
        let hash = self.key.hash_bytes(shared.acl.as_bytes());
        let entry = self.by_content.find_entry(hash, |number| *number == id.0);
        entry
            .expect("each ACL stands in the table by content")
            .remove();
        if self.last == Some(id) {
            self.last = None;
        }
    }

    pub(crate) fn handle(&self, id: AclId) -> &AclHandle {
        &self.acls.at(id.0).acl
    }

    /// Notes that this snapshot has the ACL; false if that was known.
    pub(crate) fn mark(&mut self, id: AclId, snapshot: u32) -> bool {
        let shared = self.acls.at_mut(id.0);
        std::mem::replace(&mut shared.snapshot, snapshot) != snapshot
    }

    /// How many different ACLs there are.
    pub(crate) const fn len(&self) -> u32 {
        self.acls.len()
    }

    fn find(&self, bytes: &[u8]) -> Option<AclId> {
        let hash = self.key.hash_bytes(bytes);
        let is_it = |number: &u32| self.acls.at(*number).acl.as_bytes() == bytes;
        self.by_content
            .find(hash, is_it)
            .map(|number| AclId(*number))
    }

    fn add(&mut self, bytes: &[u8]) -> AclId {
        let acl = AclHandle::decode(bytes).expect("the caller gives a vector of entries");
        let shared = Shared {
            is_settled: is_settled(&acl, self.key),
            acl,
            uses: 0,
            snapshot: 0,
        };
        let number = self.acls.insert(shared).expect("no more ACLs than znodes");
        let (key, acls) = (self.key, &self.acls);
        let rehash = |held: &u32| key.hash_bytes(acls.at(*held).acl.as_bytes());
        self.by_content
            .insert_unique(key.hash_bytes(bytes), number, rehash);
        AclId(number)
    }
}
