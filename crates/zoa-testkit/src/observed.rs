//! What the simulator itself saw of the servers, beside what clients and log tell: times of packets, outages, poisoned logs.
//!
//! Checkers of sessions and durability need it: whether a session was silent is a fact about the server's ears, not about the
//! client's mouth. Invariant: all times are simulated time, noted when the production code was called.

use crate::applied::Owner;
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
    /// When packets of each connection were handed to a server, or came to its machine while it was paused, in order.
    pub heard: BTreeMap<Owner, Vec<SimTime>>,
    /// When the expiry of each session was proposed.
    pub expiry_proposed: BTreeMap<i64, Vec<SimTime>>,
    /// Stretches in which the server was down or paused; of an ensemble, those in which anything was amiss.
    pub outages: Vec<Span>,
    /// There are several servers: what one of them hears, another must be told.
    pub is_ensemble: bool,
    /// When a server began to serve after a start: every session has its full timeout from there.
    pub served_from: Vec<SimTime>,
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
    /// Takes note of a packet of this connection.
    pub fn hear(&mut self, owner: Owner, at: SimTime) {
        self.heard.entry(owner).or_default().push(at);
    }

    /// Whether there was an outage between these points.
    pub fn outage_between(&self, from: SimTime, to: SimTime) -> bool {
        self.outages.iter().any(|outage| outage.meets(from, to))
    }

    /// When the server that runs at this time began to serve.
    pub fn serves_since(&self, at: SimTime) -> Option<SimTime> {
        self.served_from
            .iter()
            .copied()
            .filter(|from| *from <= at)
            .max()
    }
}
