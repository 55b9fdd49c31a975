//! The error codes of the protocol.
//!
//! Success (0) is not among them: a result on the wire is an `Option<ErrorCode>`, `None` for 0.
//! Codes that only a client library makes up for its own user are here too, since the libraries
//! of this project share the table.

use std::fmt;

/// Names an error: variant, wire code, ZooKeeper's spelling, documentation.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal, $text:literal;)*) => {
        /// Why an operation failed, by its wire code. 0 (OK) is the absence of one.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the reference's table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The error with this code; `None` for 0 and for codes that are not in the table.
            #[must_use]
            pub const fn from_wire(wire: i32) -> Option<Self> {
                match wire {
                    $($wire => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The code on the wire, always negative.
            #[must_use]
            pub const fn to_wire(self) -> i32 {
                match self {
                    $(Self::$name => $wire,)*
                }
            }

            /// The name ZooKeeper's users know it by, e.g. `NONODE`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

error_codes! {
    /// A fault of the server.
    SystemError = -1, "SYSTEMERROR";
    /// In a multi: an operation after the one that failed.
    RuntimeInconsistency = -2, "RUNTIMEINCONSISTENCY";
    /// The data do not agree.
    DataInconsistency = -3, "DATAINCONSISTENCY";
    /// The connection was lost; made up by clients.
    ConnectionLoss = -4, "CONNECTIONLOSS";
    /// The request could not be read.
    MarshallingError = -5, "MARSHALLINGERROR";
    /// The operation is not known or not available here.
    Unimplemented = -6, "UNIMPLEMENTED";
    /// The operation took too long; made up by clients.
    OperationTimeout = -7, "OPERATIONTIMEOUT";
    /// A bad path, bad flags or a bad time to live.
    BadArguments = -8, "BADARGUMENTS";
    /// The handle is in no state to be used; C client only.
    InvalidState = -9, "INVALIDSTATE";
    /// The session is not known; internal.
    UnknownSession = -12, "UNKNOWNSESSION";
    /// Too few members of the new configuration are in sync.
    NewConfigNoQuorum = -13, "NEWCONFIGNOQUORUM";
    /// Another reconfiguration is under way.
    ReconfigInProgress = -14, "RECONFIGINPROGRESS";
    /// TLS failed; C client only.
    SslConnectionError = -15, "SSLCONNECTIONERROR";
    /// Not an error itself: codes below it are answers to the user's request.
    ApiError = -100, "APIERROR";
    /// The znode does not exist.
    NoNode = -101, "NONODE";
    /// The identities of the connection do not allow it.
    NoAuth = -102, "NOAUTH";
    /// The version is not the expected one.
    BadVersion = -103, "BADVERSION";
    /// An ephemeral cannot have children.
    NoChildrenForEphemerals = -108, "NOCHILDRENFOREPHEMERALS";
    /// The znode exists already.
    NodeExists = -110, "NODEEXISTS";
    /// The znode has children.
    NotEmpty = -111, "NOTEMPTY";
    /// The session has expired or is closing.
    SessionExpired = -112, "SESSIONEXPIRED";
    /// A callback was invalid; made up by clients.
    InvalidCallback = -113, "INVALIDCALLBACK";
    /// The ACL is empty or names an invalid id.
    InvalidAcl = -114, "INVALIDACL";
    /// Authentication failed.
    AuthFailed = -115, "AUTHFAILED";
    /// The handle is closing; C client only.
    Closing = -116, "CLOSING";
    /// There was nothing to do; C client only.
    Nothing = -117, "NOTHING";
    /// The session now speaks through another connection; the server closes this one.
    SessionMoved = -118, "SESSIONMOVED";
    /// A write reached a read-only server.
    NotReadOnly = -119, "NOTREADONLY";
    /// A local session cannot own an ephemeral.
    EphemeralOnLocalSession = -120, "EPHEMERALONLOCALSESSION";
    /// There is no such watch.
    NoWatcher = -121, "NOWATCHER";
    /// No reply in time; made up by clients.
    RequestTimeout = -122, "REQUESTTIMEOUT";
    /// Reconfiguration is switched off.
    ReconfigDisabled = -123, "RECONFIGDISABLED";
    /// The server demands SASL and the session has not done it.
    SessionClosedRequireSaslAuth = -124, "SESSIONCLOSEDREQUIRESASLAUTH";
    /// A hard quota would be exceeded.
    QuotaExceeded = -125, "QUOTAEXCEEDED";
    /// The server is overloaded and did not run the request.
    ThrottledOp = -127, "THROTTLEDOP";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.to_wire())
    }
}

impl std::error::Error for ErrorCode {}
