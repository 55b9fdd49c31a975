//! What a client may ask and what it may be told, in plain owned values.
//!
//! These are not zoa-proto's types, on purpose: the model and the checkers must not inherit a mistake of the codec they help
//! to test. `client/wire.rs` alone translates between the two.
//!
//! Invariant: every value that a client can see in a reply is kept, so that a checker compares whole replies.

use std::fmt;

/// Wire numbers of the error codes that the model gives (reference: section 1.6).
pub mod code {
    /// Sub-operations behind the one that failed a multi.
    pub const RUNTIME_INCONSISTENCY: i32 = -2;
    /// The request could not be read.
    pub const MARSHALLING: i32 = -5;
    /// An operation the server does not serve.
    pub const UNIMPLEMENTED: i32 = -6;
    /// A bad path, flag or special node.
    pub const BAD_ARGUMENTS: i32 = -8;
    /// The znode is not there.
    pub const NO_NODE: i32 = -101;
    /// No identity of the session has the permission.
    pub const NO_AUTH: i32 = -102;
    /// No quorum of the servers of a new configuration is there and has the log.
    pub const NEW_CONFIG_NO_QUORUM: i32 = -13;
    /// Another change of the servers is under way.
    pub const RECONFIG_IN_PROGRESS: i32 = -14;
    /// The expected version is not the current one.
    pub const BAD_VERSION: i32 = -103;
    /// Ephemerals have no children.
    pub const NO_CHILDREN_FOR_EPHEMERALS: i32 = -108;
    /// The znode is there already.
    pub const NODE_EXISTS: i32 = -110;
    /// The znode has children.
    pub const NOT_EMPTY: i32 = -111;
    /// The session is over.
    pub const SESSION_EXPIRED: i32 = -112;
    /// An ACL list that names nobody or nothing valid.
    pub const INVALID_ACL: i32 = -114;
    /// Another connection speaks for the session now; never sent, the connection is closed.
    pub const SESSION_MOVED: i32 = -118;
    /// No such watch to check or remove.
    pub const NO_WATCHER: i32 = -121;
}

/// Permission bits of an ACL entry.
pub mod perm {
    /// Read data, stat and children.
    pub const READ: i32 = 1;
    /// Set data.
    pub const WRITE: i32 = 2;
    /// Create children.
    pub const CREATE: i32 = 4;
    /// Delete children.
    pub const DELETE: i32 = 8;
    /// Set ACLs.
    pub const ADMIN: i32 = 16;
    /// All of them.
    pub const ALL: i32 = 31;
}

/// Create flags (reference: section 1.5).
pub mod flag {
    /// Lives until it is deleted.
    pub const PERSISTENT: i32 = 0;
    /// Lives as long as its session.
    pub const EPHEMERAL: i32 = 1;
    /// Persistent, its name completed by the parent's counter.
    pub const PERSISTENT_SEQUENTIAL: i32 = 2;
    /// Ephemeral, its name completed by the parent's counter.
    pub const EPHEMERAL_SEQUENTIAL: i32 = 3;
    /// A container; that is made by an operation of its own.
    pub const CONTAINER: i32 = 4;
    /// Goes when it was not changed for its time to live; made by an operation of its own.
    pub const PERSISTENT_WITH_TTL: i32 = 5;
    /// The same, its name completed by the parent's counter.
    pub const PERSISTENT_SEQUENTIAL_WITH_TTL: i32 = 6;
}

/// What stands in the place of an ephemeral's owner where the znode has none (reference: section 2.3).
pub mod owner {
    /// Of a container.
    pub const CONTAINER: i64 = i64::MIN;
    /// Of a znode with a time to live; its milliseconds are in the lower bits.
    pub const TTL: i64 = -1 << 56;

    /// Whether it is a session.
    pub fn is_session(owner: i64) -> bool {
        owner != 0 && owner != CONTAINER && owner & TTL != TTL
    }
}

/// An identity of a connection, or the one an ACL entry names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// `world`, `ip`, `digest`, `auth`, ...
    pub scheme: String,
    /// What the scheme calls the identity.
    pub id: String,
}

impl Identity {
    /// An identity of this scheme.
    pub fn new(scheme: &str, id: &str) -> Self {
        Self {
            scheme: scheme.to_owned(),
            id: id.to_owned(),
        }
    }
}

/// Data of a znode; shown short, since it may be long.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = self.0.get(..12).unwrap_or(&self.0);
        write!(
            f,
            "{:?} of {} bytes",
            String::from_utf8_lossy(begin),
            self.0.len()
        )
    }
}

/// One entry of an ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Permission bits, see [`perm`].
    pub perms: i32,
    /// Whom they are given to.
    pub who: Identity,
}

impl Acl {
    /// All permissions for everyone, what most clients pass.
    pub fn open() -> Vec<Self> {
        vec![Self {
            perms: perm::ALL,
            who: Identity::new("world", "anyone"),
        }]
    }

    /// These permissions for this identity.
    pub fn new(perms: i32, scheme: &str, id: &str) -> Self {
        Self {
            perms,
            who: Identity::new(scheme, id),
        }
    }
}

/// The eleven fields of a znode's stat, as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "ZooKeeper's own field names, explained in the reference, section 2.3"
)]
pub struct Stat {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: i64,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: i64,
}

