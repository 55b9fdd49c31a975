//! An ensemble in one thread: servers, their disks and clients, and a network that is a list.
//!
//! What must always hold is checked here, at every step: one leader a term, one truth an index, in one cluster; the writes of a connection
//! without a gap (G-03); replies in order; nobody votes before it is a member; who begins to serve sees all that was acknowledged before.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

use bytes::Bytes;
use zoa_ensemble::Direction;
use zoa_ensemble::Effect;
use zoa_ensemble::Ensemble;
use zoa_ensemble::EnsembleConfig;
use zoa_ensemble::Event;
use zoa_ensemble::Hello;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::HelloState;
use zoa_ensemble::Identity;
use zoa_ensemble::LinkId;
use zoa_ensemble::NodeId;
use zoa_ensemble::Notice;
use zoa_ensemble::Purpose;
use zoa_ensemble::Role;
use zoa_ensemble::Versions;
use zoa_ensemble::judge;
use zoa_log::ClusterId;
use zoa_log::LogIndex;
use zoa_proto::PeerId;
use zoa_raft::Committed;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_tree::MemberLines;
use zoa_tree::Settings;
use zoa_tree::Touch;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::disk::Snapshot;
use crate::machine::Machine;

pub(crate) const TICK_MS: u64 = 10;
pub(crate) const QUIET_MS: u64 = 2_000;
pub(crate) const INIT_MS: u64 = 1_000;

/// One connection of a client: what it has written, and what it waits for.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    next: u64,
    unanswered: VecDeque<String>,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) id: u8,
    pub(crate) ensemble: Option<Ensemble>,
    pub(crate) life: u64,
    pub(crate) disk: Disk,
    pub(crate) machine: Machine,
    pub(crate) identity: Option<Identity>,
    pub(crate) lines: MemberLines,
    /// What its program can do.
    pub(crate) versions: Versions,
    pub(crate) settings: Settings,
    /// What its clock says.
    pub(crate) wall_ms: i64,
    pub(crate) may_found: bool,
    pub(crate) initialize: bool,
    pub(crate) force: bool,
    pub(crate) role: Option<(Role, Option<PeerId>, u64)>,
    pub(crate) serves: bool,
    /// What it last said of that in this life.
    said: Option<bool>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) touches: Vec<Touch>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) handed_over: bool,
    pub(crate) unknowns: usize,
    pub(crate) wants_snapshot: bool,
    dials: BTreeSet<u8>,
    /// The members as of each place.
    pub(crate) members: Vec<(LogIndex, Members)>,
    arriving: Option<Snapshot>,
    must_see: u64,
}

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) from: u8,
    pub(crate) to: u8,
    pub(crate) frames: VecDeque<Bytes>,
}

#[derive(Debug)]
pub(crate) struct Handshake {
    from: (u8, u64, u64, Hello),
    to: (u8, u64, u64, Hello),
}

#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) from: u8,
    pub(crate) node: NodeId,
    snapshot: Snapshot,
    message: Bytes,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) servers: BTreeMap<u8, Server>,
    pub(crate) wires: BTreeMap<u64, Wire>,
    pub(crate) handshakes: Vec<Handshake>,
    pub(crate) parcels: Vec<Parcel>,
    /// They are on their way for as long as this holds.
    pub(crate) parcels_are_slow: bool,
    /// Pairs that cannot reach each other, one way.
    pub(crate) cuts: BTreeSet<(u8, u8)>,
    pub(crate) dice: Dice,
    pub(crate) now_ms: u64,
    pub(crate) history: BTreeMap<u64, (u64, Bytes)>,
    pub(crate) leaders: BTreeMap<([u8; 16], u64), NodeId>,
    pub(crate) acked: BTreeSet<String>,
    /// Clusters in which anything was ever committed.
    pub(crate) clusters: BTreeSet<[u8; 16]>,
    /// Those that an operator has given up: what becomes of them is no part of the history.
    given_up: BTreeSet<[u8; 16]>,
    pub(crate) refusals: Vec<(u8, PeerId, HelloRefusal)>,
    written: BTreeMap<(u8, u64), u64>,
    acked_index: u64,
    next_link: u64,
    next_connection: u64,
    next_life: u64,
    later: VecDeque<(u8, Event)>,
    seed: u64,
}

