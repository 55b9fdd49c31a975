//! A transaction: a request together with everything that decides its result.
//!
//! The leader puts its clock, the session and who speaks for it, the identities and the settings
//! that matter into it; so applying it needs nothing but the tree, and comes out the same on every
//! replica (G-16). It is a request, *not* a change: it is validated when it is applied, against
//! the tree as it then is, and may fail there.
//!
//! The bytes are written down in `docs/formats/txn.md`.

mod codec;

pub use crate::txn::codec::TxnError;

use std::fmt;

use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::SessionId;
use zoa_proto::Xid;

use crate::identities::Identities;
use crate::session::Owner;
use crate::session::PASSWORD_LEN;

/// A request with its conditions, borrowed from an entry of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Txn<'a> {
    /// The session it is from, or about.
    pub session: SessionId,
    /// Who spoke for the session when it was sent.
    pub owner: Owner,
    /// The client's number for it.
    pub xid: Xid,
    /// The leader's clock: milliseconds since 1970.
    pub time_ms: i64,
    /// What the leader is configured to do.
    pub settings: Settings,
    /// What the connection is known as.
    pub identities: Identities<'a>,
    /// What is to be done.
    pub op: TxnOp<'a>,
}

/// What a transaction asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TxnOp<'a> {
    /// A new session. Takes a zxid.
    OpenSession {
        /// The negotiated timeout in milliseconds.
        timeout_ms: i32,
        /// From a secure random source.
        password: [u8; PASSWORD_LEN],
    },
    /// Another connection wants to speak for a session. Takes no zxid.
    AttachSession {
        /// The newly negotiated timeout in milliseconds.
        timeout_ms: i32,
        /// What the client gave as its password; any length.
        password: &'a [u8],
    },
    /// The client ends its session. Takes a zxid.
    CloseSession,
    /// The session was silent for too long, whoever speaks for it. Takes a zxid.
    ExpireSession,
    /// A write as the client sent it. Takes a zxid.
    Request {
        /// Which.
        op: OpCode,
        /// Its body; decoded again when it is applied.
        body: &'a [u8],
    },
    /// A write that the leader refuses for a reason outside the replicated state. Takes a zxid.
    Refuse {
        /// The answer.
        error: ErrorCode,
    },
    /// Waits for all that was committed before. Takes no zxid.
    Sync,
    /// The first leader of an ensemble says who its servers are. Takes no zxid, and does nothing when they are known.
    FoundMembers {
        /// Lines as [`crate::MemberLines`] prints them.
        lines: &'a str,
    },
    /// The leader found a container, or a znode with a time to live, that is to go; whether it is still so is looked at again.
    /// Takes a zxid.
    Reap {
        /// Which.
        path: &'a str,
        /// `znode.container.maxNeverUsedIntervalMs`: a container that never had children goes so long after its data were set; 0 is
        /// never.
        never_used_ms_max: u32,
    },
    /// Every member has announced that it knows this version of the rules: they hold from here on. Takes no zxid, and does nothing
    /// when they hold already.
    RaiseSemantics {
        /// Which, at most [`crate::SEMANTICS_NEWEST`].
        version: u32,
    },
}

impl fmt::Debug for TxnOp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // G-25: neither passwords nor what clients store.
        match self {
            Self::OpenSession { timeout_ms, .. } => write!(f, "OpenSession({timeout_ms} ms)"),
            Self::AttachSession { timeout_ms, .. } => write!(f, "AttachSession({timeout_ms} ms)"),
            Self::CloseSession => f.write_str("CloseSession"),
            Self::ExpireSession => f.write_str("ExpireSession"),
            Self::Request { op, body } => write!(f, "Request({op:?}, {} bytes)", body.len()),
            Self::Refuse { error } => write!(f, "Refuse({error})"),
            Self::Sync => f.write_str("Sync"),
            Self::FoundMembers { lines } => write!(f, "FoundMembers({lines:?})"),
            Self::Reap { path, .. } => write!(f, "Reap({path:?})"),
            Self::RaiseSemantics { version } => write!(f, "RaiseSemantics({version})"),
        }
    }
}

/// The settings that decide results, as the leader has them; a set of flags.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Settings(pub u32);

impl Settings {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// `skipACL=yes`: no permission is checked.
    pub const SKIP_ACL: Self = Self(1);
    /// `enforceQuota=true`: a hard quota refuses writes.
    pub const ENFORCE_QUOTA: Self = Self(2);
    /// `zookeeper.extendedTypesEnabled=true`: znodes may have a time to live.
    pub const EXTENDED_TYPES: Self = Self(4);
    /// `reconfigEnabled=true`: the members of the ensemble may be changed.
    pub const RECONFIG_ENABLED: Self = Self(8);
    /// `standaloneEnabled=false`: one participant alone is an ensemble.
    pub const STANDALONE_DISABLED: Self = Self(16);
    /// Clients may show certificates: an ACL may name whom they are about (scheme `x509`).
    pub const X509_ACLS: Self = Self(32);
    /// The session is known to its server only: nobody asks whether it lives, and no ephemeral can be its.
    pub const LOCAL_SESSION: Self = Self(64);
    /// All flags that this version knows.
    const KNOWN: Self = Self(127);

    /// Whether every flag of `other` is in here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
