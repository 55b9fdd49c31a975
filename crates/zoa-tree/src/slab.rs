//! A table of values numbered by u32, in chunks.
//!
//! ```text
//! number = chunk << 10 | slot        chunk: slots grow to 1024, freed ones form a list
//! ```
//!
//! It is not a map: numbers are handed out by the slab and reused after removal.
//!
//! Invariants: a value never moves, so growing copies at most one chunk (a plain `Vec` would stop
//! writers while it copies a gigabyte); a chunk without values gives its memory back.

use crate::slab::Slot::Occupied;
use crate::slab::Slot::Vacant;

const CHUNK_BITS: u32 = 10;
const CHUNK_LEN: usize = 1 << CHUNK_BITS;
const SLOT_MASK: u32 = (1 << CHUNK_BITS) - 1;
const NO_SLOT: u16 = u16::MAX;

/// Values by number.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// Chunks that have room, each once; the last is filled first.
    open: Vec<u32>,
    len: u32,
    len_max: u32,
}

#[derive(Debug)]
struct Chunk<T> {
    slots: Vec<Slot<T>>,
    first_vacant: u16,
    occupied: u16,
}

#[derive(Debug)]
enum Slot<T> {
    Vacant { next: u16 },
    Occupied(T),
}

impl<T> Slab<T> {
    /// An empty slab that will hold at most `len_max` values.
    pub(crate) const fn new(len_max: u32) -> Self {
        Self {
            chunks: Vec::new(),
            open: Vec::new(),
            len: 0,
            len_max,
        }
    }

    /// Puts a value in and returns its number; `None` when the slab is full.
    pub(crate) fn insert(&mut self, value: T) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        if self.open.is_empty() {
            self.open.push(number_of(self.chunks.len()));
            self.chunks.push(Chunk::new());
        }
        let chunk_number = *self.open.last().expect("one was pushed if there was none");
        let chunk = self.chunk_mut(chunk_number);
        let slot = chunk.insert(value);
        if chunk.is_full() {
            self.open.pop();
        }
        self.len += 1;
        Some(chunk_number << CHUNK_BITS | slot)
    }

    /// Takes the value of this number out.
    pub(crate) fn remove(&mut self, number: u32) -> T {
        let chunk_number = number >> CHUNK_BITS;
        let chunk = self.chunk_mut(chunk_number);
        let was_full = chunk.is_full();
        let value = chunk.remove(number & SLOT_MASK);
        if was_full {
            self.open.push(chunk_number);
        }
        self.len -= 1;
        value
    }

    /// The value of this number, if there is one.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let chunk = self.chunks.get(index_of(number >> CHUNK_BITS))?;
        match chunk.slots.get(index_of(number & SLOT_MASK))? {
            Occupied(value) => Some(value),
            Vacant { .. } => None,
        }
    }

    /// The value of a number that the caller knows to be in use.
    #[inline]
    pub(crate) fn at(&self, number: u32) -> &T {
        self.get(number)
            .expect("the tree keeps no number of a value that is gone")
    }

    /// The value of a number that the caller knows to be in use, to be changed.
    #[inline]
    pub(crate) fn at_mut(&mut self, number: u32) -> &mut T {
        let chunk = self.chunks.get_mut(index_of(number >> CHUNK_BITS));
        match chunk.and_then(|chunk| chunk.slots.get_mut(index_of(number & SLOT_MASK))) {
            Some(Occupied(value)) => Some(value),
            Some(Vacant { .. }) | None => None,
        }
        .expect("the tree keeps no number of a value that is gone")
    }

    #[cfg(test)]
    pub(crate) fn set_len_max(&mut self, len_max: u32) {
        self.len_max = len_max;
    }

    /// How many values there are.
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Whether another value would be one too many.
    pub(crate) const fn is_full(&self) -> bool {
        self.len >= self.len_max
    }

    /// One more than the largest number that can be in use.
    pub(crate) fn numbers_end(&self) -> u64 {
        let Some(last) = self.chunks.last() else {
            return 0;
        };
        let before = (self.chunks.len() - 1) << CHUNK_BITS;
        u64::from(number_of(before)) + u64::from(number_of(last.slots.len()))
    }

    /// The values in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.chunks
            .iter()
            .enumerate()
            .flat_map(|(chunk_index, chunk)| {
                chunk
                    .slots
                    .iter()
                    .enumerate()
                    .filter_map(move |(index, slot)| match slot {
                        Occupied(value) => Some((
                            number_of(chunk_index) << CHUNK_BITS | number_of(index),
                            value,
                        )),
                        Vacant { .. } => None,
                    })
            })
    }

    fn chunk_mut(&mut self, chunk_number: u32) -> &mut Chunk<T> {
        self.chunks
            .get_mut(index_of(chunk_number))
            .expect("chunks are never taken away")
    }
}

