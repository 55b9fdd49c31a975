//! The clients' side of the world: what they do, and what reaches them.

use super::Happening;
use super::Line;
use super::World;
use crate::process::Wire;
use std::collections::BTreeMap;
use zoa_testkit::client::Client;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::ClientId;
use zoa_testkit::history::ConnectAsk;
use zoa_testkit::history::ConnectionId;
use zoa_testkit::history::End;
use zoa_testkit::history::Received;
use zoa_testkit::net::Arrival;
use zoa_testkit::net::Link;
use zoa_testkit::net::PIPE_LEN_MAX;
use zoa_testkit::observed::Span;
use zoa_testkit::op::Acl;
use zoa_testkit::op::Op;
use zoa_testkit::op::flag;
use zoa_testkit::people;
use zoa_testkit::rng::Rng;
use zoa_testkit::wire;
use zoa_testkit::workload::Act;
use zoa_testkit::workload::Glutton;
use zoa_testkit::workload::Profile;
use zoa_testkit::workload::Program;
use zoa_testkit::workload::Scan;

/// How far the one write of a prober is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Due,
    Done,
}

/// A client and the program that it runs.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) client: Client,
    pub(super) program: Program,
    /// The walk over the tree, for the one that takes the last look.
    pub(super) scan: Option<Scan>,
    /// The one write of a client that does nothing else.
    pub(super) probe: Option<Probe>,
    /// It connects to this server and no other.
    server: Option<usize>,
    /// It reads nothing until then.
    pub(super) reads_from: SimTime,
    /// What it does instead of its program, if it wants to harm.
    pub(super) glutton: Option<Glutton>,
}

impl Actor {
    pub(super) fn new(number: u32, profile: &Profile, rng: &mut Rng) -> Self {
        // Some share an address, and so what an address may do.
        let address = format!("10.0.0.{}", number % 5 + 1);
        Self {
            client: Client::new(ClientId(number), address),
            program: Program::new(rng.fork("program"), profile, number),
            scan: None,
            probe: None,
            server: None,
            reads_from: SimTime::ZERO,
            glutton: None,
        }
    }

    /// The one that reads everything in the end.
    pub(super) fn scanning(number: u32, profile: &Profile, rng: &mut Rng) -> Self {
        let mut actor = Self::new(number, profile, rng);
        actor.program.calm_down();
        actor.scan = Some(Scan::default());
        actor
    }
}

impl Actor {
    /// The one that writes on this server once all faults are over.
    pub(super) fn probing(server: usize, number: u32, profile: &Profile, rng: &mut Rng) -> Self {
        let mut actor = Self::new(number, profile, rng);
        actor.program.calm_down();
        (actor.probe, actor.server) = (Some(Probe::Due), Some(server));
        actor
    }

    /// What it does now. Whoever goes, and comes again as somebody else, reads again.
    fn act(&mut self, now: SimTime) -> Act {
        let Some(glutton) = &mut self.glutton else {
            return self.program.act(&self.client, now);
        };
        let act = glutton.act(&self.client, now);
        if matches!(act, Act::Abandon | Act::Drop) {
            self.reads_from = now;
        }
        act
    }

    /// Its write, when it can be sent.
    fn probe(&self) -> Option<Act> {
        let can = self.probe == Some(Probe::Due)
            && self.client.is_established()
            && self.client.awaiting_count() == 0;
        can.then(|| {
            Act::Send(vec![Op::Create {
                path: format!("/alive-{}", self.client.id().0),
                data: None,
                acl: Acl::open(),
                flags: flag::EPHEMERAL,
                with_stat: false,
            }])
        })
    }
}

impl World {
    pub(super) fn act(&mut self, position: usize) {
        let now = self.now();
        let Some(actor) = self.actors.get_mut(position) else {
            return;
        };
        let pause_us = match (&actor.scan, &mut actor.glutton) {
            (Some(_), _) => 300,
            (None, Some(glutton)) => glutton.pause_us(),
            (None, None) => actor.program.pause_us(),
        };
        self.agenda.put_in_us(pause_us, Happening::Act(position));
        let act = match &mut actor.scan {
            Some(scan)
                if actor.client.is_established()
                    && actor.client.awaiting_count() < 4
                    && !scan.is_done() =>
            {
                Act::Send(scan.next_reads())
            }
            _ => match actor.probe() {
                Some(act) => act,
                None => actor.act(now),
            },
        };
        match act {
            Act::Connect(asked) => self.connect(position, asked),
            Act::Send(ops) => {
                let current = self
                    .actors
                    .get(position)
                    .and_then(|actor| actor.client.current());
                self.send(position, current, ops);
            }
            Act::SendLate(ops) => {
                let oldest = self
                    .actors
                    .get(position)
                    .and_then(|actor| actor.client.connections().next());
                self.send(position, oldest, ops);
            }
            Act::Drop => self.drop_connections(position),
            Act::Abandon => {
                self.drop_connections(position);
                if let Some(actor) = self.actors.get_mut(position) {
                    actor.client.start_anew();
                }
            }
            Act::StopReading(ms) => {
                if let Some(actor) = self.actors.get_mut(position) {
                    actor.reads_from = now.after_ms(ms);
                    let unread = self.observed.unread.entry(actor.client.id()).or_default();
                    let to = actor.reads_from;
                    unread.push(Span { from: now, to });
                }
            }
            Act::Wait => {}
        }
    }

