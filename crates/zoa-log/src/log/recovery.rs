//! From the files to a log: found a new one, or find again what was kept.
//!
//! What it is: the judgement what is the end of the log, what is a torn write
//! that nobody was promised, and what is damage to acknowledged data. What it is
//! not: repair; damage is refused and named.
//! Invariant (G-19): a batch is written only after the one before it is durable.
//! So a batch that is not whole was never acknowledged exactly when nothing
//! later exists anywhere; where something later exists, it is corruption.
//!
//! ```text
//! lock -> metadata -> segments by the incarnation in their first header
//!      -> newest whole batch: small state, oldest live segment
//!      -> walk oldest..newest -> search for anything later -> sync -> mark
//! ```

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::iter;

use super::Log;
use super::Recovered;
use super::TornTail;
use super::batch_len_max;
use super::scan::End;
use super::scan::Scanner;
use crate::BlockBuf;
use crate::Disk;
use crate::DiskFile;
use crate::HardState;
use crate::LogError;
use crate::LogIndex;
use crate::LogOptions;
use crate::Metadata;
use crate::WriteMode;
use crate::batch::Header;
use crate::batch::LogId;
use crate::batch::Salt;
use crate::batch::State;
use crate::batch_index::BatchIndex;
use crate::batch_index::BatchRef;
use crate::error::io_error;
use crate::limits::BLOCK_LEN;
use crate::limits::IDLE_BUFFER_LEN;
use crate::metadata::METADATA_FILE;
use crate::segment::LOG_DIR;
use crate::segment::Segment;
use crate::segment::SegmentPool;
use crate::segment::Slot;
use crate::segment::segment_name;
use crate::segment::segment_number;
use crate::width::u32_of;
use crate::width::u64_of;
use crate::width::usize_of;

const LOCK_FILE: &str = "lock";
/// The first segment until the metadata is there: what has only this was never founded.
const FOUNDING_FILE: &str = "log/founding.tmp";
/// The sequence number of the first batch, and the incarnation of the first segment.
const FIRST: u64 = 1;

pub(super) fn open<D: Disk>(
    disk: D,
    options: &LogOptions,
) -> Result<(Log<D>, Recovered), LogError> {
    let lock = disk
        .lock(LOCK_FILE)
        .map_err(|source| lock_error(&disk, source))?;
    let stored = Metadata::read(&disk)?;
    let metadata = match stored {
        Some(metadata) => {
            metadata.check(&disk, options)?;
            finish_founding(&disk)?;
            metadata
        }
        None => found(&disk, options)?,
    };
    let salt = Salt::new(&metadata.salt);
    let (mut log, torn_tail) = Recovery::read(&disk, salt)?.into_log(lock, options)?;
    // Whatever was found is durable from here on, and the batch that says so
    // also takes the place of a torn one.
    log.write_batch(&[], log.hard_state)?;
    log.unmarked = false;
    let last = log.index.last();
    let recovered = Recovered {
        metadata,
        hard_state: log.hard_state,
        first_index: log.first_index(),
        purged_term: log.index.purged().term,
        last_index: last.index,
        last_term: last.term,
        torn_tail,
        founded: stored.is_none(),
    };
    Ok((log, recovered))
}

fn lock_error<D: Disk>(disk: &D, source: std::io::Error) -> LogError {
    let file = disk.describe(LOCK_FILE);
    if source.kind() == ErrorKind::WouldBlock {
        let holder = source
            .get_ref()
            .map(|who| format!(" ({who})"))
            .unwrap_or_default();
        return LogError::Locked { file, holder };
    }
    LogError::Io {
        file,
        operation: "lock",
        source,
    }
}

/// Makes a new data directory. The metadata is the last thing to appear, so that
/// a directory without it has never acknowledged anything.
fn found<D: Disk>(disk: &D, options: &LogOptions) -> Result<Metadata, LogError> {
    let names = list_log(disk)?;
    if names.iter().any(|name| segment_number(name).is_some()) {
        return Err(LogError::Corrupt {
            file: disk.describe(METADATA_FILE),
            offset: 0,
            what: format!(
                "the file is missing, but {} holds a log",
                disk.describe(LOG_DIR)
            ),
        });
    }
    let Some(founding) = &options.founding else {
        return Err(LogError::NotFounded {
            file: disk.describe(METADATA_FILE),
        });
    };
    disk.create_dir(LOG_DIR)
        .map_err(io_error("create", disk.describe(LOG_DIR)))?;
    disk.sync_dir("")
        .map_err(io_error("sync", disk.describe("")))?;
    if names.iter().any(|name| is_founding(name)) {
        disk.remove(FOUNDING_FILE)
            .map_err(io_error("remove", disk.describe(FOUNDING_FILE)))?;
    }
    let metadata = Metadata::founded(options.node, founding);
    write_first_segment(disk, options, Salt::new(&metadata.salt))?;
    metadata.write(disk)?;
    finish_founding(disk)?;
    Ok(metadata)
}

