//! The place of what is not served yet: containers, TTL znodes, quotas.
//!
//! Each operation answers UNIMPLEMENTED, never silence, and takes its zxid like any write that
//! fails. Znodes under /zookeeper/quota can be made, but limit nothing, whatever `enforceQuota`
//! says. Quirks of the reference that must not come with them are in its section 2.11: a container
//! made by plain create, a TTL without a TTL flag, deletion of any empty znode without an ACL check.

use zoa_proto::CreateFlags;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::request::Create;
use zoa_proto::request::CreateTtl;
use zoa_proto::request::DeleteContainer;

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
pub(crate) fn create_container<R>(request: &Create<'_>) -> Result<R, ErrorCode> {
    check_flags(request.flags)?;
    Err(ErrorCode::Unimplemented)
}

/// createTTL. With extended types off the reference answers the same.
pub(crate) fn create_ttl<R>(request: &CreateTtl<'_>) -> Result<R, ErrorCode> {
    check_flags(request.flags)?;
    Err(ErrorCode::Unimplemented)
}

/// deleteContainer.
pub(crate) const fn delete_container<R>(_request: &DeleteContainer<'_>) -> Result<R, ErrorCode> {
    Err(ErrorCode::Unimplemented)
}

/// Unknown flags are an error before anything else is looked at.
fn check_flags(flags: CreateFlags) -> Result<(), ErrorCode> {
    flags.mode().map(|_| ()).ok_or(ErrorCode::BadArguments)
}
