//! What was done and what came of it, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use crate::plan::Kind;

/// The numbers of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Faults of each kind.
    pub(crate) faults: BTreeMap<Kind, u64>,
    /// Processes started.
    pub(crate) starts: u64,
    /// Processes that ended because their disk failed them, as they should.
    pub(crate) gave_up: u64,
    /// How long servers took to serve again after a wave, in milliseconds.
    pub(crate) recoveries_ms: Vec<u64>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self
            .faults
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        writeln!(f, "faults: {}", faults.join(", "))?;
        let mut times = self.recoveries_ms.clone();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied().unwrap_or(0);
        let longest = times.last().copied().unwrap_or(0);
        write!(
            f,
            "{} starts of servers, {} gave up for their disk; whole again after {} waves: median {middle} ms, longest {longest} ms",
            self.starts,
            self.gave_up,
            times.len()
        )
    }
}
