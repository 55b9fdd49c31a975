//! Reading a snapshot: no byte is given before its checksum is right.
//!
//! What it is not: a judge of the content.
//! Invariant: when `next_chunk` has given `None`, every byte of the file was
//! read and is as it was written.

use super::SnapshotMeta;
use super::SnapshotStore;
use super::file_name;
use super::format;
use super::format::CHUNK_HEAD_LEN;
use super::format::END_LEN;
use super::format::HEAD_LEN;
use super::format::Tally;
use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::LogIndex;
use crate::OpenMode;
use crate::error::io_error;
use crate::width::u64_of;

/// An open snapshot, read from front to back.
#[derive(Debug)]
pub struct SnapshotReader<D: Disk> {
    file: D::File,
    /// Its full name, for errors.
    path: String,
    meta: SnapshotMeta,
    chunk: Vec<u8>,
    tally: Tally,
    offset: u64,
    ended: bool,
}

impl<D: Disk> SnapshotReader<D> {
    pub(super) fn open(store: &SnapshotStore<D>, index: LogIndex) -> Result<Self, LogError> {
        Self::open_as(store, index, &file_name(index))
    }

    /// The same for a file that has not got its final name yet.
    pub(super) fn open_as(
        store: &SnapshotStore<D>,
        index: LogIndex,
        name: &str,
    ) -> Result<Self, LogError> {
        let path = store.disk.describe(name);
        let file = store
            .disk
            .open(name, OpenMode::Read)
            .map_err(io_error("open", path.clone()))?;
        let meta = SnapshotMeta {
            index,
            term: 0,
            zxid: 0,
            extra: Vec::new(),
        };
        let mut reader = Self {
            file,
            path,
            meta,
            chunk: Vec::new(),
            tally: Tally::default(),
            offset: 0,
            ended: false,
        };
        reader.fill(HEAD_LEN)?;
        let extra_len = format::extra_len(&reader.chunk)
            .ok_or_else(|| reader.corrupt("the head is damaged"))?;
        reader.fill(HEAD_LEN + extra_len)?;
        let head = format::decode_head(&reader.chunk).filter(|(meta, _)| meta.index == index);
        let (meta, cluster) = head.ok_or_else(|| reader.corrupt("the head is damaged"))?;
        if cluster != store.cluster {
            let (found, expected) = (cluster.to_string(), store.cluster.to_string());
            return Err(LogError::OtherCluster {
                file: reader.path,
                found,
                expected,
            });
        }
        reader.meta = meta;
        reader.offset = u64_of(HEAD_LEN + extra_len);
        Ok(reader)
    }

    /// What the snapshot is of.
    pub fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// The next bytes, checked; `None` behind the last.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, LogError> {
        Ok(self.fill_chunk()?.then_some(self.chunk.as_slice()))
    }

    /// The same, to be kept or carried to another thread.
    ///
    /// # Errors
    /// As [`SnapshotReader::next_chunk`].
    pub fn take_chunk(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.fill_chunk()?.then(|| std::mem::take(&mut self.chunk)))
    }

    /// Reads the next chunk; false at the end.
    fn fill_chunk(&mut self) -> Result<bool, LogError> {
        if self.ended {
            return Ok(false);
        }
        self.fill(CHUNK_HEAD_LEN)?;
        let head = format::decode_chunk_head(&self.chunk);
        let (len, crc) = head.ok_or_else(|| self.corrupt("a chunk has an impossible length"))?;
        self.offset += u64_of(CHUNK_HEAD_LEN);
        if len == 0 {
            self.check_end(crc)?;
            return Ok(false);
        }
        self.fill(len)?;
        if self.tally.add(&self.chunk) != crc {
            return Err(self.corrupt("a chunk is damaged"));
        }
        self.offset += u64_of(len);
        Ok(true)
    }

    /// Reads and checks what is left.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn finish(&mut self) -> Result<(), LogError> {
        while self.fill_chunk()? {}
        Ok(())
    }

    /// An error that names this file, for a loader that finds the content impossible.
    pub fn corrupt(&self, what: &str) -> LogError {
        LogError::Corrupt {
            file: self.path.clone(),
            offset: self.offset,
            what: what.to_owned(),
        }
    }

    fn check_end(&mut self, crc: u32) -> Result<(), LogError> {
        self.fill(END_LEN)?;
        let whole = crc == crc32c::crc32c(&self.chunk) && self.chunk == self.tally.encode_end();
        let file_len = self
            .file
            .len()
            .map_err(io_error("read the length", self.path.clone()))?;
        if !whole || file_len != self.offset + u64_of(END_LEN) {
            return Err(self.corrupt("the end record does not fit the chunks"));
        }
        self.ended = true;
        Ok(())
    }

    /// Reads exactly `len` bytes at the offset into the chunk.
    fn fill(&mut self, len: usize) -> Result<(), LogError> {
        self.chunk.resize(len, 0);
        let read = self.file.read_at(self.offset, &mut self.chunk);
        if read.map_err(io_error("read", self.path.clone()))? < len {
            return Err(self.corrupt("the file ends too early"));
        }
        Ok(())
    }
}
