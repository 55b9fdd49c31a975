//! One transaction after another: the only way in which the tree changes.
//!
//! ```text
//! Txn -> zxid -> session alive? its owner speaking? -> one file an operation -> Outcome
//! ```
//!
//! Everything is validated here and nowhere else, against the tree as of the previous zxid; what
//! the leader thought of it does not count.
//!
//! Invariants: it is total - any transaction has an outcome, none panics; it is pure - the outcome
//! and the new state follow from the old state, the term and the transaction alone (G-01, G-16);
//! an operation that fails has changed nothing but the zxid.

mod attach_session;
mod check;
mod close_session;
mod create;
mod delete;
mod delete_container;
mod found_members;
mod multi;
mod open_session;
mod raise_semantics;
mod reconfig;
mod set_acl;
mod set_data;

use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::Perms;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::Zxid;

use crate::limits::RECLAIMED_PER_APPLY_MAX;
use crate::node::NodeId;
use crate::outcome::Applied;
use crate::outcome::Outcome;
use crate::outcome::Trigger;
use crate::outcome::Triggers;
use crate::session::Owner;
use crate::session::Session;
use crate::tree::Tree;
use crate::tree::links::Stamp;
use crate::txn::Settings;
use crate::txn::Txn;
use crate::txn::TxnOp;

/// A transaction on its way: its conditions, its zxid, and what watchers will hear of it.
pub(crate) struct Step<'t> {
    pub(crate) txn: Txn<'t>,
    pub(crate) zxid: Zxid,
    pub(crate) triggers: Triggers<'t>,
}

impl<'t> Step<'t> {
    pub(crate) const fn stamp(&self) -> Stamp {
        Stamp {
            zxid: self.zxid,
            time_ms: self.txn.time_ms,
        }
    }

    pub(crate) fn trigger(&mut self, trigger: Trigger<'t>) {
        self.triggers.push(trigger);
    }
}

