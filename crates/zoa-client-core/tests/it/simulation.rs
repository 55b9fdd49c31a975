//! Seeded runs of the client against a model server, over a network with every fault a client can meet: delays, stalls, resets
//! at any byte in both directions, servers that accept and never answer, names that do not resolve, restarts, expiry.
//!
//! A seed decides everything. `ZOA_SEED=n` runs that one alone, `ZOA_SEEDS=n` runs so many.

mod network;
mod oracle;
mod server;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::panic::AssertUnwindSafe;

use network::Link;
use oracle::Asked;
use oracle::Kind;
use oracle::Oracle;
use oracle::join;
use server::Server;
use server::version_of_tag;
use zoa_client_core::Action;
use zoa_client_core::Client;
use zoa_client_core::ConnectionId;
use zoa_client_core::Entropy;
use zoa_client_core::Event;
use zoa_client_core::ExpiredBy;
use zoa_client_core::Outcome;
use zoa_client_core::SessionEvent;
use zoa_client_core::SessionState;
use zoa_client_core::Submission;
use zoa_client_core::WatchRemoval;
use zoa_client_core::WatcherId;
use zoa_proto::AclList;
use zoa_proto::AddWatchMode;
use zoa_proto::CreateMode;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::request::AddWatch;
use zoa_proto::request::Create;
use zoa_proto::request::Delete;
use zoa_proto::request::Exists;
use zoa_proto::request::GetChildren;
use zoa_proto::request::GetData;
use zoa_proto::request::SetData;

use crate::script::config;

const SEEDS: u64 = 60;
const TIMEOUT_MS: u64 = 3_000;
const FAULTS_END_MS: u64 = 30_000;
/// Tags of auth entries, which have an order of their own.
const AUTH_TAG: u32 = 1_000_000;

/// A generator of this test's own.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = self.0 ^ (self.0 >> 29);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % bound.max(1)
    }

    pub(crate) fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(u64::try_from(bound).expect("small"))).expect("small")
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// An answer of the resolver or the socket that is on its way.
enum Answer {
    Resolved(ConnectionId, bool),
    Connected(ConnectionId, bool),
}

struct World {
    chance: Chance,
    now_ms: u64,
    client: Client<u32>,
    server: Server,
    links: Vec<Link>,
    answers: Vec<(u64, Answer)>,
    oracle: Oracle,
    chroot: &'static str,
    /// What every path begins with, to make some of them long.
    stem: String,
    next_tag: u32,
    auths: BTreeSet<u32>,
    ended: Option<SessionEvent>,
    last_session: i64,
}

