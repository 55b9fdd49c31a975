//! The handshake: the first frame each way, without a header.
//!
//! ```text
//! request   int protocol, long lastZxidSeen, int timeout, long session, buffer password [, bool readOnly]
//! response  int protocol, int timeout, long session, buffer password [, bool readOnly]
//! ```
//!
//! Invariant: the trailing boolean is in the response only if it was in the request; old clients
//! read what follows it as the next frame. Debug output hides the password (G-25).

use std::fmt;

use crate::decode_error::DecodeError;
use crate::frame::FrameError;
use crate::frame::encode_frame;
use crate::ids::SessionId;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::limits::SESSION_PASSWORD_LEN;
use crate::zxid::Zxid;

/// A client asks for a session, new or its old one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ConnectRequest<'a> {
    /// Always 0 so far.
    pub protocol_version: i32,
    /// The newest zxid the client has seen; a server behind it must not serve the client (G-04).
    pub last_zxid_seen: Zxid,
    /// The session timeout the client asks for, in milliseconds.
    pub timeout_ms: i32,
    /// The session to attach to; `SessionId::NONE` for a new one.
    pub session: SessionId,
    /// The password of that session; of any length, null reads as empty.
    pub password: &'a [u8],
    /// Whether a read-only server will do; `None` from clients that do not know the field.
    pub read_only: Option<bool>,
}

impl<'a> ConnectRequest<'a> {
    /// Reads the first frame of a connection.
    pub fn decode(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        Ok(Self {
            protocol_version: reader.int()?,
            last_zxid_seen: Zxid::from_wire_seen(reader.long()?),
            timeout_ms: reader.int()?,
            session: SessionId(reader.long()?),
            password: reader.buffer()?.unwrap_or_default(),
            read_only: decode_read_only(&reader)?,
        })
    }

    /// Writes the record, without the frame's length.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.int(self.protocol_version);
        writer.long(self.last_zxid_seen.to_wire());
        writer.int(self.timeout_ms);
        writer.long(self.session.0);
        writer.buffer(Some(self.password));
        if let Some(read_only) = self.read_only {
            writer.boolean(read_only);
        }
    }

    /// Appends the whole frame.
    pub fn encode_frame(&self, buf: &mut Vec<u8>) -> Result<(), FrameError> {
        encode_frame(buf, |writer| self.encode(writer))
    }
}

impl fmt::Debug for ConnectRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("protocol_version", &self.protocol_version)
            .field("last_zxid_seen", &self.last_zxid_seen)
            .field("timeout_ms", &self.timeout_ms)
            .field("session", &self.session)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

/// The server grants or refuses the session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ConnectResponse<'a> {
    /// Always 0 so far.
    pub protocol_version: i32,
    /// The timeout agreed on, in milliseconds; 0 or less refuses.
    pub timeout_ms: i32,
    /// The session; `SessionId::NONE` when refused.
    pub session: SessionId,
    /// Its password, to attach to it again.
    pub password: &'a [u8],
    /// Whether this server is read-only; `None` leaves the byte out, for clients that did not
    /// send theirs.
    pub read_only: Option<bool>,
}

impl ConnectResponse<'static> {
    /// The refusal of an unknown or expired session or a wrong password: clients take a timeout of
    /// 0 for "expired" (G-12). `read_only` is `Some(false)` if the request had the byte.
    #[must_use]
    pub const fn rejected(read_only: Option<bool>) -> Self {
        Self {
            protocol_version: 0,
            timeout_ms: 0,
            session: SessionId::NONE,
            password: &[0; SESSION_PASSWORD_LEN],
            read_only,
        }
    }
}

impl<'a> ConnectResponse<'a> {
    /// Reads the first frame of a server.
    pub fn decode(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        Ok(Self {
            protocol_version: reader.int()?,
            timeout_ms: reader.int()?,
            session: SessionId(reader.long()?),
            password: reader.buffer()?.unwrap_or_default(),
            read_only: decode_read_only(&reader)?,
        })
    }

    /// Whether the server refused the session.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        self.timeout_ms <= 0
    }

    /// Writes the record, without the frame's length.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.int(self.protocol_version);
        writer.int(self.timeout_ms);
        writer.long(self.session.0);
        writer.buffer(Some(self.password));
        if let Some(read_only) = self.read_only {
            writer.boolean(read_only);
        }
    }

    /// Appends the whole frame.
    pub fn encode_frame(&self, buf: &mut Vec<u8>) -> Result<(), FrameError> {
        encode_frame(buf, |writer| self.encode(writer))
    }
}

impl fmt::Debug for ConnectResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectResponse")
            .field("protocol_version", &self.protocol_version)
            .field("timeout_ms", &self.timeout_ms)
            .field("session", &self.session)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

/// Reads the optional last byte.
fn decode_read_only(reader: &Reader<'_>) -> Result<Option<bool>, DecodeError> {
    let mut reader = *reader;
    if reader.remaining() == 0 {
        Ok(None)
    } else {
        reader.boolean().map(Some)
    }
}
