//! Finds a child by its parent and name: hash tables of znode numbers.
//!
//! It holds no names: the caller says whether a candidate is the one. It is never walked, so its
//! order reaches no result (G-16).
//!
//! Invariants: each live znode but the root stands in it exactly once. A table that grows holds
//! up the write that made it grow, so there are 1024 of them: at ten million znodes each growth
//! moves ten thousand entries, some ten microseconds, and never looks at a znode for it, since the
//! hash is stored beside the number. An entry is found where its hash says or next to there, in
//! one cache line nearly always; a table with its tags apart would touch two.

use crate::hash_key::HashKey;
use crate::tree::links::len_of;

const SHARD_BITS: u32 = 10;

/// Znode numbers by parent and name.
#[derive(Debug)]
pub(crate) struct ChildIndex {
    key: HashKey,
    shards: Vec<Shard>,
}

/// The keyed hash of a parent and a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NameHash(u64);

impl NameHash {
    #[inline]
    fn shard_index(self) -> usize {
        index_of(self.0 >> (u64::BITS - SHARD_BITS))
    }

    /// The part that is stored.
    #[inline]
    fn stored(self) -> u64 {
        self.0 & u64::from(u32::MAX)
    }
}

impl ChildIndex {
    pub(crate) fn new(key: HashKey) -> Self {
        let shards = (0..1u32 << SHARD_BITS).map(|_| Shard::default());
        Self {
            key,
            shards: shards.collect(),
        }
    }

    #[inline]
    pub(crate) fn hash(&self, parent: u32, name: &[u8]) -> NameHash {
        NameHash(self.key.hash_name(parent, name))
    }

    /// The number of which `is_it` says yes, among those with this hash.
    #[inline]
    pub(crate) fn find(&self, hash: NameHash, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.shards
            .get(hash.shard_index())?
            .find(hash.stored(), is_it)
    }

    /// Adds a number; the caller knows that its parent and name are not there yet.
    pub(crate) fn insert(&mut self, hash: NameHash, node: u32) {
        self.shard_mut(hash).insert(Entry::new(hash, node));
    }

    /// Takes a number out that is there.
    pub(crate) fn remove(&mut self, hash: NameHash, node: u32) {
        self.shard_mut(hash).remove(Entry::new(hash, node));
    }

    fn shard_mut(&mut self, hash: NameHash) -> &mut Shard {
        let shard = self.shards.get_mut(hash.shard_index());
        shard.expect("one shard for each 10-bit number")
    }
}

/// An index to be: entries by table, in the order in which they came.
///
/// Loading puts each table together at the end, while it is in the nearest cache; adding a million
/// entries one by one would wait for memory a million times.
#[derive(Debug)]
pub(crate) struct UnbuiltIndex {
    key: HashKey,
    shards: Vec<Vec<Entry>>,
}

impl UnbuiltIndex {
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            key,
            shards: vec![Vec::new(); 1 << SHARD_BITS],
        }
    }

    /// Makes room for this many in all.
    pub(crate) fn reserve(&mut self, count: usize) {
        let per_shard = count >> SHARD_BITS;
        for shard in &mut self.shards {
            // Names do not spread over the tables to the last one.
            shard.reserve(per_shard + per_shard / 8);
        }
    }

    /// Adds a number.
    pub(crate) fn push(&mut self, parent: u32, name: &[u8], node: u32) {
        let hash = NameHash(self.key.hash_name(parent, name));
        if let Some(shard) = self.shards.get_mut(hash.shard_index()) {
            shard.push(Entry::new(hash, node));
        }
    }

    /// The index; `None` if two numbers have one parent and name, of which `is_same` judges.
    pub(crate) fn build(
        &mut self,
        mut is_same: impl FnMut(u32, u32) -> bool,
    ) -> Option<ChildIndex> {
        let mut shards = Vec::with_capacity(self.shards.len());
        for entries in std::mem::take(&mut self.shards) {
            let mut shard = Shard::default();
            shard.resize(slots_for(entries.len()));
            for entry in entries {
                let twin = shard.find(entry.hash(), |other| is_same(other, entry.node()));
                if twin.is_some() {
                    return None;
                }
                shard.insert(entry);
            }
            shards.push(shard);
        }
        let key = self.key;
        Some(ChildIndex { key, shards })
    }
}

/// A hash over a number plus one; 0 is no entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Entry(u64);

impl Entry {
    const EMPTY: Self = Self(0);

    fn new(hash: NameHash, node: u32) -> Self {
        Self((hash.stored() << 32) | (u64::from(node) + 1))
    }

    #[inline]
    const fn hash(self) -> u64 {
        self.0 >> 32
    }

    #[inline]
    fn node(self) -> u32 {
        let low = self.0 & u64::from(u32::MAX);
        u32::try_from(low - 1).expect("32 bits, less one")
    }
}

