//! The durable log: orders in, one write and one sync, then they are kept.
//!
//! What it is: the one owner of the segments. What it is not: a thread; the
//! driver runs it in one and hands it all that has queued up ([`crate::LogLoop`]).
//! Invariant: no block that holds an acknowledged batch is written again before
//! its segment is no longer needed, and that is durable; so a torn write can
//! only touch what nobody was promised (G-19). After a failure of a write that
//! is needed nothing is acknowledged any more, and nothing is tried again (G-20).
//!
//! ```text
//!  first_live                       active
//!  [b b b b . ]  [b b b b b . ]  [b b b|next ...]   free: [ ] [ ]
//! ```

mod opening;
mod reading;
mod recovery;
mod replay;
mod scan;

pub use opening::LockedDir;
pub use opening::LogDir;

use std::collections::VecDeque;

use bytes::Bytes;

use crate::BlockBuf;
use crate::ClusterId;
use crate::Disk;
use crate::DiskFile;
use crate::Entry;
use crate::EntryKind;
use crate::HardState;
use crate::LogError;
use crate::LogIndex;
use crate::LogOptions;
use crate::Metadata;
use crate::Persist;
use crate::batch;
use crate::batch::ENTRY_HEADER_LEN;
use crate::batch::HEADER_LEN;
use crate::batch::LogId;
use crate::batch::Place;
use crate::batch::Salt;
use crate::batch::State;
use crate::batch_index::BatchIndex;
use crate::batch_index::BatchRef;
use crate::error::io_error;
use crate::limits::BATCH_LEN_MAX;
use crate::limits::BLOCK_LEN;
use crate::limits::ENTRY_LEN_MAX;
use crate::limits::IDLE_BUFFER_LEN;
use crate::segment::Segment;
use crate::segment::SegmentPool;
use crate::width::u32_of;
use crate::width::u64_of;
use crate::width::usize_of;

/// What opening has found.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Whose data it is.
    pub metadata: Metadata,
    /// The hard state. Its commit may be lower than a snapshot's index: it is kept lazily.
    pub hard_state: HardState,
    /// Index of the first entry that `read` gives; `last_index + 1` when there is none.
    pub first_index: LogIndex,
    /// Term of the entry before the first.
    pub purged_term: u64,
    /// Index of the last entry; `first_index - 1` when there is none.
    pub last_index: LogIndex,
    /// Term of the last entry, or of the one before the first.
    pub last_term: u64,
    /// A write that a power cut had interrupted and that was never acknowledged.
    pub torn_tail: Option<TornTail>,
    /// Whether the directory was empty and has just been founded.
    pub founded: bool,
}

/// Where an interrupted write was cut away; worth a line in the server's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment file.
    pub file: String,
    /// Where it began, in bytes.
    pub offset: u64,
}

/// The durable log of one data directory.
#[derive(Debug)]
pub struct Log<D: Disk> {
    disk: D,
    salt: Salt,
    tail_entries: u64,
    tail_len: u64,
    batch_len_max: usize,
    /// Live segments, oldest first; the last one is written.
    segments: VecDeque<Segment<D::File>>,
    pool: SegmentPool<D>,
    index: BatchIndex,
    hard_state: HardState,
    /// The next free block of the active segment.
    next_block: u64,
    next_sequence: u64,
    /// Whether the last batch still waits for a later one to prove it durable.
    unmarked: bool,
    buf: BlockBuf,
    poison: Option<String>,
    _lock: D::Lock,
}

impl<D: Disk> Log<D> {
    /// Locks the directory, checks whose it is, and recovers the log; what is
    /// found is synced before this returns.
    ///
    /// # Errors
    /// Any [`LogError`]; the directory is then left as it was, so far as possible.
    pub fn open(disk: D, options: &LogOptions) -> Result<(Self, Recovered), LogError> {
        LogDir::lock(disk, options)?.open()
    }