#[derive(Default)]
struct Tally {
    expired: usize,
    watches: usize,
    fired: usize,
    unknown: usize,
    requests: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
        let chroot = if chance.percent(40) { "/app" } else { "" };
        let mut settings = config(&format!("127.0.0.1:1,zk2:2,127.0.0.3:3{chroot}"));
        settings.session_timeout_ms = u32::try_from(TIMEOUT_MS).expect("small");
        settings.shuffles_hosts = true;
        settings.backoff.max_ms = 500;
        settings.expires_by_silence = chance.percent(50);
        settings.request_timeout_ms = chance.percent(30).then_some(1_500);
        let entropy = Entropy {
            hash_key: [seed, 1],
            seed,
        };
        let stem = if chance.percent(4) {
            "x".repeat(50_000)
        } else {
            "n".to_owned()
        };
        Self {
            client: Client::new(settings, entropy, 0),
            chance,
            now_ms: 0,
            server: Server::new(chroot),
            links: Vec::new(),
            answers: Vec::new(),
            oracle: Oracle::default(),
            chroot,
            stem,
            next_tag: 1,
            auths: BTreeSet::new(),
            ended: None,
            last_session: 0,
        }
    }

    fn is_faulty(&self) -> bool {
        self.now_ms < FAULTS_END_MS
    }

    fn run(&mut self) -> Tally {
        while self.is_faulty() && self.ended.is_none() {
            self.step();
            if self.chance.percent(25) {
                self.submit_one();
            }
            if self.chance.percent(8) {
                self.change_by_another();
            }
            self.maybe_fault();
        }
        self.settle();
        if self.ended.is_none() {
            assert_eq!(
                self.client.state(),
                SessionState::Connected,
                "it found its way back"
            );
            self.oracle.check_no_watch_lost(&self.server);
            let first = self.server.changes.len();
            for _ in 0..20 {
                self.change_by_another();
                self.step();
            }
            self.settle();
            self.oracle.check_no_watch_lost(&self.server);
            self.oracle.check_persistent_watches(&self.server, first);
            self.close();
        }
        self.oracle.check_outcomes(&self.server);
        assert!(
            self.auths.is_empty(),
            "auth entries {:?} were never answered",
            self.auths
        );
        Tally {
            expired: usize::from(matches!(self.ended, Some(SessionEvent::Expired(_)))),
            watches: self.oracle.watches.len(),
            fired: self.oracle.fired,
            unknown: self.oracle.unknown,
            requests: self.oracle.asked.len(),
        }
    }

    /// The network is healed: everything comes to its end.
    fn settle(&mut self) {
        self.now_ms = self.now_ms.max(FAULTS_END_MS);
        let until_ms = self.now_ms + 8_000;
        while self.now_ms < until_ms {
            self.step();
        }
        assert_eq!(self.client.pending_count(), 0, "requests hang");
    }

    fn close(&mut self) {
        let session = self.client.session_id().0;
        self.client.close(self.now_ms, 5_000);
        for _ in 0..200 {
            self.step();
        }
        assert_eq!(
            self.ended,
            Some(SessionEvent::Closed {
                session_ended: true
            })
        );
        assert!(self.server.closed.contains(&session));
    }

    /// A little time passes; what is due happens.
    fn step(&mut self) {
        self.now_ms += 1 + self.chance.below(40);
        self.answer_due();
        self.deliver();
        for session in self.server.expire(self.now_ms) {
            if session == self.client.session_id().0 {
                let alive_until = self.client.alive_until_ms().unwrap_or_default();
                assert!(
                    alive_until <= self.now_ms,
                    "taken for alive after it expired"
                );
            }
        }
        if self
            .client
            .poll_timeout()
            .is_some_and(|due_ms| due_ms <= self.now_ms)
        {
            self.client.handle_timeout(self.now_ms);
        }
        self.drive();
    }

    fn answer_due(&mut self) {
        let (due, later) = std::mem::take(&mut self.answers)
            .into_iter()
            .partition(|(at_ms, _)| *at_ms <= self.now_ms);
        self.answers = later;
        let due: Vec<(u64, Answer)> = due;
        for (_, answer) in due {
            match answer {
                Answer::Resolved(connection, true) => {
                    let addresses = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
                    self.client
                        .handle_resolved(self.now_ms, connection, &addresses);
                }
                Answer::Resolved(connection, false) => {
                    self.client.handle_unresolved(self.now_ms, connection)
                }
                Answer::Connected(connection, true) => {
                    let is_mute = self.is_faulty() && self.chance.percent(10);
                    self.links.push(Link::new(connection.0, is_mute));
                    self.client.handle_connected(self.now_ms, connection);
                }
                Answer::Connected(connection, false) => {
                    let refused = Some(ErrorKind::ConnectionRefused);
                    self.client
                        .handle_disconnected(self.now_ms, connection, refused);
                }
            }
            self.drive();
        }
    }

    fn deliver(&mut self) {
        for mut link in std::mem::take(&mut self.links) {
            let bytes = link.take_for_server(self.now_ms);
            if !link.is_mute && link.closes_ms.is_none() {
                self.server.receive(link.number, &bytes, self.now_ms);
                self.collect(&mut link);
            }
            let bytes = link.take_for_client(self.now_ms);
            self.give_to_client(link.number, &bytes);
            if link.is_over(self.now_ms) {
                let error = self
                    .chance
                    .percent(50)
                    .then_some(ErrorKind::ConnectionReset);
                self.client
                    .handle_disconnected(self.now_ms, ConnectionId(link.number), error);
                self.server.lines.remove(&link.number);
            } else {
                self.links.push(link);
            }
            self.drive();
        }
        for link in &mut self.links {
            // Events that another connection's request caused.
            if let Some(line) = self.server.lines.get_mut(&link.number) {
                let output = std::mem::take(&mut line.output);
                link.send_to_client(&output, self.now_ms, &mut self.chance);
                if line.closed {
                    link.close(self.now_ms, &mut self.chance);
                }
            }
        }
    }

    /// Puts what the server wrote on its way.
    fn collect(&mut self, link: &mut Link) {
        if let Some(line) = self.server.lines.get_mut(&link.number) {
            let output = std::mem::take(&mut line.output);
            let is_closed = line.closed;
            link.send_to_client(&output, self.now_ms, &mut self.chance);
            if is_closed {
                link.close(self.now_ms, &mut self.chance);
            }
        }
    }

    fn give_to_client(&mut self, number: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spare = self.client.receive_buffer();
            let len = spare.len().min(bytes.len());
            spare[..len].copy_from_slice(&bytes[..len]);
            self.client
                .handle_received(self.now_ms, ConnectionId(number), len);
            bytes = &bytes[len..];
            if self.chance.percent(50) {
                self.take_events();
            }
        }
    }

    /// What a driver does after every input.
    fn drive(&mut self) {
        self.take_events();
        while let Some(action) = self.client.poll_action() {
            self.act(action);
        }
        while let Some(transmit) = self.client.poll_transmit() {
            let (connection, len) = (
                transmit.connection,
                1 + self.chance.index(transmit.bytes.len()),
            );
            let Some(link) = self
                .links
                .iter_mut()
                .find(|link| link.number == connection.0)
            else {
                return;
            };
            link.send_to_server(&transmit.bytes[..len], self.now_ms, &mut self.chance);
            self.client.handle_transmitted(self.now_ms, connection, len);
            if self.chance.percent(20) {
                return;
            }
        }
    }

    fn act(&mut self, action: Action) {
        let fails = self.is_faulty() && self.chance.percent(15);
        let never = self.is_faulty() && self.chance.percent(5);
        let at_ms = self.now_ms + self.chance.below(50);
        match action {
            Action::Resolve { connection, .. } if !never => {
                self.answers
                    .push((at_ms, Answer::Resolved(connection, !fails)));
            }
            Action::Connect { connection, .. } if !never => {
                self.answers
                    .push((at_ms, Answer::Connected(connection, !fails)));
            }
            Action::Resolve { .. } | Action::Connect { .. } => {}
            Action::Close { connection } => {
                self.links.retain(|link| link.number != connection.0);
                self.server.lines.remove(&connection.0);
            }
            Action::Probe { .. } => panic!("no server is read-only here"),
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Outcome { tag, outcome } if tag >= AUTH_TAG => {
                    assert!(self.auths.remove(&tag), "auth {tag} was answered twice");
                    let is_good = matches!(
                        outcome,
                        Outcome::Done { result: Ok(_), .. } | Outcome::NotApplied(_)
                    );
                    assert!(is_good, "{outcome:?}");
                }
                Event::Outcome { tag, outcome } => {
                    self.oracle
                        .take_outcome(tag, outcome, &self.server, self.chroot);
                }
                Event::Watch(fired) => self.oracle.take_watch(&fired, &self.server, self.chroot),
                Event::WatchGone(gone) => self.oracle.take_gone(&gone),
                Event::Session(SessionEvent::Connected {
                    session, is_new, ..
                }) => {
                    assert_eq!(
                        is_new,
                        self.last_session == 0,
                        "the same session, or none (G-12)"
                    );
                    assert!(self.last_session == 0 || self.last_session == session.0);
                    self.last_session = session.0;
                }
                Event::Session(SessionEvent::Suspended(_) | SessionEvent::MayHaveExpired)
                | Event::Notice(_) => {}
                Event::Session(end) => {
                    assert_eq!(self.ended.replace(end), None, "a session ends once");
                    if end == SessionEvent::Expired(ExpiredBy::Server) {
                        assert!(
                            self.server.expired.contains(&self.last_session),
                            "it lives, and was called expired"
                        );
                        assert!(!self.server.has_session(self.last_session));
                    }
                }
            }
        }
    }

    fn maybe_fault(&mut self) {
        if self.chance.percent(1) {
            self.server.restart(self.now_ms);
            for link in &mut self.links {
                link.reset(self.now_ms, &mut self.chance);
            }
        }
        let Some(at) = self.links.len().checked_sub(1) else {
            return;
        };
        let link = &mut self.links[at];
        if self.chance.percent(2) && link.closes_ms.is_none() {
            let arrived = link.reset(self.now_ms, &mut self.chance);
            let number = link.number;
            if !link.is_mute {
                self.server.receive(number, &arrived, self.now_ms);
            }
            self.server.lines.remove(&number);
        } else if self.chance.percent(1) {
            let for_ms = self.chance.below(TIMEOUT_MS * 2);
            link.stall(self.now_ms, for_ms);
        }
    }

    /// A path as the client names it: the root of its world, three znodes, and children of theirs.
    fn draw_path(&mut self) -> String {
        let (top, child) = (self.chance.below(3), self.chance.below(4));
        match child {
            0 | 1 => format!("/{}{top}", self.stem),
            _ => format!("/{}{top}/c{child}", self.stem),
        }
    }

    fn draw_kind(&mut self) -> Kind {
        match self.chance.below(16) {
            0..=3 => Kind::Create,
            4..=5 => Kind::SetData,
            6..=7 => Kind::Delete,
            8..=9 => Kind::GetData,
            10..=11 => Kind::Exists,
            12..=13 => Kind::GetChildren,
            14 if self.chance.percent(50) => Kind::Persistent,
            14 => Kind::Recursive,
            _ => {
                let draw = self.chance.index(1_000);
                self.oracle
                    .live_watch(draw)
                    .map_or(Kind::GetData, |(number, _)| Kind::Remove(number))
            }
        }
    }

    fn submit_one(&mut self) {
        if self.chance.percent(1) {
            let tag = AUTH_TAG + self.next_tag;
            if self
                .client
                .add_auth(self.now_ms, "digest", &tag.to_be_bytes(), tag)
                .is_ok()
            {
                self.auths.insert(tag);
            }
        }
        let tag = self.next_tag;
        let kind = self.draw_kind();
        let path = self.draw_path();
        let watch = matches!(kind, Kind::Persistent | Kind::Recursive)
            || (matches!(kind, Kind::GetData | Kind::Exists | Kind::GetChildren)
                && self.chance.percent(60));
        let path = match kind {
            Kind::Remove(number) => {
                let there = &self.oracle.watches[&number].path;
                there
                    .strip_prefix(self.chroot)
                    .expect("it is under the chroot")
                    .to_owned()
            }
            _ => path,
        };
        let asked = Asked {
            kind,
            path: join(self.chroot, &path),
            watch,
        };
        if self.send(tag, &asked, &path) {
            self.next_tag += 1;
            self.oracle.asked.insert(tag, asked);
        }
        self.drive();
    }

    fn send(&mut self, tag: u32, asked: &Asked, path: &str) -> bool {
        let watch = asked.watch;
        let data = data_of(tag, &asked.path);
        let request = match asked.kind {
            Kind::Create => Request::Create(Create {
                path,
                data: Some(&data),
                acl: AclList::empty(),
                flags: CreateMode::Persistent.flags(),
            }),
            Kind::SetData => Request::SetData(SetData {
                path,
                data: Some(&data),
                version: Version::ANY,
            }),
            Kind::Delete => Request::Delete(Delete {
                path,
                version: Version(version_of_tag(tag)),
            }),
            Kind::GetData => Request::GetData(GetData { path, watch }),
            Kind::Exists => Request::Exists(Exists { path, watch }),
            Kind::GetChildren => Request::GetChildren2(GetChildren { path, watch }),
            Kind::Persistent => Request::AddWatch(AddWatch {
                path,
                mode: AddWatchMode::Persistent,
            }),
            Kind::Recursive => Request::AddWatch(AddWatch {
                path,
                mode: AddWatchMode::PersistentRecursive,
            }),
            Kind::Remove(number) => {
                let removal = WatchRemoval {
                    path,
                    watcher_type: self.oracle.watches[&number].kind.watcher_type(),
                    watcher: Some(WatcherId(number.into())),
                    local: false,
                };
                return self
                    .client
                    .remove_watches(self.now_ms, removal, tag)
                    .is_ok();
            }
        };
        let submission = Submission {
            request,
            watcher: watch.then_some(WatcherId(tag.into())),
            outside_chroot: false,
        };
        self.client.submit(self.now_ms, submission, tag).is_ok()
    }

    /// Somebody else writes, and the client's watches must tell.
    fn change_by_another(&mut self) {
        let path = join(self.chroot, &self.draw_path());
        // What the server refuses changes nothing, which is as good.
        let _ = match self.chance.below(4) {
            0 | 1 => self.server.create(&path, &data_of(0, &path)).is_ok(),
            2 => self.server.set_data(&path, &data_of(0, &path)).is_ok(),
            _ => self.server.delete(&path, 0).is_ok(),
        };
    }
}

