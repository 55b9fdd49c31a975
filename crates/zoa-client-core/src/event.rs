//! What a client tells its driver: events for the user, actions for the sockets.
//!
//! Invariant: every request that was accepted ends in exactly one [`Outcome`], in the order of submission; auth entries too,
//! in their own order.

use core::net::SocketAddr;
use std::borrow::Cow;

use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::EventType;
use zoa_proto::Reply;
use zoa_proto::SessionId;
use zoa_proto::WatcherType;
use zoa_proto::Zxid;

use crate::connect_string::Host;
use crate::error::ConnectionError;
use crate::error::Reason;

/// Something for the user, borrowed from the client until the next call. `T` is the tag that came with the request.
#[derive(Debug)]
pub enum Event<'a, T> {
    /// The session changed its state.
    Session(SessionEvent),
    /// A request came to its end.
    Outcome {
        /// The caller's tag.
        tag: T,
        /// How it ended.
        outcome: Outcome<'a>,
    },
    /// A watch fired.
    Watch(WatchFired<'a>),
    /// Watches are gone without having fired: the user removed them, or the server cannot keep them.
    WatchGone(WatchGone<'a>),
    /// Something to log; nothing depends on it.
    Notice(Notice),
}

/// How a request ended. Whether it was applied is told truthfully, or not at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome<'a> {
    /// The server answered.
    Done {
        /// The server's last transaction when it answered.
        zxid: Zxid,
        /// What it said; after an error nothing was applied. A failed multi is `Ok` and tells its errors inside.
        result: Result<Reply<'a>, ErrorCode>,
    },
    /// It was not applied and never will be: not all of it was sent, or it changes nothing. It may be sent again.
    NotApplied(Reason),
    /// It may or may not have been applied; only looking tells.
    Unknown(Reason),
}

/// The names of a session's states, as [`Client::state`](crate::Client::state) tells them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SessionState {
    /// No session yet.
    Connecting,
    /// Connected.
    Connected,
    /// Connected to a server without a quorum, which answers reads only.
    ConnectedReadOnly,
    /// The session had a connection and lost it. It may live, and what it owns with it.
    Suspended,
    /// The session has ended on the server, and all it owned is gone. Final.
    Expired,
    /// Authentication failed. Final.
    AuthFailed,
    /// The user closed it. Final.
    Closed,
}

/// A change of a session's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionEvent {
    /// A server attached the session to this connection.
    Connected {
        /// The session.
        session: SessionId,
        /// The timeout agreed on, in milliseconds.
        timeout_ms: u64,
        /// Whether the server is read-only.
        read_only: bool,
        /// Whether the session is new: the first one, or one that follows a read-only server's own.
        is_new: bool,
    },
    /// The connection is lost; the client looks for another.
    Suspended(ConnectionError),
    /// Not connected, and the timeout has passed since the server is known to have heard of the session: others may already
    /// see it gone. Whoever leads by it must stop. The client still tries to attach.
    MayHaveExpired,
    /// The session is over. Final.
    Expired(ExpiredBy),
    /// The server refused an auth entry. Final.
    AuthFailed,
    /// The client was closed. Final.
    Closed {
        /// Whether the server is known to have ended the session; if not, it will expire.
        session_ended: bool,
    },
}

/// How it is known that a session expired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpiredBy {
    /// A server said so.
    Server,
    /// Nothing was heard for so long that this client gave up; see `ClientConfig::expires_by_silence`. The server may keep
    /// the session a little longer, but nobody speaks for it any more.
    Silence,
}

/// A watch fired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchFired<'a> {
    /// What happened.
    pub kind: EventKind,
    /// To which znode, as the user sees it: without the chroot.
    pub path: &'a str,
    /// In which transaction; `None` for what happened while the client was away, and from servers before 3.9.
    pub zxid: Option<Zxid>,
    /// Whom to tell; each one once, and at least one.
    pub watchers: &'a [WatcherId],
}

/// Watches that are gone without having fired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchGone<'a> {
    /// `DataWatchRemoved`, `ChildWatchRemoved` or `PersistentWatchRemoved`.
    pub event: EventType,
    /// Of which znode, without the chroot.
    pub path: Cow<'a, str>,
    /// Which watches.
    pub watcher_type: WatcherType,
    /// Whose.
    pub watchers: Vec<WatcherId>,
    /// False when it is not the user who removed them: the server is too old to keep them.
    pub is_asked_for: bool,
}

/// One who is told when a watch fires; the caller gives the numbers. The same one may watch many znodes, and is told of one
/// event once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WatcherId(pub u64);

/// Something to log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// An attempt to connect failed; the next one follows.
    AttemptFailed {
        /// Where to.
        host: Host,
        /// To which of its addresses, when it came so far.
        address: Option<SocketAddr>,
        /// Why.
        error: ConnectionError,
    },
}

/// The number of one attempt to connect and of the connection it makes. What is reported for an older one is ignored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ConnectionId(pub u64);

/// Something for the driver to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Look the name up; answer with `handle_resolved` or `handle_unresolved`.
    Resolve {
        /// For which attempt.
        connection: ConnectionId,
        /// The name.
        host: Host,
    },
    /// Open a TCP connection (with no delay for small packets); answer with `handle_connected` or `handle_disconnected`.
    Connect {
        /// For which attempt.
        connection: ConnectionId,
        /// Where to.
        address: SocketAddr,
        /// The name it stands for, as a TLS certificate has it.
        host: Host,
    },
    /// Give up this attempt or connection and close its socket; nothing needs to be answered.
    Close {
        /// Which one.
        connection: ConnectionId,
    },
    /// On a second connection ask this server [`PROBE_REQUEST`], read to its end, and answer with `handle_probed`.
    Probe {
        /// The number of the probe.
        connection: ConnectionId,
        /// Whom to ask.
        host: Host,
    },
}

impl Action {
    /// The attempt or connection it is about.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        match self {
            Self::Resolve { connection, .. }
            | Self::Connect { connection, .. }
            | Self::Close { connection }
            | Self::Probe { connection, .. } => *connection,
        }
    }
}

/// The four-letter word that asks a server whether it takes writes.
pub const PROBE_REQUEST: &[u8] = b"isro";

/// Bytes to write to the socket of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmit<'a> {
    /// Which connection.
    pub connection: ConnectionId,
    /// What to write; never empty.
    pub bytes: &'a [u8],
}
