//! The bytes of the protocol as these checks write and read them.
//!
//! Not `zoa-proto`, on purpose: a check that shared the codec of the server under test would share its
//! errors. Bodies here may be wrong by intent, so nothing is validated on the way out.
//!
//! Invariant: reading never panics; a short body reads as `None`.

use std::fmt;

/// Operation numbers, in ZooKeeper's words.
pub(crate) mod op {
    pub(crate) const CREATE: i32 = 1;
    pub(crate) const DELETE: i32 = 2;
    pub(crate) const EXISTS: i32 = 3;
    pub(crate) const GET_DATA: i32 = 4;
    pub(crate) const SET_DATA: i32 = 5;
    pub(crate) const GET_ACL: i32 = 6;
    pub(crate) const SET_ACL: i32 = 7;
    pub(crate) const GET_CHILDREN: i32 = 8;
    pub(crate) const SYNC: i32 = 9;
    pub(crate) const PING: i32 = 11;
    pub(crate) const GET_CHILDREN2: i32 = 12;
    pub(crate) const CHECK: i32 = 13;
    pub(crate) const MULTI: i32 = 14;
    pub(crate) const CREATE2: i32 = 15;
    pub(crate) const RECONFIG: i32 = 16;
    pub(crate) const CHECK_WATCHES: i32 = 17;
    pub(crate) const REMOVE_WATCHES: i32 = 18;
    pub(crate) const CREATE_CONTAINER: i32 = 19;
    pub(crate) const DELETE_CONTAINER: i32 = 20;
    pub(crate) const CREATE_TTL: i32 = 21;
    pub(crate) const MULTI_READ: i32 = 22;
    pub(crate) const AUTH: i32 = 100;
    pub(crate) const SET_WATCHES: i32 = 101;
    pub(crate) const GET_EPHEMERALS: i32 = 103;
    pub(crate) const GET_ALL_CHILDREN_NUMBER: i32 = 104;
    pub(crate) const SET_WATCHES2: i32 = 105;
    pub(crate) const ADD_WATCH: i32 = 106;
    pub(crate) const WHO_AM_I: i32 = 107;
    pub(crate) const CLOSE_SESSION: i32 = -11;

    /// The operation's name; `op9999` for one that does not exist.
    pub(crate) fn name(op: i32) -> String {
        let name = match op {
            CREATE => "create",
            DELETE => "delete",
            EXISTS => "exists",
            GET_DATA => "getData",
            SET_DATA => "setData",
            GET_ACL => "getACL",
            SET_ACL => "setACL",
            GET_CHILDREN => "getChildren",
            SYNC => "sync",
            PING => "ping",
            GET_CHILDREN2 => "getChildren2",
            CHECK => "check",
            MULTI => "multi",
            CREATE2 => "create2",
            RECONFIG => "reconfig",
            CHECK_WATCHES => "checkWatches",
            REMOVE_WATCHES => "removeWatches",
            CREATE_CONTAINER => "createContainer",
            DELETE_CONTAINER => "deleteContainer",
            CREATE_TTL => "createTTL",
            MULTI_READ => "multiRead",
            AUTH => "auth",
            SET_WATCHES => "setWatches",
            GET_EPHEMERALS => "getEphemerals",
            GET_ALL_CHILDREN_NUMBER => "getAllChildrenNumber",
            SET_WATCHES2 => "setWatches2",
            ADD_WATCH => "addWatch",
            WHO_AM_I => "whoAmI",
            CLOSE_SESSION => "closeSession",
            other => return format!("op{other}"),
        };
        name.to_owned()
    }
}

/// The xid of watch events.
pub(crate) const XID_EVENT: i32 = -1;
/// The xid of pings.
pub(crate) const XID_PING: i32 = -2;
/// The xid of auth packets.
pub(crate) const XID_AUTH: i32 = -4;
/// The xid of setWatches and setWatches2.
pub(crate) const XID_SET_WATCHES: i32 = -8;

/// One entry of an access control list.
#[derive(Clone, Debug)]
pub(crate) struct Acl {
    pub(crate) perms: i32,
    pub(crate) scheme: String,
    pub(crate) id: String,
}

impl Acl {
    pub(crate) fn new(perms: i32, scheme: &str, id: &str) -> Self {
        Self {
            perms,
            scheme: scheme.to_owned(),
            id: id.to_owned(),
        }
    }

    /// Everything for everyone.
    pub(crate) fn open() -> Vec<Self> {
        vec![Self::new(31, "world", "anyone")]
    }
}

/// A body under construction.
#[derive(Clone, Default)]
pub(crate) struct Body(Vec<u8>);

