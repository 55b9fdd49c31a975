//! What the simulator itself saw of the servers, beside what clients and log tell: times of packets, outages, poisoned logs.
//!
//! Checkers of sessions and durability need it: whether a session was silent is a fact about the server's ears, not about the
//! client's mouth. Invariant: all times are simulated time, noted when the production code was called.

mod contact;
mod held;
mod upgrade;

pub use contact::Contact;
pub use contact::Election;
pub use held::Holdings;
pub use held::Most;
pub use upgrade::FIRST_RULES;
pub use upgrade::Program;
pub use upgrade::RulesHeld;
pub use upgrade::RulesProposed;
pub use upgrade::Said;
pub use upgrade::Upgrade;

use crate::applied::Owner;
use crate::clock::SimTime;
use crate::history::ClientId;
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

/// A server begins to serve clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServingBegins {
    /// Which, from 1.
    pub server: u8,
    /// Since when it had served nobody.
    pub since: SimTime,
    /// When.
    pub at: SimTime,
    /// Up to where it had applied the log.
    pub applied_index: u64,
}

/// A server leads, and has applied what its predecessors had committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leads {
    /// Which, from 1.
    pub server: u8,
    /// In which term.
    pub term: u64,
    /// When.
    pub at: SimTime,
    /// Up to where it had applied the log.
    pub applied_index: u64,
    /// Whether it is one of those that vote.
    pub votes: bool,
}

/// Who takes part when everything has come to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersAtRest {
    /// Whose view it is, from 1.
    pub server: u8,
    /// Those that vote.
    pub voters: Vec<u8>,
    /// Those that should, by the lines of the ensemble, and that are there.
    pub wanted: Vec<u8>,
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
    /// Stretches in which the one server was down or paused; of several, where it cannot be seen who could speak to whom, those in which
    /// anything was amiss.
    pub outages: Vec<Span>,
    /// Stretches in which anything was amiss, of whatever kind, and the time in which its traces are wiped away.
    pub disturbed: Vec<Span>,
    /// Stretches in which the network between clients and servers was slow, or connections went over that nobody was told of: what was
    /// under way then may take as long as it likes.
    pub slowed: Vec<Span>,
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
    /// Who began to serve, and when, and how far it was.
    pub serving_begins: Vec<ServingBegins>,
    /// Who led, and when, and how far it was.
    pub leads: Vec<Leads>,
    /// Entries that a server handed out behind later ones, within one life: server, index, the index before.
    pub handed_out_again: Vec<(u8, u64, u64)>,
    /// Who takes part in the end.
    pub members_at_rest: Vec<MembersAtRest>,
    /// When the last fault was over.
    pub healed_at: Option<SimTime>,
    /// How long everything may take to work again from there on, in milliseconds.
    pub healing_ms_max: u64,
    /// How long those that vote may take to have a leader once enough of them are connected, in milliseconds.
    pub election_ms_max: u64,
    /// Who could speak to whom among the servers; none where that cannot be seen.
    pub contact: Option<Contact>,
    /// What was seen of programs and rules.
    pub upgrade: Upgrade,
    /// What servers held in memory.
    pub holdings: Holdings,
    /// Clients that read nothing and send much.
    pub gluttons: Vec<ClientId>,
    /// Stretches in which a client read nothing.
    pub unread: BTreeMap<ClientId, Vec<Span>>,
    /// How long the answer to a client that reads may take while nothing is amiss, in milliseconds; 0 where nobody says.
    pub answer_ms_max: u64,
    /// Clients that write on one server each once all faults are over.
    pub probers: BTreeMap<ClientId, u8>,
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

    /// Whether the leader had been told `by` then what a server heard `at`: the server was in touch with it for so many milliseconds, from
    /// then on or later, and did not go down before.
    pub fn was_told(&self, server: u8, (at, by): (SimTime, SimTime), takes_ms: u64) -> bool {
        let contact = self.contact.as_ref();
        let stretches = contact.and_then(|contact| contact.in_touch.get(&server));
        let stretches = stretches.map_or(&[][..], Vec::as_slice);
        let tells = |span: &Span| {
            let from = span.from.max(at);
            from.after_ms(takes_ms) <= span.to.min(by)
                && !self.upgrade.starts_between(server, (at, from))
        };
        stretches
            .iter()
            .rev()
            .take_while(|it| it.to > at)
            .any(tells)
    }

    /// Whether anything was amiss between these points.
    pub fn disturbed_between(&self, from: SimTime, to: SimTime) -> bool {
        self.disturbed.iter().any(|span| span.meets(from, to))
    }

    /// Whether connections were slow between these points.
    pub fn slowed_between(&self, from: SimTime, to: SimTime) -> bool {
        self.slowed.iter().any(|span| span.meets(from, to))
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
