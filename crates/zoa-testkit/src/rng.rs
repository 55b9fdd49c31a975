//! The only source of chance in the simulated world: a small generator that is given its seed.
//!
//! It is not cryptographic and not shared: every actor (a client, the disk, the network, the scheduler) owns a generator
//! forked by name from the seed's, so that adding a draw in one place does not move every other draw.
//!
//! Invariant: the sequence depends on the seed and the labels of the forks alone, never on a clock, an address or a thread.
//! Serves the determinism that every check of the simulator stands on.

/// A xoshiro256++ generator (Blackman and Vigna), seeded through SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator for this seed. Equal seeds give equal sequences on every machine.
    pub fn new(seed: u64) -> Self {
        let mut mix = seed;
        let state = [
            split_mix(&mut mix),
            split_mix(&mut mix),
            split_mix(&mut mix),
            split_mix(&mut mix),
        ];
        Self { state }
    }

    /// A generator of its own for the actor called `label`; drawing from it leaves `self` where it was after this call.
    pub fn fork(&mut self, label: &str) -> Self {
        // FNV-1a spreads the label; equal labels forked one after another still differ by the draw.
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self::new(self.next_u64() ^ hash)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c2, d2) = (c ^ a, d ^ b);
        self.state = [a ^ d2, b ^ c2, c2 ^ (b << 17), d2.rotate_left(45)];
        result
    }

    /// A number in `0..bound`; 0 when `bound` is 0. The bias of the modulo is below 2^-40 for the bounds used here.
    pub fn below(&mut self, bound: u64) -> u64 {
        let draw = self.next_u64();
        if bound == 0 { 0 } else { draw % bound }
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True in `percent` of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// True in `permille` of a thousand cases.
    pub fn permille(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// A position in a list of `len` items; 0 when it is empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// One of the items, or nothing when there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.index(items.len()))
    }

    /// The position of one of the weights, chosen in proportion to it.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().copied().map(u64::from).sum();
        let mut draw = self.below(total);
        for (position, weight) in weights.iter().enumerate() {
            if draw < u64::from(*weight) {
                return position;
            }
            draw -= u64::from(*weight);
        }
        0
    }

    /// Sixteen random bytes, as session passwords are.
    pub fn bytes16(&mut self) -> [u8; 16] {
        let (high, low) = (self.next_u64(), self.next_u64());
        ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn equal_seeds_give_equal_sequences_and_others_do_not() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..100).map(|_| rng.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn forks_of_different_names_differ() {
        let mut one = Rng::new(1);
        let mut two = Rng::new(1);
        assert_ne!(one.fork("disk").next_u64(), two.fork("net").next_u64());
        assert_eq!(
            one.next_u64(),
            two.next_u64(),
            "the parent goes on the same way whatever the label was"
        );
    }

    #[test]
    fn weighted_draws_follow_the_weights() {
        let mut rng = Rng::new(3);
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            counts[rng.weighted(&[0, 1, 3])] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!((2200..2800).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn bounds_hold_at_their_ends() {
        let mut rng = Rng::new(5);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.between(4, 4), 4);
        assert!((0..1000).all(|_| (2..=5).contains(&rng.between(2, 5))));
        assert!(rng.pick::<u8>(&[]).is_none());
    }
}
