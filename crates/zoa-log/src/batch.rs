//! The bytes of a batch: one write, one checksum, all or nothing.
//!
//! What it is: encoding and checking of the unit of the log, `docs/formats/log.md`
//! section 4. What it is not: where batches stand; that is segment and recovery.
//! Invariant: a header is believed only at the offset, in the segment and in the
//! place of the sequence for which it was written; a body only under its header.
//! The small state (hard state, where the log begins) is repeated in each header,
//! so that the newest batch alone says all of it and no segment is kept for it.
//!
//! ```text
//! | header 128 | entry: len kind term data | entry | ... | zeros to the block's end |
//! ```

use std::fmt;

use bytes::Buf;
use bytes::BufMut;
use bytes::Bytes;

use crate::BlockBuf;
use crate::Entry;
use crate::EntryKind;
use crate::HardState;
use crate::LogIndex;
use crate::limits::BLOCK_LEN;
use crate::limits::ENTRY_LEN_MAX;
use crate::width::u32_of;
use crate::width::u64_of;
use crate::width::usize_of;

/// Length of a batch header in bytes.
pub(crate) const HEADER_LEN: usize = 128;
/// Length of what stands before the data of an entry, in bytes.
pub(crate) const ENTRY_HEADER_LEN: usize = 16;

const MAGIC: [u8; 8] = *b"ZOABATCH";
const VERSION: u32 = 1;
/// Where the header's own checksum stands; it covers all behind it.
const CRC_END: usize = 16;

const KIND_NORMAL: u8 = 1;
const KIND_CONFIG: u8 = 2;

/// An index with the term of its entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogId {
    pub(crate) index: LogIndex,
    pub(crate) term: u64,
}

/// The small state, as of the end of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) hard_state: HardState,
    /// The log begins behind this entry.
    pub(crate) purged: LogId,
    /// The oldest segment that is still needed.
    pub(crate) first_live: u64,
}

/// What every checksum of a data directory starts from.
#[derive(Clone, Copy)]
pub(crate) struct Salt(u32);

impl fmt::Debug for Salt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Salt(secret)")
    }
}

impl Salt {
    pub(crate) fn new(salt: &[u8; 16]) -> Self {
        Self(crc32c::crc32c(salt))
    }

    fn crc(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, bytes)
    }
}

/// Where a batch belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The incarnation of its segment.
    pub(crate) incarnation: u64,
    /// Its own offset in the file, in bytes: a misdirected write is found out.
    pub(crate) offset: u64,
    /// Its number in the log, from 1.
    pub(crate) sequence: u64,
}

/// A batch header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) place: Place,
    pub(crate) state: State,
    /// Index of the first entry; 0 when there is none.
    pub(crate) first_index: LogIndex,
    pub(crate) count: u32,
    body_len: u32,
    body_crc: u32,
}

impl Header {
    /// Reads the header from the front of `bytes`; `None` unless it is one that
    /// was written whole, with this salt, for this offset.
    pub(crate) fn decode(bytes: &[u8], offset: u64, salt: Salt) -> Option<Self> {
        let bytes = bytes.get(..HEADER_LEN)?;
        let (mut front, covered) = bytes.split_at_checked(CRC_END)?;
        if !front.starts_with(&MAGIC) {
            return None;
        }
        front.advance(MAGIC.len());
        if front.get_u32_le() != VERSION || front.get_u32_le() != salt.crc(covered) {
            return None;
        }
        Some(Self::decode_fields(covered)).filter(|header| header.place.offset == offset)
    }

    /// The fields behind the checksum, which covers them: 112 bytes.
    fn decode_fields(mut bytes: &[u8]) -> Self {
        let mut next = || bytes.get_u64_le();
        let place = Place {
            incarnation: next(),
            sequence: next(),
            offset: next(),
        };
        let hard_state = HardState {
            term: next(),
            vote: next(),
            commit: next(),
        };
        let purged = LogId {
            index: LogIndex(next()),
            term: next(),
        };
        let state = State {
            hard_state,
            purged,
            first_live: next(),
        };
        let first_index = LogIndex(next());
        let count = bytes.get_u32_le();
        let body_len = bytes.get_u32_le();
        let body_crc = bytes.get_u32_le();
        Self {
            place,
            state,
            first_index,
            count,
            body_len,
            body_crc,
        }
    }

