//! Why things fail, by blame: the server's bytes, the way to it, the caller.
//!
//! Errors of the protocol (`NONODE` and the like) are not here: those are answers, see [`Outcome`](crate::Outcome).

use std::io;

use zoa_proto::DecodeError;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::PathError;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::frame::FrameError;

/// What a server did that no server may do; the connection is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A frame of impossible length.
    #[error("the server sent a {0}")]
    Frame(#[from] FrameError),
    /// A message that cannot be read.
    #[error("the server sent a message that cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// A reply to a request that was never sent, or was answered already.
    #[error("the server answered request {}, which is not pending", .0.0)]
    UnknownXid(Xid),
    /// A reply out of order.
    #[error("the server answered request {} where {} was due", got.0, expected.0)]
    OutOfOrder {
        /// The request at the head of the line.
        expected: Xid,
        /// The one that was answered.
        got: Xid,
    },
    /// Another session than the one asked for (G-12).
    #[error("the server gave session {got} to a client that asked for {asked}")]
    WrongSession {
        /// The session the client wants back.
        asked: SessionId,
        /// The one it was given.
        got: SessionId,
    },
    /// A session without an id.
    #[error("the server gave a session without an id")]
    NoSession,
    /// A password longer than [`PASSWORD_LEN_MAX`](crate::limits::PASSWORD_LEN_MAX).
    #[error("the server gave a session password of {0} bytes")]
    PasswordTooLong(usize),
    /// A read-only server answered a client that did not allow one.
    #[error("the server is read-only, which this client did not allow")]
    ReadOnlyUnasked,
    /// A reply with a path that is not under the chroot.
    #[error("the server answered with a path outside the chroot")]
    OutsideChroot,
    /// The server would not re-arm the watches.
    #[error("the server refused to set the watches again: {0}")]
    WatchesRefused(ErrorCode),
}

/// Why there is no connection, or no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The name has no address.
    #[error("the name does not resolve")]
    Unresolved,
    /// The socket failed; for instance nobody listens at the port.
    #[error("the connection failed: {0}")]
    Socket(io::ErrorKind),
    /// TLS did not come about, or broke.
    #[error("TLS failed: {0}")]
    Tls(TlsFailure),
    /// Neither the resolver nor the socket came to an end in time.
    #[error("no connection within {0} ms")]
    ConnectTimeout(u64),
    /// The server accepts and never answers.
    #[error("connected, but no answer to the handshake within {0} ms")]
    HandshakeTimeout(u64),
    /// The server closed the connection during the handshake: it is behind this client, has no quorum, or has too many clients.
    #[error("the server closed the connection during the handshake")]
    ClosedInHandshake,
    /// The server would not open a new session.
    #[error("the server refused a new session")]
    SessionRefused,
    /// The server closed the connection.
    #[error("the server closed the connection")]
    ClosedByServer,
    /// The server stops. It has said that what it had not answered was not applied.
    #[error("the server stops")]
    ServerStopping,
    /// Nothing came for two thirds of the session timeout.
    #[error("the server was silent for {0} ms")]
    Silent(u64),
    /// A request was not answered in time; the replies behind it cannot be waited for either.
    #[error("a request was not answered within {0} ms")]
    RequestTimeout(u64),
    /// The server broke the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Connected to a read-only server, a writable one was found.
    #[error("a server was found that takes writes")]
    WritableServerFound,
    /// The caller asked for another server.
    #[error("the caller asked for another server")]
    ServerChanged,
}

/// Why there is no TLS with a server, as far as the one who asks can mend it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// What answers does not speak TLS: most often its `clientPort` instead of its `secureClientPort`.
    #[error("the port does not speak TLS; servers have another port for it, secureClientPort")]
    NotTls,
    /// The server's certificate is signed by nobody whom this client trusts.
    #[error("the server's certificate is not signed by an authority that this client trusts")]
    UnknownAuthority,
    /// The server's certificate is for other names than the one in the connect string.
    #[error("the server's certificate is not for the name in the connect string")]
    WrongName,
    /// The server's certificate has expired, or is not valid yet.
    #[error("the server's certificate is not valid at this time")]
    WrongTime,
    /// The server's certificate is damaged, revoked, or not for servers.
    #[error("the server's certificate is not one for a server")]
    BadCertificate,
    /// The server wants a certificate of this client, or does not trust the one it has.
    #[error("the server does not take this client's certificate, or wants one")]
    ClientRefused,
    /// Anything else: no common version or cipher, a broken record.
    #[error("the two sides do not understand each other")]
    Protocol,
}

/// Why a request ended without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The connection was lost, or could not be made.
    #[error("connection lost: {0}")]
    ConnectionLost(ConnectionError),
    /// It was not answered in time.
    #[error("no answer within {0} ms")]
    RequestTimeout(u64),
    /// The session has expired.
    #[error("the session has expired")]
    SessionExpired,
    /// Authentication failed.
    #[error("authentication failed")]
    AuthFailed,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}

impl Reason {
    /// The code under which users of ZooKeeper's libraries know it.
    #[must_use]
    pub const fn error_code(self) -> ErrorCode {
        match self {
            Self::ConnectionLost(_) => ErrorCode::ConnectionLoss,
            Self::RequestTimeout(_) => ErrorCode::OperationTimeout,
            Self::SessionExpired => ErrorCode::SessionExpired,
            Self::AuthFailed => ErrorCode::AuthFailed,
            Self::Closed => ErrorCode::Closing,
        }
    }
}

/// Why a request was not even queued: the caller's fault, a limit, or the end of the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// A path that is not one.
    #[error("not a path: {0}")]
    BadPath(PathError),
    /// The request asks for a watch, nobody is named to be told; or the other way round.
    #[error("a watch and its watcher go together")]
    WatcherMismatch,
    /// A request that the client makes itself.
    #[error("{} is sent by the client itself", .0.name())]
    Reserved(OpCode),
    /// There is no such watch to remove.
    #[error("there is no such watch")]
    NoWatcher,
    /// Longer than servers accept.
    #[error("a request of {len} bytes, servers accept {len_max}")]
    RequestTooLong {
        /// Its length.
        len: usize,
        /// The limit, `ClientConfig::request_len_max`.
        len_max: usize,
    },
    /// Too many requests are pending.
    #[error("{0} requests are pending already")]
    TooManyPending(usize),
    /// Too many bytes wait to be sent.
    #[error("{0} bytes wait to be sent already")]
    TooMuchUnsent(usize),
    /// Too many watches.
    #[error("{0} watches are set already")]
    TooManyWatches(usize),
    /// Too many auth entries.
    #[error("{0} auth entries are given already")]
    TooManyAuths(usize),
    /// The session has ended, or is being closed.
    #[error("no session: {0}")]
    Ended(Reason),
}

/// A request that was not queued, and its tag back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejected<T> {
    /// Why.
    pub error: SubmitError,
    /// The caller's tag.
    pub tag: T,
}
