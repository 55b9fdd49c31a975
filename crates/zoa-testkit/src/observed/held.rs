//! What servers held in memory for those who send and do not read: what G-22 is about.
//!
//! Of each kind of thing the largest amount is kept, beside the limit that has a name in production code.

use crate::clock::SimTime;
use std::collections::BTreeMap;

/// How much there was of something at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// How much: bytes, or how many.
    pub amount: u64,
    /// How much there may be.
    pub limit: u64,
    /// On which server, from 1.
    pub server: u8,
    /// When.
    pub at: SimTime,
}

/// The largest amounts of a run.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    most: BTreeMap<&'static str, Most>,
}

impl Holdings {
    /// Takes note of how much there is of something. Of two amounts the one that is larger beside its limit is kept.
    pub fn note(&mut self, what: &'static str, now: Most) {
        let kept = self.most.entry(what).or_insert(now);
        let exceeds = |most: &Most| most.amount.saturating_sub(most.limit);
        if (exceeds(&now), now.amount) > (exceeds(kept), kept.amount) {
            *kept = now;
        }
    }

    /// What there was, each with its largest amount.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Most)> {
        self.most.iter().map(|(what, most)| (*what, *most))
    }

    /// The largest amount of one kind.
    pub fn get(&self, what: &str) -> Option<Most> {
        self.most.get(what).copied()
    }
}