/// Data that tell who wrote them, and where.
fn data_of(tag: u32, path: &str) -> Vec<u8> {
    [&tag.to_be_bytes(), path.as_bytes()].concat()
}

fn number_from(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().expect("a number"))
}

#[test]
fn whatever_the_network_does_every_outcome_is_true_and_no_watch_is_lost_or_told_twice() {
    let only = number_from("ZOA_SEED");
    let seeds = match only {
        Some(seed) => seed..seed + 1,
        None => 0..number_from("ZOA_SEEDS").unwrap_or(SEEDS),
    };
    let mut total = Tally::default();
    for seed in seeds {
        let run = std::panic::catch_unwind(AssertUnwindSafe(|| World::new(seed).run()));
        let tally = run.unwrap_or_else(|panic| {
            eprintln!("again: ZOA_SEED={seed} cargo test -p zoa-client-core --test it whatever_the_network_does");
            std::panic::resume_unwind(panic)
        });
        total.expired += tally.expired;
        total.watches += tally.watches;
        total.fired += tally.fired;
        total.unknown += tally.unknown;
        total.requests += tally.requests;
    }
    println!(
        "{} requests, {} of them unknown, {} watches, {} told, {} sessions expired",
        total.requests, total.unknown, total.watches, total.fired, total.expired
    );
    // A run that meets nothing proves nothing.
    if only.is_none() {
        assert!(total.expired > 0 && total.unknown > 0 && total.fired > total.watches / 4);
    }
}