/// Loading: values come with the numbers they had.
impl<T> Slab<T> {
    /// Puts a value at a number of the caller's choice; gives it back if the number is taken or
    /// out of range. [`Slab::close_gaps`] must follow before anything is inserted or removed.
    pub(crate) fn place(&mut self, number: u32, value: T) -> Result<(), T> {
        if self.is_full() || number >= self.len_max {
            return Err(value);
        }
        let chunk_index = index_of(number >> CHUNK_BITS);
        if chunk_index >= self.chunks.len() {
            self.chunks.resize_with(chunk_index + 1, Chunk::new);
        }
        let chunk = self
            .chunks
            .get_mut(chunk_index)
            .expect("made long enough just above");
        chunk.place(number & SLOT_MASK, value)?;
        self.len += 1;
        Ok(())
    }

    /// Makes the numbers that were left out available.
    pub(crate) fn close_gaps(&mut self) {
        self.open.clear();
        for (chunk_index, chunk) in self.chunks.iter_mut().enumerate().rev() {
            chunk.list_vacant();
            if !chunk.is_full() {
                self.open.push(number_of(chunk_index));
            }
        }
    }
}

impl<T> Chunk<T> {
    const fn new() -> Self {
        Self {
            slots: Vec::new(),
            first_vacant: NO_SLOT,
            occupied: 0,
        }
    }

    const fn is_full(&self) -> bool {
        self.first_vacant == NO_SLOT && self.slots.len() == CHUNK_LEN
    }

    fn insert(&mut self, value: T) -> u32 {
        self.occupied += 1;
        if self.first_vacant == NO_SLOT {
            self.slots.push(Occupied(value));
            return number_of(self.slots.len() - 1);
        }
        let number = u32::from(self.first_vacant);
        let slot = self
            .slots
            .get_mut(index_of(number))
            .expect("vacant slots are within the chunk");
        let Vacant { next } = std::mem::replace(slot, Occupied(value)) else {
            unreachable!("the list of vacant slots holds vacant slots")
        };
        self.first_vacant = next;
        number
    }

    fn remove(&mut self, slot_number: u32) -> T {
        let slot = self
            .slots
            .get_mut(index_of(slot_number))
            .expect("the number is in use");
        let Occupied(value) = std::mem::replace(
            slot,
            Vacant {
                next: self.first_vacant,
            },
        ) else {
            unreachable!("the number is in use")
        };
        self.first_vacant = u16::try_from(slot_number).expect("a slot's number has 10 bits");
        self.occupied -= 1;
        if self.occupied == 0 {
            self.slots = Vec::new();
            self.first_vacant = NO_SLOT;
        }
        value
    }

    fn place(&mut self, slot_number: u32, value: T) -> Result<(), T> {
        let index = index_of(slot_number);
        while self.slots.len() <= index {
            self.slots.push(Vacant { next: NO_SLOT });
        }
        let slot = self
            .slots
            .get_mut(index)
            .expect("made long enough just above");
        if matches!(slot, Occupied(_)) {
            return Err(value);
        }
        *slot = Occupied(value);
        self.occupied += 1;
        Ok(())
    }

