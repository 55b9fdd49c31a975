//! The exceptions, and which code is thrown as which.
//!
//! Messages are the original's own words for its codes, since programs compare them.

use zoa_client::Error;
use zoa_client::ErrorCode;

use crate::engine::Class;
use crate::engine::Parent;
use crate::engine::Thrown;
use crate::engine::throw;

/// The parent of all.
pub(crate) static EXCEPTION: Class = Class::new(c"ZookeeperException", Parent::Exception);
pub(crate) static OPERATION_TIMEOUT: Class = child(c"ZookeeperOperationTimeoutException");
pub(crate) static CONNECTION: Class = child(c"ZookeeperConnectionException");
pub(crate) static MARSHALLING: Class = child(c"ZookeeperMarshallingException");
pub(crate) static AUTHENTICATION: Class = child(c"ZookeeperAuthenticationException");
pub(crate) static SESSION: Class = child(c"ZookeeperSessionException");
pub(crate) static NO_NODE: Class = child(c"ZookeeperNoNodeException");

const fn child(name: &'static std::ffi::CStr) -> Class {
    Class::new(name, Parent::Class(&EXCEPTION))
}

/// Registers the classes.
pub(crate) fn register() {
    for class in [
        &EXCEPTION,
        &OPERATION_TIMEOUT,
        &CONNECTION,
        &MARSHALLING,
        &AUTHENTICATION,
        &SESSION,
        &NO_NODE,
    ] {
        class.register(None, 0);
    }
}

/// `connect()` was not called, or the object was closed.
pub(crate) fn throw_not_connected() -> Thrown {
    throw(&CONNECTION, "Zookeeper->connect() was not called", 5998)
}

/// Something cannot be done now, or not here.
pub(crate) fn throw_invalid_state(why: &str) -> Thrown {
    throw(&EXCEPTION, why, INVALID_STATE)
}

/// There is nothing that could come.
pub(crate) fn throw_nothing(why: &str) -> Thrown {
    throw(&EXCEPTION, why, NOTHING)
}

/// The client could not be started.
pub(crate) fn throw_not_started(why: &str) -> Thrown {
    throw(&CONNECTION, why, 5999)
}

/// A request failed.
pub(crate) fn throw_failed(error: &Error) -> Thrown {
    throw_code(code_of(error))
}

/// The code of an error, as programs know it.
pub(crate) fn code_of(error: &Error) -> i64 {
    match error.code() {
        // The Java client's own; the C client has the other.
        ErrorCode::RequestTimeout => ErrorCode::OperationTimeout.to_wire().into(),
        code => code.to_wire().into(),
    }
}

/// Throws what belongs to this code.
pub(crate) fn throw_code(code: i64) -> Thrown {
    let class = match code {
        -4 => &CONNECTION,
        -5 => &MARSHALLING,
        -7 => &OPERATION_TIMEOUT,
        -101 => &NO_NODE,
        -102 | -115 => &AUTHENTICATION,
        -112 | -118 => &SESSION,
        _ => &EXCEPTION,
    };
    throw(class, message_of(code), code)
}

/// The original's words for a code.
pub(crate) const fn message_of(code: i64) -> &'static str {
    match code {
        0 => "ok",
        -1 => "system error",
        -2 => "run time inconsistency",
        -3 => "data inconsistency",
        -4 => "connection loss",
        -5 => "marshalling error",
        -6 => "unimplemented",
        -7 => "operation timeout",
        -8 => "bad arguments",
        -9 => "invalid zhandle state",
        -13 => {
            "no quorum of new config is connected and up-to-date with the leader of last committed config - try invoking \
             reconfiguration after new servers are connected and synced"
        }
        -14 => "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)",
        -100 => "api error",
        -101 => "no node",
        -102 => "not authenticated",
        -103 => "bad version",
        -108 => "no children for ephemerals",
        -110 => "node exists",
        -111 => "not empty",
        -112 => "session expired",
        -113 => "invalid callback",
        -114 => "invalid acl",
        -115 => "authentication failed",
        -116 => "zookeeper is closing",
        -117 => "(not error) no server responses to process",
        -118 => "session moved to another server, so operation is ignored",
        -119 => "state-changing request is passed to read-only server",
        -120 => "attempt to create ephemeral node on a local session",
        -121 => "the watcher couldn't be found",
        -123 => {
            "attempts to perform a reconfiguration operation when reconfiguration feature is disable"
        }
        -124 => "session closed by server because client is required to do SASL authentication",
        -125 => "quota has been exceeded",
        -127 => "Operation was throttled due to high load",
        _ => "unknown error",
    }
}

pub(crate) const BAD_ARGUMENTS: i64 = -8;
const INVALID_STATE: i64 = -9;
const NOTHING: i64 = -117;
pub(crate) const SESSION_EXPIRED: i64 = -112;
pub(crate) const INVALID_ACL: i64 = -114;
pub(crate) const AUTH_FAILED: i64 = -115;
