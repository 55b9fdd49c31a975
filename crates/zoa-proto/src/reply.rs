//! Replies, one variant a shape of body, borrowed from the frame.
//!
//! A server writes most bodies field by field straight into the connection's buffer, from the
//! closure of [`encode_reply`]; [`Reply`] is for clients, tests and replies that are at hand.
//!
//! Invariant: a body follows only a header without error. The one failed reply with a body, that
//! of a multi, has a header without error, too.

use std::fmt;

use crate::acl::AclList;
use crate::decode_error::DecodeError;
use crate::error_code::ErrorCode;
use crate::frame::encode_frame_within;
use crate::header::ReplyHeader;
use crate::header::decode_error;
use crate::header::encode_error;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::limits::FRAME_LEN_CEILING;
use crate::limits::FRAME_PREFIX_LEN;
use crate::multi::MultiResults;
use crate::op_code::OpCode;
use crate::stat::Stat;
use crate::vector::PathList;
use crate::vector::Vector;
use crate::vector::VectorItem;

/// The body of a reply.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// delete, deleteContainer, ping, auth, setWatches, setWatches2, checkWatches,
    /// removeWatches, closeSession: nothing.
    Empty,
    /// create, sync.
    Path(&'a str),
    /// create2, createContainer, createTTL.
    PathAndStat {
        /// The path, with its number if sequential.
        path: &'a str,
        /// The stat of the new znode.
        stat: Stat,
    },
    /// exists, setData, setACL.
    Stat(Stat),
    /// getData, reconfig.
    Data {
        /// The data; null is not empty.
        data: Option<&'a [u8]>,
        /// The stat.
        stat: Stat,
    },
    /// getACL.
    Acl {
        /// The ACL; digests masked for those who may not see them.
        acl: AclList<'a>,
        /// The stat.
        stat: Stat,
    },
    /// getChildren: names, in no order. getEphemerals: paths.
    Children(PathList<'a>),
    /// getChildren2.
    ChildrenAndStat {
        /// The names, in no order.
        children: PathList<'a>,
        /// The stat.
        stat: Stat,
    },
    /// getAllChildrenNumber: how many descendants.
    Count(i32),
    /// addWatch: an error code once more, after a header without error; `None` in fact.
    ErrorResponse(Option<ErrorCode>),
    /// whoAmI.
    WhoAmI(ClientInfoList<'a>),
    /// sasl: the server's token; null when done or failed.
    Sasl(Option<&'a [u8]>),
    /// multi, multiRead.
    Multi(MultiResults<'a>),
}

impl<'a> Reply<'a> {
    /// Reads the body of the reply to this operation; its header had no error.
    pub fn decode(op: OpCode, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let reader = &mut reader;
        Ok(match op {
            OpCode::Delete
            | OpCode::DeleteContainer
            | OpCode::Ping
            | OpCode::Auth
            | OpCode::SetWatches
            | OpCode::SetWatches2
            | OpCode::CheckWatches
            | OpCode::RemoveWatches
            | OpCode::CloseSession => Self::Empty,
            OpCode::Create | OpCode::Sync => Self::Path(reader.ustring()?),
            OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => Self::PathAndStat {
                path: reader.ustring()?,
                stat: Stat::decode(reader)?,
            },
            OpCode::Exists | OpCode::SetData | OpCode::SetAcl => Self::Stat(Stat::decode(reader)?),
            OpCode::GetData | OpCode::Reconfig => Self::Data {
                data: reader.buffer()?,
                stat: Stat::decode(reader)?,
            },
            OpCode::GetAcl => Self::Acl {
                acl: reader.vector()?,
                stat: Stat::decode(reader)?,
            },
            OpCode::GetChildren | OpCode::GetEphemerals => Self::Children(reader.vector()?),
            OpCode::GetChildren2 => Self::ChildrenAndStat {
                children: reader.vector()?,
                stat: Stat::decode(reader)?,
            },
            OpCode::GetAllChildrenNumber => Self::Count(reader.int()?),
            OpCode::AddWatch => Self::ErrorResponse(decode_error(reader)?),
            OpCode::WhoAmI => Self::WhoAmI(reader.vector()?),
            OpCode::Sasl => Self::Sasl(reader.buffer()?),
            OpCode::Multi | OpCode::MultiRead => Self::Multi(MultiResults::decode(reader)?),
            // A check outside a multi is refused, a session is answered by a ConnectResponse.
            OpCode::Check | OpCode::Notification | OpCode::CreateSession | OpCode::Error => {
                return Err(DecodeError::NoReply(op));
            }
        })
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        match self {
            Self::Empty => {}
            Self::Path(path) => writer.ustring(path),
            Self::PathAndStat { path, stat } => {
                writer.ustring(path);
                stat.encode(writer);
            }
            Self::Stat(stat) => stat.encode(writer),
            Self::Data { data, stat } => {
                writer.buffer(*data);
                stat.encode(writer);
            }
            Self::Acl { acl, stat } => {
                writer.vector(acl);
                stat.encode(writer);
            }
            Self::Children(children) => writer.vector(children),
            Self::ChildrenAndStat { children, stat } => {
                writer.vector(children);
                stat.encode(writer);
            }
            Self::Count(count) => writer.int(*count),
            Self::ErrorResponse(error) => encode_error(*error, writer),
            Self::WhoAmI(identities) => writer.vector(identities),
            Self::Sasl(token) => writer.buffer(*token),
            Self::Multi(results) => results.encode(writer),
        }
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = |name: &str, fields: &[(&str, &dyn fmt::Debug)]| {
            let mut shown = f.debug_struct(name);
            for (field, value) in fields {
                shown.field(field, value);
            }
            shown.finish()
        };
        match self {
            Self::Empty => shown("Empty", &[]),
            Self::Path(path) => shown("Path", &[("path", path)]),
            Self::PathAndStat { path, stat } => {
                shown("PathAndStat", &[("path", path), ("stat", stat)])
            }
            Self::Stat(stat) => shown("Stat", &[("stat", stat)]),
            Self::Data { data, stat } => shown("Data", &[("data", data), ("stat", stat)]),
            Self::Acl { acl, stat } => shown("Acl", &[("acl", acl), ("stat", stat)]),
            Self::Children(children) => shown("Children", &[("children", children)]),
            Self::ChildrenAndStat { children, stat } => {
                shown("ChildrenAndStat", &[("children", children), ("stat", stat)])
            }
            Self::Count(count) => shown("Count", &[("count", count)]),
            Self::ErrorResponse(error) => shown("ErrorResponse", &[("error", error)]),
            Self::WhoAmI(identities) => shown("WhoAmI", &[("identities", identities)]),
            // The token may be a secret (G-25).
            Self::Sasl(_) => shown("Sasl", &[]),
            Self::Multi(results) => shown("Multi", &[("results", results)]),
        }
    }
}

/// An identity of the connection, as whoAmI tells it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClientInfo<'a> {
    /// The scheme: `ip`, `digest`, ...
    pub scheme: &'a str,
    /// Whom the scheme names; for digest without the hash.
    pub user: &'a str,
}

/// Vectors of identities.
#[derive(Clone, Copy, Debug)]
pub struct ClientInfos;

/// The identities of a connection, in a frame.
pub type ClientInfoList<'a> = Vector<'a, ClientInfos>;

impl VectorItem for ClientInfos {
    type Item<'a> = ClientInfo<'a>;

    const LEN_MIN: usize = 8;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<ClientInfo<'a>, DecodeError> {
        Ok(ClientInfo {
            scheme: reader.ustring()?,
            user: reader.ustring()?,
        })
    }

    fn encode(item: &ClientInfo<'_>, writer: &mut Writer<'_>) {
        writer.ustring(item.scheme);
        writer.ustring(item.user);
    }
}

/// Appends the whole frame of a reply straight to the connection's buffer: room for the length,
/// the header, what `body` writes; then the length is patched.
///
/// `body` is not called when the header has an error. A reply beyond 2^31 - 1 bytes cannot be
/// framed: MARSHALLINGERROR goes out in its place, so that the client's order of replies holds.
pub fn encode_reply(buf: &mut Vec<u8>, header: ReplyHeader, body: impl FnOnce(&mut Writer<'_>)) {
    encode_reply_within(buf, FRAME_LEN_CEILING, header, body);
}

/// As [`encode_reply`], with the limit as an argument so that a test can reach it.
fn encode_reply_within(
    buf: &mut Vec<u8>,
    len_max: usize,
    header: ReplyHeader,
    body: impl FnOnce(&mut Writer<'_>),
) {
    let framed = encode_frame_within(buf, len_max, |writer| {
        header.encode(writer);
        if header.error.is_none() {
            body(writer);
        }
    });
    if framed.is_err() {
        encode_reply_start(buf, too_long(header), 0);
    }
}

/// Appends length and header of a reply whose body of `body_len` bytes is written in pieces
/// later, e.g. a long list of children.
///
/// False when the frame would be too long for its length: MARSHALLINGERROR has then been
/// appended in its place, and no body may follow.
#[must_use = "no body may follow when the reply was refused"]
pub fn encode_reply_header(buf: &mut Vec<u8>, header: ReplyHeader, body_len: usize) -> bool {
    let fits = body_len <= FRAME_LEN_CEILING - ReplyHeader::LEN;
    if fits {
        encode_reply_start(buf, header, body_len);
    } else {
        encode_reply_start(buf, too_long(header), 0);
    }
    fits
}

/// Writes length and header.
fn encode_reply_start(buf: &mut Vec<u8>, header: ReplyHeader, body_len: usize) {
    buf.reserve(FRAME_PREFIX_LEN + ReplyHeader::LEN);
    let mut writer = Writer::new(buf);
    writer.count(ReplyHeader::LEN + body_len);
    header.encode(&mut writer);
}

/// What is said in place of a reply that cannot be framed.
fn too_long(header: ReplyHeader) -> ReplyHeader {
    ReplyHeader {
        error: Some(ErrorCode::MarshallingError),
        ..header
    }
}

#[cfg(test)]
mod tests {
    use super::encode_reply_within;
    use crate::error_code::ErrorCode;
    use crate::header::ReplyHeader;
    use crate::ids::Xid;
    use crate::zxid::Zxid;

    #[test]
    fn a_reply_too_long_to_be_framed_is_an_error_in_its_place() {
        let header = ReplyHeader {
            xid: Xid(7),
            zxid: Zxid(9),
            error: None,
        };
        let mut buf = Vec::new();
        encode_reply_within(&mut buf, 20, header, |writer| writer.raw(b"fives"));
        let error = Some(ErrorCode::MarshallingError);
        let mut instead = Vec::new();
        encode_reply_within(&mut instead, 20, ReplyHeader { error, ..header }, |_| {});
        assert_eq!(buf, instead);
        assert_eq!(buf.len(), 4 + ReplyHeader::LEN);
        buf.clear();
        encode_reply_within(&mut buf, 20, header, |writer| writer.raw(b"four"));
        assert!(buf.ends_with(b"four"));
    }
}
