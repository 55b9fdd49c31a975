//! Why a request failed, and what that says about the tree.
//!
//! ```text
//! outcome       the server                        to repeat it
//! Done          judged it and said no             the same again, unless the tree changes
//! NotApplied    never saw it, or it only reads    is safe
//! Unknown       may have applied it, or not       only after looking
//! ```
//!
//! Invariant: an error never says more than is known. The client repeats nothing by itself (G-02).

use std::fmt;

use zoa_client_core::ConnectStringError;
use zoa_client_core::Notice;
use zoa_client_core::Reason;
use zoa_client_core::SubmitError;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_tls::TlsError;

/// A request that failed.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Inner {
    op: OpCode,
    path: String,
    kind: ErrorKind,
}

/// Why a request failed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server judged the request and refused it; nothing was applied.
    Code(ErrorCode),
    /// An operation of a multi was refused; nothing of the multi was applied.
    Multi {
        /// Which operation, counted from 0.
        index: usize,
        /// Why.
        code: ErrorCode,
    },
    /// The request was not even queued: it is not one, or a limit is reached, or the session has ended.
    Rejected(SubmitError),
    /// It was not applied and will not be.
    NotApplied(Reason),
    /// It may or may not have been applied: the connection was lost between request and reply.
    Unknown(Reason),
}

/// What is known of a request that failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The server answered: it said no, and nothing was applied.
    Done,
    /// It was not applied and never will be. It is safe to try again.
    NotApplied,
    /// It may or may not have been applied; only looking tells.
    Unknown,
}

impl Error {
    pub(crate) fn new(op: OpCode, path: &str, kind: ErrorKind) -> Self {
        let path = path.to_owned();
        Self(Box::new(Inner { op, path, kind }))
    }

    /// Why.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What is known of the request.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match &self.0.kind {
            ErrorKind::Code(_) | ErrorKind::Multi { .. } => Outcome::Done,
            ErrorKind::Rejected(_) | ErrorKind::NotApplied(_) => Outcome::NotApplied,
            ErrorKind::Unknown(_) => Outcome::Unknown,
        }
    }

    /// The code under which users of ZooKeeper's libraries know it.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match &self.0.kind {
            ErrorKind::Code(code) | ErrorKind::Multi { code, .. } => *code,
            ErrorKind::Rejected(error) => code_of(error),
            ErrorKind::NotApplied(reason) | ErrorKind::Unknown(reason) => reason.error_code(),
        }
    }

    /// Which operation.
    #[must_use]
    pub const fn op(&self) -> OpCode {
        self.0.op
    }

    /// The path of the request, without the chroot; empty when it has none. For a failed multi the path of the operation that
    /// failed is not known here.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Whether the session has ended, so that this client will never succeed again.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        let reason = match &self.0.kind {
            ErrorKind::Rejected(SubmitError::Ended(reason))
            | ErrorKind::NotApplied(reason)
            | ErrorKind::Unknown(reason) => reason,
            ErrorKind::Code(_) | ErrorKind::Multi { .. } | ErrorKind::Rejected(_) => return false,
        };
        matches!(
            reason,
            Reason::SessionExpired | Reason::AuthFailed | Reason::Closed
        )
    }
}

const fn code_of(error: &SubmitError) -> ErrorCode {
    match error {
        SubmitError::BadPath(_) => ErrorCode::BadArguments,
        SubmitError::RequestTooLong { .. } => ErrorCode::MarshallingError,
        SubmitError::WatcherMismatch => ErrorCode::InvalidCallback,
        SubmitError::NoWatcher => ErrorCode::NoWatcher,
        SubmitError::Ended(reason) => reason.error_code(),
        // The client's own limits have no code of their own.
        _ => ErrorCode::SystemError,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.name())?;
        if !self.0.path.is_empty() {
            write!(f, " {}", self.0.path)?;
        }
        match &self.0.kind {
            ErrorKind::Code(code) => write!(f, ": {code}"),
            ErrorKind::Multi { index, code } => write!(f, ": operation {index} failed: {code}"),
            ErrorKind::Rejected(error) => write!(f, ": not sent: {error}"),
            ErrorKind::NotApplied(reason) => write!(f, ": not applied: {reason}"),
            ErrorKind::Unknown(reason) => {
                write!(f, ": it is not known whether it was applied: {reason}")
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("op", &self.0.op.name())
            .field("path", &self.0.path)
            .field("kind", &self.0.kind)
            .finish()
    }
}

impl std::error::Error for Error {}

/// Why a client could not be started, or found no server.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connect string is not one.
    #[error(transparent)]
    ConnectString(#[from] ConnectStringError),
    /// The asynchronous client was not started inside a tokio runtime.
    #[error("start the client inside a tokio runtime, or use the blocking one")]
    NoRuntime,
    /// A certificate or key for TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The operating system gives no random bytes or no thread.
    #[error("the operating system gives no {0}")]
    System(&'static str),
    /// No server took the session in time.
    #[error("no server within {waited_ms} ms{}", Last(last))]
    NoServer {
        /// How long it was tried, in milliseconds.
        waited_ms: u64,
        /// How the last attempt failed, if one came to an end.
        last: Option<Notice>,
    },
    /// The session ended before it began: it was attached to and has expired, or an auth entry was refused.
    #[error("the session has ended: {0}")]
    Ended(Reason),
}

/// The last failure, as the end of a sentence.
struct Last<'a>(&'a Option<Notice>);

impl fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Notice::AttemptFailed {
                host,
                address: Some(address),
                error,
            }) if host.name != address.ip().to_string() => {
                write!(f, "; the last one tried was {host} at {address}: {error}")
            }
            Some(Notice::AttemptFailed { host, error, .. }) => {
                write!(f, "; the last one tried was {host}: {error}")
            }
            None => Ok(()),
        }
    }
}

/// Events were left out, because they were not taken in time: so many, at this place. Whoever keeps a copy of what is watched
/// must read it again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("{0} watch events were left out, since they were not taken in time")]
pub struct Missed(pub u64);

/// A watch that will not fire: the session has ended, the watch was removed, or the request that was to set it failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("the watch ended without an event")]
pub struct WatchEnded;
