//! The records of a snapshot as bytes: `docs/formats/snapshot.md`.
//!
//! ```text
//! >u32 length of what follows, u8 tag, fields
//! ```
//!
//! Invariant: a record is decoded from its own bytes only, each length checked against what is
//! left, and one with bytes to spare is refused.

use zoa_proto::DecodeError;
use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_proto::Zxid;
use zoa_proto::jute::Reader;
use zoa_proto::jute::Writer;

use crate::acl::AclHandle;
use crate::acl::table::AclId;
use crate::members::MemberLines;
use crate::node::Lifetime;
use crate::node::Node;
use crate::node::NodeId;
use crate::node::StoredStat;
use crate::node::Versions;
use crate::session::Owner;
use crate::session::PASSWORD_LEN;
use crate::session::Session;

/// The newest format; each has all that those before it have.
///
/// A snapshot is written in the oldest that can hold its state, so that a server of an older version in the same ensemble can read
/// it as long as nobody uses what is new.
pub(crate) const FORMAT: u32 = 2;

/// The first format: no servers of an ensemble, no containers and no znodes with a time to live.
pub(crate) const FIRST_FORMAT: u32 = 1;

pub(crate) mod tag {
    pub(crate) const HEADER: u8 = 1;
    pub(crate) const ACL: u8 = 2;
    pub(crate) const NODE: u8 = 3;
    pub(crate) const SESSION: u8 = 4;
    pub(crate) const END: u8 = 5;
    pub(crate) const MEMBERS: u8 = 6;
}

const NULL_DATA: u8 = 1;
const EPHEMERAL: u8 = 2;
const CONTAINER: u8 = 4;
const TTL: u8 = 8;

/// What the first record says, and partly the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) format: u32,
    pub(crate) semantics: u32,
    pub(crate) zxid: Zxid,
    pub(crate) zxid_term: u64,
    /// One more than the largest number of a znode.
    pub(crate) node_slots: u64,
    pub(crate) nodes_count: u64,
    pub(crate) sessions_count: u64,
    pub(crate) digest: u64,
}

/// A znode's record, borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NodeRecord<'a> {
    pub(crate) number: u32,
    pub(crate) parent: NodeId,
    pub(crate) acl: u32,
    pub(crate) lifetime: Lifetime,
    pub(crate) stat: StoredStat,
    pub(crate) versions: Versions,
    pub(crate) name: &'a [u8],
    pub(crate) data: Option<&'a [u8]>,
}

impl Header {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        record(out, tag::HEADER, |writer| {
            writer.int(self.format.cast_signed());
            writer.int(self.semantics.cast_signed());
            writer.long(self.zxid.to_wire());
            writer.long(self.zxid_term.cast_signed());
            writer.long(self.node_slots.cast_signed());
            self.encode_totals(writer);
        });
    }

    /// The last record repeats what a reader must have found.
    pub(crate) fn encode_end(&self, out: &mut Vec<u8>) {
        record(out, tag::END, |writer| self.encode_totals(writer));
    }

    fn encode_totals(&self, writer: &mut Writer<'_>) {
        writer.long(self.nodes_count.cast_signed());
        writer.long(self.sessions_count.cast_signed());
        writer.long(self.digest.cast_signed());
    }

    /// Reads the fields after the format.
    pub(crate) fn decode(format: u32, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            format,
            semantics: reader.int()?.cast_unsigned(),
            zxid: Zxid::from_wire(reader.long()?),
            zxid_term: reader.long()?.cast_unsigned(),
            node_slots: reader.long()?.cast_unsigned(),
            nodes_count: reader.long()?.cast_unsigned(),
            sessions_count: reader.long()?.cast_unsigned(),
            digest: reader.long()?.cast_unsigned(),
        })
    }

    /// Whether the last record says the same.
    pub(crate) fn is_end(&self, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        let nodes_count = reader.long()?.cast_unsigned();
        let sessions_count = reader.long()?.cast_unsigned();
        let digest = reader.long()?.cast_unsigned();
        Ok((nodes_count, sessions_count, digest)
            == (self.nodes_count, self.sessions_count, self.digest))
    }
}

pub(crate) fn encode_members(out: &mut Vec<u8>, members: &MemberLines) {
    record(out, tag::MEMBERS, |writer| {
        writer.raw(members.to_string().as_bytes());
    });
}

/// Reads the servers of an ensemble; `None` if these are not the lines that such servers have.
pub(crate) fn decode_members(reader: &mut Reader<'_>) -> Result<Option<MemberLines>, DecodeError> {
    let text = std::str::from_utf8(reader.take(reader.remaining())?).unwrap_or_default();
    let members = MemberLines::parse(text).ok();
    Ok(members.filter(|members| !members.is_empty() && members.to_string() == text))
}

