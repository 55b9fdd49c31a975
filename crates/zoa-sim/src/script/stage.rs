//! The stage: one server and some clients on wires without delay; after each step everything runs until nothing moves.

use super::command;
use super::command::Command;
use super::shown;
use crate::process::Now;
use crate::process::Process;
use crate::process::Setup;
use crate::process::TaskTurn;
use crate::process::Thread;
use crate::process::Told;
use crate::process::Wire;
use crate::witness::Heard;
use crate::witness::Witness;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use zoa_core::Moment;
use zoa_ensemble::Versions;
use zoa_proto::PeerId;
use zoa_testkit::checkers::check_all;
use zoa_testkit::client::Client;
use zoa_testkit::clock::ServerClock;
use zoa_testkit::clock::SimTime;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::history::ClientId;
use zoa_testkit::history::ConnectionId;
use zoa_testkit::history::End;
use zoa_testkit::history::History;
use zoa_testkit::history::Received;
use zoa_testkit::net::Arrival;
use zoa_testkit::net::Link;
use zoa_testkit::net::Weather;
use zoa_testkit::observed::Observed;
use zoa_testkit::rng::Rng;
use zoa_tree::HashKey;
use zoa_tree::MemberLines;

const NO_DELAY: Weather = Weather {
    delay_us_min: 0,
    delay_us_max: 0,
    trickle: false,
};

/// A connection's wire, and the server's number for it.
struct Line {
    wire: Wire,
    client: String,
    number: Option<u64>,
}

