//! One connection's log, held against the history: G-04, G-05, G-07 and G-09.
//!
//! Everything is exact, since every reply says the zxid at which it was made:
//! - G-04: that zxid never goes down, also over a new connection of the session.
//! - G-05: a read shows the tree as of that zxid.
//! - G-07: an event comes before any reply whose zxid is the event's or later; a one-shot watch fires
//!   once, for the first change after the reply that set it; a persistent one for every change.
//! - G-09: an event needs a watch whose reply has come.

use super::arrival::Arrival;
use super::arrival::Persistent;
use super::arrival::Seen;
use super::history::Change;
use super::history::History;
use super::node::Kind;
use super::node::Node;
use std::collections::HashMap;

/// One broken guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) guarantee: &'static str,
    /// The place in the connection's log.
    pub(crate) at: usize,
    pub(crate) what: String,
}

/// A persistent watch and the next change that it must hear.
struct Listening<'a> {
    persistent: Persistent,
    changes: &'a [Change],
    next: usize,
}

struct Checker<'a> {
    history: &'a History,
    last_zxid: i64,
    last_event_zxid: i64,
    /// One-shot watches, with the change that each must fire for.
    armed: HashMap<Node, Option<Change>>,
    listening: Vec<Listening<'a>>,
    /// Events that setWatches makes up, which carry no zxid.
    made_up: Vec<(Node, Kind)>,
    at: usize,
    found: Vec<Violation>,
}

/// Checks one connection's log.
pub(crate) fn check(history: &History, log: &[Arrival]) -> Vec<Violation> {
    let mut checker = Checker {
        history,
        last_zxid: 0,
        last_event_zxid: 0,
        armed: HashMap::new(),
        listening: Vec::new(),
        made_up: Vec::new(),
        at: 0,
        found: Vec::new(),
    };
    for (at, arrival) in log.iter().enumerate() {
        checker.at = at;
        checker.arrived(arrival);
    }
    checker.found
}

