//! Reading segments from front to back while recovering.
//!
//! What it is: a window that moves over a file, so that memory does not grow
//! with the log. What it is not: the judgement of what is missing; that is recovery's.
//! Invariant: a batch is given only when it is whole and next in the sequence.

use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::batch::HEADER_LEN;
use crate::batch::Header;
use crate::batch::Salt;
use crate::error::io_error;
use crate::limits::BLOCK_LEN;
use crate::limits::SCAN_LEN;
use crate::segment::Slot;
use crate::width::u64_of;
use crate::width::usize_of;

/// Where the whole batches of a segment end.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The block behind the last one.
    pub(super) block: u64,
    /// The sequence number expected there.
    pub(super) sequence: u64,
}

/// A window over the files of a directory, one at a time.
pub(super) struct Scanner<'a, D: Disk> {
    disk: &'a D,
    salt: Salt,
    window: Vec<u8>,
    /// The file in the window and the offset of its first byte.
    at: Option<(String, u64)>,
}

impl<'a, D: Disk> Scanner<'a, D> {
    pub(super) fn new(disk: &'a D, salt: Salt) -> Self {
        Self {
            disk,
            salt,
            window: Vec::new(),
            at: None,
        }
    }

    /// The header at `block`, when there is one.
    pub(super) fn header(
        &mut self,
        slot: &Slot<D::File>,
        block: u64,
    ) -> Result<Option<Header>, LogError> {
        let (offset, salt) = (block * u64_of(BLOCK_LEN), self.salt);
        let bytes = self.bytes(slot, offset, HEADER_LEN)?;
        Ok(Header::decode(bytes, offset, salt))
    }

    /// Walks over the whole batches of `slot` from its front, the first of which
    /// must be number `sequence` of `incarnation`.
    pub(super) fn walk(
        &mut self,
        slot: &Slot<D::File>,
        (incarnation, sequence): (u64, u64),
        mut visit: impl FnMut(&Header, &[u8]) -> Result<(), String>,
    ) -> Result<End, LogError> {
        let salt = self.salt;
        let mut end = End { block: 0, sequence };
        while let Some(header) = self.header(slot, end.block)? {
            let place = header.place;
            let offset = place.offset;
            let fits = end.block + header.blocks() <= slot.blocks;
            if place.incarnation != incarnation || place.sequence != end.sequence || !fits {
                break;
            }
            let bytes = self.bytes(slot, offset, usize_of(header.blocks()) * BLOCK_LEN)?;
            let Some(body) = header.body(bytes, salt) else {
                break;
            };
            visit(&header, body).map_err(|what| LogError::Corrupt {
                file: self.disk.describe(&slot.name),
                offset,
                what,
            })?;
            end.block += header.blocks();
            end.sequence += 1;
        }
        Ok(end)
    }

    /// A header at or behind `block` with a sequence number above `sequence`.
    pub(super) fn find_later(
        &mut self,
        slot: &Slot<D::File>,
        block: u64,
        sequence: u64,
    ) -> Result<Option<Header>, LogError> {
        for block in block..slot.blocks {
            let header = self.header(slot, block)?;
            if let Some(header) = header.filter(|header| header.place.sequence > sequence) {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// `len` bytes at `offset`; fewer at the end of the file.
    fn bytes(&mut self, slot: &Slot<D::File>, offset: u64, len: usize) -> Result<&[u8], LogError> {
        let inside = match &self.at {
            Some((name, start)) if *name == slot.name && *start <= offset => {
                offset + u64_of(len) <= start + u64_of(self.window.len())
            }
            _ => false,
        };
        if !inside {
            self.fill(slot, offset, len.max(SCAN_LEN))?;
        }
        let start = self.at.as_ref().map_or(offset, |(_, start)| *start);
        let from = usize_of(offset - start).min(self.window.len());
        let to = (from + len).min(self.window.len());
        Ok(self
            .window
            .get(from..to)
            .expect("both ends were cut to the window"))
    }

    fn fill(&mut self, slot: &Slot<D::File>, offset: u64, len: usize) -> Result<(), LogError> {
        let len = len.min(usize_of(slot.len().saturating_sub(offset)));
        self.at = None;
        self.window.resize(len, 0);
        let read = slot.file.read_at(offset, &mut self.window);
        let read = read.map_err(io_error("read", self.disk.describe(&slot.name)))?;
        self.window.truncate(read);
        self.at = Some((slot.name.clone(), offset));
        Ok(())
    }
}
