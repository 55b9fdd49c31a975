//! The network between the servers: who is connected with whom, and the frames on their way.
//!
//! As the sockets of `zoa-server` do, a link carries frames in one direction, in order, and ends as a whole. A cut of the network loses
//! nothing by itself: frames wait, as TCP has them wait, until the cut is over or one side has heard nothing for too long.

use super::Happening;
use super::World;
use crate::process::SnapshotOut;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use zoa_ensemble::Direction;
use zoa_ensemble::Event;
use zoa_ensemble::Hello;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::LinkId;
use zoa_ensemble::Purpose;
use zoa_proto::PeerId;
use zoa_testkit::clock::SimTime;
use zoa_testkit::faults::CrashPoint;

/// Between two looks whom to dial.
const DIAL_US_MAX: u64 = 120_000;

/// A server's end of a link: which, in which life.
type End = (usize, u64);

/// A connection between two servers.
struct PeerLink {
    from: End,
    to: End,
    in_flight: VecDeque<(SimTime, Bytes)>,
    last_arrival: SimTime,
    /// Nothing has come through since.
    stalled_since: Option<SimTime>,
}

/// The network between the servers.
#[derive(Default)]
pub(super) struct PeerNetwork {
    links: BTreeMap<LinkId, PeerLink>,
    next: u64,
    /// Pairs of servers of which the second does not hear the first, one mask for each cut that is under way.
    pub(super) cuts: BTreeMap<usize, u64>,
    pub(super) slow_us: u64,
    snapshots: BTreeMap<u64, (End, SnapshotOut, Option<Vec<u8>>)>,
    pub(super) snapshots_sent: u64,
}

/// The bit of a pair of servers in a mask of a cut.
pub(super) fn pair_bit(from: usize, to: usize) -> u64 {
    1_u64 << (from * 8 + to)
}

impl PeerNetwork {
    fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cuts
            .values()
            .any(|mask| mask & pair_bit(from, to) != 0)
    }

    fn has_link(&self, from: End, to: usize) -> bool {
        self.links
            .values()
            .any(|link| link.from == from && link.to.0 == to)
    }

    /// The connection from one end to the other, when nothing that is under way on it is late.
    pub(super) fn link_between(&self, from: End, to: End, now: SimTime) -> Option<LinkId> {
        let mut links = self.links.iter();
        let is_late = |link: &PeerLink| link.last_arrival > now.after_ms(10);
        let found = links.find(|(_, link)| link.from == from && link.to == to);
        found
            .filter(|(_, link)| !is_late(link) && link.stalled_since.is_none())
            .map(|(id, _)| *id)
    }

    fn touching(&self, server: usize) -> Vec<LinkId> {
        let touching = self
            .links
            .iter()
            .filter(|(_, link)| link.from.0 == server || link.to.0 == server);
        touching.map(|(id, _)| *id).collect()
    }
}

impl World {
    /// A server looks whom it has no connection to.
    pub(super) fn dial(&mut self, server: usize, life: u64) {
        if !self.lives(server, life) {
            return;
        }
        let again_us = self.dice.network.between(20_000, DIAL_US_MAX);
        self.agenda
            .put_in_us(again_us, Happening::Dial(server, life));
        let process = self.machines[server].process.as_ref();
        let peers = process.map(|process| process.dials.clone());
        for peer in peers.unwrap_or_default() {
            let to = usize::from(peer.0) - 1;
            if to < self.machines.count() && !self.peers.has_link((server, life), to) {
                self.try_to_link(server, to);
            }
        }
    }