    fn connect(&mut self, position: usize, asked: ConnectAsk) {
        let now = self.now();
        let Some(actor) = self.actors.get_mut(position) else {
            return;
        };
        let (id, bytes) = actor.client.connect(now, asked, &mut self.history);
        let server = match actor.server {
            Some(server) => server,
            None => self.choose_server(),
        };
        let serves = self.machines[server].serves();
        self.note("connect", (position as u64, id.0 as u64));
        if !serves {
            // Connection refused.
            if let Some(actor) = self.actors.get_mut(position) {
                actor
                    .client
                    .handle_end(id, now, End::Dropped, &mut self.history);
            }
            return;
        }
        let link = Link {
            weather: self.weather,
            ..Link::default()
        };
        let line = Line {
            wire: Wire::new(link),
            actor: Some(position),
            user: None,
            server,
            number: None,
            server_listens: true,
        };
        self.lines.insert(id.0, line);
        self.transmit(id.0, &bytes);
    }

    /// One of the servers that are there to connect to.
    pub(super) fn choose_server(&mut self) -> usize {
        match self.machines.count() {
            1 => 0,
            count => self.dice.network.index(count),
        }
    }

    fn send(&mut self, position: usize, connection: Option<ConnectionId>, ops: Vec<Op>) {
        let now = self.now();
        let Some(id) = connection else { return };
        let mut bytes = Vec::new();
        let room = self
            .lines
            .get(&id.0)
            .map_or(0, |line| line.wire.link.to_server.room());
        for op in ops {
            if bytes.len() + wire::request::encode(0, &op).len() > room {
                break;
            }
            let Some(actor) = self.actors.get_mut(position) else {
                return;
            };
            if let Op::AddAuth { auth, .. } = &op
                && let Some(person) = people::PEOPLE
                    .iter()
                    .find(|person| person.login.as_bytes() == auth)
            {
                actor.client.remember_login(person.login);
            }
            bytes.extend(actor.client.send_on(id, now, op, &mut self.history));
        }
        self.transmit(id.0, &bytes);
    }

    /// Puts bytes on the wire to the server and remembers where their frames end.
    fn transmit(&mut self, connection: usize, bytes: &[u8]) {
        let now = self.now();
        let Some(line) = self.lines.get_mut(&connection) else {
            return;
        };
        let sent_before = line.wire.sent;
        for end in frame_ends(bytes) {
            line.wire.frame_ends.push_back(sent_before + end);
        }
        line.wire.sent += bytes.len() as u64;
        let weather = line.wire.link.weather;
        let arrivals = line
            .wire
            .link
            .to_server
            .send(bytes, (now, weather), &mut self.dice.network);
        for at in arrivals {
            self.agenda.put(at, Happening::AtServer(connection));
        }
    }

    /// The client closes all its connections without a word.
    pub(super) fn drop_connections(&mut self, position: usize) {
        let now = self.now();
        let Some(actor) = self.actors.get_mut(position) else {
            return;
        };
        let open: Vec<ConnectionId> = actor.client.connections().collect();
        for id in open {
            actor
                .client
                .handle_end(id, now, End::Dropped, &mut self.history);
            self.trace.note(now, "drop", (position as u64, id.0 as u64));
            let Some(line) = self.lines.get_mut(&id.0) else {
                continue;
            };
            line.wire.link.to_client.vanish();
            let kept_len = usize::try_from(self.dice.network.below(2_000)).unwrap_or(0);
            if self.dice.network.percent(50) {
                line.wire.link.to_server.reset(kept_len);
            }
            let at = line.wire.link.to_server.end(now);
            self.agenda.put(at, Happening::AtServer(id.0));
            // Who read nothing does not know yet that the server has closed.
            self.agenda.put(at, Happening::AtClient(id.0));
        }
    }

