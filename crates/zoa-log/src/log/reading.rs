//! Reading entries back: whole runs of batches at once.
//!
//! What it is not: recovery; what is read here was found whole when the log was
//! opened or has been written since.
//! Invariant: a batch is given only when it is still the one that was written.

use std::ops::Range;

use bytes::Bytes;

use super::Log;
use crate::Disk;
use crate::DiskFile;
use crate::Entry;
use crate::LogError;
use crate::LogIndex;
use crate::batch::HEADER_LEN;
use crate::batch::Header;
use crate::batch_index::BatchRef;
use crate::error::io_error;
use crate::limits::BLOCK_LEN;
use crate::limits::READ_LEN;
use crate::width::u64_of;
use crate::width::usize_of;

/// Batches that follow one another on disk: read at once.
#[derive(Debug)]
struct Run {
    batches: Vec<(BatchRef, LogIndex)>,
    blocks: u64,
}

impl Run {
    fn of(batch: BatchRef, end: LogIndex) -> Self {
        Self {
            batches: vec![(batch, end)],
            blocks: batch.blocks.into(),
        }
    }

    fn len(&self) -> u64 {
        self.blocks * u64_of(BLOCK_LEN)
    }

    /// Adds a batch, if it is the next one on disk and the run is not too long.
    fn take(&mut self, batch: BatchRef, end: LogIndex) -> bool {
        let follows = self.batches.last().is_some_and(|(last, _)| {
            last.incarnation == batch.incarnation && last.block + last.blocks == batch.block
        });
        let fits = self.len() + len_of(batch) <= READ_LEN;
        if follows && fits {
            self.batches.push((batch, end));
            self.blocks += u64::from(batch.blocks);
        }
        follows && fits
    }
}

/// The entries of `range`, at least one of those there are, and no more than
/// `max_bytes` of data beyond the first.
pub(super) fn read<D: Disk>(
    log: &Log<D>,
    range: Range<LogIndex>,
    max_bytes: u64,
) -> Result<Vec<Entry>, LogError> {
    let (mut entries, mut bytes) = (Vec::new(), 0_u64);
    for run in runs(log, &range, max_bytes) {
        let read = read_run(log, &run)?;
        let mut offset = 0;
        for (batch, end) in run.batches {
            let len = usize_of(len_of(batch));
            // At the end of a file cut short there is less.
            let here = read.slice(offset.min(read.len())..(offset + len).min(read.len()));
            offset += len;
            for entry in entries_of(log, batch, here)? {
                if entry.index < range.start || entry.index >= end.min(range.end) {
                    continue;
                }
                bytes += u64_of(entry.data.len());
                if bytes > max_bytes && !entries.is_empty() {
                    return Ok(entries);
                }
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

/// What to read: whole batches, since stopping before one rather than inside it
/// saves the next read from fetching it again.
fn runs<D: Disk>(log: &Log<D>, range: &Range<LogIndex>, max_bytes: u64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut len = 0;
    if range.is_empty() {
        return runs;
    }
    for (batch, end) in log.index.from(range.start) {
        let is_wanted =
            batch.first < range.end && (runs.is_empty() || len + len_of(batch) <= max_bytes);
        if !is_wanted {
            break;
        }
        len += len_of(batch);
        if !runs.last_mut().is_some_and(|run| run.take(batch, end)) {
            runs.push(Run::of(batch, end));
        }
    }
    runs
}

fn len_of(batch: BatchRef) -> u64 {
    u64::from(batch.blocks) * u64_of(BLOCK_LEN)
}

fn read_run<D: Disk>(log: &Log<D>, run: &Run) -> Result<Bytes, LogError> {
    let (first, _) = run.batches.first().expect("a run begins with a batch");
    let file = &log.segment(*first).slot.file;
    let mut bytes = vec![0; usize_of(run.len())];
    let len = file
        .read_at(offset_of(*first), &mut bytes)
        .map_err(io_error("read", log.path_of(*first)))?;
    bytes.truncate(len);
    Ok(Bytes::from(bytes))
}

fn offset_of(batch: BatchRef) -> u64 {
    u64::from(batch.block) * u64_of(BLOCK_LEN)
}

fn entries_of<D: Disk>(
    log: &Log<D>,
    batch: BatchRef,
    bytes: Bytes,
) -> Result<impl Iterator<Item = Entry> + use<D>, LogError> {
    let offset = offset_of(batch);
    let whole = Header::decode(&bytes, offset, log.salt)
        .filter(|header| {
            header.place.incarnation == batch.incarnation && header.first_index == batch.first
        })
        .and_then(|header| {
            let body = header.body(&bytes, log.salt)?;
            Some((header, body.len()))
        });
    let Some((header, body_len)) = whole else {
        return Err(LogError::Corrupt {
            file: log.path_of(batch),
            offset,
            what: "a batch that was whole before no longer is".to_owned(),
        });
    };
    Ok(header.entries(bytes.slice(HEADER_LEN..HEADER_LEN + body_len)))
}