/// One table: entries at the slot that their hash says, or after it without a gap.
///
/// The slot grows with the hash, so that growing copies nearly in order.
#[derive(Debug, Default)]
struct Shard {
    entries: Vec<Entry>,
    len: usize,
}

/// Slots for this many entries: at most four in five are taken, and a table has grown by a
/// quarter of what it needed.
const fn slots_for(len: usize) -> usize {
    len + len / 2 + len / 16 + 8
}

impl Shard {
    #[inline]
    fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.entries.is_empty() {
            return None;
        }
        let mut slot = self.home(hash);
        loop {
            let entry = self.at(slot);
            if entry == Entry::EMPTY {
                return None;
            }
            if entry.hash() == hash && is_it(entry.node()) {
                return Some(entry.node());
            }
            slot = self.after(slot);
        }
    }

    fn insert(&mut self, entry: Entry) {
        if (self.len + 1) * 5 > self.entries.len() * 4 {
            self.resize(slots_for(self.len));
        }
        self.put(entry);
        self.len += 1;
    }

    fn remove(&mut self, entry: Entry) {
        let mut gap = self.home(entry.hash());
        while self.at(gap) != entry {
            assert!(self.at(gap) != Entry::EMPTY, "every live znode is in here");
            gap = self.after(gap);
        }
        self.close(gap);
        self.len -= 1;
        if self.entries.len() > 64 && self.len * 4 < self.entries.len() {
            self.resize(slots_for(self.len));
        }
    }

    /// Moves entries up so that none stands behind a gap that it could fill.
    fn close(&mut self, mut gap: usize) {
        let mut slot = self.after(gap);
        while self.at(slot) != Entry::EMPTY {
            let home = self.home(self.at(slot).hash());
            if self.distance(home, slot) >= self.distance(gap, slot) {
                self.set(gap, self.at(slot));
                gap = slot;
            }
            slot = self.after(slot);
        }
        self.set(gap, Entry::EMPTY);
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.entries, vec![Entry::EMPTY; slots]);
        for entry in old {
            if entry != Entry::EMPTY {
                self.put(entry);
            }
        }
    }

    fn put(&mut self, entry: Entry) {
        let mut slot = self.home(entry.hash());
        while self.at(slot) != Entry::EMPTY {
            slot = self.after(slot);
        }
        self.set(slot, entry);
    }

    /// Where an entry should stand: the 32-bit hash as a fraction of the slots.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        index_of((hash * len_of(self.entries.len())) >> 32)
    }

    #[inline]
    const fn after(&self, slot: usize) -> usize {
        if slot + 1 < self.entries.len() {
            slot + 1
        } else {
            0
        }
    }

    /// How many steps lead from one slot to another.
    const fn distance(&self, from: usize, to: usize) -> usize {
        if from <= to {
            to - from
        } else {
            to + self.entries.len() - from
        }
    }

    #[inline]
    fn at(&self, slot: usize) -> Entry {
        self.entries.get(slot).copied().unwrap_or(Entry::EMPTY)
    }

    fn set(&mut self, slot: usize, entry: Entry) {
        *self.entries.get_mut(slot).expect("slots are within") = entry;
    }
}

#[inline]
fn index_of(number: u64) -> usize {
    usize::try_from(number).expect("less than the slots there are")
}

#[cfg(test)]
mod tests {
    use super::ChildIndex;
    use crate::hash_key::HashKey;

    #[test]
    fn what_is_put_in_is_found_until_it_is_taken_out() {
        let mut index = ChildIndex::new(HashKey([1, 2]));
        let name = |number: u32| number.to_be_bytes();
        for number in 0..50_000 {
            index.insert(index.hash(number % 7, &name(number)), number);
        }
        for number in (0..50_000).step_by(2) {
            index.remove(index.hash(number % 7, &name(number)), number);
        }
        for number in 0..50_000 {
            let hash = index.hash(number % 7, &name(number));
            let found = index.find(hash, |candidate| candidate == number);
            assert_eq!(found, (number % 2 == 1).then_some(number));
        }
    }

    #[test]
    fn memory_is_given_back_when_most_is_gone() {
        let mut index = ChildIndex::new(HashKey([1, 2]));
        for number in 0..200_000u32 {
            index.insert(index.hash(0, &number.to_be_bytes()), number);
        }
        let full: usize = index.shards.iter().map(|shard| shard.entries.len()).sum();
        for number in 0..200_000u32 {
            index.remove(index.hash(0, &number.to_be_bytes()), number);
        }
        let empty: usize = index.shards.iter().map(|shard| shard.entries.len()).sum();
        assert!(empty * 2 < full, "{empty} of {full} slots kept");
    }
}