fn write_first_segment<D: Disk>(
    disk: &D,
    options: &LogOptions,
    salt: Salt,
) -> Result<(), LogError> {
    let mut pool = SegmentPool::new(disk.clone(), options.segment_len, 0);
    let slot = pool.make(FOUNDING_FILE.to_owned(), options.first_segment_len)?;
    let mut buf = BlockBuf::with_capacity(BLOCK_LEN);
    let place = crate::batch::Place {
        incarnation: FIRST,
        offset: 0,
        sequence: FIRST,
    };
    let state = State {
        hard_state: HardState::default(),
        purged: LogId::default(),
        first_live: FIRST,
    };
    crate::batch::begin(&mut buf);
    crate::batch::seal(&mut buf, salt, place, state, (LogIndex(0), 0));
    slot.file
        .overwrite_durable(0, &buf)
        .map_err(io_error("write", disk.describe(FOUNDING_FILE)))
}

/// Gives the first segment its name, when a power cut came just before that.
fn finish_founding<D: Disk>(disk: &D) -> Result<(), LogError> {
    let names = list_log(disk)?;
    if names.iter().any(|name| is_founding(name)) {
        let first = segment_name(FIRST);
        disk.rename(FOUNDING_FILE, &first)
            .map_err(io_error("create", disk.describe(&first)))?;
    }
    // Not only now: an earlier process may have been killed between a change of
    // the directory and its sync.
    disk.sync_dir("")
        .map_err(io_error("sync", disk.describe("")))?;
    disk.sync_dir(LOG_DIR)
        .map_err(io_error("sync", disk.describe(LOG_DIR)))
}

/// Whether a name in the log directory is that of the founding file.
fn is_founding(name: &str) -> bool {
    FOUNDING_FILE.rsplit('/').next() == Some(name)
}

fn list_log<D: Disk>(disk: &D) -> Result<Vec<String>, LogError> {
    disk.list(LOG_DIR)
        .map_err(io_error("list", disk.describe(LOG_DIR)))
}

/// What the files say, before anything is changed.
struct Recovery<'a, D: Disk> {
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
    fn read(disk: &'a D, salt: Salt) -> Result<Self, LogError> {
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
    fn into_log(
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

/// The log as the batches read so far make it.
#[derive(Default)]
struct Replay {
    /// `None` until the first entry shows where the oldest segment begins.
    index: Option<BatchIndex>,
    hard_state: HardState,
    purged: LogId,
    terms: Vec<u64>,
    /// Block and length in blocks of the batch last taken.
    newest: Option<(u64, u64)>,
}

impl Replay {
    /// Takes a batch that is whole; an error says what is impossible about it.
    fn take(&mut self, header: &Header, body: &[u8]) -> Result<(), String> {
        let State {
            hard_state, purged, ..
        } = header.state;
        if hard_state.term < self.hard_state.term || hard_state.commit < self.hard_state.commit {
            return Err("the term or the commit index goes back".to_owned());
        }
        if purged.index < self.purged.index {
            return Err("the front of the log goes back".to_owned());
        }
        (self.hard_state, self.purged) = (hard_state, purged);
        let block = header.place.offset / u64_of(BLOCK_LEN);
        self.newest = Some((block, header.blocks()));
        self.terms.clear();
        header.check_entries(body, |term| self.terms.push(term))?;
        if self
            .index
            .as_ref()
            .is_some_and(|index| index.last().index < purged.index)
        {
            self.index = Some(BatchIndex::beginning_after(purged));
        }
        if header.count > 0 {
            self.take_entries(header, block)?;
        }
        Ok(())
    }

    fn take_entries(&mut self, header: &Header, block: u64) -> Result<(), String> {
        let first = header.first_index;
        let before = LogId {
            index: LogIndex(first.0 - 1),
            term: 0,
        };
        let index = self
            .index
            .get_or_insert_with(|| BatchIndex::beginning_after(before));
        let last = index.last().index;
        if first > last.next() {
            return Err(format!("entry {first} follows entry {last}"));
        }
        if first <= index.purged().index {
            *index = BatchIndex::beginning_after(before);
        } else if first <= last {
            index.truncate(first);
        }
        let batch = BatchRef {
            first,
            incarnation: header.place.incarnation,
            block: u32_of(usize_of(block)),
            blocks: u32_of(usize_of(header.blocks())),
        };
        index.append(batch, self.terms.iter().copied());
        Ok(())
    }

    /// Cuts the front as the newest batch says, and checks that all fits together.
    fn finish(&mut self, state: State) -> Result<(), String> {
        let State {
            hard_state, purged, ..
        } = state;
        let index = self
            .index
            .get_or_insert_with(|| BatchIndex::beginning_after(purged));
        let (first, last) = (index.purged().index.next(), index.last());
        if first > purged.index.next() || last.index < purged.index {
            return Err(format!(
                "entries {first} to {} are there, but the log begins behind {}",
                last.index, purged.index
            ));
        }
        index.purge(purged);
        if hard_state.commit > last.index.0 || hard_state.term < index.last().term {
            return Err(format!(
                "commit {} and term {} do not fit the last entry",
                hard_state.commit, hard_state.term
            ));
        }
        Ok(())
    }
}
