//! From the files to a log: finding again what was kept.
//!
//! What it is: the judgement what is the end of the log, what is a torn write
//! that nobody was promised, and what is damage to acknowledged data. What it is
//! not: repair; damage is refused and named.
//! Invariant (G-19): a batch is written only after the one before it is durable.
//! So a batch that is not whole was never acknowledged exactly when nothing
//! later exists anywhere; where something later exists, it is corruption.
//!
//! ```text
//! segments by the incarnation in their first header
//!      -> newest whole batch: small state, oldest live segment
//!      -> walk oldest..newest -> search for anything later -> sync -> mark
//! ```

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::iter;

use super::Log;
use super::TornTail;
use super::batch_len_max;
use super::replay::Replay;
use super::scan::End;
use super::scan::Scanner;
use crate::BlockBuf;
use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::LogOptions;
use crate::WriteMode;
use crate::batch::Header;
use crate::batch::Salt;
use crate::batch::State;
use crate::error::io_error;
use crate::limits::BLOCK_LEN;
use crate::limits::IDLE_BUFFER_LEN;
use crate::segment::FIRST;
use crate::segment::LOG_DIR;
use crate::segment::Segment;
use crate::segment::SegmentPool;
use crate::segment::Slot;
use crate::segment::list_log;
use crate::segment::segment_name;
use crate::segment::segment_number;
use crate::width::u64_of;
use crate::width::usize_of;

/// What the files say, before anything is changed.
pub(super) struct Recovery<'a, D: Disk> {
    disk: &'a D,
    salt: Salt,
    /// By the incarnation in the first header; the live ones after `read`.
    chain: BTreeMap<u64, (Header, Slot<D::File>)>,
    /// Files whose first batch is of a segment that is no longer needed.
    old: Vec<Slot<D::File>>,
    /// Files without a readable first header: new, or damaged.
    others: Vec<Slot<D::File>>,
    replay: Replay,
    /// Where the next batch goes, in the last of the chain.
    end: End,
    /// A segment newer than the chain, of which not even the first batch is whole.
    torn_first: Option<Slot<D::File>>,
    torn_tail: Option<TornTail>,
    /// The greatest number of a segment file.
    last_number: u64,
}

impl<'a, D: Disk> Recovery<'a, D> {
    pub(super) fn read(disk: &'a D, salt: Salt) -> Result<Self, LogError> {
        let mut scanner = Scanner::new(disk, salt);
        let mut recovery = Self::open_slots(disk, &mut scanner, salt)?;
        let state = recovery.find_newest(&mut scanner)?;
        recovery.set_aside_old(&mut scanner, state.first_live)?;
        recovery.walk_chain(&mut scanner)?;
        recovery.refuse_anything_later(&mut scanner)?;
        recovery.note_torn_tail(&mut scanner)?;
        let last = recovery
            .chain
            .last_key_value()
            .map_or(FIRST, |(incarnation, _)| *incarnation);
        recovery
            .replay
            .finish(state)
            .map_err(|what| recovery.corrupt(last, recovery.end.block, what))?;
        Ok(recovery)
    }

    /// Opens the segment files and sorts them by what their first header says.
    fn open_slots(disk: &'a D, scanner: &mut Scanner<'_, D>, salt: Salt) -> Result<Self, LogError> {
        let mut recovery = Self {
            disk,
            salt,
            chain: BTreeMap::new(),
            old: Vec::new(),
            others: Vec::new(),
            replay: Replay::default(),
            end: End {
                block: 0,
                sequence: FIRST,
            },
            torn_first: None,
            torn_tail: None,
            last_number: 0,
        };
        let mut numbers: Vec<u64> = list_log(disk)?
            .iter()
            .filter_map(|name| segment_number(name))
            .collect();
        numbers.sort_unstable();
        for number in numbers {
            recovery.last_number = number;
            let slot = Slot::open(disk, &segment_name(number))?;
            let Some(header) = scanner.header(&slot, 0)? else {
                recovery.others.push(slot);
                continue;
            };
            let incarnation = header.place.incarnation;
            if let Some((_, other)) = recovery.chain.insert(incarnation, (header, slot)) {
                let what = format!(
                    "also {} holds segment {incarnation}",
                    disk.describe(&other.name)
                );
                return Err(recovery.corrupt(incarnation, 0, what));
            }
        }
        Ok(recovery)
    }

