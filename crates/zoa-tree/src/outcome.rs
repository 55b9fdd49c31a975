//! What applying a transaction gave: the result for whoever asked, the triggers for watchers.
//!
//! Triggers know nothing of watches: they say what happened where, in the order in which clients
//! may see it (reference 2.1), and whose permission counts for it (reference 2.2).

use std::borrow::Cow;

use smallvec::SmallVec;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Stat;
use zoa_proto::Zxid;

use crate::acl::AclHandle;
use crate::session::Owner;

/// The result of one transaction; borrows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome<'t> {
    /// The zxid it took, or the last one if it takes none.
    pub zxid: Zxid,
    /// What was done, or why nothing was.
    pub result: Result<Applied<'t>, ErrorCode>,
    /// What watchers must hear, in order; empty if nothing was done.
    pub triggers: Triggers<'t>,
}

/// Triggers of one transaction: a write has one or two.
pub type Triggers<'t> = SmallVec<[Trigger<'t>; 2]>;

/// What a transaction did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Applied<'t> {
    /// A session was opened.
    SessionOpened {
        /// Its timeout in milliseconds.
        timeout_ms: i32,
    },
    /// A connection now speaks for a session.
    SessionAttached {
        /// Its timeout in milliseconds.
        timeout_ms: i32,
        /// Who spoke for it before, if somebody else.
        previous_owner: Option<Owner>,
    },
    /// A session and its ephemerals are gone.
    SessionClosed {
        /// Who spoke for it.
        owner: Owner,
    },
    /// A znode was created.
    Created {
        /// Its path, with its number if sequential.
        path: Cow<'t, str>,
        /// Its stat, for the operations whose reply has it.
        stat: Option<Stat>,
    },
    /// A znode was deleted.
    Deleted,
    /// Data were set; the stat after it.
    DataSet(Stat),
    /// An ACL was set; the stat after it.
    AclSet(Stat),
    /// A multi ran: all of it, or nothing and each result is an error.
    Multi(Vec<MultiApplied<'t>>),
    /// All that was committed before has been applied.
    Synced,
    /// The servers of the ensemble are known from here on.
    MembersFounded,
    /// Transactions are applied by newer rules from here on.
    SemanticsRaised,
    /// The servers of the ensemble changed.
    Reconfigured {
        /// What `/zookeeper/config` says from here on.
        config: String,
        /// Its stat after it.
        stat: Stat,
    },
}

/// What one operation of a multi did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiApplied<'t> {
    /// A znode was created.
    Created {
        /// Its path, with its number if sequential.
        path: Cow<'t, str>,
        /// Its stat, unless the operation was plain create.
        stat: Option<Stat>,
    },
    /// A znode was deleted.
    Deleted,
    /// Data were set; the stat after it.
    DataSet(Stat),
    /// The version was as expected.
    Checked,
    /// The multi failed: `None` for operations before the one that failed, its own code, and
    /// RUNTIMEINCONSISTENCY for those after it (reference 1.7).
    Error(Option<ErrorCode>),
}

/// Something that watchers must hear of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trigger<'t> {
    /// What happened.
    pub kind: EventKind,
    /// To which znode.
    pub path: Cow<'t, str>,
    /// The ACL by which a watcher may hear of it: the znode's own, as it was when this happened.
    pub acl: AclHandle,
}
