//! The bytes of one simulated file: as readers see them, and as a power cut would leave them.
//!
//! Invariant: `durable` changes only by a sync, a durable overwrite, or chance at a power cut.

use super::Persistence;
use crate::rng::Rng;

/// Length of a sector in bytes: what a power cut keeps or loses as one, unless it tears it.
const SECTOR_LEN: usize = 512;
/// How often a lost sector is torn instead, in a hundred cases.
const TORN_PERCENT: u64 = 15;

/// A write that is not durable.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Its place among all changes of the disk.
    pub(super) number: u64,
    pub(super) offset: usize,
    pub(super) bytes: Vec<u8>,
}

impl Change {
    /// What of it lies before `start` and behind `end`.
    fn outside(self, start: usize, end: usize) -> Vec<Self> {
        let (head, tail) = (
            start.saturating_sub(self.offset),
            end.saturating_sub(self.offset),
        );
        let number = self.number;
        let part = |range: Option<&[u8]>, offset| {
            let bytes = range.filter(|bytes| !bytes.is_empty())?.to_vec();
            Some(Self {
                number,
                offset,
                bytes,
            })
        };
        let len = self.bytes.len();
        let before = part(self.bytes.get(..head.min(len)), self.offset);
        let behind = part(self.bytes.get(tail.min(len)..), self.offset + tail.min(len));
        before.into_iter().chain(behind).collect()
    }
}

/// One file.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    pub(super) now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Inode {
    /// A file that is durable as it is.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self {
            now: bytes.clone(),
            durable: bytes,
            pending: Vec::new(),
        }
    }

    /// A write into the page cache.
    pub(super) fn write(&mut self, change: Change) {
        put(&mut self.now, change.offset, &change.bytes);
        self.pending.push(change);
    }

    /// A write past the page cache, durable by itself. The kernel drops the cached pages under it; other unsynced writes stay
    /// unsynced.
    pub(super) fn write_through(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        self.pending = self
            .pending
            .drain(..)
            .flat_map(|change| change.outside(offset, end))
            .collect();
        put(&mut self.now, offset, bytes);
        put(&mut self.durable, offset, bytes);
    }

    /// A direct write that failed: each sector by chance, on the medium and so for readers too.
    pub(super) fn write_through_in_part(&mut self, change: &Change, rng: &mut Rng) {
        let range = change.offset..change.offset + change.bytes.len();
        self.pending = self
            .pending
            .drain(..)
            .flat_map(|old| old.outside(range.start, range.end))
            .collect();
        apply_subset(&mut self.durable, change, rng);
        let mixed = self.durable.get(range).unwrap_or_default().to_vec();
        put(&mut self.now, change.offset, &mixed);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            put(&mut self.durable, change.offset, &change.bytes);
        }
    }

    /// A sync that failed: the kernel calls the pages clean now. Some of it made it; the rest never will, though readers see it.
    pub(super) fn fail_sync(&mut self, rng: &mut Rng) {
        for change in self.pending.drain(..) {
            apply_subset(&mut self.durable, &change, rng);
        }
    }

    /// The number of the newest write that is not durable.
    pub(super) fn last_pending(&self) -> Option<u64> {
        self.pending.last().map(|change| change.number)
    }

    /// The power goes; `last` is the number of the newest change of the whole disk.
    pub(super) fn power_cut(&mut self, persistence: Persistence, last: Option<u64>, rng: &mut Rng) {
        for change in self.pending.drain(..) {
            match persistence {
                Persistence::Nothing => {}
                Persistence::All => put(&mut self.durable, change.offset, &change.bytes),
                Persistence::Subset => apply_subset(&mut self.durable, &change, rng),
                Persistence::TornLast => {
                    let torn = last == Some(change.number);
                    let kept = if torn {
                        rng.index(change.bytes.len())
                    } else {
                        change.bytes.len()
                    };
                    put(
                        &mut self.durable,
                        change.offset,
                        change.bytes.get(..kept).unwrap_or_default(),
                    );
                }
            }
        }
        self.now.clone_from(&self.durable);
    }
}

/// Some sectors of a write, some of them only in part.
fn apply_subset(bytes: &mut Vec<u8>, change: &Change, rng: &mut Rng) {
    let mut offset = change.offset;
    for sector in change.bytes.chunks(SECTOR_LEN) {
        let kept = match (rng.percent(50), rng.percent(TORN_PERCENT)) {
            (true, _) => sector.len(),
            (false, true) => rng.index(sector.len()),
            (false, false) => 0,
        };
        if kept > 0 {
            put(bytes, offset, sector.get(..kept).unwrap_or_default());
        }
        offset += sector.len();
    }
}

/// Writes, growing with zeros where needed.
fn put(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    let end = offset + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(range) = bytes.get_mut(offset..end) {
        range.copy_from_slice(new);
    }
}