    /// The small state of the newest whole batch. Sets aside a last segment
    /// whose first batch is not whole.
    fn find_newest(&mut self, scanner: &mut Scanner<'_, D>) -> Result<State, LogError> {
        for torn_allowed in [true, false] {
            let Some((&incarnation, (first, slot))) = self.chain.last_key_value() else {
                break;
            };
            let mut newest = None;
            scanner.walk(slot, (incarnation, first.place.sequence), |header, _| {
                newest = Some(header.state);
                Ok(())
            })?;
            match newest {
                Some(state) => return Ok(state),
                None if torn_allowed && self.chain.len() > 1 => {
                    let (_, (_, slot)) = self.chain.pop_last().expect("it was just looked at");
                    self.torn_first = Some(slot);
                }
                None => {
                    let what = "the first batch of the segment is not whole".to_owned();
                    return Err(self.corrupt(incarnation, 0, what));
                }
            }
        }
        Err(LogError::Corrupt {
            file: self.disk.describe(LOG_DIR),
            offset: 0,
            what: "there is no segment with a readable first batch".to_owned(),
        })
    }

    /// Keeps the segments from `first_live` on, and refuses when one is missing.
    fn set_aside_old(
        &mut self,
        scanner: &mut Scanner<'_, D>,
        first_live: u64,
    ) -> Result<(), LogError> {
        let live = self.chain.split_off(&first_live);
        let old = std::mem::replace(&mut self.chain, live);
        self.old.extend(old.into_values().map(|(_, slot)| slot));
        let last = self
            .chain
            .last_key_value()
            .map_or(first_live, |(incarnation, _)| *incarnation);
        let missing = (first_live..=last).find(|incarnation| !self.chain.contains_key(incarnation));
        let Some(missing) = missing else {
            return Ok(());
        };
        for slot in &self.others {
            let header = first_header_of(scanner, slot, missing)?;
            if header.is_some() {
                let what = format!("the first batch of segment {missing} is not whole");
                return Err(LogError::Corrupt {
                    file: self.disk.describe(&slot.name),
                    offset: 0,
                    what,
                });
            }
        }
        let what = format!(
            "no file holds segment {missing}, and the log goes from {first_live} to {last}"
        );
        Err(LogError::Corrupt {
            file: self.disk.describe(LOG_DIR),
            offset: 0,
            what,
        })
    }

    /// Reads every live batch in order.
    fn walk_chain(&mut self, scanner: &mut Scanner<'_, D>) -> Result<(), LogError> {
        let mut previous: Option<(u64, End)> = None;
        for (&incarnation, (first, slot)) in &self.chain {
            let sequence = first.place.sequence;
            if let Some((before, end)) = previous.filter(|(_, end)| end.sequence != sequence) {
                let what = format!(
                    "batch {} of the log is not whole, and segment {incarnation} goes on with batch {sequence}",
                    end.sequence
                );
                return Err(self.corrupt(before, end.block, what));
            }
            let replay = &mut self.replay;
            let end = scanner.walk(slot, (incarnation, sequence), |header, body| {
                replay.take(header, body)
            })?;
            previous = Some((incarnation, end));
        }
        self.end = previous
            .expect("the newest whole batch stands in the chain")
            .1;
        Ok(())
    }

    /// Refuses when a batch later than the end exists: the one at the end was
    /// then durable, and is damaged. A file whose first batch is old holds
    /// nothing later, since reuse begins with the first block.
    fn refuse_anything_later(&self, scanner: &mut Scanner<'_, D>) -> Result<(), LogError> {
        let (_, slot) = self
            .chain
            .last_key_value()
            .expect("walk_chain saw a segment")
            .1;
        let elsewhere = self
            .torn_first
            .iter()
            .chain(&self.others)
            .map(|slot| (slot, 0));
        for (slot, block) in iter::once((slot, self.end.block)).chain(elsewhere) {
            if let Some(later) = scanner.find_later(slot, block, self.end.sequence)? {
                let what = format!(
                    "batch {} of the log is not whole, though batch {} after it was written",
                    self.end.sequence, later.place.sequence
                );
                let (file, offset) = (self.disk.describe(&slot.name), block * u64_of(BLOCK_LEN));
                return Err(LogError::Corrupt { file, offset, what });
            }
        }
        Ok(())
    }

