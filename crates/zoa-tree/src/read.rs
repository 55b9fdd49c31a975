//! What clients ask of the tree without changing it.
//!
//! ```text
//! find -> NodeRef                     no permission asked: for watches and for the server's own words
//! read_... (path, access)             permission asked, errors as the reference gives them
//! ```
//!
//! Nothing here allocates, except where a path has to be put together, and nothing walks what it
//! can count: the number of descendants and the length of all names are kept.

use zoa_proto::AclRef;
use zoa_proto::ErrorCode;
use zoa_proto::Perms;
use zoa_proto::SessionId;
use zoa_proto::Stat;

use crate::acl::AclHandle;
use crate::identities::Identities;
use crate::node::Node;
use crate::node::NodeId;
use crate::tree::Tree;

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access<'a> {
    /// What the connection is known as.
    pub identities: Identities<'a>,
    /// Whether this server checks no permissions (`skipACL=yes`).
    pub skip_acl: bool,
}

impl Access<'_> {
    /// Whether an ACL gives one of the permissions.
    #[inline]
    #[must_use]
    pub fn is_allowed(&self, acl: &AclHandle, wanted: Perms) -> bool {
        self.skip_acl || acl.allows(wanted, self.identities)
    }
}

/// A znode that exists.
#[derive(Clone, Copy, Debug)]
pub struct NodeRef<'a> {
    tree: &'a Tree,
    id: NodeId,
    node: &'a Node,
}

impl<'a> NodeRef<'a> {
    /// Its stat.
    #[must_use]
    pub fn stat(&self) -> Stat {
        self.tree.stat(self.id)
    }

    /// Its data; null is not empty.
    #[must_use]
    pub fn data(&self) -> Option<&'a [u8]> {
        self.node.data()
    }

    /// Its ACL.
    #[must_use]
    pub fn acl(&self) -> &'a AclHandle {
        self.tree.acl(self.id)
    }

    /// How many children it has.
    #[must_use]
    pub fn children_count(&self) -> u32 {
        self.tree.children_count(self.id)
    }

    /// How many znodes are below it, at any depth.
    #[must_use]
    pub fn descendants_count(&self) -> u32 {
        self.tree
            .family(self.id)
            .map_or(0, |family| family.descendants_count)
    }

    /// Bytes of all its children's names together.
    #[must_use]
    pub fn children_names_len(&self) -> u64 {
        self.tree
            .family(self.id)
            .map_or(0, |family| family.names_len)
    }

    /// The names of its children, the newest first. For a long list see `open_children_cursor`.
    #[must_use]
    pub fn children(&self) -> Children<'a> {
        let family = self.tree.family(self.id);
        Children {
            tree: self.tree,
            next: family.map_or(NodeId::NONE, |family| family.newest),
            left: family.map_or(0, |family| family.children_count),
        }
    }

    fn require(self, access: &Access<'_>, wanted: Perms) -> Result<Self, ErrorCode> {
        if access.is_allowed(self.acl(), wanted) {
            Ok(self)
        } else {
            Err(ErrorCode::NoAuth)
        }
    }
}

/// How far ephemerals were listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EphemeralsStep {
    /// How often the session's ephemerals have changed.
    pub changes: u64,
    /// Where to go on; nothing when all were looked at.
    pub next: Option<usize>,
}

