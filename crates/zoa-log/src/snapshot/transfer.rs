//! Snapshot files on their way from one server to another: as they are, byte for byte.
//!
//! What it is not: a connection. Invariant: a received file gets its final name only after every byte of it was checked and is durable
//! (G-19), so that one under its final name is whole wherever it came from.

use super::SNAPSHOT_DIR;
use super::SnapshotMeta;
use super::SnapshotReader;
use super::SnapshotStore;
use super::file_name;
use super::format::CHUNK_HEAD_LEN;
use super::format::END_LEN;
use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::LogIndex;
use crate::OpenMode;
use crate::error::io_error;
use crate::limits::SNAPSHOT_SYNC_LEN;
use crate::width::u64_of;

/// Received so far; the ending lets a start remove what an earlier process has left.
const PART_SUFFIX: &str = ".part.tmp";

/// A finished snapshot as a file, to be sent.
#[derive(Debug)]
pub struct SnapshotFile<D: Disk> {
    file: D::File,
    path: String,
    len: u64,
    mark: u32,
}

impl<D: Disk> SnapshotFile<D> {
    pub(super) fn open(store: &SnapshotStore<D>, index: LogIndex) -> Result<Self, LogError> {
        let name = file_name(index);
        let path = store.disk.describe(&name);
        let file = store
            .disk
            .open(&name, OpenMode::Read)
            .map_err(io_error("open", path.clone()))?;
        let len = file
            .len()
            .map_err(io_error("read the length", path.clone()))?;
        let mut opened = Self {
            file,
            path,
            len,
            mark: 0,
        };
        let end_len = CHUNK_HEAD_LEN + END_LEN;
        let end = opened.read(len.saturating_sub(u64_of(end_len)), end_len)?;
        opened.mark = crc32c::crc32c(&end);
        Ok(opened)
    }

    /// The length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds nothing, which no finished snapshot does.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What tells this file from another of the same index: two servers may write the same state in another order. It is a checksum
    /// of the end record, which covers all chunks.
    pub fn mark(&self) -> u32 {
        self.mark
    }

    /// Up to `len` bytes from `offset` on, fewer only at the end of the file.
    ///
    /// # Errors
    /// `Io`.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, LogError> {
        let mut bytes = vec![0; len];
        let read = self.file.read_at(offset, &mut bytes);
        let read = read.map_err(io_error("read", self.path.clone()))?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

/// A snapshot that arrives. Dropped unfinished, it is removed.
#[derive(Debug)]
pub struct SnapshotReceiver<D: Disk> {
    store: SnapshotStore<D>,
    index: LogIndex,
    /// `None` once it is finished or has failed.
    file: Option<D::File>,
    offset: u64,
    synced: u64,
}

impl<D: Disk> SnapshotReceiver<D> {
    pub(super) fn begin(store: &SnapshotStore<D>, index: LogIndex) -> Result<Self, LogError> {
        let name = part_name(index);
        let disk = &store.disk;
        let names = disk
            .list(SNAPSHOT_DIR)
            .map_err(io_error("list", disk.describe(SNAPSHOT_DIR)))?;
        if names
            .iter()
            .any(|there| name.ends_with(&format!("/{there}")))
        {
            store.remove(&name)?;
        }
        let file = disk
            .open(&name, OpenMode::Create)
            .map_err(io_error("create", disk.describe(&name)))?;
        Ok(Self {
            store: store.clone(),
            index,
            file: Some(file),
            offset: 0,
            synced: 0,
        })
    }

    /// So many bytes have arrived: what is sent next goes on here.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Adds the next bytes of the file.
    ///
    /// # Errors
    /// `Io`; what has arrived is then given up.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let written = self.file()?.write_at(self.offset, bytes);
        self.check(written, "write")?;
        self.offset += u64_of(bytes.len());
        if self.offset - self.synced >= SNAPSHOT_SYNC_LEN {
            self.sync()?;
        }
        Ok(())
    }

    /// Checks every byte, makes the file durable and gives it its name; nobody sees it before.
    ///
    /// # Errors
    /// `Corrupt` and `OtherCluster` when it is not what it should be; `Io`. It is then removed.
    pub fn finish(mut self) -> Result<SnapshotMeta, LogError> {
        self.sync()?;
        let part = part_name(self.index);
        let mut reader = SnapshotReader::open_as(&self.store, self.index, &part)?;
        reader.finish()?;
        let meta = reader.meta().clone();
        drop(reader);
        let name = file_name(self.index);
        let disk = &self.store.disk;
        disk.rename(&part, &name)
            .map_err(io_error("create", disk.describe(&name)))?;
        self.file = None;
        self.store.sync_dirs()?;
        Ok(meta)
    }

    fn file(&self) -> Result<&D::File, LogError> {
        self.file.as_ref().ok_or_else(|| LogError::Poisoned {
            cause: format!(
                "{}: an earlier write of it failed",
                self.store.disk.describe(&part_name(self.index))
            ),
        })
    }

    fn sync(&mut self) -> Result<(), LogError> {
        let synced = self.file()?.sync();
        self.check(synced, "sync")?;
        self.synced = self.offset;
        Ok(())
    }

    fn check(
        &mut self,
        outcome: std::io::Result<()>,
        operation: &'static str,
    ) -> Result<(), LogError> {
        let path = self.store.disk.describe(&part_name(self.index));
        let outcome = outcome.map_err(io_error(operation, path));
        if outcome.is_err() {
            self.give_up();
        }
        outcome
    }

    fn give_up(&mut self) {
        if self.file.take().is_some() {
            // What cannot be removed now is removed at the next start.
            let _removed = self.store.disk.remove(&part_name(self.index));
        }
    }
}

impl<D: Disk> Drop for SnapshotReceiver<D> {
    fn drop(&mut self) {
        self.give_up();
    }
}

fn part_name(index: LogIndex) -> String {
    format!("{SNAPSHOT_DIR}/{:016x}{PART_SUFFIX}", index.0)
}
