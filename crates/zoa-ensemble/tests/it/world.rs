//! An ensemble in one thread: servers, their disks and clients, and a network that is a list.
//!
//! What must always hold is checked here, at every step: one leader a term, one truth an index, in one cluster; the writes of a connection
//! without a gap (G-03); replies in order; nobody votes before it is a member; who begins to serve sees all that was acknowledged before.

mod checks;
mod effects;
mod lives;
mod network;
mod server;
mod snapshots;
mod transactions;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

use bytes::Bytes;
use zoa_ensemble::Event;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::NodeId;
use zoa_ensemble::Role;
use zoa_proto::PeerId;
use zoa_raft::Members;
use zoa_tree::MemberLines;
use zoa_tree::Settings;

use crate::dice::Dice;
use crate::world::network::Handshake;
use crate::world::network::Wire;
use crate::world::server::Server;
use crate::world::snapshots::Parcel;
pub(crate) use crate::world::transactions::expiry;
pub(crate) use crate::world::transactions::txn;
pub(crate) use crate::world::transactions::words_of;

pub(crate) const TICK_MS: u64 = 10;
pub(crate) const QUIET_MS: u64 = 2_000;
pub(crate) const INIT_MS: u64 = 1_000;
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
        self.servers.insert(id, Server::new(id, lines));
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

    fn up(&self) -> impl Iterator<Item = &Server> {
        let servers = self.servers.values();
        servers.filter(|server| server.ensemble.is_some())
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

    fn members(&self, id: u8) -> Option<&Members> {
        self.at(id).identity.as_ref().map(|it| &it.members)
    }

    pub(crate) fn voters(&self, id: u8) -> Vec<u64> {
        let members = self.members(id);
        members.map(|it| it.voters.clone()).unwrap_or_default()
    }

    pub(crate) fn learners(&self, id: u8) -> Vec<u64> {
        let members = self.members(id);
        members.map(|it| it.learners.clone()).unwrap_or_default()
    }

    pub(crate) fn node(&self, id: u8) -> Option<NodeId> {
        self.at(id).identity.as_ref().and_then(|it| it.state.node())
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
        let proposal = txn(id, 0, Settings::NONE, &data);
        self.event(id, Event::Propose(vec![proposal]));
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
            let busy = self.busy_wires();
            if busy.is_empty() && self.servers.values().all(Server::is_at_rest) {
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

    /// Runs until all servers that are up serve.
    pub(crate) fn run_until_served(&mut self) -> u8 {
        for _ in 0..400 {
            self.run(1);
            if self.up().count() > 0 && self.up().all(|server| server.serves) {
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
}
