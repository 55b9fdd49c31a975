//! The bytes of a snapshot file, `docs/formats/log.md` section 6.
//!
//! What it is not: the content of the chunks; that is the state machine's.
//! Invariant: no byte of the file is outside a checksum, and a chunk is believed
//! only in its place.

use bytes::Buf;
use bytes::BufMut;

use super::SnapshotMeta;
use crate::ClusterId;
use crate::LogIndex;
use crate::limits::SNAPSHOT_CHUNK_LEN;
use crate::limits::SNAPSHOT_EXTRA_LEN_MAX;
use crate::width::u32_of;
use crate::width::u64_of;
use crate::width::usize_of;

const MAGIC: [u8; 8] = *b"ZOASNAPS";
const VERSION: u32 = 1;
/// Length of the head without `extra`, in bytes.
pub(super) const HEAD_LEN: usize = 60;
/// Length of what stands before each chunk, in bytes.
pub(super) const CHUNK_HEAD_LEN: usize = 8;
/// Length of the end record behind its chunk head, in bytes.
pub(super) const END_LEN: usize = 20;

/// Magic, version, checksum of the rest, length of extra, index, term, zxid, cluster, extra.
pub(super) fn encode_head(meta: &SnapshotMeta, cluster: ClusterId) -> Vec<u8> {
    let mut covered = Vec::with_capacity(HEAD_LEN + meta.extra.len());
    covered.put_u32_le(u32_of(meta.extra.len()));
    covered.put_u64_le(meta.index.0);
    covered.put_u64_le(meta.term);
    covered.put_u64_le(meta.zxid);
    covered.put_slice(&cluster.0);
    covered.put_slice(&meta.extra);
    let mut bytes = Vec::with_capacity(HEAD_LEN + meta.extra.len());
    bytes.put_slice(&MAGIC);
    bytes.put_u32_le(VERSION);
    bytes.put_u32_le(crc32c::crc32c(&covered));
    bytes.put_slice(&covered);
    bytes
}

/// The length of `extra` as the fixed part of the head says, when it can be true.
pub(super) fn extra_len(head: &[u8]) -> Option<usize> {
    let mut len = head.get(16..20)?;
    Some(usize_of(len.get_u32_le().into())).filter(|&len| len <= SNAPSHOT_EXTRA_LEN_MAX)
}

/// The head, `None` when a bit of it is not as written.
pub(super) fn decode_head(mut bytes: &[u8]) -> Option<(SnapshotMeta, ClusterId)> {
    bytes = bytes.strip_prefix(&MAGIC)?;
    let (version, crc) = (bytes.try_get_u32_le().ok()?, bytes.try_get_u32_le().ok()?);
    if version != VERSION || crc != crc32c::crc32c(bytes) {
        return None;
    }
    let extra_len = usize_of(bytes.try_get_u32_le().ok()?.into());
    let index = LogIndex(bytes.try_get_u64_le().ok()?);
    let term = bytes.try_get_u64_le().ok()?;
    let zxid = bytes.try_get_u64_le().ok()?;
    let (cluster, extra) = bytes.split_first_chunk()?;
    let meta = SnapshotMeta {
        index,
        term,
        zxid,
        extra: extra.to_vec(),
    };
    (extra.len() == extra_len).then_some((meta, ClusterId(*cluster)))
}

/// What binds the chunks to each other: how many, how long, and their checksums.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    chunks: u64,
    bytes: u64,
    crc: u32,
}

impl Tally {
    /// Takes the next chunk; its checksum covers its number too.
    pub(super) fn add(&mut self, chunk: &[u8]) -> u32 {
        let crc = crc32c::crc32c_append(crc32c::crc32c(&self.chunks.to_le_bytes()), chunk);
        self.chunks += 1;
        self.bytes += u64_of(chunk.len());
        self.crc = crc32c::crc32c_append(self.crc, &crc.to_le_bytes());
        crc
    }

    /// The end record: count of the chunks, their length, the checksum over theirs.
    pub(super) fn encode_end(self) -> [u8; END_LEN] {
        let mut bytes = [0; END_LEN];
        let mut rest: &mut [u8] = &mut bytes;
        rest.put_u64_le(self.chunks);
        rest.put_u64_le(self.bytes);
        rest.put_u32_le(self.crc);
        bytes
    }
}

/// Length of what follows, and its checksum. A length of 0 announces the end record.
pub(super) fn encode_chunk_head(len: usize, crc: u32) -> [u8; CHUNK_HEAD_LEN] {
    let mut bytes = [0; CHUNK_HEAD_LEN];
    let mut rest: &mut [u8] = &mut bytes;
    rest.put_u32_le(u32_of(len));
    rest.put_u32_le(crc);
    bytes
}

/// The length and the checksum of a chunk, when the length can be true.
pub(super) fn decode_chunk_head(mut bytes: &[u8]) -> Option<(usize, u32)> {
    let len = usize_of(bytes.try_get_u32_le().ok()?.into());
    let crc = bytes.try_get_u32_le().ok()?;
    (len <= SNAPSHOT_CHUNK_LEN).then_some((len, crc))
}