pub(crate) fn lines_of(count: u8) -> String {
    (1..=count)
        .map(|id| format!("server.{id}=h{id}:1:2\n"))
        .collect()
}

impl World {
    /// `count` empty servers that name each other; none is started.
    pub(crate) fn new(count: u8, seed: u64) -> Self {
        Self::with_lines(&lines_of(count), seed)
    }

    pub(crate) fn with_lines(text: &str, seed: u64) -> Self {
        let lines = MemberLines::parse(text).expect("the tests write lines that are");
        let ids: Vec<u8> = lines.iter().map(|(id, _)| id.0).collect();
        let mut world = Self {
            servers: BTreeMap::new(),
            wires: BTreeMap::new(),
            handshakes: Vec::new(),
            parcels: Vec::new(),
            parcels_are_slow: false,
            cuts: BTreeSet::new(),
            dice: Dice(seed),
            now_ms: 0,
            history: BTreeMap::new(),
            leaders: BTreeMap::new(),
            acked: BTreeSet::new(),
            clusters: BTreeSet::new(),
            given_up: BTreeSet::new(),
            refusals: Vec::new(),
            written: BTreeMap::new(),
            acked_index: 0,
            next_link: 0,
            next_connection: 0,
            next_life: 0,
            later: VecDeque::new(),
            seed,
        };
        ids.into_iter().for_each(|id| world.add(id, lines.clone()));
        world
    }

    pub(crate) fn add(&mut self, id: u8, lines: MemberLines) {
        let server = Server {
            id,
            ensemble: None,
            life: 0,
            disk: Disk::default(),
            machine: Machine::default(),
            identity: None,
            lines,
            versions: Versions::THIS,
            settings: Settings::RECONFIG_ENABLED,
            wall_ms: 0,
            may_found: true,
            initialize: false,
            force: false,
            role: None,
            serves: false,
            said: None,
            notices: Vec::new(),
            touches: Vec::new(),
            connections: BTreeMap::new(),
            handed_over: false,
            unknowns: 0,
            wants_snapshot: false,
            dials: BTreeSet::new(),
            members: Vec::new(),
            arriving: None,
            must_see: 0,
        };
        self.servers.insert(id, server);
    }

    pub(crate) fn ids(&self) -> Vec<u8> {
        self.servers.keys().copied().collect()
    }

    pub(crate) fn at(&self, id: u8) -> &Server {
        self.servers
            .get(&id)
            .expect("the tests name servers that exist")
    }

    pub(crate) fn server(&mut self, id: u8) -> &mut Server {
        self.servers
            .get_mut(&id)
            .expect("the tests name servers that exist")
    }

    pub(crate) fn is_up(&self, id: u8) -> bool {
        self.at(id).ensemble.is_some()
    }

    pub(crate) fn start(&mut self, id: u8) {
        self.next_life += 1;
        let (life, seed, must_see) = (self.next_life, self.seed, self.acked_index);
        let random = self.dice.random();
        if let (true, Some((cluster, _))) = (self.at(id).force, self.at(id).disk.identity) {
            self.given_up.insert(cluster.0);
            self.clusters.remove(&cluster.0);
        }
        let server = self.server(id);
        let (start, machine) = server.disk.start(random, server.force);
        let config = EnsembleConfig {
            me: PeerId(id),
            lines: server.lines.clone(),
            raft_tick_ms: TICK_MS,
            election_ticks: 10,
            heartbeat_ticks: 2,
            init_ms_max: INIT_MS,
            quiet_ms_max: QUIET_MS,
            may_found: server.may_found,
            initialize: server.initialize,
            force_new_ensemble: server.force,
            seed: seed.wrapping_mul(31).wrapping_add(u64::from(id)),
            notices: Notices::default(),
            settings: server.settings,
            versions: server.versions,
        };
        server.machine = machine;
        server.life = life;
        server.must_see = must_see;
        server.notices.clear();
        server.handed_over = false;
        let mut effects = Vec::new();
        let ensemble = Ensemble::new(config, start, &mut effects).expect("the disk is sound");
        server.ensemble = Some(ensemble);
        let lines = server.machine.lines.clone();
        let semantics = server.machine.semantics();
        self.carry_out(id, effects);
        self.event(id, Event::MemberLines(lines));
        self.event(id, Event::Semantics(semantics));
        self.pump();
    }

