//! The files of the log, and the making of new ones ahead of need.
//!
//! What it is: files of zeroed (or once used) blocks under fixed names; what a
//! file holds is told by the batches in it, not by its name, so that reusing one
//! needs no rename and no sync. What it is not: the order of the segments; that
//! is the log's.
//! Invariant: a file is handed out only when its length and its directory entry
//! are durable, so that a batch in it is durable when its own write is (G-19).

use std::io;

use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::OpenMode;
use crate::error::io_error;
use crate::limits::BLOCK_LEN;
use crate::limits::FREE_SEGMENTS_MAX;
use crate::limits::FREE_SEGMENTS_MIN;
use crate::limits::PREPARE_STEP_LEN;
use crate::limits::ZEROS_LEN;
use crate::width::u64_of;
use crate::width::usize_of;

/// The directory of the segments.
pub(crate) const LOG_DIR: &str = "log";

/// The sequence number of the first batch, and the incarnation of the first segment.
pub(crate) const FIRST: u64 = 1;

/// The name of segment file `number`.
pub(crate) fn segment_name(number: u64) -> String {
    format!("{LOG_DIR}/{number:08}.seg")
}

/// The number in a file name of the directory; `None` for a file that is no segment.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    digits
        .parse()
        .ok()
        .filter(|&number| format!("{number:08}") == digits)
}

/// The names in the log directory.
pub(crate) fn list_log<D: Disk>(disk: &D) -> Result<Vec<String>, LogError> {
    disk.list(LOG_DIR)
        .map_err(io_error("list", disk.describe(LOG_DIR)))
}

/// A file that can hold a segment.
#[derive(Debug)]
pub(crate) struct Slot<F> {
    pub(crate) name: String,
    pub(crate) file: F,
    /// Its length in whole blocks.
    pub(crate) blocks: u64,
}

impl<F: DiskFile> Slot<F> {
    /// Opens a file of the log directory.
    pub(crate) fn open<D: Disk<File = F>>(disk: &D, name: &str) -> Result<Self, LogError> {
        let file = disk
            .open(name, OpenMode::Blocks)
            .map_err(io_error("open", disk.describe(name)))?;
        let len = file
            .len()
            .map_err(io_error("read the length", disk.describe(name)))?;
        Ok(Self {
            name: name.to_owned(),
            file,
            blocks: len / u64_of(BLOCK_LEN),
        })
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.blocks * u64_of(BLOCK_LEN)
    }
}

/// A file that waits for its next use, closed: there may be many.
#[derive(Debug)]
struct FreeFile {
    name: String,
    blocks: u64,
}

/// A new segment file on its way.
#[derive(Debug)]
struct Preparation<F> {
    name: String,
    file: F,
    len: u64,
    zeroed: u64,
}

/// The segment files that hold nothing needed.
#[derive(Debug)]
pub(crate) struct SegmentPool<D: Disk> {
    disk: D,
    segment_len: u64,
    free: Vec<FreeFile>,
    preparation: Option<Preparation<D::File>>,
    /// The last preparation failed: the next is begun once a file has been needed, and not before.
    has_failed: bool,
    next_number: u64,
}

impl<D: Disk> SegmentPool<D> {
    /// A pool without files; new ones get numbers from `next_number`.
    pub(crate) fn new(disk: D, segment_len: u64, next_number: u64) -> Self {
        let segment_len = segment_len.next_multiple_of(u64_of(BLOCK_LEN));
        Self {
            disk,
            segment_len,
            free: Vec::new(),
            preparation: None,
            has_failed: false,
            next_number,
        }
    }

    /// Whether the next rotation finds a file.
    pub(crate) fn is_ready(&self) -> bool {
        !self.free.is_empty()
    }

    /// Whether the last preparation failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Takes a file of at least `blocks` blocks, making it when there is none.
    pub(crate) fn take(&mut self, blocks: u64) -> Result<Slot<D::File>, LogError> {
        self.has_failed = false;
        if let Some(slot) = self.take_free(blocks)? {
            return Ok(slot);
        }
        self.finish_preparation()?;
        if let Some(slot) = self.take_free(blocks)? {
            return Ok(slot);
        }
        let name = self.next_name();
        let len = self.segment_len.max(blocks * u64_of(BLOCK_LEN));
        self.preparation = Some(self.begin(name, len)?);
        self.finish_preparation()?;
        let made = self
            .free
            .pop()
            .expect("the last step of a preparation adds a file");
        Slot::open(&self.disk, &made.name)
    }

    fn take_free(&mut self, blocks: u64) -> Result<Option<Slot<D::File>>, LogError> {
        let fitting = self.free.iter().position(|file| file.blocks >= blocks);
        let taken = fitting.map(|position| self.free.swap_remove(position));
        taken
            .map(|file| Slot::open(&self.disk, &file.name))
            .transpose()
    }

