//! Return codes: those of the protocol, and what the client's own reasons are called in C.
//!
//! Every number comes from `zoa_proto::ErrorCode`; here stand only the names and what maps to them. Invariant: a lost connection is
//! `ZCONNECTIONLOSS`, a server that was silent too long is `ZOPERATIONTIMEOUT`, as the original's callers expect.

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;

use zoa_client_core::ConnectionError;
use zoa_client_core::Outcome;
use zoa_client_core::Reason;
use zoa_client_core::SubmitError;
use zoa_proto::ErrorCode;
use zoa_proto::Reply;

/// It worked.
pub const ZOK: c_int = 0;
/// A fault of the system, or of this library.
pub const ZSYSTEMERROR: c_int = ErrorCode::SystemError.to_wire();
/// In a multi: an operation behind the one that failed.
pub const ZRUNTIMEINCONSISTENCY: c_int = ErrorCode::RuntimeInconsistency.to_wire();
/// The connection was lost.
pub const ZCONNECTIONLOSS: c_int = ErrorCode::ConnectionLoss.to_wire();
/// The request cannot be sent.
pub const ZMARSHALLINGERROR: c_int = ErrorCode::MarshallingError.to_wire();
/// Not served.
pub const ZUNIMPLEMENTED: c_int = ErrorCode::Unimplemented.to_wire();
/// The server was silent too long.
pub const ZOPERATIONTIMEOUT: c_int = ErrorCode::OperationTimeout.to_wire();
/// The caller's arguments make no sense.
pub const ZBADARGUMENTS: c_int = ErrorCode::BadArguments.to_wire();
/// The session is over, or belongs to another process.
pub const ZINVALIDSTATE: c_int = ErrorCode::InvalidState.to_wire();
/// The session has expired.
pub const ZSESSIONEXPIRED: c_int = ErrorCode::SessionExpired.to_wire();
/// Authentication failed.
pub const ZAUTHFAILED: c_int = ErrorCode::AuthFailed.to_wire();
/// The handle is being closed.
pub const ZCLOSING: c_int = ErrorCode::Closing.to_wire();
/// Nothing was read.
pub const ZNOTHING: c_int = ErrorCode::Nothing.to_wire();
/// There is no such watch.
pub const ZNOWATCHER: c_int = ErrorCode::NoWatcher.to_wire();

/// Why a request was not taken.
pub(crate) const fn of_submit_error(error: SubmitError) -> c_int {
    match error {
        SubmitError::BadPath(_) => ZBADARGUMENTS,
        SubmitError::NoWatcher => ZNOWATCHER,
        SubmitError::Reserved(_) => ZUNIMPLEMENTED,
        SubmitError::Ended(Reason::Closed) => ZCLOSING,
        SubmitError::Ended(_) => ZINVALIDSTATE,
        _ => ZMARSHALLINGERROR,
    }
}

/// Why a connection ended, or was not made.
pub(crate) const fn of_connection_error(error: ConnectionError) -> c_int {
    match error {
        ConnectionError::ConnectTimeout(_)
        | ConnectionError::HandshakeTimeout(_)
        | ConnectionError::Silent(_)
        | ConnectionError::RequestTimeout(_) => ZOPERATIONTIMEOUT,
        ConnectionError::Tls(_) => ErrorCode::SslConnectionError.to_wire(),
        _ => ZCONNECTIONLOSS,
    }
}

const fn of_reason(reason: Reason) -> c_int {
    match reason {
        Reason::ConnectionLost(error) => of_connection_error(error),
        _ => reason.error_code().to_wire(),
    }
}

/// How a request ended: its reply, or its code.
pub(crate) fn of_outcome(outcome: Outcome<'_>) -> Result<Reply<'_>, c_int> {
    match outcome {
        Outcome::Done { result, .. } => result.map_err(ErrorCode::to_wire),
        Outcome::NotApplied(reason) | Outcome::Unknown(reason) => Err(of_reason(reason)),
    }
}

/// What a code means, in the words that users of the original's libraries know.
#[unsafe(no_mangle)]
pub extern "C" fn zerror(code: c_int) -> *const c_char {
    match text(code) {
        Some(text) => text.as_ptr(),
        // SAFETY: strerror takes any number and returns a string that stays valid until the next call, as C callers know.
        None if code > 0 => unsafe { libc::strerror(code) },
        None => c"unknown error".as_ptr(),
    }
}

const fn text(code: c_int) -> Option<&'static CStr> {
    if code == ZOK {
        return Some(c"ok");
    }
    let Some(code) = ErrorCode::from_wire(code) else {
        return None;
    };
    Some(match code {
        ErrorCode::SystemError => c"system error",
        ErrorCode::RuntimeInconsistency => c"run time inconsistency",
        ErrorCode::DataInconsistency => c"data inconsistency",
        ErrorCode::ConnectionLoss => c"connection loss",
        ErrorCode::MarshallingError => c"marshalling error",
        ErrorCode::Unimplemented => c"unimplemented",
        ErrorCode::OperationTimeout => c"operation timeout",
        ErrorCode::BadArguments => c"bad arguments",
        ErrorCode::InvalidState => c"invalid zhandle state",
        ErrorCode::NewConfigNoQuorum => {
            c"no quorum of new config is connected and up-to-date with the leader of last committed config - try invoking reconfiguration after new servers are connected and synced"
        }
        ErrorCode::ReconfigInProgress => {
            c"Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)"
        }
        ErrorCode::SslConnectionError => c"SSL connection error",
        ErrorCode::ApiError => c"api error",
        ErrorCode::NoNode => c"no node",
        ErrorCode::NoAuth => c"not authenticated",
        ErrorCode::BadVersion => c"bad version",
        ErrorCode::NoChildrenForEphemerals => c"no children for ephemerals",
        ErrorCode::NodeExists => c"node exists",
        ErrorCode::NotEmpty => c"not empty",
        ErrorCode::SessionExpired => c"session expired",
        ErrorCode::InvalidCallback => c"invalid callback",
        ErrorCode::InvalidAcl => c"invalid acl",
        ErrorCode::AuthFailed => c"authentication failed",
        ErrorCode::Closing => c"zookeeper is closing",
        ErrorCode::Nothing => c"(not error) no server responses to process",
        ErrorCode::SessionMoved => c"session moved to another server, so operation is ignored",
        ErrorCode::NotReadOnly => c"state-changing request is passed to read-only server",
        ErrorCode::EphemeralOnLocalSession => {
            c"attempt to create ephemeral node on a local session"
        }
        ErrorCode::NoWatcher => c"the watcher couldn't be found",
        ErrorCode::ReconfigDisabled => {
            c"attempts to perform a reconfiguration operation when reconfiguration feature is disable"
        }
        ErrorCode::SessionClosedRequireSaslAuth => {
            c"session closed by server because client is required to do SASL authentication"
        }
        ErrorCode::QuotaExceeded => c"quota exceeded",
        ErrorCode::ThrottledOp => c"Operation was throttled due to high load",
        ErrorCode::UnknownSession | ErrorCode::RequestTimeout => return None,
    })
}