    fn list_vacant(&mut self) {
        if self.occupied == 0 {
            self.slots = Vec::new();
        }
        self.first_vacant = NO_SLOT;
        for (index, slot) in self.slots.iter_mut().enumerate().rev() {
            if let Vacant { next } = slot {
                *next = self.first_vacant;
                self.first_vacant = u16::try_from(index).expect("a slot's number has 10 bits");
            }
        }
    }
}

#[inline]
fn index_of(number: u32) -> usize {
    usize::try_from(number).expect("usize has 32 bits or more")
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index).expect("a slab holds fewer than 2^32 values")
}

#[cfg(test)]
mod tests {
    use super::CHUNK_LEN;
    use super::Slab;

    fn filled(count: usize) -> (Slab<usize>, Vec<u32>) {
        let mut slab = Slab::new(u32::MAX - 1);
        let numbers = (0..count)
            .map(|value| slab.insert(value).unwrap())
            .collect();
        (slab, numbers)
    }

    #[test]
    fn values_keep_their_numbers_over_chunks() {
        let (slab, numbers) = filled(3 * CHUNK_LEN + 1);
        for (value, number) in numbers.iter().enumerate() {
            assert_eq!(slab.get(*number), Some(&value));
        }
        assert_eq!(slab.iter().count(), numbers.len());
        assert_eq!(slab.numbers_end(), numbers.len() as u64);
    }

    #[test]
    fn a_freed_number_is_used_again_before_the_slab_grows() {
        let (mut slab, numbers) = filled(2 * CHUNK_LEN);
        assert_eq!(slab.remove(numbers[5]), 5);
        assert_eq!(slab.get(numbers[5]), None);
        assert_eq!(slab.insert(77), Some(numbers[5]));
        assert_eq!(slab.insert(78), Some(2 * CHUNK_LEN as u32));
    }

    #[test]
    fn a_chunk_without_values_gives_its_memory_back_and_serves_again() {
        let (mut slab, numbers) = filled(2 * CHUNK_LEN);
        for number in &numbers {
            slab.remove(*number);
        }
        assert_eq!(slab.len(), 0);
        assert!(slab.chunks.iter().all(|chunk| chunk.slots.capacity() == 0));
        let again: Vec<u32> = (0..2 * CHUNK_LEN)
            .map(|value| slab.insert(value).unwrap())
            .collect();
        let mut sorted = again.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, numbers);
    }

    #[test]
    fn one_value_more_than_the_limit_is_refused() {
        let mut slab = Slab::new(3);
        for value in 0..3 {
            assert!(slab.insert(value).is_some());
        }
        assert_eq!(slab.insert(3), None);
        slab.remove(1);
        assert_eq!(slab.insert(3), Some(1));
    }

    #[test]
    fn placed_values_leave_gaps_that_are_filled_later() {
        let mut slab = Slab::new(10_000);
        assert_eq!(slab.place(2500, 'b'), Ok(()));
        assert_eq!(slab.place(3, 'a'), Ok(()));
        assert_eq!(slab.place(3, 'c'), Err('c'));
        assert_eq!(slab.place(10_000, 'd'), Err('d'));
        slab.close_gaps();
        assert_eq!(slab.len(), 2);
        assert_eq!(slab.insert('e'), Some(0));
        for value in 0..9997u32 {
            assert!(
                slab.insert(char::from_u32(value % 50 + 40).unwrap())
                    .is_some()
            );
        }
        assert!(slab.is_full());
        assert_eq!((slab.get(3), slab.get(2500)), (Some(&'a'), Some(&'b')));
    }

    #[test]
    fn a_slot_costs_no_more_than_its_value() {
        assert_eq!(size_of::<super::Slot<Box<[u8]>>>(), size_of::<Box<[u8]>>());
    }
}
