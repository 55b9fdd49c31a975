//! Chance without a random source: a sequence that starts from bytes the driver passes in.
//!
//! It spreads clients over servers and over time. It is not cryptographic, and nothing secret comes from it.

/// The random bytes a client needs, drawn by the driver from its system.
#[derive(Clone, Copy, Debug)]
pub struct Entropy {
    /// Keys the hash tables, whose keys are names from outside.
    pub hash_key: [u64; 2],
    /// Shuffles the hosts and spreads the delays.
    pub seed: u64,
}

/// A `SplitMix64` generator.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        let width = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(self.next() % width)
    }

    /// Puts the items in another order, every order as likely as the next.
    pub(crate) fn shuffle<I>(&mut self, items: &mut [I]) {
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last).unwrap_or(u64::MAX);
            let other = usize::try_from(self.between(0, bound)).unwrap_or(last);
            items.swap(last, other.min(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_gives_one_order_and_seeds_give_different_ones() {
        let order = |seed| {
            let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
            Random::new(seed).shuffle(&mut items);
            items
        };
        assert_eq!(order(7), order(7));
        assert!((0..10).any(|seed| order(seed) != order(7)));
        let mut sorted = order(7);
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn every_host_comes_first_for_some_seed() {
        let mut first = [false; 3];
        for seed in 0..64 {
            let mut items = [0, 1, 2];
            Random::new(seed).shuffle(&mut items);
            first[items[0]] = true;
        }
        assert_eq!(first, [true; 3]);
    }

    #[test]
    fn a_number_stays_in_its_range() {
        let mut random = Random::new(1);
        for _ in 0..1000 {
            assert!((5..=9).contains(&random.between(5, 9)));
        }
        assert_eq!(random.between(3, 3), 3);
        assert_eq!(random.between(9, 3), 9);
    }
}