    /// Makes everything given durable: one write, unless it is longer than a
    /// batch may be. When this returns `Ok`, all of it is; orders must come in
    /// the order of their numbers.
    ///
    /// # Errors
    /// `EntryTooLong` before anything is written; any other error poisons the log.
    ///
    /// # Panics
    /// When the entries leave a gap, reach before the front of the log, or a
    /// term goes back: the caller has broken its own order, and writing it down
    /// would lose entries.
    pub fn persist(&mut self, orders: &[Persist]) -> Result<(), LogError> {
        self.check_alive()?;
        check_entry_lengths(orders)?;
        let outcome = self.write_orders(orders);
        self.poison_on_error(outcome)
    }

    /// Entries from `from` up to but not including `to`, at least one of those
    /// there are, and no more than `max_bytes` of data beyond the first.
    ///
    /// # Errors
    /// `Compacted` when `from` is before the front; `Corrupt` when the disk no
    /// longer has what was written; `Poisoned`; `Io`.
    pub fn read(
        &self,
        from: LogIndex,
        to: LogIndex,
        max_bytes: u64,
    ) -> Result<Vec<Entry>, LogError> {
        self.check_alive()?;
        if from < self.first_index() {
            return Err(LogError::Compacted {
                asked: from,
                first: self.first_index(),
            });
        }
        reading::read(self, from..to.min(self.last_index().next()), max_bytes)
    }

    /// Bytes on disk of the batches that hold anything behind `index`.
    pub fn len_behind(&self, index: LogIndex) -> u64 {
        self.index.blocks_behind(index) * u64_of(BLOCK_LEN)
    }

    /// Cuts the log before a snapshot at `snapshot_index`, keeping the tail that
    /// the options say; whole segments are freed. Returns the new first index.
    ///
    /// # Errors
    /// Any error poisons the log.
    ///
    /// # Panics
    /// When the log does not hold `snapshot_index`.
    pub fn compact(&mut self, snapshot_index: LogIndex) -> Result<LogIndex, LogError> {
        self.check_alive()?;
        let tail_begin = self
            .index
            .reaching_back(snapshot_index, self.tail_len / u64_of(BLOCK_LEN));
        let index = LogIndex(snapshot_index.0.saturating_sub(self.tail_entries));
        let index = index.max(LogIndex(tail_begin.0.saturating_sub(1)));
        if index <= self.index.purged().index {
            return Ok(self.first_index());
        }
        let term = self
            .index
            .term(snapshot_index)
            .and_then(|_| self.index.term(index));
        let term = term.expect("a snapshot is of entries that are in the log");
        self.index.purge(LogId { index, term });
        let outcome = self.write_state_and_free();
        self.poison_on_error(outcome)?;
        Ok(self.first_index())
    }

    /// Replaces the whole log by a snapshot received from the leader: the next
    /// entry is the one behind `index`. The snapshot itself must be durable.
    ///
    /// # Errors
    /// Any error poisons the log.
    ///
    /// # Panics
    /// When the log was cut behind `index`: then that snapshot is older than one of this server's own.
    pub fn reset(&mut self, index: LogIndex, term: u64) -> Result<(), LogError> {
        self.check_alive()?;
        assert!(
            index >= self.first_index(),
            "a snapshot replaces a log that begins before it"
        );
        self.hard_state.commit = self.hard_state.commit.max(index.0);
        self.hard_state.term = self.hard_state.term.max(term);
        let outcome = self.reset_to(LogId { index, term });
        self.poison_on_error(outcome)
    }

    /// For a start that finds a snapshot of the leader's, entry `index` of `term` the last in it, which this log does not hold: the
    /// process ended between the snapshot's arrival and [`Log::reset`], which is made up for. Does nothing when the log holds that
    /// entry, or had it committed.
    ///
    /// # Errors
    /// As [`Log::reset`].
    pub fn begin_behind(
        &mut self,
        recovered: &mut Recovered,
        (index, term): (LogIndex, u64),
    ) -> Result<(), LogError> {
        let is_held = self.term(index) == Some(term) || recovered.hard_state.commit >= index.0;
        if is_held || index < self.first_index() {
            return Ok(());
        }
        self.reset(index, term)?;
        recovered.hard_state = self.hard_state;
        (recovered.first_index, recovered.purged_term) = (self.first_index(), term);
        (recovered.last_index, recovered.last_term) = (index, term);
        Ok(())
    }

