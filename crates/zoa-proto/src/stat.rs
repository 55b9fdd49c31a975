//! The stat of a znode as clients see it: 68 bytes.
//!
//! It is the *wire* form: cversion counts creates and deletes of children, and the owner of a
//! container or TTL znode is already hidden. What the tree stores is its own affair (G-15).

use crate::decode_error::DecodeError;
use crate::ids::SessionId;
use crate::ids::Version;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::zxid::Zxid;

/// What a client may know of a znode beside its data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Stat {
    /// The transaction that created it.
    pub czxid: Zxid,
    /// The transaction that last set its data.
    pub mzxid: Zxid,
    /// When it was created: milliseconds since 1970 by the leader's clock.
    pub ctime_ms: i64,
    /// When its data were last set: milliseconds since 1970 by the leader's clock.
    pub mtime_ms: i64,
    /// How often its data were set.
    pub version: Version,
    /// How often a child was created or deleted.
    pub cversion: Version,
    /// How often its ACL was set.
    pub aversion: Version,
    /// The session an ephemeral goes with; `SessionId::NONE` for all others.
    pub ephemeral_owner: SessionId,
    /// Bytes of data; 0 for null data too.
    pub data_length: i32,
    /// How many children it has.
    pub num_children: i32,
    /// The transaction that last created or deleted a child.
    pub pzxid: Zxid,
}

impl Stat {
    /// Bytes of a stat on the wire.
    pub const LEN: usize = 68;

    /// Reads a stat.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            czxid: Zxid::from_wire(reader.long()?),
            mzxid: Zxid::from_wire(reader.long()?),
            ctime_ms: reader.long()?,
            mtime_ms: reader.long()?,
            version: Version(reader.int()?),
            cversion: Version(reader.int()?),
            aversion: Version(reader.int()?),
            ephemeral_owner: SessionId(reader.long()?),
            data_length: reader.int()?,
            num_children: reader.int()?,
            pzxid: Zxid::from_wire(reader.long()?),
        })
    }

    /// Writes the stat.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.long(self.czxid.to_wire());
        writer.long(self.mzxid.to_wire());
        writer.long(self.ctime_ms);
        writer.long(self.mtime_ms);
        writer.int(self.version.0);
        writer.int(self.cversion.0);
        writer.int(self.aversion.0);
        writer.long(self.ephemeral_owner.0);
        writer.int(self.data_length);
        writer.int(self.num_children);
        writer.long(self.pzxid.to_wire());
    }
}
