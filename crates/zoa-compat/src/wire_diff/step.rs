//! What is done to both servers at once: one step, and what it would change if it succeeds.
//!
//! A step holds no bytes that differ by server but one: the zxid that setWatches is relative to.

/// A zxid of the left server and the one of the right server that means the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ZxidPair {
    pub(crate) left: i64,
    pub(crate) right: i64,
}

/// What a request changes when the server answers it without error.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Nothing,
    Create {
        path: String,
        ephemeral: bool,
        restricted: bool,
    },
    Delete {
        path: String,
    },
    SetData {
        path: String,
    },
    SetAcl {
        path: String,
        restricted: bool,
    },
    Multi(Vec<Self>),
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) op: i32,
    /// `None` takes the connection's next number.
    pub(crate) xid: Option<i32>,
    /// Written before the body: what setWatches is relative to.
    pub(crate) relative: Option<ZxidPair>,
    pub(crate) body: Vec<u8>,
    pub(crate) effect: Effect,
    pub(crate) label: &'static str,
}

impl Request {
    pub(crate) fn new(op: i32, body: Vec<u8>, label: &'static str) -> Self {
        Self {
            op,
            xid: None,
            relative: None,
            body,
            effect: Effect::Nothing,
            label,
        }
    }

    pub(crate) fn with_effect(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(crate) fn with_xid(self, xid: i32) -> Self {
        Self {
            xid: Some(xid),
            ..self
        }
    }
}

/// The place of a session in the table of sessions.
pub(crate) type Slot = usize;

/// How a session is attached again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attach {
    /// As clients do.
    Right,
    /// Without the byte that old clients do not send.
    OldClient,
    /// While its connection still stands.
    Steal,
    /// With a password that is wrong in one bit, after the connection is gone.
    WrongPassword,
    /// As a client that has seen what this server has not.
    FutureZxid,
}

/// A connection that is opened beside the table, looked at, and closed.
#[derive(Clone, Debug)]
pub(crate) enum Visit {
    /// A new session with this timeout wish, closed by closeSession.
    Timeout(i32),
    /// A session id that nobody has.
    UnknownSession,
    /// A new session without the byte of newer clients.
    OldClient,
    /// A new session with a password of another length.
    PasswordLen(usize),
    /// A session with the shortest timeout that makes an ephemeral and then falls silent.
    Silent,
    /// Bytes that are no handshake.
    Garbage(Vec<u8>),
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Requests of one session, sent without waiting in between.
    Requests { slot: Slot, requests: Vec<Request> },
    /// A new session.
    Open { slot: Slot },
    /// The client's side of the connection goes away; the session stays.
    Drop { slot: Slot },
    /// The session comes back.
    Attach { slot: Slot, how: Attach },
    /// Bytes that break the framing, on an established connection.
    Raw {
        slot: Slot,
        bytes: Vec<u8>,
        label: &'static str,
    },
    /// A connection of its own.
    Visit(Visit),
}
