//! What the simulator itself saw of the servers, beside what clients and log tell: times of packets, outages, poisoned logs.
//!
//! Checkers of sessions and durability need it: whether a session was silent is a fact about the server's ears, not about the
//! client's mouth. Invariant: all times are simulated time, noted when the production code was called.

use crate::clock::SimTime;
use std::collections::BTreeMap;

/// Bounds that the simulated servers run with.
#[derive(Clone, Copy, Debug)]
pub struct ServerBounds {
    /// Expiry is rounded up to this.
    pub tick_ms: u64,
    /// The smallest session timeout granted.
    pub session_timeout_ms_min: i32,
    /// The largest session timeout granted.
    pub session_timeout_ms_max: i32,
    /// How much later than due an expiry may be proposed, for the scheduling of the simulated threads.
    pub expiry_slack_ms: u64,
}

impl Default for ServerBounds {
    fn default() -> Self {
        Self {
            tick_ms: 500,
            session_timeout_ms_min: 1000,
            session_timeout_ms_max: 10_000,
            expiry_slack_ms: 300,
        }
    }
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: SimTime,
    /// Its end.
    pub to: SimTime,
}

impl Span {
    /// Whether a point lies in it.
    pub fn holds(self, at: SimTime) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether any of it lies in `from..to`.
    pub fn meets(self, from: SimTime, to: SimTime) -> bool {
        self.from < to && from < self.to
    }
}

/// What the simulator saw.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Bounds the servers run with.
    pub bounds: ServerBounds,
    /// When packets of each session were handed to a server, in order.
    pub heard: BTreeMap<i64, Vec<SimTime>>,
    /// When the expiry of each session was proposed.
    pub expiry_proposed: BTreeMap<i64, Vec<SimTime>>,
    /// Stretches in which the server was down, paused or without a working disk.
    pub outages: Vec<Span>,
    /// Stretches between a log's failure and the end of its process.
    pub poisoned: Vec<Span>,
    /// Servers that refused to start although every fault so far leaves a recoverable disk, with their words.
    pub refused_starts: Vec<(SimTime, String)>,
    /// States that should be equal and are not: where, and how.
    pub divergences: Vec<String>,
    /// Panics of production code, with their words.
    pub panics: Vec<String>,
    /// Work that did not come to its end although all faults were over.
    pub stuck: Vec<String>,
    /// When the run ended.
    pub ended_at: SimTime,
}

impl Observed {
    /// Takes note of a packet of this session.
    pub fn hear(&mut self, session: i64, at: SimTime) {
        self.heard.entry(session).or_default().push(at);
    }

    /// The last packet of a session not later than `at`.
    pub fn last_heard(&self, session: i64, at: SimTime) -> Option<SimTime> {
        let times = self.heard.get(&session)?;
        let later = times.partition_point(|time| *time <= at);
        later
            .checked_sub(1)
            .and_then(|position| times.get(position))
            .copied()
    }

    /// Whether there was an outage between these points.
    pub fn outage_between(&self, from: SimTime, to: SimTime) -> bool {
        self.outages.iter().any(|outage| outage.meets(from, to))
    }

    /// The end of the last outage that began not later than `at`.
    pub fn last_outage_end(&self, at: SimTime) -> Option<SimTime> {
        self.outages
            .iter()
            .filter(|outage| outage.from <= at)
            .map(|outage| outage.to)
            .max()
    }
}
