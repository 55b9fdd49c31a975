//! Who can tell the leader what it hears, whether a leader has a majority behind it, and how soon there is one when there can be.
//!
//! Looked at once in each tick of a server, from outside: which connections stand, and what each server believes. See
//! `zoa_testkit::observed::Contact`. Serves the checkers of G-11 and G-21.

use super::World;
use super::id_of;
use super::peers::PeerNetwork;
use super::peers::pair_bit;
use crate::process::Process;
use zoa_ensemble::LinkId;
use zoa_ensemble::NodeId;
use zoa_proto::PeerId;
use zoa_testkit::clock::SimTime;
use zoa_testkit::observed::Contact;
use zoa_testkit::observed::Election;
use zoa_testkit::observed::Span;

/// Two looks of one stretch are no further apart: a server ticks all 50 ms.
const LOOK_MS_MAX: u64 = 60;

/// A server's way to the leader: who leads, in which term, and on which connection; none for the leader itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    leader: usize,
    term: u64,
    link: Option<LinkId>,
}

/// A stretch that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch<W> {
    way: W,
    span: Span,
}

/// Takes a look into account; gives the stretch that is over.
fn go_on<W: PartialEq + Copy>(
    stretch: &mut Option<Stretch<W>>,
    way: Option<W>,
    now: SimTime,
) -> Option<Span> {
    if let Some(known) = stretch
        && Some(known.way) == way
        && now.ms_since(known.span.to) <= LOOK_MS_MAX
    {
        known.span.to = now;
        return None;
    }
    let next = way.map(|way| Stretch {
        way,
        span: Span { from: now, to: now },
    });
    std::mem::replace(stretch, next).map(|over| over.span)
}

impl World {
    /// One look, in a tick of this server.
    pub(super) fn look_at_contact(&mut self, server: usize) {
        if self.machines.count() > 1 {
            let way = self.way_to_leader(server);
            let now = self.now();
            let deaf = way.filter(|way| !self.hears(server, way.leader));
            let over = go_on(&mut self.machines[server].contact, way, now);
            let heard = go_on(&mut self.machines[server].deaf, deaf, now);
            self.keep_contact(server, [over, heard]);
        }
        self.look_at_leader(server);
    }

    /// The server goes down, or the run ends.
    pub(super) fn end_contact(&mut self, server: usize) {
        let over = self.machines[server].contact.take();
        let heard = self.machines[server].deaf.take();
        self.keep_contact(server, [over, heard].map(|over| over.map(|it| it.span)));
        let led = self.machines[server].led.take();
        let led = led.map(|over| over.span);
        self.contact().led.extend(led);
    }

    /// A server has gone down: without a majority nobody waits for a leader, also when all are back before anybody looks again.
    pub(super) fn end_waiting(&mut self) {
        if !self.has_joined() {
            self.contact().waits_since = None;
        }
    }

    pub(super) fn contact(&mut self) -> &mut Contact {
        self.observed.contact.get_or_insert_default()
    }

    fn keep_contact(&mut self, server: usize, [over, heard]: [Option<Span>; 2]) {
        let id = id_of(server);
        let contact = self.contact();
        if let Some(span) = over {
            contact.in_touch.entry(id).or_default().push(span);
        }
        if let Some(span) = heard {
            contact.deaf.entry(id).or_default().push(span);
        }
    }

    /// Whether the server of the newest term leads with a majority behind it.
    fn look_at_leader(&mut self, server: usize) {
        let now = self.now();
        let term = self.has_majority(server);
        let heard = term.filter(|_| self.is_followed(server, |at| self.hears(at, server)));
        let over = go_on(&mut self.machines[server].led, heard, now);
        self.contact().led.extend(over);
        let (Some((_, leader)), None) = (self.leaders.last_key_value(), term) else {
            return self.end_election();
        };
        if self.has_majority(*leader).is_some() {
            return;
        }
        let waits_since = self.contact().waits_since;
        let waits = self.has_joined();
        if waits && waits_since.is_none() {
            self.term_before = self.newest_term();
        }
        self.contact().waits_since = waits.then(|| waits_since.unwrap_or(now));
    }

    /// Somebody leads, or nobody ever did.
    fn end_election(&mut self) {
        let led_at = self.now();
        if let Some(joined_at) = self.contact().waits_since.take() {
            let took_ms = led_at.ms_since(joined_at);
            self.counters.elections += 1;
            self.counters.election_ms_max = self.counters.election_ms_max.max(took_ms);
            let lost = self.newest_term().saturating_sub(self.term_before + 1);
            self.counters.elections_lost += lost;
            self.counters.elections_slow += u64::from(took_ms > super::ELECTION_MS_MAX / 2);
            let election = Election {
                joined_at,
                led_at,
                lost,
            };
            self.contact().elections.push(election);
        }
    }