impl Body {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn int(self, value: i32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn long(self, value: i64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn flag(self, value: bool) -> Self {
        self.raw(&[u8::from(value)])
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A buffer; `None` is the null buffer.
    pub(crate) fn bytes(self, value: Option<&[u8]>) -> Self {
        match value {
            None => self.int(-1),
            Some(bytes) => self.len(bytes.len()).raw(bytes),
        }
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.bytes(Some(value.as_bytes()))
    }

    pub(crate) fn texts(self, values: &[String]) -> Self {
        values
            .iter()
            .fold(self.len(values.len()), |body, value| body.text(value))
    }

    pub(crate) fn acl(self, acl: &[Acl]) -> Self {
        acl.iter().fold(self.len(acl.len()), |body, entry| {
            body.int(entry.perms).text(&entry.scheme).text(&entry.id)
        })
    }

    fn len(self, len: usize) -> Self {
        self.int(i32::try_from(len).expect("no body of these checks reaches 2 GiB"))
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Puts the length in front.
pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    Body::new().bytes(Some(body)).done()
}

/// A request's frame without the length: header and body.
pub(crate) fn request(xid: i32, op: i32, body: &[u8]) -> Vec<u8> {
    Body::new().int(xid).int(op).raw(body).done()
}

/// A reading position in a frame.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(crate) fn long(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A buffer: outer `None` when it is cut off, inner `None` when it is null.
    pub(crate) fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.int()? {
            -1 => Some(None),
            len => Some(Some(self.take(usize::try_from(len).ok()?)?)),
        }
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        Some(String::from_utf8_lossy(self.bytes()?.unwrap_or(b"<null>")).into_owned())
    }

    pub(crate) fn texts(&mut self) -> Option<Vec<String>> {
        let count = self.int()?;
        (0..count).map(|_| self.text()).collect()
    }
}

/// The header of a reply or an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplyHeader {
    pub(crate) xid: i32,
    pub(crate) zxid: i64,
    pub(crate) error: i32,
}

impl ReplyHeader {
    /// Splits a frame into its header and the rest.
    pub(crate) fn read(frame: &[u8]) -> Option<(Self, &[u8])> {
        let mut cursor = Cursor::new(frame);
        let header = Self {
            xid: cursor.int()?,
            zxid: cursor.long()?,
            error: cursor.int()?,
        };
        Some((header, cursor.rest()))
    }
}

/// The fields of every znode's stat, in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) czxid: i64,
    pub(crate) mzxid: i64,
    pub(crate) ctime: i64,
    pub(crate) mtime: i64,
    pub(crate) version: i32,
    pub(crate) cversion: i32,
    pub(crate) aversion: i32,
    pub(crate) ephemeral_owner: i64,
    pub(crate) data_length: i32,
    pub(crate) num_children: i32,
    pub(crate) pzxid: i64,
}

impl Stat {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            czxid: cursor.long()?,
            mzxid: cursor.long()?,
            ctime: cursor.long()?,
            mtime: cursor.long()?,
            version: cursor.int()?,
            cversion: cursor.int()?,
            aversion: cursor.int()?,
            ephemeral_owner: cursor.long()?,
            data_length: cursor.int()?,
            num_children: cursor.int()?,
            pzxid: cursor.long()?,
        })
    }
}

/// The first frame of a connection.
pub(crate) struct ConnectRequest {
    pub(crate) last_zxid: i64,
    pub(crate) timeout_ms: i32,
    pub(crate) session: i64,
    pub(crate) password: Vec<u8>,
    /// `None` leaves the byte out, as clients before 3.4 do.
    pub(crate) read_only: Option<bool>,
}

impl ConnectRequest {
    /// A new session.
    pub(crate) fn new(timeout_ms: i32) -> Self {
        Self {
            last_zxid: 0,
            timeout_ms,
            session: 0,
            password: vec![0; 16],
            read_only: Some(false),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let body = Body::new()
            .int(0)
            .long(self.last_zxid)
            .int(self.timeout_ms)
            .long(self.session)
            .bytes(Some(&self.password));
        match self.read_only {
            None => body.done(),
            Some(read_only) => body.flag(read_only).done(),
        }
    }
}

/// The server's answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectResponse {
    pub(crate) protocol_version: i32,
    pub(crate) timeout_ms: i32,
    pub(crate) session: i64,
    pub(crate) password: Vec<u8>,
    pub(crate) read_only: Option<u8>,
}

impl ConnectResponse {
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(frame);
        Some(Self {
            protocol_version: cursor.int()?,
            timeout_ms: cursor.int()?,
            session: cursor.long()?,
            password: cursor.bytes()?.unwrap_or_default().to_vec(),
            read_only: cursor.byte(),
        })
    }
}

/// Bytes for a person to read: hex, cut when long.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 160;
        for byte in self.0.iter().take(SHOWN_MAX) {
            write!(out, "{byte:02x}")?;
        }
        match self.0.len().checked_sub(SHOWN_MAX) {
            Some(more) if more > 0 => write!(out, "... and {more} bytes"),
            _ => Ok(()),
        }
    }
}