pub(crate) fn encode_acl(out: &mut Vec<u8>, id: AclId, acl: &AclHandle) {
    record(out, tag::ACL, |writer| {
        writer.int(id.0.cast_signed());
        writer.raw(acl.as_bytes());
    });
}

/// Writes a znode.
pub(crate) fn encode_node(out: &mut Vec<u8>, id: NodeId, node: &Node, lifetime: Lifetime) {
    record(out, tag::NODE, |writer| {
        writer.int(id.0.cast_signed());
        writer.int(node.parent.0.cast_signed());
        writer.int(node.acl.0.cast_signed());
        let null_data = if node.data().is_none() { NULL_DATA } else { 0 };
        let (mark, beside) = match lifetime {
            Lifetime::Persistent => (0, None),
            Lifetime::Ephemeral(owner) => (EPHEMERAL, Some(owner.0)),
            Lifetime::Container => (CONTAINER, None),
            Lifetime::Ttl(ttl_ms) => (TTL, Some(ttl_ms)),
        };
        writer.raw(&[null_data | mark]);
        if let Some(beside) = beside {
            writer.long(beside);
        }
        encode_stat(node, writer);
        writer.count(node.name().len());
        writer.raw(node.name());
        writer.raw(node.data().unwrap_or_default());
    });
}

fn encode_stat(node: &Node, writer: &mut Writer<'_>) {
    let (stat, versions) = (&node.stat, &node.versions);
    writer.long(stat.czxid.to_wire());
    writer.long(stat.mzxid.to_wire());
    writer.long(stat.pzxid.to_wire());
    writer.long(stat.ctime_ms);
    writer.long(stat.mtime_ms);
    writer.int(versions.version);
    writer.int(versions.cversion);
    writer.int(versions.aversion);
}

fn decode_stat(reader: &mut Reader<'_>) -> Result<(StoredStat, Versions), DecodeError> {
    let stat = StoredStat {
        czxid: Zxid::from_wire(reader.long()?),
        mzxid: Zxid::from_wire(reader.long()?),
        pzxid: Zxid::from_wire(reader.long()?),
        ctime_ms: reader.long()?,
        mtime_ms: reader.long()?,
    };
    let versions = Versions {
        version: reader.int()?,
        cversion: reader.int()?,
        aversion: reader.int()?,
    };
    Ok((stat, versions))
}

impl<'a> NodeRecord<'a> {
    /// Reads a znode; `None` if its marks are unknown or contradict its data.
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Option<Self>, DecodeError> {
        let number = reader.int()?.cast_unsigned();
        let parent = NodeId(reader.int()?.cast_unsigned());
        let acl = reader.int()?.cast_unsigned();
        let marks = reader.take(1)?.first().copied().unwrap_or_default();
        let lifetime = match marks & !NULL_DATA {
            0 => Lifetime::Persistent,
            EPHEMERAL => Lifetime::Ephemeral(SessionId(reader.long()?)),
            CONTAINER => Lifetime::Container,
            TTL => Lifetime::Ttl(reader.long()?),
            _ => return Ok(None),
        };
        let (stat, versions) = decode_stat(reader)?;
        let name = reader.buffer()?.unwrap_or_default();
        let data = reader.take(reader.remaining())?;
        let is_null = marks & NULL_DATA != 0;
        if is_null && !data.is_empty() {
            return Ok(None);
        }
        let data = (!is_null).then_some(data);
        Ok(Some(Self {
            number,
            parent,
            acl,
            lifetime,
            stat,
            versions,
            name,
            data,
        }))
    }
}

pub(crate) fn encode_session(out: &mut Vec<u8>, session: &Session) {
    record(out, tag::SESSION, |writer| {
        writer.long(session.id().0);
        writer.int(session.timeout_ms());
        writer.raw(&[session.owner().server.0]);
        writer.long(session.owner().connection.cast_signed());
        writer.raw(session.password());
    });
}

pub(crate) fn decode_session(reader: &mut Reader<'_>) -> Result<Session, DecodeError> {
    let id = SessionId(reader.long()?);
    let timeout_ms = reader.int()?;
    let server = PeerId(reader.take(1)?.first().copied().unwrap_or_default());
    let connection = reader.long()?.cast_unsigned();
    let mut password = [0; PASSWORD_LEN];
    password.copy_from_slice(reader.take(PASSWORD_LEN)?);
    Ok(Session::new(
        id,
        timeout_ms,
        Owner { server, connection },
        password,
    ))
}

/// Writes a record and then its length in front.
fn record(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Writer<'_>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, tag]);
    let from = out.len() - 1;
    body(&mut Writer::new(out));
    let len = u32::try_from(out.len() - from).expect("a record holds less than one frame");
    for (to, byte) in out.iter_mut().skip(start).zip(len.to_be_bytes()) {
        *to = byte;
    }
}
