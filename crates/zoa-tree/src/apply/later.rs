//! The place of what is not served yet: containers, TTL znodes and changes of membership.
//!
//! Each answers UNIMPLEMENTED, never silence, and takes its zxid like any write that fails. Quirks
//! of the reference that must not come with them are in its section 2.11: a container made by
//! plain create, a TTL without a TTL flag, deletion of any empty znode without an ACL check.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::request::Create;
use zoa_proto::request::CreateTtl;
use zoa_proto::request::DeleteContainer;
use zoa_proto::request::Reconfig;

/// Modes that plain create cannot make.
pub(crate) const fn check_mode(mode: CreateMode) -> Result<(), ErrorCode> {
    match mode {
        CreateMode::Persistent
        | CreateMode::Ephemeral
        | CreateMode::PersistentSequential
        | CreateMode::EphemeralSequential => Ok(()),
        CreateMode::Container
        | CreateMode::PersistentWithTtl
        | CreateMode::PersistentSequentialWithTtl => Err(ErrorCode::Unimplemented),
    }
}

/// createContainer.
pub(crate) const fn create_container<R>(_request: &Create<'_>) -> Result<R, ErrorCode> {
    Err(ErrorCode::Unimplemented)
}

/// createTTL.
pub(crate) const fn create_ttl<R>(_request: &CreateTtl<'_>) -> Result<R, ErrorCode> {
    Err(ErrorCode::Unimplemented)
}

/// deleteContainer.
pub(crate) const fn delete_container<R>(_request: &DeleteContainer<'_>) -> Result<R, ErrorCode> {
    Err(ErrorCode::Unimplemented)
}

/// reconfig. A standalone server of the reference answers the same when it is allowed at all.
pub(crate) const fn reconfig<R>(_request: &Reconfig<'_>) -> Result<R, ErrorCode> {
    Err(ErrorCode::Unimplemented)
}
