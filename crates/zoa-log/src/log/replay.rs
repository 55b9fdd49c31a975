//! The state of the log, batch by batch, while it is read from the front.
//!
//! What it is: what the batches together say. What it is not: a reader of files.
//! Invariant: what no log of ours can have written is an error, never a panic.

use crate::HardState;
use crate::LogIndex;
use crate::batch::Header;
use crate::batch::LogId;
use crate::batch::State;
use crate::batch_index::BatchIndex;
use crate::batch_index::BatchRef;
use crate::limits::BLOCK_LEN;
use crate::width::u32_of;
use crate::width::u64_of;
use crate::width::usize_of;

/// The log as the batches read so far make it.
#[derive(Default)]
pub(super) struct Replay {
    /// `None` until the first entry shows where the oldest segment begins.
    pub(super) index: Option<BatchIndex>,
    pub(super) hard_state: HardState,
    purged: LogId,
    terms: Vec<u64>,
    /// Block and length in blocks of the batch last taken.
    pub(super) newest: Option<(u64, u64)>,
}

impl Replay {
    /// Takes a batch that is whole; an error says what is impossible about it.
    pub(super) fn take(&mut self, header: &Header, body: &[u8]) -> Result<(), String> {
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
    pub(super) fn finish(&mut self, state: State) -> Result<(), String> {
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