/// Walks the names of a znode's children.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    tree: &'a Tree,
    next: NodeId,
    left: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while self.left > 0 {
            let node = self.tree.node(self.next.some()?);
            self.next = node.older;
            // A deleted one may still stand there for a cursor.
            if node.is_live() {
                self.left -= 1;
                return Some(node.name_str());
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Children<'_> {}

impl Tree {
    /// The znode at a path; a malformed path finds nothing. Asks for no permission.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<NodeRef<'_>> {
        let id = self.find_id(path)?;
        Some(NodeRef {
            tree: self,
            id,
            node: self.node(id),
        })
    }

    fn find_readable(&self, path: &str, access: &Access<'_>) -> Result<NodeRef<'_>, ErrorCode> {
        self.find(path)
            .ok_or(ErrorCode::NoNode)?
            .require(access, Perms::READ)
    }

    /// getData.
    pub fn read_data(
        &self,
        path: &str,
        access: &Access<'_>,
    ) -> Result<(Option<&[u8]>, Stat), ErrorCode> {
        let node = self.find_readable(path, access)?;
        Ok((node.data(), node.stat()))
    }

    /// exists.
    pub fn read_exists(&self, path: &str, access: &Access<'_>) -> Result<Stat, ErrorCode> {
        // Of all reads only this one looks for a NUL.
        if path.contains('\0') {
            return Err(ErrorCode::BadArguments);
        }
        self.find_readable(path, access).map(|node| node.stat())
    }

    /// getChildren and getChildren2: the names are `children` of what is returned.
    pub fn read_children(&self, path: &str, access: &Access<'_>) -> Result<NodeRef<'_>, ErrorCode> {
        self.find_readable(path, access)
    }

    /// getAllChildrenNumber.
    pub fn read_children_count_all(
        &self,
        path: &str,
        access: &Access<'_>,
    ) -> Result<i32, ErrorCode> {
        let count = self.find_readable(path, access)?.descendants_count();
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// getACL. Needs READ or ADMIN; without ADMIN the hashes of digest ids are hidden.
    pub fn read_acl(
        &self,
        path: &str,
        access: &Access<'_>,
    ) -> Result<(ShownAcl<'_>, Stat), ErrorCode> {
        let node = self.find(path).ok_or(ErrorCode::NoNode)?;
        let node = node.require(access, Perms::READ.union(Perms::ADMIN))?;
        let hides_digests = !access.is_allowed(node.acl(), Perms::ADMIN);
        Ok((
            ShownAcl {
                acl: node.acl(),
                hides_digests,
            },
            node.stat(),
        ))
    }

    /// getEphemerals: the paths of a session's own ephemerals that start with `prefix`, in no order
    /// that means anything. Asks for no permission. An unknown session has none.
    pub fn read_ephemerals(&self, session: SessionId, prefix: &str, each: &mut dyn FnMut(&str)) {
        self.read_ephemerals_step((session, prefix), (0, usize::MAX), each);
    }

    /// The same in steps: looks at no more than `step_len` of them, from place `from` on. What the steps give together is the list
    /// only if `changes` is the same after each.
    pub fn read_ephemerals_step(
        &self,
        (session, prefix): (SessionId, &str),
        (from, step_len): (usize, usize),
        each: &mut dyn FnMut(&str),
    ) -> EphemeralsStep {
        // The reference trims as Java does: everything up to the blank.
        let trimmed = prefix.trim_matches(|character| character <= ' ');
        let is_all = matches!(trimmed, "" | "/");
        let Some(session) = self.session(session) else {
            return EphemeralsStep::default();
        };
        let left = session.ephemerals().get(from..).unwrap_or_default();
        for id in left.iter().take(step_len) {
            let path = self.path_of(*id);
            if is_all || path.starts_with(prefix) {
                each(&path);
            }
        }
        EphemeralsStep {
            changes: session.ephemerals_changes(),
            next: (left.len() > step_len).then(|| from.saturating_add(step_len)),
        }
    }

    /// Whether somebody may: for the filter on events, whose znode may be gone (G-08).
    #[must_use]
    pub fn acl_allows(&self, acl: &AclHandle, wanted: Perms, identities: Identities<'_>) -> bool {
        acl.allows(wanted, identities)
    }
}

/// An ACL as its reader may see it.
#[derive(Clone, Copy, Debug)]
pub struct ShownAcl<'a> {
    acl: &'a AclHandle,
    hides_digests: bool,
}

impl<'a> ShownAcl<'a> {
    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.acl.list().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands over each entry; of a digest id only the user, and `x`, if hashes are hidden.
    pub fn for_each(&self, each: &mut dyn FnMut(AclRef<'_>)) {
        for entry in self.acl.list() {
            match entry.id.split_once(':') {
                Some((user, _)) if self.hides_digests && entry.scheme == "digest" => {
                    let hidden = format!("{user}:x");
                    each(AclRef {
                        id: &hidden,
                        ..entry
                    });
                }
                _ => each(entry),
            }
        }
    }

    /// The handle, when nothing is hidden: its list can be sent as it is.
    #[must_use]
    pub fn whole(&self) -> Option<&'a AclHandle> {
        (!self.hides_digests).then_some(self.acl)
    }
}
