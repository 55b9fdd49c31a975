//! What happened in a run: the last part of it for people, and a hash over all of it for the test of determinism.
//!
//! Invariant: the hash depends on the order, the times and the contents of everything noted, and on nothing else; no address,
//! no clock of the host, no order of a hash map gets in.

use std::collections::VecDeque;
use std::fmt;
use zoa_testkit::clock::SimTime;

/// How many of the last happenings are kept.
const KEPT: usize = 120;

/// One happening, in numbers, so that noting it costs nothing.
#[derive(Clone, Copy, Debug)]
struct Happening {
    at: SimTime,
    what: &'static str,
    first: u64,
    second: u64,
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.at, self.what, self.first, self.second
        )
    }
}

/// The trace of a run.
#[derive(Clone, Debug)]
pub struct Trace {
    last: VecDeque<Happening>,
    hash: u64,
    count: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            last: VecDeque::with_capacity(KEPT),
            hash: 0xcbf2_9ce4_8422_2325,
            count: 0,
        }
    }
}

impl Trace {
    /// Notes a happening.
    pub(crate) fn note(&mut self, at: SimTime, what: &'static str, (first, second): (u64, u64)) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(Happening {
            at,
            what,
            first,
            second,
        });
        self.count += 1;
        for number in [at.0, first, second] {
            self.mix(number);
        }
        self.note_bytes(what.as_bytes());
    }

    /// Mixes bytes in that are not worth showing.
    pub(crate) fn note_bytes(&mut self, bytes: &[u8]) {
        self.mix(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.mix(u64::from(*byte));
        }
    }

    fn mix(&mut self, number: u64) {
        let mixed = u128::from(self.hash ^ number) * 0x9e37_79b9_7f4a_7c15_u128;
        self.hash = (mixed >> 64) as u64 ^ mixed as u64;
    }

    /// One number for the whole run.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How much happened.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The last happenings, one a line.
    pub fn tail(&self) -> String {
        self.last
            .iter()
            .map(|happening| format!("  {happening}\n"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Trace;
    use zoa_testkit::clock::SimTime;

    fn hash_of(notes: &[(u64, &'static str, u64)]) -> u64 {
        let mut trace = Trace::default();
        for (at, what, number) in notes {
            trace.note(SimTime(*at), what, (*number, 0));
        }
        trace.hash()
    }

    #[test]
    fn order_time_and_content_count() {
        let base = hash_of(&[(1, "a", 1), (2, "b", 2)]);
        assert_eq!(base, hash_of(&[(1, "a", 1), (2, "b", 2)]));
        assert_ne!(base, hash_of(&[(2, "b", 2), (1, "a", 1)]));
        assert_ne!(base, hash_of(&[(1, "a", 1), (3, "b", 2)]));
        assert_ne!(base, hash_of(&[(1, "a", 1), (2, "b", 3)]));
        assert_ne!(base, hash_of(&[(1, "a", 1), (2, "c", 2)]));
    }
}
