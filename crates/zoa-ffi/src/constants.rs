//! The variables that the headers declare: permissions, modes, states, events, identities, ready-made ACLs.
//!
//! They are data, some of it writable as in the original, and nothing here reads them back. Invariant: names, sizes and values are
//! the original's; a program's copy of them (copy relocation) is as good as ours.
#![allow(
    non_upper_case_globals,
    missing_docs,
    reason = "the names are the C interface, which the headers document"
)]

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;

use crate::abi::Acl;
use crate::abi::AclVector;
use crate::abi::Id;

/// Defines exported numbers.
macro_rules! numbers {
    ($($name:ident = $value:expr;)*) => {
        $(#[unsafe(no_mangle)] pub static $name: c_int = $value;)*
    };
}

numbers! {
    ZOO_PERM_READ = 1;
    ZOO_PERM_WRITE = 2;
    ZOO_PERM_CREATE = 4;
    ZOO_PERM_DELETE = 8;
    ZOO_PERM_ADMIN = 16;
    ZOO_PERM_ALL = 31;
    ZOOKEEPER_WRITE = WRITE;
    ZOOKEEPER_READ = READ;
    ZOO_PERSISTENT = 0;
    ZOO_EPHEMERAL = 1;
    ZOO_SEQUENCE = 2;
    ZOO_PERSISTENT_SEQUENTIAL = 2;
    ZOO_EPHEMERAL_SEQUENTIAL = 3;
    ZOO_CONTAINER = 4;
    ZOO_PERSISTENT_WITH_TTL = 5;
    ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL = 6;
    ZOO_EXPIRED_SESSION_STATE = STATE_EXPIRED;
    ZOO_AUTH_FAILED_STATE = STATE_AUTH_FAILED;
    ZOO_CONNECTING_STATE = STATE_CONNECTING;
    ZOO_ASSOCIATING_STATE = STATE_ASSOCIATING;
    ZOO_CONNECTED_STATE = STATE_CONNECTED;
    ZOO_READONLY_STATE = STATE_READONLY;
    ZOO_SSL_CONNECTING_STATE = 7;
    ZOO_NOTCONNECTED_STATE = STATE_NOTCONNECTED;
    ZOO_CREATED_EVENT = 1;
    ZOO_DELETED_EVENT = 2;
    ZOO_CHANGED_EVENT = 3;
    ZOO_CHILD_EVENT = 4;
    ZOO_SESSION_EVENT = SESSION_EVENT;
    ZOO_NOTWATCHING_EVENT = -2;
}

pub(crate) const WRITE: c_int = 1;
pub(crate) const READ: c_int = 2;
/// Between connections.
pub(crate) const STATE_CLOSED: c_int = 0;
pub(crate) const STATE_CONNECTING: c_int = 1;
pub(crate) const STATE_ASSOCIATING: c_int = 2;
pub(crate) const STATE_CONNECTED: c_int = 3;
pub(crate) const STATE_READONLY: c_int = 5;
pub(crate) const STATE_NOTCONNECTED: c_int = 999;
pub(crate) const STATE_EXPIRED: c_int = -112;
pub(crate) const STATE_AUTH_FAILED: c_int = -113;
pub(crate) const SESSION_EVENT: c_int = -1;
/// A flag of `zookeeper_init`: a read-only server will do.
pub(crate) const FLAG_READONLY: c_int = 1;
/// A flag of `zookeeper_init`: nothing of the environment is logged.
pub(crate) const FLAG_NO_LOG_CLIENTENV: c_int = 2;

const fn text(text: &'static CStr) -> *mut c_char {
    text.as_ptr().cast_mut()
}

const fn entry(perms: i32, scheme: &'static CStr, id: &'static CStr) -> Acl {
    Acl {
        perms,
        id: Id {
            scheme: text(scheme),
            id: text(id),
        },
    }
}

#[unsafe(no_mangle)]
pub static mut ZOO_ANYONE_ID_UNSAFE: Id = Id {
    scheme: text(c"world"),
    id: text(c"anyone"),
};
#[unsafe(no_mangle)]
pub static mut ZOO_AUTH_IDS: Id = Id {
    scheme: text(c"auth"),
    id: text(c""),
};

static mut OPEN: [Acl; 1] = [entry(31, c"world", c"anyone")];
static mut READ_ONLY: [Acl; 1] = [entry(1, c"world", c"anyone")];
static mut CREATOR: [Acl; 1] = [entry(31, c"auth", c"")];

#[unsafe(no_mangle)]
pub static mut ZOO_OPEN_ACL_UNSAFE: AclVector = AclVector {
    count: 1,
    data: (&raw mut OPEN).cast(),
};
#[unsafe(no_mangle)]
pub static mut ZOO_READ_ACL_UNSAFE: AclVector = AclVector {
    count: 1,
    data: (&raw mut READ_ONLY).cast(),
};
#[unsafe(no_mangle)]
pub static mut ZOO_CREATOR_ALL_ACL: AclVector = AclVector {
    count: 1,
    data: (&raw mut CREATOR).cast(),
};