    pub(crate) fn start_all(&mut self) {
        self.ids().into_iter().for_each(|id| self.start(id));
    }

    pub(crate) fn crash(&mut self, id: u8) {
        let server = self.server(id);
        server.ensemble = None;
        server.identity = None;
        server.role = None;
        server.serves = false;
        server.said = None;
        server.connections.clear();
        server.members.clear();
        server.arriving = None;
        server.wants_snapshot = false;
        server.disk.crash();
        self.later.retain(|(whose, _)| *whose != id);
        let links: Vec<u64> = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.from == id || wire.to == id)
            .map(|(link, _)| *link)
            .collect();
        links.into_iter().for_each(|link| self.drop_wire(link));
        self.handshakes
            .retain(|it| it.from.0 != id && it.to.0 != id);
        let (lost, left) = std::mem::take(&mut self.parcels)
            .into_iter()
            .partition(|parcel| parcel.from == id || parcel.node.myid().0 == id);
        self.parcels = left;
        let lost: Vec<Parcel> = lost;
        lost.into_iter().for_each(|parcel| self.lose(parcel));
        self.pump();
    }

    pub(crate) fn wipe(&mut self, id: u8) {
        assert!(!self.is_up(id), "a running server's disk stays");
        let founded_in = self.at(id).disk.founded_in.clone();
        self.server(id).disk = Disk {
            founded_in,
            ..Disk::default()
        };
    }

    /// Hands an event to a server and carries out what follows, but nothing that follows later.
    pub(crate) fn event(&mut self, id: u8, event: Event) {
        let mut effects = Vec::new();
        if let Some(ensemble) = &mut self.server(id).ensemble {
            ensemble.handle(event, &mut effects);
        }
        self.carry_out(id, effects);
    }

    /// What drivers do at once.
    pub(crate) fn pump(&mut self) {
        while let Some((id, event)) = self.later.pop_front() {
            self.event(id, event);
        }
    }

    pub(crate) fn tick(&mut self, id: u8) {
        let now_ms = self.now_ms;
        self.event(id, Event::Tick { now_ms });
        self.pump();
    }

    pub(crate) fn sync(&mut self, id: u8, count: usize) {
        if let Some(number) = self.server(id).disk.sync(count) {
            self.event(id, Event::Persisted { number });
        }
        self.pump();
    }

    pub(crate) fn save(&mut self, id: u8) {
        if self.server(id).disk.save() {
            self.event(id, Event::Saved);
        }
        self.pump();
    }

    /// Dials, if there is something to dial; the handshake is then under way.
    pub(crate) fn dial(&mut self, from: u8, to: u8) {
        let is_there = self
            .wires
            .values()
            .any(|wire| (wire.from, wire.to) == (from, to))
            || self
                .handshakes
                .iter()
                .any(|it| (it.from.0, it.to.0) == (from, to));
        let is_wanted = self.servers.contains_key(&to) && self.at(from).dials.contains(&to);
        if is_there || !is_wanted || self.cuts.contains(&(from, to)) {
            return;
        }
        let (Some(one), Some(other)) =
            (self.at(from).identity.clone(), self.at(to).identity.clone())
        else {
            return;
        };
        let hello = one.hello(PeerId(to), Purpose::Messages);
        let answer = other.hello(PeerId(from), Purpose::Messages);
        let hello = Hello::decode(&hello.encode()).expect("it comes through");
        if let Err(refusal) = judge(&other, &hello) {
            let peer = PeerId(to);
            self.refusals.push((from, peer, refusal));
            self.event(from, Event::LinkRefused { peer, refusal });
        } else if let Err(refusal) = judge(&one, &answer) {
            self.refusals.push((to, PeerId(from), refusal));
        } else {
            self.handshakes.push(Handshake {
                from: (from, self.at(from).life, one.epoch, hello),
                to: (to, self.at(to).life, other.epoch, answer),
            });
        }
        self.pump();
    }

    /// A handshake ends, with what was said when it began.
    pub(crate) fn link(&mut self, at: usize) {
        let Handshake { from, to } = self.handshakes.remove(at);
        if self.at(from.0).life != from.1 || self.at(to.0).life != to.1 {
            return;
        }
        self.next_link += 1;
        let wire = Wire {
            from: from.0,
            to: to.0,
            frames: VecDeque::new(),
        };
        self.wires.insert(self.next_link, wire);
        let link = LinkId(self.next_link);
        let up = |peer: u8, direction, hello, epoch| Event::LinkUp {
            link,
            peer: PeerId(peer),
            direction,
            hello,
            epoch,
        };
        let ups = [
            (from.0, up(to.0, Direction::Outgoing, to.3, from.2)),
            (to.0, up(from.0, Direction::Incoming, from.3, to.2)),
        ];
        self.later.extend(ups);
        self.pump();
    }

    pub(crate) fn connect_all(&mut self) {
        let ids = self.ids();
        for from in &ids {
            ids.iter().for_each(|to| self.dial(*from, *to));
        }
        while !self.handshakes.is_empty() {
            self.link(0);
        }
    }

    /// Delivers the next frame on a link.
    pub(crate) fn deliver(&mut self, link: u64) {
        let Some(wire) = self.wires.get_mut(&link) else {
            return;
        };
        let to = wire.to;
        if self.cuts.contains(&(wire.from, wire.to)) {
            return;
        }
        let Some(frame) = wire.frames.pop_front() else {
            return;
        };
        self.receive(to, LinkId(link), frame);
        self.pump();
    }

    /// A server reads a frame, whatever is on the wires.
    pub(crate) fn receive(&mut self, id: u8, link: LinkId, frame: Bytes) {
        let wall_ms = self.at(id).wall_ms;
        let received = Event::Received {
            link,
            frame,
            wall_ms,
        };
        self.event(id, received);
    }

    /// A link breaks: what was on its way is lost, or still comes.
    pub(crate) fn drop_wire(&mut self, link: u64) {
        let Some(wire) = self.wires.remove(&link) else {
            return;
        };
        let link = LinkId(link);
        let some = self.dice.below(wire.frames.len() + 1);
        let frames = wire.frames.into_iter().take(some);
        let wall_ms = self.at(wire.to).wall_ms;
        let received = |frame| Event::Received {
            link,
            frame,
            wall_ms,
        };
        self.later
            .extend(frames.map(|frame| (wire.to, received(frame))));
        self.later.push_back((wire.to, Event::LinkDown { link }));
        self.later.push_back((wire.from, Event::LinkDown { link }));
    }

    /// A snapshot arrives.
    pub(crate) fn hand_over_parcel(&mut self, at: usize) {
        let parcel = self.parcels.remove(at);
        let to = parcel.node.myid().0;
        let node = self.at(to).identity.as_ref().and_then(|it| it.state.node());
        if node != Some(parcel.node) || self.cuts.contains(&(parcel.from, to)) {
            return self.lose(parcel);
        }
        self.server(to).arriving = Some(parcel.snapshot);
        let message = parcel.message;
        self.event(to, Event::SnapshotReceived { message });
        self.server(to).arriving = None;
        let (node, delivered) = (parcel.node, true);
        self.event(parcel.from, Event::SnapshotSent { node, delivered });
        self.pump();
    }

    pub(crate) fn lose(&mut self, parcel: Parcel) {
        let (node, delivered) = (parcel.node, false);
        self.event(parcel.from, Event::SnapshotSent { node, delivered });
        self.pump();
    }

    pub(crate) fn snapshot(&mut self, id: u8, keep: u64) {
        let server = self.server(id);
        let Some((index, term)) = server.machine.position() else {
            return;
        };
        let known = server
            .disk
            .snapshot
            .as_ref()
            .map_or(0, |it| it.position.index.0);
        let members = server
            .members
            .iter()
            .rev()
            .find(|(place, _)| place.0 <= index);
        let Some(members) = members.map(|(_, members)| members.clone()) else {
            return;
        };
        if server.ensemble.is_none() || known >= index {
            return;
        }
        server.wants_snapshot = false;
        let position = LogPosition {
            index: LogIndex(index),
            term,
        };
        let snapshot = Snapshot {
            position,
            members: members.clone(),
            state: server.machine.clone(),
        };
        let first_index = server.disk.take(snapshot, keep);
        self.event(id, Event::SnapshotTaken { position, members });
        self.event(id, Event::Compacted { first_index });
        self.pump();
    }

    /// A client writes on a connection, which is opened for it if need be; only where clients are served.
    pub(crate) fn write(&mut self, id: u8, connection: Option<u64>) -> Option<u64> {
        if !self.at(id).serves {
            return None;
        }
        self.next_connection += 1;
        let fresh = self.next_connection;
        let server = self.server(id);
        let number = connection
            .filter(|it| server.connections.contains_key(it))
            .unwrap_or(fresh);
        let connection = server.connections.entry(number).or_default();
        let data = format!("{id} {number} {}", connection.next);
        connection.next += 1;
        connection.unanswered.push_back(data.clone());
        self.event(id, Event::Propose(vec![Bytes::from(data)]));
        self.pump();
        Some(number)
    }

    /// Everything that moves by itself, in order, until nothing does.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            self.connect_all();
            let ids = self.ids();
            for id in ids {
                self.save(id);
                self.sync(id, usize::MAX);
                if self.at(id).wants_snapshot {
                    self.snapshot(id, 5);
                }
            }
            while !self.parcels_are_slow && !self.parcels.is_empty() {
                self.hand_over_parcel(0);
            }
            let busy: Vec<u64> = self
                .wires
                .iter()
                .filter(|(_, wire)| {
                    !wire.frames.is_empty() && !self.cuts.contains(&(wire.from, wire.to))
                })
                .map(|(link, _)| *link)
                .collect();
            if busy.is_empty()
                && self
                    .servers
                    .values()
                    .all(|it| it.disk.queue.is_empty() && it.disk.saving.is_none())
            {
                return;
            }
            busy.into_iter().for_each(|link| self.deliver(link));
        }
        panic!("it never comes to rest, seed {}", self.seed);
    }

    /// Time passes, and everything comes to rest in between.
    pub(crate) fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            self.settle();
            self.now_ms += TICK_MS;
            let ids = self.ids();
            ids.into_iter().for_each(|id| self.tick(id));
        }
        self.settle();
    }

    pub(crate) fn leader(&self) -> Option<u8> {
        let leads = |server: &&Server| server.role.is_some_and(|(role, _, _)| role == Role::Leader);
        let newest = self
            .servers
            .values()
            .filter(leads)
            .max_by_key(|server| server.role.map(|(_, _, term)| term));
        newest.map(|server| server.id)
    }

    /// Runs until all servers that are up serve.
    pub(crate) fn run_until_served(&mut self) -> u8 {
        for _ in 0..400 {
            self.run(1);
            let up = self
                .servers
                .values()
                .filter(|server| server.ensemble.is_some());
            if up.clone().count() > 0 && up.into_iter().all(|server| server.serves) {
                return self.leader().expect("who serves has a leader");
            }
        }
        panic!(
            "not served after 400 ticks, seed {}: {:#?}",
            self.seed,
            self.servers
                .values()
                .map(|it| (it.id, it.role, &it.notices))
                .collect::<Vec<_>>()
        );
    }

    pub(crate) fn cut_off(&mut self, id: u8) {
        for other in self.ids() {
            self.cuts.insert((id, other));
            self.cuts.insert((other, id));
        }
    }

    pub(crate) fn voters(&self, id: u8) -> Vec<u64> {
        let identity = self.at(id).identity.as_ref();
        identity
            .map(|it| it.members.voters.clone())
            .unwrap_or_default()
    }

    pub(crate) fn learners(&self, id: u8) -> Vec<u64> {
        let identity = self.at(id).identity.as_ref();
        identity
            .map(|it| it.members.learners.clone())
            .unwrap_or_default()
    }

    pub(crate) fn node(&self, id: u8) -> Option<NodeId> {
        self.at(id).identity.as_ref().and_then(|it| it.state.node())
    }

    /// Every server that is up has applied all of the history.
    pub(crate) fn check_agreement(&self) {
        let history: Vec<_> = self
            .history
            .iter()
            .map(|(index, (term, data))| (*index, *term, data.clone()))
            .collect();
        for server in self.servers.values().filter(|it| it.ensemble.is_some()) {
            assert_eq!(
                server.machine.applied.len(),
                history.len(),
                "server {}, seed {}",
                server.id,
                self.seed
            );
            assert!(
                server.machine.applied == history,
                "server {}, seed {}",
                server.id,
                self.seed
            );
        }
    }

    fn carry_out(&mut self, id: u8, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_one(id, effect);
        }
    }

    fn carry_out_one(&mut self, id: u8, effect: Effect) {
        match effect {
            Effect::Persist(persist) => self.server(id).disk.queue.push_back(persist),
            Effect::Commit(committed) => committed.iter().for_each(|entry| self.commit(id, entry)),
            Effect::Members { index, members } => self.server(id).members.push((index, members)),
            Effect::ReadLog { low, high, .. } => {
                let entries = self.at(id).disk.read(low, high);
                self.later.push_back((id, Event::LogRead { low, entries }));
            }
            Effect::InstallSnapshot { position, members } => self.install(id, position, members),
            Effect::TakeSnapshot => self.server(id).wants_snapshot = true,
            Effect::Send { link, frame } => self.send(id, link, frame),
            Effect::SendSnapshot {
                peer,
                node,
                position,
                message,
            } => {
                assert_eq!(peer, node.myid());
                let snapshot = self.at(id).disk.snapshot.clone().expect("one was taken");
                assert_eq!(snapshot.position, position);
                self.parcels.push(Parcel {
                    from: id,
                    node,
                    snapshot,
                    message,
                });
            }
            Effect::CutLink { link, .. } => self.drop_wire(link.0),
            Effect::Peers(peers) => {
                self.server(id).dials = peers.iter().map(|it| it.peer.0).collect();
            }
            Effect::Identity(identity) => self.server(id).identity = Some(*identity),
            Effect::Role { role, leader, term } => self.note_role(id, (role, leader, term)),
            Effect::Established { term } => {
                let role = self.at(id).role;
                assert_eq!(
                    role.map(|(role, _, at)| (role, at)),
                    Some((Role::Leader, term))
                );
            }
            Effect::Serving(serves) => self.note_serving(id, serves),
            Effect::Unknown => {
                let server = self.server(id);
                server.unknowns += 1;
                server
                    .connections
                    .retain(|_, connection| connection.unanswered.is_empty());
            }
            Effect::Touches(touches) => self.server(id).touches.extend(touches),
            Effect::Save(step) => {
                let before = self.server(id).disk.saving.replace(step);
                assert_eq!(before, None, "one step at a time");
            }
            Effect::OpenLog { node, cluster } => {
                assert_eq!(self.at(id).disk.identity, Some((cluster, node)));
                self.later.push_back((id, Event::LogOpened));
            }
            Effect::RemoveMarkers => {
                let server = self.server(id);
                (server.initialize, server.force) = (false, false);
            }
            Effect::Notice(notice) => {
                assert!(!notice.to_string().is_empty());
                self.server(id).notices.push(notice);
            }
            Effect::HandoverDone => self.server(id).handed_over = true,
        }
    }

    fn send(&mut self, id: u8, link: LinkId, frame: Bytes) {
        let state = self.at(id).identity.as_ref().map(|it| it.state);
        let is_vote = matches!(frame.as_ref(), [1, 3..=6, ..]);
        let is_member = matches!(state, Some(HelloState::Member { .. }));
        assert!(
            is_member || !is_vote,
            "server {id} has no say yet, seed {}",
            self.seed
        );
        let Some(wire) = self.wires.get_mut(&link.0) else {
            return;
        };
        assert_eq!(wire.from, id, "frames go one way");
        wire.frames.push_back(frame);
    }

    fn install(&mut self, id: u8, position: LogPosition, members: Members) {
        let server = self.server(id);
        let arrived = server.arriving.take().expect("it came with a snapshot");
        assert_eq!(arrived.position, position);
        server.machine = arrived.state.clone();
        let lines = server.machine.lines.clone();
        server.disk.install(Snapshot { members, ..arrived });
        server.connections.clear();
        let semantics = server.machine.semantics();
        self.later.push_back((id, Event::MemberLines(lines)));
        self.later.push_back((id, Event::Semantics(semantics)));
    }

    fn note_role(&mut self, id: u8, role: (Role, Option<PeerId>, u64)) {
        let seed = self.seed;
        if role.0 == Role::Leader {
            let node = self.node(id).expect("a leader is somebody");
            let cluster = self.cluster(id);
            let first = *self.leaders.entry((cluster.0, role.2)).or_insert(node);
            assert_eq!(first, node, "two leaders in term {}, seed {seed}", role.2);
        }
        self.server(id).role = Some(role);
    }

    fn note_serving(&mut self, id: u8, serves: bool) {
        let (seed, acked_index) = (self.seed, self.acked_index);
        let server = self.server(id);
        assert_ne!(server.said, Some(serves), "it comes when it changes");
        server.said = Some(serves);
        server.serves = serves;
        if serves {
            let seen = server.machine.position().map_or(0, |(index, _)| index);
            assert!(
                seen >= server.must_see,
                "server {id} serves too early: {seen} of {}, seed {seed}",
                server.must_see
            );
        } else {
            server.must_see = acked_index;
            server.connections.clear();
        }
    }

    fn cluster(&self, id: u8) -> ClusterId {
        let identity = self.at(id).identity.as_ref();
        identity
            .and_then(|it| it.state.cluster())
            .expect("it has data")
    }

    fn commit(&mut self, id: u8, entry: &Committed) {
        let seed = self.seed;
        let (index, said) = (entry.index.0, (entry.term, entry.data.clone()));
        let cluster = self.cluster(id);
        if !self.given_up.contains(&cluster.0) {
            self.clusters.insert(cluster.0);
            self.note_history(index, &said);
        }
        let server = self.server(id);
        let (before, rules) = (server.machine.lines.clone(), server.machine.semantics());
        let accepted = server.machine.apply(entry);
        let semantics = server.machine.semantics();
        assert!(
            semantics <= server.versions.semantics,
            "the program of server {id} does not know what it has to do, seed {seed}"
        );
        if semantics != rules {
            self.later.push_back((id, Event::Semantics(semantics)));
        }
        let server = self.server(id);
        if server.machine.lines != before {
            let lines = server.machine.lines.clone();
            self.later.push_back((id, Event::MemberLines(lines)));
        }
        if entry.is_change {
            let index = entry.index;
            self.later
                .push_back((id, Event::ChangeDecided { index, accepted }));
        }
        self.answer(id, index, &entry.data);
    }

    fn note_history(&mut self, index: u64, said: &(u64, Bytes)) {
        let seed = self.seed;
        assert_eq!(
            self.clusters.len(),
            1,
            "one ensemble was founded, seed {seed}"
        );
        if !self.history.contains_key(&index) {
            self.check_order(&said.1);
            self.history.insert(index, said.clone());
        }
        assert_eq!(
            self.history.get(&index),
            Some(said),
            "two truths at {index}, seed {seed}"
        );
    }

    fn answer(&mut self, id: u8, index: u64, data: &[u8]) {
        let Some((owner, number, _)) = parse(data) else {
            return;
        };
        let seed = self.seed;
        let server = self.server(id);
        let Some(connection) = server.connections.get_mut(&number).filter(|_| owner == id) else {
            return;
        };
        let awaited = connection.unanswered.pop_front();
        let data = String::from_utf8_lossy(data).into_owned();
        assert_eq!(
            awaited.as_ref(),
            Some(&data),
            "replies in order, seed {seed}"
        );
        self.acked.insert(data);
        self.acked_index = self.acked_index.max(index);
    }

    /// Goal: G-03. Of a connection's writes the first so many are applied, and none behind one that is not.
    fn check_order(&mut self, data: &[u8]) {
        let Some((owner, number, n)) = parse(data) else {
            return;
        };
        let next = self.written.entry((owner, number)).or_insert(0);
        assert_eq!(
            n, *next,
            "a write of connection {number} is missing, seed {}",
            self.seed
        );
        *next += 1;
    }
}

fn parse(data: &[u8]) -> Option<(u8, u64, u64)> {
    let text = str::from_utf8(data).ok()?;
    let mut words = text.split(' ');
    let owner = words.next()?.parse().ok()?;
    Some((
        owner,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    ))
}
