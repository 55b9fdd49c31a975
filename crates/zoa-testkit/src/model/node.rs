//! One znode of the model and the arithmetic of its stat.
//!
//! Invariant: `creates` counts the children ever created here and never goes down, so that the number of a sequential child is
//! not used again after a delete (G-13); the client sees creates plus deletes (G-15).

use crate::op::Acl;
use crate::op::Blob;
use crate::op::Stat;
use crate::op::owner;

/// One znode.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the stat, reference section 2.3")]
pub struct Node {
    pub data: Option<Blob>,
    pub acl: Vec<Acl>,
    pub czxid: i64,
    pub mzxid: i64,
    pub pzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub aversion: i32,
    /// Children ever created.
    pub creates: i32,
    /// A session, or what a znode is that goes by itself; only the first is shown.
    pub ephemeral_owner: i64,
    pub num_children: i32,
}

impl Node {
    /// A znode that is there from the beginning.
    pub(crate) fn predefined(num_children: i32, acl: Vec<Acl>) -> Self {
        Self {
            // The original gives them empty data, not none.
            data: Some(Blob::default()),
            acl,
            czxid: 0,
            mzxid: 0,
            pzxid: 0,
            ctime: 0,
            mtime: 0,
            version: 0,
            aversion: 0,
            creates: 0,
            ephemeral_owner: 0,
            num_children,
        }
    }

    /// The stat as a client sees it.
    pub fn stat(&self) -> Stat {
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: self.creates.wrapping_mul(2).wrapping_sub(self.num_children),
            aversion: self.aversion,
            ephemeral_owner: if owner::is_session(self.ephemeral_owner) {
                self.ephemeral_owner
            } else {
                0
            },
            data_length: self
                .data
                .as_ref()
                .map_or(0, |data| i32::try_from(data.0.len()).unwrap_or(i32::MAX)),
            num_children: self.num_children,
            pzxid: self.pzxid,
        }
    }
}

/// The version after a change, when the expected one is the current one or -1; -1 itself is never a version.
pub(crate) fn next_version(current: i32, expected: i32) -> Option<i32> {
    if expected != -1 && expected != current {
        return None;
    }
    match current.wrapping_add(1) {
        -1 => Some(0),
        next => Some(next),
    }
}
