//! Writing a snapshot: unseen until it is whole and durable.
//!
//! What it is not: a stop of anything else; it runs in a thread of its own and
//! syncs in pieces, so that the log's writes do not wait behind a flood.
//! Invariant: sync of the data, then the rename, then sync of the directory,
//! then and only then is it finished (G-19).

use super::SNAPSHOT_DIR;
use super::SnapshotMeta;
use super::SnapshotStore;
use super::file_name;
use super::format;
use super::format::Tally;
use super::temp_name;
use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::OpenMode;
use crate::error::io_error;
use crate::limits::SNAPSHOT_CHUNK_LEN;
use crate::limits::SNAPSHOT_EXTRA_LEN_MAX;
use crate::limits::SNAPSHOT_SYNC_LEN;
use crate::width::u64_of;

/// A snapshot on its way. Dropped unfinished, it is removed.
#[derive(Debug)]
pub struct SnapshotWriter<D: Disk> {
    disk: D,
    meta: SnapshotMeta,
    /// `None` once it is finished or has failed.
    file: Option<D::File>,
    chunk: Vec<u8>,
    tally: Tally,
    offset: u64,
    synced: u64,
}

impl<D: Disk> SnapshotWriter<D> {
    pub(super) fn begin(store: &SnapshotStore<D>, meta: SnapshotMeta) -> Result<Self, LogError> {
        let disk = store.disk.clone();
        assert!(
            meta.extra.len() <= SNAPSHOT_EXTRA_LEN_MAX,
            "extra of a snapshot is bounded"
        );
        let name = temp_name(meta.index);
        let names = disk
            .list(SNAPSHOT_DIR)
            .map_err(io_error("list", disk.describe(SNAPSHOT_DIR)))?;
        if names
            .iter()
            .any(|there| name.ends_with(&format!("/{there}")))
        {
            disk.remove(&name)
                .map_err(io_error("remove", disk.describe(&name)))?;
        }
        let file = disk
            .open(&name, OpenMode::Create)
            .map_err(io_error("create", disk.describe(&name)))?;
        let head = format::encode_head(&meta, store.cluster);
        let chunk = Vec::with_capacity(SNAPSHOT_CHUNK_LEN);
        let mut writer = Self {
            disk,
            meta,
            file: Some(file),
            chunk,
            tally: Tally::default(),
            offset: 0,
            synced: 0,
        };
        writer.append(&head)?;
        Ok(writer)
    }

    /// Adds bytes of the state; they come back in the same order, in chunks of
    /// another length.
    ///
    /// # Errors
    /// `Io`; the snapshot is then given up.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), LogError> {
        while !bytes.is_empty() {
            let room = SNAPSHOT_CHUNK_LEN - self.chunk.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
            if self.chunk.len() == SNAPSHOT_CHUNK_LEN {
                self.write_chunk()?;
            }
        }
        Ok(())
    }

    /// Makes the snapshot durable and lets it appear.
    ///
    /// # Errors
    /// `Io`; the snapshot is then not there, or it is there and whole.
    pub fn finish(mut self) -> Result<SnapshotMeta, LogError> {
        if !self.chunk.is_empty() {
            self.write_chunk()?;
        }
        let end = self.tally.encode_end();
        self.append(&format::encode_chunk_head(0, crc32c::crc32c(&end)))?;
        self.append(&end)?;
        self.sync()?;
        let (temp, name) = (temp_name(self.meta.index), file_name(self.meta.index));
        self.file = None;
        self.disk
            .rename(&temp, &name)
            .map_err(io_error("create", self.disk.describe(&name)))?;
        // Its own name too: making the directory was not synced.
        for dir in ["", SNAPSHOT_DIR] {
            self.disk
                .sync_dir(dir)
                .map_err(io_error("sync", self.disk.describe(dir)))?;
        }
        Ok(self.meta.clone())
    }

    /// Bytes written that are not synced.
    #[cfg(feature = "testing")]
    pub(crate) fn unsynced_len(&self) -> u64 {
        self.offset - self.synced
    }

    fn write_chunk(&mut self) -> Result<(), LogError> {
        let chunk = std::mem::take(&mut self.chunk);
        let crc = self.tally.add(&chunk);
        self.append(&format::encode_chunk_head(chunk.len(), crc))?;
        self.append(&chunk)?;
        self.chunk = chunk;
        self.chunk.clear();
        if self.offset - self.synced >= SNAPSHOT_SYNC_LEN {
            self.sync()?;
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let file = self.file.as_ref().ok_or_else(|| self.given_up())?;
        let written = file.write_at(self.offset, bytes);
        self.offset += u64_of(bytes.len());
        self.check(written, "write")
    }

    fn sync(&mut self) -> Result<(), LogError> {
        let file = self.file.as_ref().ok_or_else(|| self.given_up())?;
        let synced = file.sync();
        self.synced = self.offset;
        self.check(synced, "sync")
    }

    fn check(
        &mut self,
        outcome: std::io::Result<()>,
        operation: &'static str,
    ) -> Result<(), LogError> {
        let path = self.disk.describe(&temp_name(self.meta.index));
        let outcome = outcome.map_err(io_error(operation, path));
        if outcome.is_err() {
            self.give_up();
        }
        outcome
    }

    fn given_up(&self) -> LogError {
        let file = self.disk.describe(&temp_name(self.meta.index));
        LogError::Poisoned {
            cause: format!("{file}: an earlier write of this snapshot failed"),
        }
    }

    /// Frees the space at once: the disk may be full.
    fn give_up(&mut self) {
        if self.file.take().is_some() {
            // What cannot be removed now is removed at the next start.
            let _removed = self.disk.remove(&temp_name(self.meta.index));
        }
    }
}

impl<D: Disk> Drop for SnapshotWriter<D> {
    fn drop(&mut self) {
        self.give_up();
    }
}