/// The lists of a setWatches or setWatches2 request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "one list a kind of watch, named as in the request"
)]
pub struct RearmLists {
    pub data: Vec<String>,
    pub exist: Vec<String>,
    pub child: Vec<String>,
    pub persistent: Vec<String>,
    pub recursive: Vec<String>,
}

/// One request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "fields are those of the request records, reference section 1.4"
)]
pub enum Op {
    Create {
        path: String,
        data: Option<Blob>,
        acl: Vec<Acl>,
        flags: i32,
        with_stat: bool,
    },
    CreateContainer {
        path: String,
        data: Option<Blob>,
        acl: Vec<Acl>,
        flags: i32,
    },
    CreateTtl {
        path: String,
        data: Option<Blob>,
        acl: Vec<Acl>,
        flags: i32,
        ttl_ms: i64,
    },
    Delete {
        path: String,
        version: i32,
    },
    SetData {
        path: String,
        data: Option<Blob>,
        version: i32,
    },
    SetAcl {
        path: String,
        acl: Vec<Acl>,
        version: i32,
    },
    /// Only inside a multi.
    Check {
        path: String,
        version: i32,
    },
    Multi(Vec<Self>),
    Reconfig {
        joining: Option<String>,
        leaving: Option<String>,
        new_members: Option<String>,
        config_id: i64,
    },
    Sync {
        path: String,
    },
    CloseSession,
    Ping,
    GetData {
        path: String,
        watch: bool,
    },
    Exists {
        path: String,
        watch: bool,
    },
    GetAcl {
        path: String,
    },
    GetChildren {
        path: String,
        watch: bool,
        with_stat: bool,
    },
    MultiRead(Vec<Self>),
    GetEphemerals {
        prefix: String,
    },
    CountDescendants {
        path: String,
    },
    WhoAmI,
    AddAuth {
        scheme: String,
        auth: Vec<u8>,
    },
    SetWatches {
        relative_zxid: i64,
        lists: RearmLists,
    },
    AddWatch {
        path: String,
        mode: i32,
    },
    CheckWatches {
        path: String,
        kind: i32,
    },
    RemoveWatches {
        path: String,
        kind: i32,
    },
}

impl Op {
    /// Whether it reads this very znode.
    pub fn reads(&self, wanted: &str) -> bool {
        match self {
            Self::GetData { path, .. }
            | Self::Exists { path, .. }
            | Self::GetAcl { path }
            | Self::GetChildren { path, .. } => path == wanted,
            Self::MultiRead(ops) => ops.iter().any(|op| op.reads(wanted)),
            _ => false,
        }
    }

    /// Whether the operation goes through the replicated log, so that an answer to it implies an entry.
    pub fn is_proposed(&self) -> bool {
        match self {
            Self::Create { .. }
            | Self::CreateContainer { .. }
            | Self::CreateTtl { .. }
            | Self::Delete { .. }
            | Self::SetData { .. }
            | Self::SetAcl { .. }
            | Self::Multi(_)
            | Self::Reconfig { .. }
            | Self::Sync { .. }
            | Self::CloseSession => true,
            Self::Check { .. }
            | Self::Ping
            | Self::GetData { .. }
            | Self::Exists { .. }
            | Self::GetAcl { .. }
            | Self::GetChildren { .. }
            | Self::MultiRead(_)
            | Self::GetEphemerals { .. }
            | Self::CountDescendants { .. }
            | Self::WhoAmI
            | Self::AddAuth { .. }
            | Self::SetWatches { .. }
            | Self::AddWatch { .. }
            | Self::CheckWatches { .. }
            | Self::RemoveWatches { .. } => false,
        }
    }

    /// Whether the operation changes the replicated state and takes a zxid.
    pub fn is_write(&self) -> bool {
        self.is_proposed() && !matches!(self, Self::Sync { .. })
    }
}

/// What happened to one sub-operation of a multi or multiRead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "bodies as in the reference, section 1.7")]
pub enum SubAnswer {
    Created(String),
    CreatedWithStat(String, Stat),
    Deleted,
    DataSet(Stat),
    Checked,
    Data(Option<Blob>, Stat),
    Children(Vec<String>),
    Error(i32),
}

/// The body of a successful reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "bodies as in the reference, section 1.4; lists of names are kept sorted"
)]
pub enum Answer {
    Done,
    Path(String),
    PathStat(String, Stat),
    Stat(Stat),
    Data(Option<Blob>, Stat),
    Acl(Vec<Acl>, Stat),
    Children(Vec<String>),
    ChildrenStat(Vec<String>, Stat),
    Ephemerals(Vec<String>),
    Count(i32),
    Identities(Vec<Identity>),
    Multi(Vec<SubAnswer>),
}

/// A reply's body or its error code.
pub type Outcome = Result<Answer, i32>;

/// What a watch event says happened (reference: section 1.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "ZooKeeper's own names")]
pub enum EventKind {
    NodeCreated,
    NodeDeleted,
    NodeDataChanged,
    NodeChildrenChanged,
}

/// A watch event as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The zxid of the change, -1 when setWatches made it up.
    pub zxid: i64,
    /// What happened.
    pub kind: EventKind,
    /// Where.
    pub path: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} zxid={}", self.kind, self.path, hex(self.zxid))
    }
}

/// A zxid as people read it.
pub fn hex(zxid: i64) -> String {
    if zxid < 0 {
        zxid.to_string()
    } else {
        format!("{zxid:#x}")
    }
}
