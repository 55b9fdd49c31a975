//! Who could speak to whom among the servers: which of them could tell the leader what it hears, when a leader had a quorum behind it,
//! and how long it took to have one when that was possible.
//!
//! G-11 asks what a leader could know, G-21 when there was one. Noted once in each of a server's ticks; a stretch ends at the last
//! tick at which it still held, so it is never longer than it was.

use super::Span;
use crate::clock::SimTime;
use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// Stretches in which a server had one and the same connection to one and the same leader, which led; for the leader itself those in
    /// which it led.
    pub in_touch: BTreeMap<u8, Vec<Span>>,
    /// Stretches in which a server was in touch with the leader, but did not hear it: it told of those whom it owed answers, and could not
    /// answer.
    pub deaf: BTreeMap<u8, Vec<Span>>,
    /// Stretches in which one leader led with a majority of those that vote in touch with it, each way.
    pub led: Vec<Span>,
    /// Times without a leader, though there could have been one, that are over.
    pub elections: Vec<Election>,
    /// Since when there could be a leader and is none.
    pub waits_since: Option<SimTime>,
}

/// A majority of those that vote runs, each of them connected with each other both ways, and none of them leads; then one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Election {
    /// When they were so first.
    pub joined_at: SimTime,
    /// When one of them led, and a majority followed.
    pub led_at: SimTime,
    /// Elections in between that nobody won: so many terms passed without a leader.
    pub lost: u64,
}