pub(super) struct Stage {
    now: SimTime,
    disk: SimDisk,
    process: Option<Process>,
    life: u64,
    clients: BTreeMap<String, Client>,
    lines: BTreeMap<ConnectionId, Line>,
    history: History,
    /// How many messages and ends of each connection have been told.
    told: BTreeMap<ConnectionId, usize>,
    witness: Witness,
    observed: Observed,
    rng: Rng,
    heard: Vec<String>,
    /// Connections in the order in which the step has sent on them.
    sent_on: Vec<u64>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            now: SimTime::from_ms(1),
            disk: SimDisk::new(1),
            process: None,
            life: 0,
            clients: BTreeMap::new(),
            lines: BTreeMap::new(),
            history: History::default(),
            told: BTreeMap::new(),
            witness: Witness::new(HashKey([5, 6])),
            observed: Observed::default(),
            rng: Rng::new(1),
            heard: Vec::new(),
            sent_on: Vec::new(),
        }
    }

    /// Takes a step; what is heard until all is quiet.
    pub(super) fn run(&mut self, step: &[String]) -> Vec<String> {
        for line in step {
            self.now = self.now.after_us(100);
            self.carry_out(command::parse(line));
        }
        self.settle();
        std::mem::take(&mut self.heard)
    }

    /// What the story was, laid beside the model.
    pub(super) fn assert_consistent(&mut self) {
        self.observed.ended_at = self.now;
        let violations = check_all(&self.history, &self.witness.applied, &self.observed);
        assert!(violations.is_empty(), "{violations:#?}");
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Start => self.start(),
            Command::Kill => {
                self.end_process();
                self.disk = self.disk.kill();
            }
            Command::Power(persistence) => {
                self.end_process();
                self.disk = self.disk.power_cut(persistence);
            }
            Command::Snapshot => {
                let mut told = Told::default();
                if let Some(process) = &mut self.process {
                    process.begin_snapshot(&mut told);
                }
                self.settle();
                self.heard.push("a snapshot was taken".to_owned());
            }
            Command::Pass(ms) => self.pass(ms),
            Command::Connect { client, timeout_ms } => self.connect(&client, (timeout_ms, false)),
            Command::Reconnect {
                client,
                wrong_password,
            } => self.connect(&client, (4_000, wrong_password)),
            Command::Drop { client } => self.drop_client(&client),
            Command::Send { client, op, late } => self.send(&client, op, late),
        }
    }

    fn server_now(&self) -> Now {
        let clock = ServerClock::default();
        let moment = Moment {
            mono_ms: clock.monotonic_ms(self.now),
            wall_ms: clock.wall_ms(self.now),
        };
        Now {
            at: self.now,
            moment,
        }
    }

    fn start(&mut self) {
        self.life += 1;
        let setup = Setup {
            disk: self.disk.clone(),
            server: PeerId(1),
            lines: MemberLines::default(),
            raft_tick_ms: 50,
            containers: zoa_core::ContainerRules::default(),
            crash_at: None,
            bounds: self.observed.bounds,
            hash_key: [1, 2],
            life: self.life,
            segment_len: 16 << 10,
            tail_entries: 0,
            versions: Versions::THIS,
        };
        let mut told = Told::default();
        let random = self.rng.fork("life");
        let process = Process::start(&setup, (self.server_now(), random), &mut told);
        self.process = Some(process.expect("the disk is fine"));
        self.take_in(told);
        self.settle();
        assert!(
            self.process.as_ref().is_some_and(|process| process.serves),
            "a sole voter serves at once"
        );
        self.observed.served_from.push(self.now);
    }

    fn end_process(&mut self) {
        self.process = None;
        let lost: Vec<ConnectionId> = self.lines.keys().copied().collect();
        for id in lost {
            self.close(id);
        }
    }

    /// Time passes in steps as small as the session clock's.
    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 50 {
            self.now = self.now.after_ms(50);
            let now = self.server_now();
            let mut told = Told::default();
            if let Some(process) = &mut self.process {
                process.tick_sessions(now, &mut told);
            }
            self.take_in(told);
            self.settle();
        }
    }

    fn connect(&mut self, name: &str, (timeout_ms, wrong_password): (i32, bool)) {
        let now = self.server_now();
        let number = u32::try_from(self.clients.len()).expect("few clients");
        let new = || Client::new(ClientId(number), format!("10.0.0.{}", number + 1));
        let client = self.clients.entry(name.to_owned()).or_insert_with(new);
        let mut asked = client.ask(timeout_ms);
        if wrong_password {
            asked.password = vec![0xee; 16];
        }
        let (id, bytes) = client.connect(self.now, asked, &mut self.history);
        let mut wire = Wire::new(Link {
            weather: NO_DELAY,
            ..Link::default()
        });
        wire.link
            .to_server
            .send(&bytes, (self.now, NO_DELAY), &mut self.rng);
        let address = client.address().parse::<Ipv4Addr>().expect("an address");
        let number = self
            .process
            .as_mut()
            .and_then(|process| process.accept(address.into(), now));
        if let Some(number) = number {
            self.history.set_owner(id.0, owner(Some(number)));
            self.sent_on.push(number);
        }
        self.lines.insert(
            id,
            Line {
                wire,
                client: name.to_owned(),
                number,
            },
        );
    }

    fn send(&mut self, name: &str, op: zoa_testkit::op::Op, late: bool) {
        let client = self
            .clients
            .get_mut(name)
            .expect("a client that has connected");
        let id = if late {
            client.connections().next()
        } else {
            client.current()
        };
        let id = id.expect("a connection");
        let bytes = client.send_on(id, self.now, op, &mut self.history);
        if let Some(line) = self.lines.get_mut(&id) {
            line.wire
                .link
                .to_server
                .send(&bytes, (self.now, NO_DELAY), &mut self.rng);
            self.observed
                .heard
                .entry(owner(line.number))
                .or_default()
                .push(self.now);
            self.sent_on.extend(line.number);
        }
    }

    fn drop_client(&mut self, name: &str) {
        let client = self
            .clients
            .get_mut(name)
            .expect("a client that has connected");
        let open: Vec<ConnectionId> = client.connections().collect();
        for id in open {
            client.handle_end(id, self.now, End::Dropped, &mut self.history);
            if let Some(line) = self.lines.get_mut(&id) {
                line.wire.link.to_server.end(self.now);
                line.wire.link.to_client.vanish();
            }
        }
    }

    /// Everything runs, in one fixed order, until nothing moves.
    fn settle(&mut self) {
        self.carry_bytes();
        for number in std::mem::take(&mut self.sent_on) {
            self.turn(Thread::Connection(number));
        }
        loop {
            self.carry_bytes();
            let Some(process) = &mut self.process else {
                break;
            };
            let wanted = process.take_wanted();
            if wanted.is_empty() && !process.log_has_spoken() {
                break;
            }
            for thread in wanted {
                self.turn(thread);
            }
            let mut told = Told::default();
            if let Some(process) = &mut self.process {
                process.deliver_log_outputs(&mut told);
            }
            self.take_in(told);
        }
        self.tell();
    }

    fn turn(&mut self, thread: Thread) {
        let now = self.server_now();
        let mut told = Told::default();
        let Some(process) = &mut self.process else {
            return;
        };
        if let Thread::Connection(number) = thread {
            let found = self
                .lines
                .iter_mut()
                .find(|(_, line)| line.number == Some(number));
            let Some((id, line)) = found else { return };
            let id = *id;
            let turn =
                process.turn_connection(number, &mut line.wire, (now, &mut self.rng), &mut told);
            if let TaskTurn::Closed(_) = turn {
                line.number = None;
                self.receive(id);
                self.close(id);
            }
        } else {
            process
                .turn(thread, now, &mut told)
                .expect("no faults here");
        }
        self.take_in(told);
    }

    fn take_in(&mut self, told: Told) {
        assert!(told.wrong.is_empty(), "{:?}", told.wrong);
        for entry in &told.committed {
            let heard = Heard {
                index: entry.index.0,
                term: entry.term,
                data: &entry.data,
            };
            self.witness.hear(0, &heard, self.now);
        }
        for (index, digest) in told.digests.into_iter().filter(|(index, _)| *index > 0) {
            assert_eq!(
                self.witness.digest_at(index),
                Some(digest),
                "the state at index {index}"
            );
        }
        for session in told.expiries {
            self.observed
                .expiry_proposed
                .entry(session)
                .or_default()
                .push(self.now);
        }
    }

    fn carry_bytes(&mut self) {
        let open: Vec<ConnectionId> = self.lines.keys().copied().collect();
        for id in open {
            self.receive(id);
            let Some(line) = self.lines.get_mut(&id) else {
                continue;
            };
            line.wire.arrive_at_server(self.now.after_ms(1));
            if let (true, Some(number), Some(process)) =
                (line.wire.is_readable(), line.number, &mut self.process)
            {
                process.want_connection(number);
            }
        }
    }

    /// The client takes what has come.
    fn receive(&mut self, id: ConnectionId) {
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        if let Arrival::Bytes(bytes) = line.wire.link.to_client.receive(self.now.after_ms(1)) {
            let client = self.clients.get_mut(&line.client).expect("a client");
            client.receive(id, self.now, &bytes, &mut self.history);
        }
    }

    /// The connection is over at its server's side.
    fn close(&mut self, id: ConnectionId) {
        let Some(line) = self.lines.remove(&id) else {
            return;
        };
        let client = self.clients.get_mut(&line.client).expect("a client");
        if client.connections().any(|open| open == id) {
            client.handle_end(id, self.now, End::ClosedByServer, &mut self.history);
        }
    }

    /// Writes down what has been heard since the last time.
    fn tell(&mut self) {
        for (id, connection) in self.history.iter() {
            let name = self
                .clients
                .iter()
                .find(|(_, client)| client.id() == connection.client);
            let name = name.map_or("?", |(name, _)| name.as_str());
            let mut lines = Vec::new();
            if let Some((_, answer)) = &connection.answered {
                lines.push(match answer.session {
                    0 => "session expired".to_owned(),
                    _ => format!("session of {} ms", answer.timeout_ms),
                });
            }
            for (_, message) in &connection.received {
                lines.push(match message {
                    Received::Event(event) => shown::event(event),
                    Received::Nonsense(what) => format!("nonsense: {what}"),
                    Received::Reply(position) => {
                        let reply = connection
                            .calls
                            .get(*position)
                            .and_then(|call| call.reply());
                        reply.map_or_else(String::new, |(_, zxid, outcome)| {
                            shown::reply(outcome, zxid)
                        })
                    }
                });
            }
            if connection.end == End::ClosedByServer {
                lines.push("closed".to_owned());
            }
            let told = self.told.entry(id).or_default();
            self.heard.extend(
                lines
                    .iter()
                    .skip(*told)
                    .map(|line| format!("{name}: {line}")),
            );
            *told = lines.len();
        }
    }
}

fn owner(number: Option<u64>) -> zoa_testkit::applied::Owner {
    zoa_testkit::applied::Owner {
        server: 1,
        connection: number.unwrap_or(0),
    }
}
