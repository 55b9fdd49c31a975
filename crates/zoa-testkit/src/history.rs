//! What the clients did and saw, in the order in which each of them did and saw it.
//!
//! A history holds nothing of the server's inside; what the servers applied stands beside it in [`crate::applied`]. Checkers
//! read both and nothing else.
//!
//! Invariant: within a connection `calls` stand in the order of sending and `received` in the order of arrival; a call whose
//! reply never came stays [`CallOutcome::Unknown`], which never means that it did not happen.

use crate::applied::Owner;
use crate::clock::SimTime;
use crate::op::Event;
use crate::op::Op;
use crate::op::Outcome;
use std::fmt;

/// A connection, by its position in [`History::connections`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub usize);

/// A call, by its connection and its position in [`Connection::calls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    /// The connection it was sent on.
    pub connection: ConnectionId,
    /// Its position among the connection's calls.
    pub position: usize,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {} call {}", self.connection.0, self.position)
    }
}

/// A simulated client program; it may open many connections one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

/// The first frame of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields of ConnectRequest, reference section 1.2"
)]
pub struct ConnectAsk {
    pub last_zxid_seen: i64,
    pub timeout_ms: i32,
    pub session: i64,
    pub password: Vec<u8>,
}

/// The server's answer to the first frame; a session of 0 means refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields of ConnectResponse, reference section 1.2"
)]
pub struct ConnectAnswer {
    pub timeout_ms: i32,
    pub session: i64,
    pub password: Vec<u8>,
}

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The client's number for it; unique in a client's life for user requests, reserved ones below 0 otherwise.
    pub xid: i32,
    /// What was asked.
    pub op: Op,
    /// When the client handed it to the network.
    pub invoked_at: SimTime,
    /// What came back.
    pub outcome: CallOutcome,
}

/// What a client knows of its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// No reply came: it may or may not have happened.
    Unknown,
    /// A reply came.
    Replied {
        /// When.
        at: SimTime,
        /// The zxid of the reply's header.
        zxid: i64,
        /// Body or error.
        outcome: Outcome,
    },
}

impl Call {
    /// Arrival, zxid and outcome of the reply, when there was one.
    pub fn reply(&self) -> Option<(SimTime, i64, &Outcome)> {
        match &self.outcome {
            CallOutcome::Unknown => None,
            CallOutcome::Replied { at, zxid, outcome } => Some((*at, *zxid, outcome)),
        }
    }
}

/// One message in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The reply to the call at this position.
    Reply(usize),
    /// A watch event.
    Event(Event),
    /// Bytes that no correct server sends here: what is wrong with them.
    Nonsense(String),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It was open when the history ended.
    #[default]
    StillOpen,
    /// The client closed or dropped it, or the network did.
    Dropped,
    /// The server closed it.
    ClosedByServer,
}

/// One connection of one client.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Whose it is.
    pub client: ClientId,
    /// When it was opened.
    pub opened_at: SimTime,
    /// The number by which the server knows it, when it came to that.
    pub owner: Option<Owner>,
    /// The address that the server sees, as the identity `ip:...` names it.
    pub address: String,
    /// What it asked for.
    pub asked: ConnectAsk,
    /// What it was given and when, if anything came.
    pub answered: Option<(SimTime, ConnectAnswer)>,
    /// Its requests in the order of sending.
    pub calls: Vec<Call>,
    /// What arrived, in the order of arrival, each with its time.
    pub received: Vec<(SimTime, Received)>,
    /// How it ended.
    pub end: End,
    /// When it ended.
    pub ended_at: Option<SimTime>,
}

impl Connection {
    /// The session it speaks for, when one was granted.
    pub fn session(&self) -> Option<i64> {
        self.answered
            .as_ref()
            .map(|(_, answer)| answer.session)
            .filter(|session| *session != 0)
    }
}

/// Everything the clients did and saw.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// All connections in the order of opening.
    pub connections: Vec<Connection>,
}

impl History {
    /// Adds a connection and gives its name.
    pub fn open(&mut self, connection: Connection) -> ConnectionId {
        self.connections.push(connection);
        ConnectionId(self.connections.len() - 1)
    }

    /// A server has taken a connection on.
    pub fn set_owner(&mut self, id: usize, owner: Owner) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.owner = Some(owner);
        }
    }

    /// The connection of this name.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(id.0)
    }

    /// All connections with their names.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.connections
            .iter()
            .enumerate()
            .map(|(position, connection)| (ConnectionId(position), connection))
    }

    /// All calls with their names and connections.
    pub fn calls(&self) -> impl Iterator<Item = (CallId, &Connection, &Call)> {
        self.iter().flat_map(|(id, connection)| {
            connection
                .calls
                .iter()
                .enumerate()
                .map(move |(position, call)| {
                    (
                        CallId {
                            connection: id,
                            position,
                        },
                        connection,
                        call,
                    )
                })
        })
    }

    /// The call of this name.
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.connection(id.connection)?.calls.get(id.position)
    }

    /// How many calls were answered, errors included.
    pub fn acknowledged(&self) -> usize {
        self.calls()
            .filter(|(_, _, call)| call.reply().is_some())
            .count()
    }
}