    /// One step towards a file that is not needed yet. One that fails is given up, and its file, of which nobody knows what the disk has,
    /// is never used.
    pub(crate) fn try_prepare_step(&mut self) -> Result<(), LogError> {
        let begun = self.preparation.as_ref();
        let name = begun.map_or_else(
            || segment_name(self.next_number),
            |begun| begun.name.clone(),
        );
        let outcome = self.prepare_step();
        if outcome.is_err() {
            self.has_failed = true;
            self.preparation = None;
            // It may not even be there; what is left of it is a free file to the next start, which syncs it first.
            self.disk.remove(&name).ok();
        }
        outcome
    }

    fn finish_preparation(&mut self) -> Result<(), LogError> {
        while self.preparation.is_some() {
            self.prepare_step()?;
        }
        Ok(())
    }

    /// One bounded step towards a free file; nothing when there is one.
    fn prepare_step(&mut self) -> Result<(), LogError> {
        let Some(mut preparation) = self.preparation.take() else {
            if self.free.is_empty() {
                let name = self.next_name();
                self.preparation = Some(self.begin(name, self.segment_len)?);
            }
            return Ok(());
        };
        let describe = || self.disk.describe(&preparation.name);
        let step = (preparation.len - preparation.zeroed).min(u64_of(PREPARE_STEP_LEN));
        write_zeros(&preparation.file, preparation.zeroed, step)
            .map_err(io_error("write zeros", describe()))?;
        preparation
            .file
            .sync()
            .map_err(io_error("sync", describe()))?;
        preparation.zeroed += step;
        if preparation.zeroed < preparation.len {
            self.preparation = Some(preparation);
            return Ok(());
        }
        self.disk
            .sync_dir(LOG_DIR)
            .map_err(io_error("sync", self.disk.describe(LOG_DIR)))?;
        let blocks = preparation.len / u64_of(BLOCK_LEN);
        self.free.push(FreeFile {
            name: preparation.name,
            blocks,
        });
        Ok(())
    }

    /// How much of the next segment is ready, from 0 to 100.
    pub(crate) fn readiness_percent(&self) -> u64 {
        match &self.preparation {
            _ if self.is_ready() => 100,
            Some(preparation) => preparation.zeroed * 100 / preparation.len,
            None => 0,
        }
    }

    /// Takes back files whose batches are no longer needed. The durable log must
    /// say so already: the next use overwrites them.
    pub(crate) fn give_back(&mut self, slots: Vec<Slot<D::File>>) -> Result<(), LogError> {
        let kept_max = slots.len().clamp(FREE_SEGMENTS_MIN, FREE_SEGMENTS_MAX);
        let files = slots.into_iter().map(|slot| FreeFile {
            name: slot.name,
            blocks: slot.blocks,
        });
        let fits = |file: &FreeFile| file.blocks * u64_of(BLOCK_LEN) == self.segment_len;
        let (fitting, odd): (Vec<_>, Vec<_>) = files.partition(fits);
        self.free.extend(fitting);
        let surplus = self.free.split_off(kept_max.min(self.free.len()));
        for file in surplus.into_iter().chain(odd) {
            // Not synced: should it come back after a power cut, what it holds is
            // older than the log's first segment and it is removed again.
            self.disk
                .remove(&file.name)
                .map_err(io_error("remove", self.disk.describe(&file.name)))?;
        }
        Ok(())
    }

    fn next_name(&mut self) -> String {
        let name = segment_name(self.next_number);
        self.next_number += 1;
        name
    }

    fn begin(&self, name: String, len: u64) -> Result<Preparation<D::File>, LogError> {
        let len = len.next_multiple_of(u64_of(BLOCK_LEN));
        let file = self
            .disk
            .open(&name, OpenMode::Create)
            .map_err(io_error("create", self.disk.describe(&name)))?;
        Ok(Preparation {
            name,
            file,
            len,
            zeroed: 0,
        })
    }
}

/// Writes zeros, not a hole: overwriting a hole later would change the file's map
/// of blocks, and each such write would wait for a journal as well.
pub(crate) fn write_zeros(file: &impl DiskFile, offset: u64, len: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_LEN];
    let end = offset + len;
    let mut offset = offset;
    while offset < end {
        let here = usize_of(end - offset).min(ZEROS_LEN);
        file.write_at(offset, zeros.get(..here).unwrap_or(&zeros))?;
        offset += u64_of(here);
    }
    Ok(())
}

/// A file with its place in the log.
#[derive(Debug)]
pub(crate) struct Segment<F> {
    /// Its number in the order of the log, never used twice. Batches carry it,
    /// so that what an earlier use has left in the file is never taken for new.
    pub(crate) incarnation: u64,
    pub(crate) slot: Slot<F>,
}
