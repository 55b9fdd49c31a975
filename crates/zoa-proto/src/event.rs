//! Watch events on the wire, and the numbers of events and states that clients know.
//!
//! ```text
//! xid -1, zxid, err 0 | int type, int state, ustring path
//! ```
//!
//! Who gets which event is the core's business.

use crate::decode_error::DecodeError;
use crate::frame::encode_frame;
use crate::header::ReplyHeader;
use crate::ids::Xid;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::zxid::Zxid;

/// What happened to a znode: the kinds of event that a server sends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventKind {
    /// It was created.
    NodeCreated,
    /// It was deleted.
    NodeDeleted,
    /// Its data were set.
    NodeDataChanged,
    /// A child was created or deleted.
    NodeChildrenChanged,
}

impl EventKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 4] = [
        Self::NodeCreated,
        Self::NodeDeleted,
        Self::NodeDataChanged,
        Self::NodeChildrenChanged,
    ];

    /// Reads the number; one that a server does not send is the peer's error.
    pub const fn from_wire(wire: i32) -> Result<Self, DecodeError> {
        match wire {
            1 => Ok(Self::NodeCreated),
            2 => Ok(Self::NodeDeleted),
            3 => Ok(Self::NodeDataChanged),
            4 => Ok(Self::NodeChildrenChanged),
            _ => Err(DecodeError::UnknownEventKind(wire)),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::NodeCreated => 1,
            Self::NodeDeleted => 2,
            Self::NodeDataChanged => 3,
            Self::NodeChildrenChanged => 4,
        }
    }
}

/// What a client library tells its user: the kinds a server sends, and those it makes up itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EventType {
    /// Nothing happened to a znode; the state of the connection changed. Number -1.
    None,
    /// Something happened to a znode. Numbers 1 to 4.
    Node(EventKind),
    /// The user removed a data watch. Number 5.
    DataWatchRemoved,
    /// The user removed a child watch. Number 6.
    ChildWatchRemoved,
    /// The user removed a persistent watch. Number 7.
    PersistentWatchRemoved,
}

impl EventType {
    /// The number that users of ZooKeeper's libraries know.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::None => -1,
            Self::Node(kind) => kind.to_wire(),
            Self::DataWatchRemoved => 5,
            Self::ChildWatchRemoved => 6,
            Self::PersistentWatchRemoved => 7,
        }
    }
}

/// The state of a client's connection, as it stands in events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeeperState {
    /// Not known; no longer used.
    Unknown,
    /// No connection.
    Disconnected,
    /// Never used.
    NoSyncConnected,
    /// Connected; the only state a server ever sends.
    SyncConnected,
    /// Authentication failed.
    AuthFailed,
    /// Connected to a read-only server.
    ConnectedReadOnly,
    /// SASL is done.
    SaslAuthenticated,
    /// The user closed the session.
    Closed,
    /// The session has expired.
    Expired,
}

impl KeeperState {
    /// The number that users of ZooKeeper's libraries know.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Unknown => -1,
            Self::Disconnected => 0,
            Self::NoSyncConnected => 1,
            Self::SyncConnected => 3,
            Self::AuthFailed => 4,
            Self::ConnectedReadOnly => 5,
            Self::SaslAuthenticated => 6,
            Self::Closed => 7,
            Self::Expired => -112,
        }
    }
}

/// An event for a watching client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchedEvent<'a> {
    /// What happened.
    pub kind: EventKind,
    /// To which znode.
    pub path: &'a str,
    /// In which transaction; `Zxid::NONE` if setWatches made the event up.
    pub zxid: Zxid,
}

impl<'a> WatchedEvent<'a> {
    /// Reads an event's body; the zxid comes from its header.
    pub fn decode(header: ReplyHeader, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let kind = EventKind::from_wire(reader.int()?)?;
        // Every server sends SyncConnected here; clients do not look.
        reader.int()?;
        Ok(Self {
            kind,
            path: reader.ustring()?,
            zxid: header.zxid,
        })
    }

    /// Writes header and body, without the frame's length.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        ReplyHeader {
            xid: Xid::NOTIFICATION,
            zxid: self.zxid,
            error: None,
        }
        .encode(writer);
        writer.int(self.kind.to_wire());
        writer.int(KeeperState::SyncConnected.to_wire());
        writer.ustring(self.path);
    }
}

/// Appends the whole frame of an event.
///
/// A path comes out of a frame, so it cannot be too long for one.
pub fn encode_event(buf: &mut Vec<u8>, event: &WatchedEvent<'_>) {
    let framed = encode_frame(buf, |writer| event.encode(writer));
    debug_assert!(framed.is_ok(), "a znode's path fits a frame");
}