    fn encode(&self, salt: Salt) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let (mut front, covered) = bytes.split_at_mut(CRC_END);
        let mut rest: &mut [u8] = covered;
        let State {
            hard_state,
            purged,
            first_live,
        } = self.state;
        for number in [
            self.place.incarnation,
            self.place.sequence,
            self.place.offset,
            hard_state.term,
            hard_state.vote,
            hard_state.commit,
            purged.index.0,
            purged.term,
            first_live,
            self.first_index.0,
        ] {
            rest.put_u64_le(number);
        }
        for number in [self.count, self.body_len, self.body_crc] {
            rest.put_u32_le(number);
        }
        front.put_slice(&MAGIC);
        front.put_u32_le(VERSION);
        front.put_u32_le(salt.crc(covered));
        bytes
    }

    /// Length of the batch in whole blocks.
    pub(crate) fn blocks(&self) -> u64 {
        (u64_of(HEADER_LEN) + u64::from(self.body_len)).div_ceil(u64_of(BLOCK_LEN))
    }

    /// The index behind the last entry; equal to `first_index` when there is none.
    pub(crate) fn end_index(&self) -> LogIndex {
        LogIndex(self.first_index.0 + u64::from(self.count))
    }

    /// The body of the batch at the front of `bytes`, when it is whole.
    pub(crate) fn body<'a>(&self, bytes: &'a [u8], salt: Salt) -> Option<&'a [u8]> {
        let end = HEADER_LEN + usize_of(u64::from(self.body_len));
        let body = bytes.get(HEADER_LEN..end)?;
        (salt.crc(body) == self.body_crc).then_some(body)
    }

    /// Checks the entries of a whole body against the header, giving each term to `see`.
    pub(crate) fn check_entries(
        &self,
        body: &[u8],
        mut see: impl FnMut(u64),
    ) -> Result<(), &'static str> {
        let mut rest = body;
        for _ in 0..self.count {
            let (head, _) =
                EntryHead::decode(&mut rest).ok_or("an entry is cut off or of an unknown kind")?;
            rest = rest
                .get(head.len..)
                .ok_or("an entry reaches beyond its batch")?;
            see(head.term);
        }
        if !rest.is_empty() {
            return Err("a batch is longer than its entries");
        }
        if self.count > 0
            && (self.first_index.0 == 0
                || self.first_index.0.checked_add(self.count.into()).is_none())
        {
            return Err("an entry has an impossible index");
        }
        Ok(())
    }

    /// The entries of a body that `check_entries` has accepted; their data share `body`.
    pub(crate) fn entries(&self, mut body: Bytes) -> impl Iterator<Item = Entry> + use<> {
        let end = self.end_index();
        let mut index = self.first_index;
        std::iter::from_fn(move || {
            if index >= end {
                return None;
            }
            let (head, kind) = EntryHead::decode(&mut body)?;
            let entry = Entry {
                index,
                term: head.term,
                kind,
                data: body.split_to(head.len),
            };
            index = index.next();
            Some(entry)
        })
    }
}

struct EntryHead {
    len: usize,
    term: u64,
}

impl EntryHead {
    fn decode(bytes: &mut impl Buf) -> Option<(Self, EntryKind)> {
        let len = usize_of(bytes.try_get_u32_le().ok()?.into());
        let kind = match bytes.try_get_u32_le().ok()?.to_le_bytes() {
            [KIND_NORMAL, 0, 0, 0] => EntryKind::Normal,
            [KIND_CONFIG, 0, 0, 0] => EntryKind::Config,
            _ => return None,
        };
        let term = bytes.try_get_u64_le().ok()?;
        (len <= bytes.remaining()).then_some((Self { len, term }, kind))
    }
}

/// Begins a batch in `buf`: room for the header, which is known last.
pub(crate) fn begin(buf: &mut BlockBuf) {
    buf.clear();
    buf.push(&[0; HEADER_LEN]);
}

/// Adds an entry to the batch in `buf`.
pub(crate) fn push_entry(buf: &mut BlockBuf, entry: &Entry) {
    assert!(
        entry.data.len() <= ENTRY_LEN_MAX,
        "longer entries are refused before"
    );
    let kind = match entry.kind {
        EntryKind::Normal => KIND_NORMAL,
        EntryKind::Config => KIND_CONFIG,
    };
    let mut head = [0; ENTRY_HEADER_LEN];
    let mut rest: &mut [u8] = &mut head;
    rest.put_u32_le(u32_of(entry.data.len()));
    rest.put_u32_le(u32::from(kind));
    rest.put_u64_le(entry.term);
    buf.push(&head);
    buf.push(&entry.data);
}

/// Ends the batch in `buf`: checksums, header, padding to the block.
pub(crate) fn seal(
    buf: &mut BlockBuf,
    salt: Salt,
    place: Place,
    state: State,
    entries: (LogIndex, u32),
) {
    let body = buf
        .as_slice()
        .get(HEADER_LEN..)
        .expect("begin made room for the header");
    let (first_index, count) = entries;
    let header = Header {
        place,
        state,
        first_index,
        count,
        body_len: u32_of(body.len()),
        body_crc: salt.crc(body),
    };
    let bytes = header.encode(salt);
    buf.as_mut_slice()
        .get_mut(..HEADER_LEN)
        .expect("begin made room for the header")
        .copy_from_slice(&bytes);
    buf.pad_to_block();
}

#[cfg(test)]
mod tests;