impl Checker<'_> {
    fn broken(&mut self, guarantee: &'static str, what: String) {
        self.found.push(Violation {
            guarantee,
            at: self.at,
            what,
        });
    }

    fn arrived(&mut self, arrival: &Arrival) {
        match arrival {
            Arrival::Read {
                zxid,
                node,
                watch,
                seen,
            } => {
                self.replied(*zxid);
                self.check_read(*zxid, *node, *seen);
                if *watch && !self.armed.contains_key(node) {
                    self.armed
                        .insert(*node, self.history.first_after(*node, *zxid));
                }
            }
            Arrival::Written { zxid, .. } => {
                if *zxid <= self.last_zxid {
                    self.broken(
                        "G-04",
                        format!("a write got zxid {zxid:#x} after {:#x}", self.last_zxid),
                    );
                }
                self.replied(*zxid);
            }
            Arrival::Refused { zxid } | Arrival::Pinged { zxid } => self.replied(*zxid),
            Arrival::WatchAdded { zxid, persistent } => {
                self.replied(*zxid);
                let (changes, next) = self.history.heard_after(*persistent, *zxid);
                self.listening.push(Listening {
                    persistent: *persistent,
                    changes,
                    next,
                });
            }
            Arrival::WatchesSet {
                zxid,
                relative,
                nodes,
            } => {
                self.replied(*zxid);
                self.watches_set(*zxid, *relative, nodes);
            }
            Arrival::Event {
                zxid: -1,
                kind,
                node,
            } => self.made_up.push((*node, *kind)),
            Arrival::Event { zxid, kind, node } => self.event(*zxid, *kind, *node),
            Arrival::Attached => {
                self.armed.clear();
                self.listening.clear();
            }
            Arrival::Wrong(what) => self.broken("protocol", what.clone()),
        }
    }

    /// What every reply must hold.
    fn replied(&mut self, zxid: i64) {
        if zxid < self.last_zxid {
            self.broken(
                "G-04",
                format!(
                    "a reply of zxid {zxid:#x} after one of {:#x}",
                    self.last_zxid
                ),
            );
        }
        self.last_zxid = self.last_zxid.max(zxid);
        let late: Vec<(Node, Change)> = self
            .armed
            .iter()
            .filter_map(|(node, expected)| Some((*node, (*expected)?)))
            .filter(|(_, expected)| expected.zxid <= zxid)
            .collect();
        for (node, expected) in late {
            self.armed.remove(&node);
            self.broken(
                "G-07",
                format!("a reply of zxid {zxid:#x} came before the event of {expected:?}"),
            );
        }
        let late: Vec<Change> = self
            .listening
            .iter_mut()
            .filter_map(|listening| {
                let change = listening
                    .changes
                    .get(listening.next)
                    .filter(|change| change.zxid <= zxid)?;
                listening.next = listening
                    .changes
                    .partition_point(|change| change.zxid <= zxid);
                Some(*change)
            })
            .collect();
        for change in late {
            self.broken(
                "G-07",
                format!("a reply of zxid {zxid:#x} came before the persistent event of {change:?}"),
            );
        }
    }

    fn check_read(&mut self, zxid: i64, node: Node, seen: Seen) {
        let expected = match node {
            Node::Key(_) | Node::Child(_) => {
                self.history
                    .last_at(node, zxid)
                    .map(|(at, change)| Seen::Data {
                        stamp: change.stamp,
                        mzxid: change.zxid,
                        version: i32::try_from(at).unwrap_or(i32::MAX),
                    })
            }
            Node::Parent => {
                let children = self.history.children_at(zxid);
                let Seen::Children { pzxid, .. } = seen else {
                    return;
                };
                // Before the first child the directory's own creation is its pzxid, which no log holds.
                let pzxid = if children.zxid == 0 {
                    pzxid
                } else {
                    children.zxid
                };
                Some(Seen::Children {
                    count: children.count,
                    sum: children.sum,
                    pzxid,
                })
            }
            Node::Flap => Some(match self.history.last_at(node, zxid) {
                Some((
                    _,
                    Change {
                        kind: Kind::Created,
                        zxid,
                        ..
                    },
                )) => Seen::Present { czxid: zxid },
                _ => Seen::Absent,
            }),
        };
        if expected != Some(seen) {
            self.broken(
                "G-05",
                format!("{node:?} at zxid {zxid:#x} is {expected:?}, but {seen:?} was read"),
            );
        }
    }

    fn event(&mut self, zxid: i64, kind: Kind, node: Node) {
        if zxid <= self.last_zxid {
            self.broken(
                "G-07",
                format!(
                    "the event {kind:?} {node:?} of zxid {zxid:#x} came after a reply of {:#x}",
                    self.last_zxid
                ),
            );
        }
        if zxid < self.last_event_zxid {
            self.broken(
                "G-07",
                format!(
                    "an event of zxid {zxid:#x} came after one of {:#x}",
                    self.last_event_zxid
                ),
            );
        }
        self.last_event_zxid = zxid;
        let heard = Change {
            zxid,
            node,
            kind,
            stamp: 0,
        };
        let matches = |expected: &Change| {
            (expected.zxid, expected.node, expected.kind) == (heard.zxid, heard.node, heard.kind)
        };
        for listening in &mut self.listening {
            if listening.changes.get(listening.next).is_some_and(matches) {
                listening.next += 1;
                return;
            }
        }
        match self.armed.remove(&node) {
            Some(Some(expected)) if matches(&expected) => {}
            Some(expected) => self.broken(
                "G-07",
                format!(
                    "the watch on {node:?} fired with {kind:?} of {zxid:#x}, expected {expected:?}"
                ),
            ),
            None => {
                let watches: Vec<Persistent> = self
                    .listening
                    .iter()
                    .map(|listening| listening.persistent)
                    .collect();
                self.broken("G-09", format!("{kind:?} {node:?} of {zxid:#x} without a watch (persistent: {watches:?}): fired twice, or before its reply"));
            }
        }
    }

    /// What changed since `relative` must have been told before the reply, and nothing else.
    fn watches_set(&mut self, zxid: i64, relative: i64, nodes: &[Node]) {
        let mut told = std::mem::take(&mut self.made_up);
        let mut expected = Vec::new();
        for node in nodes {
            match self
                .history
                .first_after(*node, relative)
                .filter(|change| change.zxid <= zxid)
            {
                Some(change) => expected.push((*node, change.kind)),
                None => {
                    self.armed
                        .insert(*node, self.history.first_after(*node, zxid));
                }
            }
        }
        told.sort();
        expected.sort();
        if told != expected {
            self.broken(
                "G-07",
                format!("setWatches since {relative:#x} told {told:?} instead of {expected:?}"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