    fn try_to_link(&mut self, from: usize, to: usize) {
        let is_reachable = !self.peers.is_cut(from, to)
            && !self.peers.is_cut(to, from)
            && self.machines[to].process.is_some()
            && self.now() >= self.machines[to].paused_until;
        if !is_reachable {
            return;
        }
        let ends = [
            (from, self.machines[from].life),
            (to, self.machines[to].life),
        ];
        let [hello, answer] = match self.greet(from, to, Purpose::Messages) {
            Some(Ok(hellos)) => hellos,
            Some(Err(refusal)) => {
                let peer = peer_of(to);
                self.tell_server(from, Event::LinkRefused { peer, refusal });
                return;
            }
            None => return,
        };
        let epoch = |world: &Self, server: usize| {
            let process = world.machines[server].process.as_ref();
            let identity = process.and_then(|process| process.identity.as_ref());
            identity.map_or(0, |identity| identity.epoch)
        };
        let link = LinkId(self.peers.next);
        self.peers.next += 1;
        let [from_end, to_end] = ends;
        self.peers.links.insert(
            link,
            PeerLink {
                from: from_end,
                to: to_end,
                in_flight: VecDeque::new(),
                last_arrival: self.now(),
                stalled_since: None,
            },
        );
        self.counters.links += 1;
        let knows = [hello.versions.semantics, answer.versions.semantics];
        self.note_said([from, to], knows);
        let up = |peer: usize, direction, hello: Hello, epoch| Event::LinkUp {
            link,
            peer: peer_of(peer),
            direction,
            hello,
            epoch,
        };
        let epochs = [epoch(self, from), epoch(self, to)];
        self.tell_server(to, up(from, Direction::Incoming, hello, epochs[1]));
        self.tell_server(from, up(to, Direction::Outgoing, answer, epochs[0]));
    }

    /// Both say who they are; `None` when one of them has nothing to say yet.
    fn greet(
        &self,
        from: usize,
        to: usize,
        purpose: Purpose,
    ) -> Option<Result<[Hello; 2], HelloRefusal>> {
        let identity = |server: usize| {
            let process = self.machines[server].process.as_ref()?;
            process.identity.as_ref()
        };
        let (ours, theirs) = (identity(from)?, identity(to)?);
        let hello = ours.hello(peer_of(to), purpose);
        let answer = theirs.hello(PeerId(0), purpose);
        let judged =
            zoa_ensemble::judge(theirs, &hello).and_then(|()| zoa_ensemble::judge(ours, &answer));
        Some(judged.map(|()| [hello, answer]))
    }

    fn tell_server(&mut self, server: usize, event: Event) {
        if let Some(process) = &mut self.machines[server].process {
            process.meet(event);
            self.schedule_wanted(server);
        }
    }

    pub(super) fn send_frames(&mut self, frames: Vec<(LinkId, Bytes)>) {
        let now = self.now();
        for (id, frame) in frames {
            let delay_us = self.dice.network.between(40, 400 + self.peers.slow_us);
            let Some(link) = self.peers.links.get_mut(&id) else {
                continue;
            };
            let at = now.after_us(delay_us).max(link.last_arrival);
            link.last_arrival = at;
            link.in_flight.push_back((at, frame));
            self.counters.frames += 1;
            self.agenda.put(at, Happening::Frames(id));
        }
    }

    /// Frames may have arrived.
    pub(super) fn frames_arrive(&mut self, id: LinkId) {
        let now = self.now();
        let Some(link) = self.peers.links.get_mut(&id) else {
            return;
        };
        let (from, (to, to_life)) = (link.from.0, link.to);
        let paused_until = self.machines[to].paused_until;
        if now < paused_until {
            self.agenda.put(paused_until, Happening::Frames(id));
            return;
        }
        let mask = pair_bit(from, to);
        if self.peers.cuts.values().any(|cut| cut & mask != 0) {
            if link.stalled_since.is_none() {
                link.stalled_since = Some(now);
                let patience_us = self.dice.network.between(400_000, 4_000_000);
                self.agenda
                    .put_in_us(patience_us, Happening::Silent(id, now));
            }
            return;
        }
        let mut arrived = Vec::new();
        while let Some((_, frame)) = link.in_flight.pop_front_if(|(at, _)| *at <= now) {
            arrived.push(frame);
        }
        if self.machines[to].life != to_life {
            return;
        }
        let wall_ms = self.server_now(to).moment.wall_ms;
        if let Some(process) = &mut self.machines[to].process {
            for frame in arrived {
                process.meet(Event::Received {
                    link: id,
                    frame,
                    wall_ms,
                });
            }
            self.schedule_wanted(to);
        }
    }

    /// Nothing came through for so long that the connection is given up.
    pub(super) fn link_is_silent(&mut self, id: LinkId, since: SimTime) {
        let is_stalled = |link: &PeerLink| link.stalled_since == Some(since);
        if self.peers.links.get(&id).is_some_and(is_stalled) {
            self.break_link(id, 200_000);
        }
    }

