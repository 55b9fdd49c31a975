//! Finds a child by its parent and name: hash tables of znode numbers.
//!
//! It holds no names: the caller says whether a candidate is the one. It is never walked, so its
//! order reaches no result (G-16).
//!
//! Invariants: each live znode but the root stands in it exactly once. A table that grows holds
//! up the write that made it grow, so there are 1024 of them: at ten million znodes each growth
//! moves ten thousand entries, a fraction of a millisecond, and never looks at a znode for it,
//! since the hash is stored beside the number.

use hashbrown::HashTable;

use crate::hash_key::HashKey;

const SHARD_BITS: u32 = 10;

/// Znode numbers by parent and name.
#[derive(Debug)]
pub(crate) struct ChildIndex {
    key: HashKey,
    shards: Vec<HashTable<Entry>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    node: u32,
}

/// The keyed hash of a parent and a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NameHash(u64);

impl NameHash {
    fn shard_index(self) -> usize {
        usize::try_from(self.0 >> (u64::BITS - SHARD_BITS)).expect("10 bits fit")
    }

    fn stored(self) -> u32 {
        u32::try_from(self.0 & u64::from(u32::MAX)).expect("masked to 32 bits")
    }
}

/// The table takes its bucket from the low bits and its tag from the high ones.
fn spread(stored: u32) -> u64 {
    u64::from(stored) << 32 | u64::from(stored)
}

impl ChildIndex {
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            key,
            shards: (0..1u32 << SHARD_BITS).map(|_| HashTable::new()).collect(),
        }
    }

    pub(crate) fn hash(&self, parent: u32, name: &[u8]) -> NameHash {
        NameHash(self.key.hash_name(parent, name))
    }

    /// The number of which `is_it` says yes, among those with this hash.
    #[inline]
    pub(crate) fn find(&self, hash: NameHash, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let stored = hash.stored();
        let shard = self.shards.get(hash.shard_index())?;
        let found = shard.find(spread(stored), |entry| {
            entry.hash == stored && is_it(entry.node)
        });
        found.map(|entry| entry.node)
    }

    /// Adds a number; the caller knows that its parent and name are not there yet.
    pub(crate) fn insert(&mut self, hash: NameHash, node: u32) {
        let entry = Entry {
            hash: hash.stored(),
            node,
        };
        self.shard_mut(hash)
            .insert_unique(spread(entry.hash), entry, |held| spread(held.hash));
    }

    /// Takes a number out that is there.
    pub(crate) fn remove(&mut self, hash: NameHash, node: u32) {
        let stored = hash.stored();
        let shard = self.shard_mut(hash);
        let found = shard.find_entry(spread(stored), |entry| entry.node == node);
        found.expect("every live znode is in the index").remove();
        if shard.capacity() > 64 && shard.len() < shard.capacity() / 8 {
            shard.shrink_to(shard.len() * 2, |held| spread(held.hash));
        }
    }

    /// Makes room for this many in all, so that loading does not grow table by table.
    pub(crate) fn reserve(&mut self, count: usize) {
        let per_shard = count >> SHARD_BITS;
        for shard in &mut self.shards {
            // An eighth more: names do not spread over the tables to the last one.
            shard.reserve(per_shard + per_shard / 8, |held| spread(held.hash));
        }
    }

    fn shard_mut(&mut self, hash: NameHash) -> &mut HashTable<Entry> {
        self.shards
            .get_mut(hash.shard_index())
            .expect("one shard for each 10-bit number")
    }
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
        let full: usize = index.shards.iter().map(|shard| shard.capacity()).sum();
        for number in 0..200_000u32 {
            index.remove(index.hash(0, &number.to_be_bytes()), number);
        }
        let empty: usize = index.shards.iter().map(|shard| shard.capacity()).sum();
        assert!(empty * 2 < full, "{empty} of {full} slots kept");
    }
}