    /// The newest term that any server knows.
    fn newest_term(&self) -> u64 {
        let processes = self.machines.iter().filter_map(|it| it.process.as_ref());
        processes.map(|it| it.role.2).max().unwrap_or(0)
    }

    /// The term in which this server leads, if a majority of those that vote follows it.
    fn has_majority(&self, server: usize) -> Option<u64> {
        let way = self.way_to_leader(server)?;
        let leads = way.leader == server && self.is_followed(server, |_| true);
        leads.then_some(way.term)
    }

    /// Whether a majority of those that vote, by what this server knows, are in touch with it as the leader; only those that count.
    fn is_followed(&self, leader: usize, counts: impl Fn(usize) -> bool) -> bool {
        let process = self.machines[leader].process.as_ref();
        let Some(voters) = process.and_then(Process::voting_nodes) else {
            return false;
        };
        // A way leads to the one leader of the newest term.
        let follows = |at: &usize| {
            self.way_to_leader(*at)
                .is_some_and(|its| its.leader == leader)
        };
        let places = voters.iter().filter_map(|node| self.place_of(*node));
        2 * places.filter(follows).filter(|at| counts(*at)).count() > voters.len()
    }

    /// The machine on which the server with this id runs: not another one of the same number, which has lost its disk.
    fn place_of(&self, node: NodeId) -> Option<usize> {
        let place = usize::from(node.myid().0).checked_sub(1)?;
        let machine = self.machines.iter().nth(place)?;
        let runs = machine.process.as_ref().and_then(Process::node) == Some(node);
        runs.then_some(place)
    }

    fn way_to_leader(&self, server: usize) -> Option<Way> {
        let now = self.now();
        let (term, leader) = self.leaders.last_key_value()?;
        let (term, leader) = (*term, *leader);
        let process = self.machines[server].process.as_ref()?;
        let leads = self.machines[leader].process.as_ref()?.leads_in == Some(term);
        let is_awake = |server: usize| self.machines[server].paused_until <= now;
        if !leads || !is_awake(leader) || !is_awake(server) {
            return None;
        }
        if server == leader {
            return Some(Way {
                leader,
                term,
                link: None,
            });
        }
        let (_, followed, in_term) = process.role;
        let follows = followed == Some(PeerId(id_of(leader))) && in_term == term;
        let ends = [server, leader].map(|end| (end, self.machines[end].life));
        let link = self.peers.clear_link(ends, now).filter(|_| follows);
        link.map(|link| Way {
            leader,
            term,
            link: Some(link),
        })
    }

    /// Whether a majority of those that vote run and are connected with each other both ways; by what the server knows that is furthest.
    fn has_joined(&self) -> bool {
        let furthest = self.machines.iter().max_by_key(|it| it.applied_index());
        let process = furthest.and_then(|machine| machine.process.as_ref());
        let Some(voters) = process.and_then(Process::voting_nodes) else {
            return false;
        };
        let now = self.now();
        let is_well = |place: &usize| {
            let machine = &self.machines[*place];
            machine.paused_until <= now && machine.slow_disk_ms == 0
        };
        let up = voters.iter().filter_map(|id| self.place_of(*id));
        let up: Vec<usize> = up.filter(is_well).collect();
        let chosen = |mask: u32| {
            let places = up.iter().enumerate();
            places.filter(move |(place, _)| mask >> place & 1 == 1)
        };
        (0_u32..1 << up.len()).any(|mask| {
            let mut ones = chosen(mask);
            2 * ones.clone().count() > voters.len()
                && ones.all(|(_, one)| chosen(mask).all(|(_, other)| self.hears(*one, *other)))
        })
    }

    /// Whether a server hears another one, or is that itself.
    fn hears(&self, one: usize, other: usize) -> bool {
        let ends = [other, one].map(|end| (end, self.machines[end].life));
        one == other || self.peers.clear_link(ends, self.now()).is_some()
    }
}

impl PeerNetwork {
    /// The connection on which frames go from one end to the other at once.
    fn clear_link(&self, [from, to]: [(usize, u64); 2], now: SimTime) -> Option<LinkId> {
        let cut = self
            .cuts
            .values()
            .any(|cut| cut & pair_bit(from.0, to.0) != 0);
        if cut || self.slow_us > 0 {
            return None;
        }
        self.link_between(from, to, now)
    }
}
