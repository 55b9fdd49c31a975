//! One checker a guarantee: each lays the history beside the replay and reports what contradicts it.
//!
//! A checker is a pure function of the case; it changes nothing and knows no simulator. A single fault of the server may be
//! reported under several guarantees, since several were broken.
//!
//! Invariant: a correct run gives no violation, whatever the faults were; what clients never saw is never held against the
//! server. Each file's tests show both: a correct history accepted, a planted violation reported.

mod g01_linearizable;
mod g02_nothing_lost;
mod g03_fifo;
mod g04_never_back;
mod g04_serving;
mod g05_reads;
mod g06_sync;
mod g07_watches;
mod g08_watch_acl;
mod g09_reply_first;
mod g10_ephemerals;
mod g11_expiry;
mod g12_restore;
mod g13_sequences;
mod g14_multi;
mod g15_stats;
mod g16_same_state;
mod g17_zxids;
mod g18_replication;
mod g19_durable;
mod g20_poison;
mod g21_liveness;
mod g22_bounded;
mod g23_membership;
mod g24_upgrade;
mod refused;
mod stat_free;

#[cfg(test)]
pub(crate) mod scene;

use crate::applied::Applied;
use crate::history::History;
use crate::observed::Observed;
use crate::op::Op;
use crate::replay::Replayed;
use crate::replay::replay;
use std::fmt;

/// Everything a checker may look at.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What clients did and saw.
    pub history: &'a History,
    /// What was committed.
    pub applied: &'a Applied,
    /// What clients should have seen.
    pub replayed: &'a Replayed,
    /// What the simulator saw of the servers.
    pub observed: &'a Observed,
}

impl Case<'_> {
    /// Whether it cannot be told what a read should have shown: the first leader of an ensemble writes down who its servers are
    /// without taking a zxid, so a read at the zxid before may have seen it or not.
    fn is_unsure(self, op: &Op, zxid: i64) -> bool {
        self.replayed.founded_at == Some(zxid) && op.reads(CONFIG)
    }
}

/// Where the servers of an ensemble are written down.
const CONFIG: &str = "/zookeeper/config";

/// A guarantee that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its number in GUARANTEES.md, as `G-01`.
    pub guarantee: &'static str,
    /// Where and how, for people.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken: {}", self.guarantee, self.what)
    }
}

impl Violation {
    pub(crate) fn new(guarantee: &'static str, what: String) -> Self {
        Self { guarantee, what }
    }
}

/// A checker: appends what it finds.
type Checker = fn(Case<'_>, &mut Vec<Violation>);

/// All of them, in the order in which their reports are most telling.
const CHECKERS: [Checker; 25] = [
    g19_durable::check,
    g20_poison::check,
    g02_nothing_lost::check,
    g01_linearizable::check,
    g03_fifo::check,
    g04_never_back::check,
    g04_serving::check,
    g05_reads::check,
    g06_sync::check,
    g07_watches::check,
    g08_watch_acl::check,
    g09_reply_first::check,
    g10_ephemerals::check,
    g11_expiry::check,
    g12_restore::check,
    g13_sequences::check,
    g14_multi::check,
    g15_stats::check,
    g16_same_state::check,
    g17_zxids::check,
    g18_replication::check,
    g21_liveness::check,
    g22_bounded::check,
    g23_membership::check,
    g24_upgrade::check,
];

/// Replays a run and applies all checkers.
pub fn check_all(history: &History, applied: &Applied, observed: &Observed) -> Vec<Violation> {
    let replayed = replay(history, applied);
    let case = Case {
        history,
        applied,
        replayed: &replayed,
        observed,
    };
    check(case)
}

/// Applies all checkers to a run that was replayed already.
pub fn check(case: Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for checker in CHECKERS {
        checker(case, &mut violations);
    }
    violations
}