impl Tree {
    /// Applies a committed transaction. `term` is that of its entry.
    pub fn apply<'t>(&mut self, term: u64, txn: &Txn<'t>) -> Outcome<'t> {
        self.reclaim(RECLAIMED_PER_APPLY_MAX);
        if txn.op.takes_zxid() {
            self.take_zxid(term);
        }
        let mut step = Step {
            txn: *txn,
            zxid: self.last_zxid,
            triggers: Triggers::new(),
        };
        let result = self.apply_op(&mut step);
        assert!(
            self.journal.is_none(),
            "a multi ends before its transaction does"
        );
        assert!(
            result.is_ok() || step.triggers.is_empty(),
            "what failed has changed nothing"
        );
        Outcome {
            zxid: step.zxid,
            result,
            triggers: step.triggers,
        }
    }

    fn apply_op<'t>(&mut self, step: &mut Step<'t>) -> Result<Applied<'t>, ErrorCode> {
        match step.txn.op {
            TxnOp::OpenSession {
                timeout_ms,
                password,
            } => open_session::apply(self, step, timeout_ms, password),
            TxnOp::AttachSession {
                timeout_ms,
                password,
            } => attach_session::apply(self, step, timeout_ms, password),
            TxnOp::ExpireSession => close_session::apply(self, step),
            TxnOp::CloseSession => {
                self.check_owner(&step.txn)?;
                close_session::apply(self, step)
            }
            TxnOp::Request { op, body } => {
                self.check_owner(&step.txn)?;
                self.apply_request(step, op, body)
            }
            TxnOp::Refuse { error } => {
                self.check_owner(&step.txn)?;
                Err(error)
            }
            TxnOp::Sync => {
                self.check_owner(&step.txn)?;
                Ok(Applied::Synced)
            }
            TxnOp::FoundMembers { lines } => found_members::apply(self, step, lines),
            TxnOp::RaiseSemantics { version } => raise_semantics::apply(self, version),
            TxnOp::Reap {
                path,
                never_used_ms_max,
            } => delete_container::reap(self, step, path, never_used_ms_max)
                .map(|()| Applied::Deleted),
        }
    }

    fn apply_request<'t>(
        &mut self,
        step: &mut Step<'t>,
        op: OpCode,
        body: &'t [u8],
    ) -> Result<Applied<'t>, ErrorCode> {
        let request = Request::decode(op, body).map_err(|_| ErrorCode::MarshallingError)?;
        match request {
            Request::Create(create) => create::apply(self, step, &create).map(create::plain),
            Request::Create2(create) => create::apply(self, step, &create).map(create::with_stat),
            Request::CreateContainer(create) => {
                create::apply_container(self, step, &create).map(create::with_stat)
            }
            Request::CreateTtl(create) => {
                create::apply_ttl(self, step, &create).map(create::with_stat)
            }
            Request::Delete(delete) => {
                delete::apply(self, step, &delete).map(|()| Applied::Deleted)
            }
            Request::DeleteContainer(delete) => {
                delete_container::apply(self, step, &delete).map(|()| Applied::Deleted)
            }
            Request::SetData(set) => set_data::apply(self, step, &set).map(Applied::DataSet),
            Request::SetAcl(set) => set_acl::apply(self, step, &set).map(Applied::AclSet),
            Request::Multi(ops) => multi::apply(self, step, ops).map(Applied::Multi),
            Request::Reconfig(reconfig) => reconfig::apply(self, step, &reconfig),
            // A check outside a multi is unknown to the reference since 3.9.5; older ones wrote a
            // transaction that they could not read again.
            Request::Check(_)
            | Request::Exists(_)
            | Request::GetData(_)
            | Request::GetAcl(_)
            | Request::GetChildren(_)
            | Request::GetChildren2(_)
            | Request::GetAllChildrenNumber(_)
            | Request::GetEphemerals(_)
            | Request::Sync(_)
            | Request::MultiRead(_)
            | Request::CheckWatches(_)
            | Request::RemoveWatches(_)
            | Request::SetWatches(_)
            | Request::SetWatches2(_)
            | Request::AddWatch(_)
            | Request::Auth(_)
            | Request::Sasl(_)
            | Request::WhoAmI
            | Request::Ping
            | Request::CloseSession => Err(ErrorCode::Unimplemented),
        }
    }

    /// The next zxid: dense within an epoch; the epoch rises with the term of the entry, and when
    /// the counter is used up (G-17).
    fn take_zxid(&mut self, term: u64) {
        let last = self.last_zxid;
        let next = if term > self.zxid_term || last.counter() == u32::MAX {
            Zxid::new(last.epoch().saturating_add(1), 1)
        } else {
            Zxid::new(last.epoch(), last.counter() + 1)
        };
        self.zxid_term = self.zxid_term.max(term);
        self.last_zxid = next;
    }

    /// The session lives and this connection speaks for it (G-12).
    fn check_owner(&self, txn: &Txn<'_>) -> Result<(), ErrorCode> {
        if txn.settings.contains(Settings::LOCAL_SESSION) {
            return Ok(());
        }
        let owner = self.session(txn.session).map(Session::owner);
        match owner {
            None => Err(ErrorCode::SessionExpired),
            Some(owner) if owner != txn.owner => Err(ErrorCode::SessionMoved),
            Some(Owner { .. }) => Ok(()),
        }
    }

    /// One of the identities has one of the permissions on this znode.
    pub(crate) fn check_acl(
        &self,
        id: NodeId,
        wanted: Perms,
        txn: &Txn<'_>,
    ) -> Result<(), ErrorCode> {
        let is_allowed = txn.settings.contains(Settings::SKIP_ACL)
            || self.acl(id).allows(wanted, txn.identities);
        if is_allowed {
            Ok(())
        } else {
            Err(ErrorCode::NoAuth)
        }
    }
}

impl TxnOp<'_> {
    /// Whether it moves the zxid: everything that may change znodes or the set of sessions, also
    /// when it fails.
    #[must_use]
    pub const fn takes_zxid(&self) -> bool {
        match self {
            Self::OpenSession { .. }
            | Self::CloseSession
            | Self::ExpireSession
            | Self::Request { .. }
            | Self::Refuse { .. }
            | Self::Reap { .. } => true,
            Self::AttachSession { .. }
            | Self::Sync
            | Self::FoundMembers { .. }
            | Self::RaiseSemantics { .. } => false,
        }
    }
}

/// The version is the expected one, or any will do.
fn check_version(version: i32, expected: Version) -> Result<(), ErrorCode> {
    if expected == Version::ANY || expected.0 == version {
        Ok(())
    } else {
        Err(ErrorCode::BadVersion)
    }
}

/// The first look that create and delete take at a path: it has a slash and no NUL. What else is
/// wrong with it shows later, so that the errors come in the reference's order.
fn check_has_parent(path: &str) -> Result<(), ErrorCode> {
    if path.contains('/') && !path.contains('\0') {
        Ok(())
    } else {
        Err(ErrorCode::BadArguments)
    }
}

/// A path as events name it: the root is `/`.
const fn event_path(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests;