    /// What this directory holds is another cluster's from here on. A snapshot of that one must be durable already, one behind which
    /// this log is to begin anew ([`Log::reset`]).
    ///
    /// # Errors
    /// Any error poisons the log.
    pub fn change_cluster(&mut self, cluster: ClusterId) -> Result<(), LogError> {
        self.check_alive()?;
        let outcome = Metadata::change_cluster(&self.disk, cluster);
        self.poison_on_error(outcome)
    }

    fn reset_to(&mut self, to: LogId) -> Result<(), LogError> {
        if to.index <= self.last_index() {
            // What this log has there is another history, never committed. An entry in the snapshot's place takes it out of the
            // files; it is cut off at once, and a start in between finds it covered by the snapshot.
            let cut = Entry {
                index: to.index,
                term: to.term,
                kind: EntryKind::Normal,
                data: Bytes::new(),
            };
            self.index = BatchIndex::beginning_after(LogId {
                index: LogIndex(to.index.0 - 1),
                term: 0,
            });
            self.write_batch(&[&cut], self.hard_state)?;
        }
        self.index = BatchIndex::beginning_after(to);
        self.write_state_and_free()
    }

    /// Records that all before is durable: a small write that turns later damage
    /// to the last batch from a doubtful torn tail into corruption that is seen.
    /// Does nothing when there is nothing to record. For idle moments and the end.
    ///
    /// # Errors
    /// Any error poisons the log.
    pub fn mark(&mut self) -> Result<(), LogError> {
        self.check_alive()?;
        if !self.unmarked {
            return Ok(());
        }
        let outcome = self.write_batch(&[], self.hard_state);
        self.poison_on_error(outcome)?;
        self.unmarked = false;
        self.buf = BlockBuf::with_capacity(self.buf.capacity().min(IDLE_BUFFER_LEN));
        Ok(())
    }

    /// One bounded step (about one write) towards the next segment, so that
    /// rotation itself waits for nothing.
    ///
    /// # Errors
    /// `Poisoned`. Any other error is of a file that holds nothing and is given up: the log goes on
    /// in the segment it has, and when that is full tries once more, with another file.
    pub fn prepare(&mut self) -> Result<(), LogError> {
        self.check_alive()?;
        self.pool.try_prepare_step()
    }

    /// Whether a step of preparation should be run now, even under load, for the
    /// next segment to be ready in time.
    pub fn preparation_due(&self) -> bool {
        let capacity = self.active().slot.blocks.max(1);
        let used_percent = 100 * self.next_block / capacity;
        // Not before a tenth is used: then a start, or a single write after a
        // rotation, leaves it to idle moments.
        let ready_percent = (2 * used_percent).saturating_sub(20).min(100);
        self.poison.is_none()
            && !self.pool.has_failed()
            && self.pool.readiness_percent() < ready_percent
    }

    /// Whether an idle moment would be used by [`Log::prepare`].
    pub fn wants_preparation(&self) -> bool {
        self.poison.is_none() && !self.pool.is_ready() && !self.pool.has_failed()
    }

    /// Whether an idle moment would be used by [`Log::mark`].
    pub fn wants_mark(&self) -> bool {
        self.poison.is_none() && self.unmarked
    }

    /// Index of the first entry there is.
    pub fn first_index(&self) -> LogIndex {
        self.index.purged().index.next()
    }

    /// Index of the last entry, or of the one before the first.
    pub fn last_index(&self) -> LogIndex {
        self.index.last().index
    }

    /// Term of the entry at `index`; also known for the one before the first.
    pub fn term(&self, index: LogIndex) -> Option<u64> {
        self.index.term(index)
    }

    /// The hard state as last given.
    pub fn hard_state(&self) -> HardState {
        self.hard_state
    }

    /// Bytes that the live segments take on disk.
    pub fn len_on_disk(&self) -> u64 {
        self.segments.iter().map(|segment| segment.slot.len()).sum()
    }

