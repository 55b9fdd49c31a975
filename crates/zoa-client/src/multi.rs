//! Several operations in one request: all of them are applied, or none.

use zoa_proto::AclList;
use zoa_proto::CreateMode;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::Version;
use zoa_proto::request;

use crate::create::CreateOptions;
use crate::create::Data;

/// Operations to be applied together or not at all, in this order; see [`Client::multi`](crate::Client::multi).
///
/// ```
/// use zoa_client::{CreateMode, Multi, Version};
/// let multi = Multi::new()
///     .create("/jobs/7", b"payload", CreateMode::Persistent)
///     .check("/leader", Version(3))
///     .delete("/queue/7", Version::ANY);
/// assert_eq!(multi.len(), 3);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a multi does nothing until it is sent"]
pub struct Multi {
    ops: Vec<Op>,
}

#[derive(Clone, Debug)]
enum Op {
    Create {
        path: String,
        data: Option<Vec<u8>>,
        options: CreateOptions,
        /// Whether the stat is asked for too.
        with_stat: bool,
    },
    Delete {
        path: String,
        version: Version,
    },
    SetData {
        path: String,
        data: Option<Vec<u8>>,
        version: Version,
    },
    Check {
        path: String,
        version: Version,
    },
}

impl Multi {
    /// A multi without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Creates a znode.
    pub fn create<'d>(
        self,
        path: &str,
        data: impl Into<Data<'d>>,
        options: impl Into<CreateOptions>,
    ) -> Self {
        self.push_create(path, data.into(), options.into(), false)
    }

    /// Creates a znode, and tells its stat if the server does: those before 3.9 do not.
    pub fn create2<'d>(
        self,
        path: &str,
        data: impl Into<Data<'d>>,
        options: impl Into<CreateOptions>,
    ) -> Self {
        self.push_create(path, data.into(), options.into(), true)
    }

    fn push_create(
        mut self,
        path: &str,
        data: Data<'_>,
        options: CreateOptions,
        with_stat: bool,
    ) -> Self {
        self.ops.push(Op::Create {
            path: path.to_owned(),
            data: data.0.map(<[u8]>::to_vec),
            options,
            with_stat,
        });
        self
    }

    /// Deletes a znode.
    pub fn delete(mut self, path: &str, version: Version) -> Self {
        let path = path.to_owned();
        self.ops.push(Op::Delete { path, version });
        self
    }

    /// Sets the data of a znode.
    pub fn set_data<'d>(mut self, path: &str, data: impl Into<Data<'d>>, version: Version) -> Self {
        self.ops.push(Op::SetData {
            path: path.to_owned(),
            data: data.into().0.map(<[u8]>::to_vec),
            version,
        });
        self
    }

    /// Demands that a znode has this version.
    pub fn check(mut self, path: &str, version: Version) -> Self {
        let path = path.to_owned();
        self.ops.push(Op::Check { path, version });
        self
    }

    /// Hands the operations over as they are sent.
    pub(crate) fn encoded<R>(&self, send: impl FnOnce(MultiOps<'_>) -> R) -> R {
        let mut acls: Vec<Vec<u8>> = self.ops.iter().map(|_| Vec::new()).collect();
        let ops = self.ops.iter().zip(&mut acls).map(|(op, acl)| op.wire(acl));
        let mut scratch = Vec::new();
        send(MultiOps::collect_into(ops, &mut scratch))
    }
}

impl Op {
    fn wire<'w>(&'w self, acl: &'w mut Vec<u8>) -> MultiOp<'w> {
        match self {
            Self::Create {
                path,
                data,
                options,
                with_stat,
            } => {
                let data = data.as_deref();
                let acl = AclList::collect_into(options.acl_refs(), acl);
                create_op((path, data, acl), options, *with_stat)
            }
            Self::Delete { path, version } => MultiOp::Delete(request::Delete {
                path,
                version: *version,
            }),
            Self::SetData {
                path,
                data,
                version,
            } => MultiOp::SetData(request::SetData {
                path,
                data: data.as_deref(),
                version: *version,
            }),
            Self::Check { path, version } => MultiOp::Check(request::Check {
                path,
                version: *version,
            }),
        }
    }
}

/// The operation's code, and not its flags, decides whether a container or a TTL znode is made.
fn create_op<'w>(
    (path, data, acl): (&'w str, Option<&'w [u8]>, AclList<'w>),
    options: &CreateOptions,
    with_stat: bool,
) -> MultiOp<'w> {
    let flags = options.mode.flags();
    let create = request::Create {
        path,
        data,
        acl,
        flags,
    };
    match options.mode {
        CreateMode::Container => MultiOp::CreateContainer(create),
        CreateMode::PersistentWithTtl | CreateMode::PersistentSequentialWithTtl => {
            MultiOp::CreateTtl(request::CreateTtl {
                path,
                data,
                acl,
                flags,
                ttl_ms: options.ttl_ms(),
            })
        }
        CreateMode::Persistent
        | CreateMode::Ephemeral
        | CreateMode::PersistentSequential
        | CreateMode::EphemeralSequential => {
            if with_stat {
                MultiOp::Create2(create)
            } else {
                MultiOp::Create(create)
            }
        }
    }
}

/// Reads that are answered together, from the same state of the tree; see
/// [`Client::multi_read`](crate::Client::multi_read).
#[derive(Clone, Debug, Default)]
#[must_use = "a multiRead does nothing until it is sent"]
pub struct MultiRead {
    reads: Vec<Read>,
}

#[derive(Clone, Debug)]
enum Read {
    Data(String),
    Children(String),
}

impl MultiRead {
    /// No reads yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many reads it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.reads.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.reads.is_empty()
    }

    /// Reads the data of a znode.
    pub fn get_data(mut self, path: &str) -> Self {
        self.reads.push(Read::Data(path.to_owned()));
        self
    }

    /// Lists the children of a znode.
    pub fn get_children(mut self, path: &str) -> Self {
        self.reads.push(Read::Children(path.to_owned()));
        self
    }

    /// Hands the reads over as they are sent.
    pub(crate) fn encoded<R>(&self, send: impl FnOnce(MultiOps<'_>) -> R) -> R {
        let watch = false;
        let reads = self.reads.iter().map(|read| match read {
            Read::Data(path) => MultiOp::GetData(request::GetData { path, watch }),
            Read::Children(path) => MultiOp::GetChildren(request::GetChildren { path, watch }),
        });
        let mut scratch = Vec::new();
        send(MultiOps::collect_into(reads, &mut scratch))
    }
}