    pub(super) fn arrive_at_client(&mut self, connection: usize) {
        let now = self.now();
        let Some(line) = self.lines.get_mut(&connection) else {
            return;
        };
        if let Some(user) = line.user {
            self.arrive_at_user(user, connection);
            return;
        }
        let Some(position) = line.actor else {
            self.arrive_at_stranger(connection);
            return;
        };
        let Some(actor) = self.actors.get_mut(position) else {
            return;
        };
        if now < actor.reads_from {
            self.agenda
                .put(actor.reads_from, Happening::AtClient(connection));
            return;
        }
        let was_full = line.wire.link.to_client.in_flight_len() > PIPE_LEN_MAX / 2;
        match line.wire.link.to_client.receive(now) {
            Arrival::Bytes(bytes) => {
                let server = line.server;
                if let (true, Some(number), Some(process)) =
                    (was_full, line.number, &mut self.machines[server].process)
                {
                    process.want_connection(number);
                }
                self.trace
                    .note(now, "received", (connection as u64, bytes.len() as u64));
                self.trace.note_bytes(&bytes);
                self.receive(position, ConnectionId(connection), &bytes);
                self.arrive_at_client(connection);
                self.schedule_wanted(server);
            }
            Arrival::End => {
                let known = actor.client.connections().any(|id| id.0 == connection);
                if known {
                    actor.client.handle_end(
                        ConnectionId(connection),
                        now,
                        End::ClosedByServer,
                        &mut self.history,
                    );
                    self.note("end", (connection as u64, 0));
                }
                self.hang_up(connection);
            }
            Arrival::Nothing => {}
        }
    }

    /// The client knows of the end; the server will when it reads.
    pub(super) fn hang_up(&mut self, connection: usize) {
        let now = self.now();
        let Some(line) = self.lines.get_mut(&connection) else {
            return;
        };
        if line.number.is_none() {
            self.lines.remove(&connection);
            return;
        }
        line.wire.link.to_client.vanish();
        let at = line.wire.link.to_server.end(now);
        self.agenda.put(at, Happening::AtServer(connection));
    }

    fn receive(&mut self, position: usize, id: ConnectionId, bytes: &[u8]) {
        let now = self.now();
        let Some(actor) = self.actors.get_mut(position) else {
            return;
        };
        let seen = self
            .history
            .connection(id)
            .map_or(0, |connection| connection.received.len());
        actor.client.receive(id, now, bytes, &mut self.history);
        let Some(connection) = self.history.connection(id) else {
            return;
        };
        for (_, message) in connection.received.iter().skip(seen) {
            let Received::Reply(call) = message else {
                continue;
            };
            let Some(call) = connection.calls.get(*call) else {
                continue;
            };
            let is_write = matches!(call.op, Op::Create { .. });
            if is_write && actor.probe == Some(Probe::Due) && call.reply().is_some() {
                actor.probe = Some(Probe::Done);
                let healed_at = self.observed.healed_at.unwrap_or_default();
                let took_ms = now.ms_since(healed_at);
                self.counters.healing_ms_max = self.counters.healing_ms_max.max(took_ms);
            }
            actor.program.learn(call);
            if let Some(scan) = &mut actor.scan {
                scan.learn(call);
            }
        }
    }

    /// The server is gone: its kernel says so at once, or, when the power went, nobody does until it is back.
    pub(super) fn lose_connections(&mut self, server: usize, silently: bool) {
        let now = self.now();
        let mut looks = BTreeMap::new();
        let lines = self.lines.iter_mut();
        for (connection, line) in lines.filter(|(_, line)| line.server == server) {
            line.number = None;
            line.server_listens = false;
            line.wire.link.to_server.vanish();
            if !silently {
                let in_flight = line.wire.link.to_client.in_flight_len();
                let kept = if self.dice.network.percent(60) {
                    in_flight
                } else {
                    self.dice.network.index(in_flight + 1)
                };
                line.wire.link.to_client.reset(kept);
                looks.insert(*connection, line.wire.link.to_client.end(now));
            }
        }
        for (connection, at) in looks {
            self.agenda.put(at, Happening::AtClient(connection));
        }
    }

    /// Connections of a life that ended in silence are refused by the next one, when their clients send again.
    pub(super) fn end_dead_lines(&mut self, server: usize) {
        let now = self.now();
        let mut looks = Vec::new();
        for (connection, line) in self
            .lines
            .iter_mut()
            .filter(|(_, line)| line.server == server && !line.server_listens)
        {
            looks.push((*connection, line.wire.link.to_client.end(now)));
        }
        for (connection, at) in looks {
            self.agenda
                .put(at.after_ms(5), Happening::AtClient(connection));
        }
    }
}

/// The ends of the frames in bytes that a client sends at once.
fn frame_ends(bytes: &[u8]) -> Vec<u64> {
    let mut ends = Vec::new();
    let mut at = 0_usize;
    while let Some(prefix) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) {
        at += 4 + usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX / 2);
        ends.push(at as u64);
    }
    ends
}