    /// Bytes that the write buffer holds in memory.
    #[cfg(feature = "testing")]
    pub(crate) fn buffer_capacity(&self) -> usize {
        self.buf.capacity()
    }

    fn check_alive(&self) -> Result<(), LogError> {
        match &self.poison {
            None => Ok(()),
            Some(cause) => Err(LogError::Poisoned {
                cause: cause.clone(),
            }),
        }
    }

    fn poison_on_error<T>(&mut self, outcome: Result<T, LogError>) -> Result<T, LogError> {
        if let Err(error) = &outcome {
            self.poison = Some(error.to_string());
        }
        outcome
    }

    fn write_orders(&mut self, orders: &[Persist]) -> Result<(), LogError> {
        self.assert_orders(orders);
        let run = surviving_entries(orders);
        let given = orders
            .iter()
            .filter_map(|order| order.hard_state)
            .next_back();
        let HardState { term, vote, commit } = given.unwrap_or(self.hard_state);
        if run.is_empty() && (term, vote) == (self.hard_state.term, self.hard_state.vote) {
            self.hard_state.commit = commit;
            return Ok(());
        }
        let mut rest = run.as_slice();
        loop {
            let (head, tail) = rest.split_at(self.batch_count(rest));
            // A commit index must not be durable before the entry it speaks of.
            let commit = if tail.is_empty() {
                commit
            } else {
                self.hard_state.commit
            };
            self.write_batch(head, HardState { term, vote, commit })?;
            rest = tail;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// What Raft promises about its orders. Writing down what breaks it would
    /// lose entries that were acknowledged.
    fn assert_orders(&self, orders: &[Persist]) {
        let (mut last, mut before) = (self.last_index(), self.hard_state);
        for order in orders {
            if let Some(first) = order.entries.first() {
                assert!(
                    first.index <= last.next(),
                    "entries continue the log without a gap"
                );
                assert!(
                    first.index >= self.first_index(),
                    "what a snapshot replaced is not written again"
                );
                assert!(
                    first.index.0 > before.commit,
                    "what is committed is not replaced"
                );
            }
            let adjacent = |pair: &[Entry]| matches!(pair, [a, b] if a.index.next() == b.index);
            assert!(
                order.entries.windows(2).all(adjacent),
                "entries of an order follow each other without a gap"
            );
            last = order.entries.last().map_or(last, |entry| entry.index);
            let after = order.hard_state.unwrap_or(before);
            assert!(
                after.term >= before.term && after.commit >= before.commit,
                "term and commit never go back"
            );
            assert!(after.commit <= last.0, "what is committed is in the log");
            before = after;
        }
    }

    /// How many of the entries go into one batch.
    fn batch_count(&self, entries: &[&Entry]) -> usize {
        let mut len = HEADER_LEN;
        let fitting = entries.iter().take_while(|entry| {
            len += ENTRY_HEADER_LEN + entry.data.len();
            len <= self.batch_len_max
        });
        fitting.count().max(1).min(entries.len())
    }

    /// Writes one batch and takes it into the index. The only place that writes
    /// what is acknowledged.
    fn write_batch(&mut self, entries: &[&Entry], hard_state: HardState) -> Result<(), LogError> {
        batch::begin(&mut self.buf);
        for entry in entries {
            batch::push_entry(&mut self.buf, entry);
        }
        let blocks = u64_of(self.buf.len().div_ceil(BLOCK_LEN));
        if self.next_block + blocks > self.active().slot.blocks {
            self.rotate(blocks)?;
        }
        if let Some(first) = entries
            .first()
            .filter(|first| first.index <= self.last_index())
        {
            self.index.truncate(first.index);
        }
        let place = self.next_place();
        self.seal(place, entries, hard_state);
        let slot = &self.active().slot;
        let written = slot.file.overwrite_durable(place.offset, &self.buf);
        written.map_err(io_error("write", self.disk.describe(&slot.name)))?;
        if let Some(first) = entries.first() {
            let placed = BatchRef {
                first: first.index,
                incarnation: place.incarnation,
                block: u32_of(usize_of(self.next_block)),
                blocks: u32_of(usize_of(blocks)),
            };
            self.index
                .append(placed, entries.iter().map(|entry| entry.term));
        }
        self.hard_state = hard_state;
        self.next_block += blocks;
        self.next_sequence += 1;
        self.unmarked = true;
        Ok(())
    }

    /// Where the next batch goes, if it fits.
    fn next_place(&self) -> Place {
        Place {
            incarnation: self.active().incarnation,
            offset: self.next_block * u64_of(BLOCK_LEN),
            sequence: self.next_sequence,
        }
    }

    /// Ends the batch in the buffer with the state that holds once it is written.
    fn seal(&mut self, place: Place, entries: &[&Entry], hard_state: HardState) {
        let first_live = self.index.first_incarnation().unwrap_or(place.incarnation);
        let state = State {
            hard_state,
            purged: self.index.purged(),
            first_live,
        };
        let first_index = entries.first().map_or(LogIndex(0), |entry| entry.index);
        batch::seal(
            &mut self.buf,
            self.salt,
            place,
            state,
            (first_index, u32_of(entries.len())),
        );
    }

    /// Goes on in another file. No sync: the file and its name were made durable
    /// before it came into the pool, and its first batch makes itself so.
    fn rotate(&mut self, blocks: u64) -> Result<(), LogError> {
        let incarnation = self.active().incarnation + 1;
        let slot = self.pool.take(blocks)?;
        self.segments.push_back(Segment { incarnation, slot });
        self.next_block = 0;
        Ok(())
    }

    /// Makes the new front durable, then frees the segments before it: their
    /// next use overwrites them.
    fn write_state_and_free(&mut self) -> Result<(), LogError> {
        self.write_batch(&[], self.hard_state)?;
        let first_live = self
            .index
            .first_incarnation()
            .unwrap_or_else(|| self.active().incarnation);
        let freed = self
            .segments
            .partition_point(|segment| segment.incarnation < first_live);
        let freed: Vec<_> = self
            .segments
            .drain(..freed)
            .map(|segment| segment.slot)
            .collect();
        if freed.is_empty() {
            return Ok(());
        }
        self.pool.give_back(freed)
    }

    /// The segment of a batch that is in the index.
    fn segment(&self, batch: BatchRef) -> &Segment<D::File> {
        let oldest = self
            .segments
            .front()
            .map_or(0, |segment| segment.incarnation);
        self.segments
            .get(usize_of(batch.incarnation - oldest))
            .expect("a batch in the index stands in a live segment")
    }

    fn path_of(&self, batch: BatchRef) -> String {
        self.disk.describe(&self.segment(batch).slot.name)
    }

    fn active(&self) -> &Segment<D::File> {
        self.segments
            .back()
            .expect("there is always an active segment")
    }
}

/// Longest batch for segments of this length: it must fit into one.
fn batch_len_max(segment_len: u64) -> usize {
    BATCH_LEN_MAX.min(usize_of(segment_len))
}

fn check_entry_lengths(orders: &[Persist]) -> Result<(), LogError> {
    let lens = orders
        .iter()
        .flat_map(|order| &order.entries)
        .map(|entry| entry.data.len());
    match lens.max() {
        Some(len) if len > ENTRY_LEN_MAX => Err(LogError::EntryTooLong {
            len,
            max: ENTRY_LEN_MAX,
        }),
        _ => Ok(()),
    }
}

/// The entries that are left when each order has replaced what it overlaps in
/// the orders before it: one run without gaps or repetitions.
fn surviving_entries(orders: &[Persist]) -> Vec<&Entry> {
    let mut run: Vec<&Entry> =
        Vec::with_capacity(orders.iter().map(|order| order.entries.len()).sum());
    for order in orders {
        if let (Some(head), Some(first)) = (run.first(), order.entries.first()) {
            let kept = first.index.0.saturating_sub(head.index.0);
            run.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        }
        run.extend(&order.entries);
    }
    run
}