    /// A cut of the network is over: what waited goes on.
    pub(super) fn resume_links(&mut self) {
        let now = self.now();
        for (id, link) in &mut self.peers.links {
            if link.stalled_since.take().is_some() {
                self.agenda.put(now.after_us(100), Happening::Frames(*id));
            }
        }
    }

    /// Ends a link; each side hears of it within so many microseconds.
    pub(super) fn break_link(&mut self, id: LinkId, heard_us_max: u64) {
        let Some(link) = self.peers.links.remove(&id) else {
            return;
        };
        for (server, life) in [link.from, link.to] {
            let heard_us = self.dice.network.below(heard_us_max + 1);
            self.agenda
                .put_in_us(heard_us, Happening::LinkGone(server, life, id));
        }
    }

    pub(super) fn link_gone(&mut self, server: usize, life: u64, id: LinkId) {
        if self.lives(server, life) {
            // What is busy when a link breaks finds more behind the news than it would otherwise.
            if self.dice.schedule.percent(30) {
                let late_us = self.dice.schedule.between(500, 40_000);
                self.machines[server].raft_late_until = self.now().after_us(late_us);
            }
            self.tell_server(server, Event::LinkDown { link: id });
        }
    }

    /// A server is gone: its peers hear of it soon, or, when the power went, when they have heard nothing for long.
    pub(super) fn lose_peers(&mut self, server: usize, silently: bool) {
        let heard_us_max = if silently { 3_000_000 } else { 5_000 };
        for id in self.peers.touching(server) {
            self.break_link(id, heard_us_max);
        }
    }

    pub(super) fn send_snapshots(&mut self, server: usize, snapshots: Vec<SnapshotOut>) {
        for snapshot in snapshots {
            let process = self.machines[server].process.as_ref();
            let bytes = process.and_then(|it| it.snapshot_bytes(snapshot.position.index));
            let number = self.peers.next;
            self.peers.next += 1;
            let end = (server, self.machines[server].life);
            self.peers.snapshots.insert(number, (end, snapshot, bytes));
            let takes_us = self.dice.network.between(2_000, 300_000);
            self.agenda.put_in_us(takes_us, Happening::Snapshot(number));
        }
    }

    /// A snapshot has come, or not.
    pub(super) fn snapshot_arrives(&mut self, number: u64) {
        let Some(((from, life), snapshot, bytes)) = self.peers.snapshots.remove(&number) else {
            return;
        };
        let to = usize::from(snapshot.peer.0) - 1;
        let takes_it = to < self.machines.count() && self.may_receive(from, to, &snapshot);
        let fails = self.dice.network.percent(10);
        let mut delivered = false;
        if let (true, false, Some(bytes)) = (takes_it, fails, bytes)
            && let Some(process) = &mut self.machines[to].process
        {
            let index = snapshot.position.index;
            delivered = process.receive_snapshot(index, &bytes, snapshot.message);
            self.peers.snapshots_sent += u64::from(delivered);
            let place = CrashPoint::SnapshotReceived;
            if delivered && process.reach(place).is_err() {
                // Whoever sent it hears that its connection ended.
                delivered = false;
                self.die(to, &crate::process::Death::AtPlace(place));
            } else {
                self.settle(to, crate::process::Told::default());
            }
        }
        if self.lives(from, life) {
            let node = snapshot.node;
            self.tell_server(from, Event::SnapshotSent { node, delivered });
        }
    }

    fn may_receive(&self, from: usize, to: usize, snapshot: &SnapshotOut) -> bool {
        let now = self.now();
        let is_reachable = !self.peers.is_cut(from, to) && !self.peers.is_cut(to, from);
        let is_awake = now >= self.machines[to].paused_until;
        let Some(Ok([_, answer])) = self.greet(from, to, Purpose::Snapshot) else {
            return false;
        };
        is_reachable && is_awake && answer.state.node() == Some(snapshot.node)
    }
}

fn peer_of(server: usize) -> PeerId {
    PeerId(u8::try_from(server + 1).unwrap_or(u8::MAX))
}