    fn note_torn_tail(&mut self, scanner: &mut Scanner<'_, D>) -> Result<(), LogError> {
        let (_, slot) = self
            .chain
            .last_key_value()
            .expect("walk_chain saw a segment")
            .1;
        let header = if self.end.block < slot.blocks {
            scanner.header(slot, self.end.block)?
        } else {
            None
        };
        let here = header.filter(|header| header.place.sequence == self.end.sequence);
        let torn = match (here, &self.torn_first) {
            (Some(header), _) => Some((slot, header.place.offset)),
            (None, Some(first)) => Some((first, 0)),
            (None, None) => None,
        };
        self.torn_tail = torn.map(|(slot, offset)| TornTail {
            file: self.disk.describe(&slot.name),
            offset,
        });
        Ok(())
    }

    /// Makes what was found durable and the files ready to go on.
    pub(super) fn into_log(
        mut self,
        lock: D::Lock,
        options: &LogOptions,
    ) -> Result<(Log<D>, Option<TornTail>), LogError> {
        self.make_durable()?;
        let mut pool =
            SegmentPool::new(self.disk.clone(), options.segment_len, self.last_number + 1);
        self.others.append(&mut self.old);
        pool.give_back(self.others)?;
        let segments: VecDeque<_> = self
            .chain
            .into_iter()
            .map(|(incarnation, (_, slot))| Segment { incarnation, slot })
            .collect();
        let log = Log {
            disk: self.disk.clone(),
            salt: self.salt,
            tail_entries: options.tail_entries,
            tail_len: options.tail_len,
            batch_len_max: batch_len_max(options.segment_len),
            segments,
            pool,
            index: self.replay.index.expect("finish has set it"),
            hard_state: self.replay.hard_state,
            next_block: self.end.block,
            next_sequence: self.end.sequence,
            unmarked: false,
            buf: BlockBuf::with_capacity(IDLE_BUFFER_LEN),
            poison: None,
            _lock: lock,
        };
        Ok((log, self.torn_tail))
    }

    /// A process killed in the middle may have left a batch that only the page
    /// cache or the disk's own cache has.
    fn make_durable(&mut self) -> Result<(), LogError> {
        let (_, slot) = self
            .chain
            .last_key_value()
            .expect("walk_chain saw a segment")
            .1;
        let path = || self.disk.describe(&slot.name);
        if let Some((block, blocks)) = self
            .replay
            .newest
            .filter(|_| self.disk.write_mode() == WriteMode::Buffered)
        {
            // After a failed fsync the page cache may show a batch as clean that
            // the disk never took: only writing it again is sure to bring it there.
            let mut bytes = vec![0; usize_of(blocks) * BLOCK_LEN];
            let offset = block * u64_of(BLOCK_LEN);
            slot.file
                .read_at(offset, &mut bytes)
                .map_err(io_error("read", path()))?;
            let mut buf = BlockBuf::with_capacity(bytes.len());
            buf.push(&bytes);
            slot.file
                .overwrite_durable(offset, &buf)
                .map_err(io_error("write", path()))?;
        }
        slot.file.sync().map_err(io_error("sync", path()))?;
        // A process killed while it made a segment has left one that may not be
        // durable as a file; from here on it is a free one like any other.
        for other in &self.others {
            other
                .file
                .sync()
                .map_err(io_error("sync", self.disk.describe(&other.name)))?;
        }
        if let Some(torn) = self.torn_first.take() {
            // Else a later segment of the same incarnation would have a double.
            let path = self.disk.describe(&torn.name);
            torn.file
                .overwrite_durable(0, &BlockBuf::zeros(1))
                .map_err(io_error("write", path))?;
            self.others.push(torn);
        }
        Ok(())
    }

    fn corrupt(&self, incarnation: u64, block: u64, what: String) -> LogError {
        let name = self
            .chain
            .get(&incarnation)
            .map_or(LOG_DIR, |(_, slot)| slot.name.as_str());
        LogError::Corrupt {
            file: self.disk.describe(name),
            offset: block * u64_of(BLOCK_LEN),
            what,
        }
    }
}

/// A header of `incarnation` anywhere in a file whose first block has none.
fn first_header_of<D: Disk>(
    scanner: &mut Scanner<'_, D>,
    slot: &Slot<D::File>,
    incarnation: u64,
) -> Result<Option<Header>, LogError> {
    for block in 0..slot.blocks {
        let header = scanner.header(slot, block)?;
        if let Some(header) = header.filter(|header| header.place.incarnation == incarnation) {
            return Ok(Some(header));
        }
    }
    Ok(None)
}
