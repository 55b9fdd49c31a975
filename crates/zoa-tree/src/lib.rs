//! The replicated state machine: znodes, sessions, ephemerals, sequences, ACLs; apply and read.
//!
//! ```text
//! committed entry -> Txn::decode -> Tree::apply -> Outcome { zxid, result, triggers }
//! request         -> Tree::read_... -> data borrowed from the tree
//! Tree::begin_snapshot -> steps -> bytes -> TreeLoader -> the same Tree
//! ```
//!
//! It is *not* a server: it knows no connection, no watch and no frame, reads no clock, no random
//! source and no file.
//!
//! Invariants: `apply` is total and pure - the same transactions give the same outcomes and the
//! same digest on every replica, whatever its hash key and whether it began from a snapshot
//! (G-16); what fails changes nothing but the zxid (G-14); an ephemeral lives exactly as long as
//! its session (G-10).

mod acl;
mod apply;
mod child_index;
mod children_cursor;
mod digest;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod hash_key;
mod identities;
pub mod limits;
mod members;
mod node;
mod outcome;
mod predefined;
mod read;
mod semantics;
mod session;
mod slab;
mod snapshot;
mod touch;
mod tree;
mod txn;

pub use acl::AclHandle;
pub use children_cursor::ChildCursor;
pub use hash_key::HashKey;
pub use identities::Identities;
pub use identities::IdentitiesBuf;
pub use identities::Identity;
pub use members::ClientAddress;
pub use members::MemberLines;
pub use members::MemberRole;
pub use members::MembersError;
pub use members::NoNext as NoNextMembers;
pub use members::ServerAddress;
pub use members::ServerLine;
pub use members::next as next_members;
pub use outcome::Applied;
pub use outcome::MultiApplied;
pub use outcome::Outcome;
pub use outcome::Trigger;
pub use outcome::Triggers;
pub use read::Access;
pub use read::Children;
pub use read::EphemeralsStep;
pub use read::NodeRef;
pub use read::ShownAcl;
pub use semantics::SEMANTICS_FIRST;
pub use semantics::SEMANTICS_NEWEST;
pub use session::Owner;
pub use session::PASSWORD_LEN;
pub use session::Session;
pub use snapshot::SnapshotCursor;
pub use snapshot::SnapshotStep;
pub use snapshot::load::LoadError;
pub use snapshot::load::TreeLoader;
pub use touch::Touch;
pub use tree::Tree;
pub use txn::Settings;
pub use txn::Txn;
pub use txn::TxnError;
pub use txn::TxnOp;
