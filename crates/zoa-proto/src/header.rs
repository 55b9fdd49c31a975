//! The headers in front of every request and reply after the handshake.

use crate::decode_error::DecodeError;
use crate::error_code::ErrorCode;
use crate::ids::Xid;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::op_code::OpCode;
use crate::zxid::Zxid;

/// The header of a request: 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestHeader {
    /// The client's number for it.
    pub xid: Xid,
    /// The operation's number, known or not.
    pub op_wire: i32,
}

impl RequestHeader {
    /// Reads the header of a frame; the body is what follows.
    pub fn decode(frame: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut reader = Reader::new(frame);
        let header = Self {
            xid: Xid(reader.int()?),
            op_wire: reader.int()?,
        };
        Ok((header, reader.rest()))
    }

    /// Writes the header.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.int(self.xid.0);
        writer.int(self.op_wire);
    }

    /// The operation, if a client may send it; `None` is answered UNIMPLEMENTED and closed.
    #[must_use]
    pub fn op(&self) -> Option<OpCode> {
        OpCode::from_wire(self.op_wire).filter(|op| op.is_client_request())
    }
}

/// The header of a reply or event: 16 bytes.
///
/// A body follows only when `error` is `None`; a failed multi says `None` too, and tells its
/// errors in the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyHeader {
    /// The request's number, or one of the reserved ones.
    pub xid: Xid,
    /// The server's last applied transaction when it answered.
    pub zxid: Zxid,
    /// Why it failed; `None` is OK, 0 on the wire.
    pub error: Option<ErrorCode>,
}

impl ReplyHeader {
    /// Bytes of a reply header.
    pub const LEN: usize = 16;

    /// Reads the header of a frame; the body is what follows.
    pub fn decode(frame: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut reader = Reader::new(frame);
        let header = Self {
            xid: Xid(reader.int()?),
            zxid: Zxid::from_wire(reader.long()?),
            error: decode_error(&mut reader)?,
        };
        Ok((header, reader.rest()))
    }

    /// Writes the header.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.int(self.xid.0);
        writer.long(self.zxid.to_wire());
        encode_error(self.error, writer);
    }
}

/// Reads an error code, 0 as `None`; a code that is not in the table is the peer's error.
pub(crate) fn decode_error(reader: &mut Reader<'_>) -> Result<Option<ErrorCode>, DecodeError> {
    match reader.int()? {
        0 => Ok(None),
        wire => match ErrorCode::from_wire(wire) {
            Some(code) => Ok(Some(code)),
            None => Err(DecodeError::UnknownErrorCode(wire)),
        },
    }
}

/// Writes an error code, `None` as 0.
pub(crate) fn encode_error(error: Option<ErrorCode>, writer: &mut Writer<'_>) {
    writer.int(error.map_or(0, ErrorCode::to_wire));
}
