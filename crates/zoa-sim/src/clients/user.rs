//! A user of production clients: what it does next, and with which settings it makes its clients.
//!
//! It works like any program: asks, closes, dies, comes back with its session's ticket, stands still for a while. When all is calm
//! it works on for a moment, asks for a `sync`, so that everything it should have heard of is due, and closes or stays.
//!
//! Invariant: it draws from its own generator, and never looks at the server.

use super::Life;
use super::places;
use super::tally::Tally;
use super::told::LOGIN_TAG;
use super::told::Told;
use super::told::Verdict;
use crate::recipes::Ledger;
use crate::recipes::Program;
use crate::recipes::Subject;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use zoa_client_core::Backoff;
use zoa_client_core::Client;
use zoa_client_core::ClientConfig;
use zoa_client_core::ConnectString;
use zoa_client_core::Entropy;
use zoa_client_core::Offline;
use zoa_client_core::SessionState;
use zoa_client_core::SessionTicket;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::Call;
use zoa_testkit::history::CallOutcome;
use zoa_testkit::history::ClientId;
use zoa_testkit::op::Acl;
use zoa_testkit::op::Op;
use zoa_testkit::op::flag;
use zoa_testkit::rng::Rng;
use zoa_testkit::workload::Memory;
use zoa_testkit::workload::OpSource;
use zoa_testkit::workload::Profile;

/// The longest pause between two looks at the client, in microseconds.
const LOOK_US_MAX: u64 = 30_000;

/// How long users work on when the faults are over.
const CALM_WORK_MS: u64 = 900;

/// How long a user waits for its session to be closed.
const PATIENCE_MS: u64 = 20_000;

/// What a user does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Nothing,
    /// Makes a client.
    Start,
    /// Asks for these.
    Ask(Vec<Op>),
    /// Closes the session, and waits for it so many milliseconds.
    Close(u64),
    /// Its process dies without a word; whether a later one knows the ticket.
    Die(bool),
    /// Its process stands still for so many milliseconds.
    Pause(u64),
    /// Its clock jumps ahead by so many milliseconds.
    Jump(u64),
    /// Its connection breaks in the middle of the next bytes that go this way.
    Cut(Way),
    /// Asks for another server.
    Reconnect,
    /// Names other hosts.
    SetHosts,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// How far it is when all is calm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Working,
    /// Its last request, and whether it will close then.
    Syncing(u32),
    Closing,
    Done,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) number: usize,
    pub(crate) chroot: &'static str,
    pub(crate) rng: Rng,
    pub(crate) life: Option<Life>,
    pub(crate) past: Vec<Life>,
    /// Its process stands still until then.
    pub(crate) paused_until: SimTime,
    /// How far its clock is ahead.
    pub(crate) ahead_us: u64,
    /// The connection breaks in the middle of the next bytes that go this way.
    pub(crate) cut: Option<Way>,
    pub(crate) tally: Tally,
    /// There are several servers.
    is_ensemble: bool,
    profile: Profile,
    ops: OpSource,
    memory: Memory,
    preparing: VecDeque<Op>,
    ticket: Option<SessionTicket>,
    starts_at: SimTime,
    works_at: SimTime,
    /// What was told and is learned from.
    learned: usize,
    calm_since: Option<SimTime>,
    ending: Ending,
    /// What its process runs instead of asking at random.
    script: Option<Script>,
    pub(crate) program: Option<Program>,
}

/// What a user with a script runs in each of its processes.
pub(crate) type Script = (Subject, Arc<Mutex<Ledger>>);

impl User {
    pub(crate) fn new(
        number: usize,
        (profile, is_ensemble): (&Profile, bool),
        mut rng: Rng,
    ) -> Self {
        let chroot = if rng.percent(40) { "/app" } else { "" };
        let name = u32::try_from(1_000 + number).unwrap_or(1_000);
        let ops = OpSource::new(rng.fork("operations"), profile, name);
        let starts_at = SimTime(rng.below(400_000));
        Self {
            number,
            chroot,
            life: None,
            past: Vec::new(),
            paused_until: SimTime::ZERO,
            ahead_us: rng.below(1 << 40),
            cut: None,
            tally: Tally::default(),
            is_ensemble,
            profile: profile.clone(),
            ops,
            memory: Memory::default(),
            preparing: preparation(chroot),
            ticket: None,
            starts_at,
            works_at: starts_at,
            learned: 0,
            calm_since: None,
            ending: Ending::Working,
            script: None,
            program: None,
            rng,
        }
    }

    /// One that runs a script. It has no chroot, since the scripts of a run share their paths.
    pub(crate) fn with_script(mut self, script: Script) -> Self {
        self.chroot = "";
        self.preparing.clear();
        self.script = Some(script);
        self
    }

    /// What the server sees as its address.
    pub(crate) fn address(&self) -> String {
        user_address(self.number)
    }

    /// What its clock shows, in milliseconds.
    pub(crate) fn clock_ms(&self, now: SimTime) -> u64 {
        (now.0 + self.ahead_us) / 1000
    }

    /// When its clock will show this.
    pub(crate) fn time_of(&self, clock_ms: u64) -> SimTime {
        SimTime(clock_ms.saturating_mul(1000).saturating_sub(self.ahead_us))
    }

    /// All its clients.
    pub(crate) fn lives(&self) -> impl Iterator<Item = &Life> {
        self.past.iter().chain(&self.life)
    }

    /// When it wants to act again, in microseconds from now.
    pub(crate) fn pause_us(&mut self) -> u64 {
        1 + self.rng.below(LOOK_US_MAX)
    }

    /// The faults are over.
    pub(crate) fn calm_down(&mut self, now: SimTime) {
        self.calm_since = Some(now);
        self.paused_until = now;
        self.cut = None;
        if let Some(program) = &self.program {
            program.calm_down();
        }
    }

    /// Whether it has nothing more to do.
    pub(crate) fn is_done(&self) -> bool {
        self.ending == Ending::Done
            && self
                .life
                .as_ref()
                .is_none_or(|life| life.client.pending_count() == 0)
    }

    /// For people: what it waits for.
    pub(crate) fn what_moves(&self) -> String {
        format!(
            "user {} is {:?} with {:?}",
            self.number,
            self.ending,
            self.life.as_ref().map(|life| &life.client)
        )
    }

    /// What it does now.
    pub(crate) fn act(&mut self, now: SimTime) -> Move {
        let Some(life) = &self.life else {
            let is_due = now >= self.starts_at && self.ending != Ending::Done;
            return if is_due { Move::Start } else { Move::Nothing };
        };
        if self.script.is_some() {
            return self.act_beside_script();
        }
        match self.calm_since {
            Some(since) if now >= since.after_ms(CALM_WORK_MS) => self.come_to_the_end(),
            Some(_) => self.work(now),
            None if life.client.state() == SessionState::Connecting => self.act_while_connecting(),
            None => self.act_busy(now),
        }
    }

    /// The script does the work; the user only brings misfortune, and closes in the end.
    fn act_beside_script(&mut self) -> Move {
        let timeout_ms = self.profile.timeout_ms.1;
        if self.calm_since.is_some() {
            let is_over = self.program.as_ref().is_some_and(Program::is_done);
            // Others may wait for what it has not done: it begins again with another session.
            let has_given_up = self.program.as_ref().is_some_and(Program::has_given_up);
            let is_idle = self
                .life
                .as_ref()
                .is_some_and(|life| life.client.pending_count() == 0);
            if self.ending == Ending::Working && is_over && is_idle {
                if !has_given_up {
                    self.ending = Ending::Closing;
                }
                return Move::Close(PATIENCE_MS);
            }
            return Move::Nothing;
        }
        match self.rng.weighted(&[20_000, 2, 15, 25, 5, 12, 40, 40]) {
            0 => Move::Nothing,
            1 => Move::Close(self.rng.between(0, 3_000)),
            2 => Move::Die(false),
            3 if self.rng.percent(40) => Move::Pause(self.rng.between(timeout_ms, timeout_ms * 2)),
            3 => Move::Pause(self.rng.between(20, timeout_ms)),
            4 => Move::Jump(self.rng.between(1, timeout_ms * 2)),
            5 => Move::Reconnect,
            6 => Move::Cut(Way::ToServer),
            _ => Move::Cut(Way::ToClient),
        }
    }

    fn act_while_connecting(&mut self) -> Move {
        match self.rng.weighted(&[300, 3, 2, 30]) {
            1 => Move::Close(self.rng.below(500)),
            2 => Move::Die(false),
            3 => self.work(SimTime(u64::MAX)),
            _ => Move::Nothing,
        }
    }

    fn act_busy(&mut self, now: SimTime) -> Move {
        let timeout_ms = self.profile.timeout_ms.1;
        match self.rng.weighted(&[4_000, 4, 3, 6, 3, 8, 2, 12, 12]) {
            0 => self.work(now),
            1 => Move::Close(self.rng.between(0, 3_000)),
            2 => Move::Die(self.rng.percent(60)),
            3 if self.rng.percent(30) => Move::Pause(self.rng.between(timeout_ms, timeout_ms * 2)),
            3 => Move::Pause(self.rng.between(20, timeout_ms)),
            4 => Move::Jump(self.rng.between(1, timeout_ms * 2)),
            5 => Move::Reconnect,
            6 => Move::SetHosts,
            7 => Move::Cut(Way::ToServer),
            _ => Move::Cut(Way::ToClient),
        }
    }

    fn work(&mut self, now: SimTime) -> Move {
        let waits = self
            .life
            .as_ref()
            .is_some_and(|life| life.client.pending_count() > 60 && !self.rng.percent(1));
        if now < self.works_at || waits {
            return Move::Nothing;
        }
        self.works_at = self.works_at.max(SimTime::ZERO);
        if now.0 < u64::MAX {
            self.works_at = now.after_us(self.rng.below(self.profile.think_us_max));
        }
        let count = if self.rng.percent(60) {
            1
        } else {
            self.rng.between(1, self.profile.pipeline_max)
        };
        let next = |_| match self.preparing.pop_front() {
            Some(op) => op,
            None if self.rng.permille(1) => strange_login(),
            None => self.ops.next(&self.memory),
        };
        Move::Ask((0..count).map(next).collect())
    }

    /// A sync, then the end or not.
    fn come_to_the_end(&mut self) -> Move {
        let Some(life) = &self.life else {
            return Move::Nothing;
        };
        let is_ready = matches!(life.client.state(), SessionState::Connected)
            && life.client.pending_count() == 0;
        match self.ending {
            Ending::Working if is_ready => {
                self.ending = Ending::Syncing(0);
                let path = "/".to_owned();
                Move::Ask(vec![Op::Sync { path }])
            }
            Ending::Syncing(tag) if is_ready => match verdict_of(life, tag) {
                Some(Verdict::Done(..)) if self.rng.percent(50) => {
                    self.ending = Ending::Closing;
                    Move::Close(PATIENCE_MS)
                }
                Some(Verdict::Done(..)) => {
                    self.ending = Ending::Done;
                    Move::Nothing
                }
                _ => {
                    self.ending = Ending::Working;
                    Move::Nothing
                }
            },
            Ending::Working | Ending::Syncing(_) | Ending::Closing | Ending::Done => Move::Nothing,
        }
    }

    /// The client has taken a request under this tag.
    pub(crate) fn note_asked(&mut self, tag: u32) {
        if self.ending == Ending::Syncing(0) && tag < LOGIN_TAG {
            self.ending = Ending::Syncing(tag);
        }
    }

    /// Learns names and versions from what it was told.
    pub(crate) fn learn(&mut self, now: SimTime) {
        let Some(life) = &self.life else { return };
        for (_, told) in life.told.iter().skip(self.learned) {
            let Told::Outcome(tag, Verdict::Done(zxid, outcome)) = told else {
                continue;
            };
            let asked = tag
                .checked_sub(1)
                .and_then(|at| life.asked.get(usize::try_from(at).ok()?));
            if let Some(asked) = asked {
                self.memory.learn(&Call {
                    xid: 0,
                    op: asked.op.clone(),
                    invoked_at: now,
                    outcome: CallOutcome::Replied {
                        at: now,
                        zxid: *zxid,
                        outcome: outcome.clone(),
                    },
                });
            }
        }
        self.learned = life.told.len();
    }

    /// The client is over, or its process died: the next one comes later.
    pub(crate) fn bury(&mut self, now: SimTime, takes_ticket: bool) {
        let Some(life) = self.life.take() else { return };
        self.ticket = takes_ticket
            .then(|| life.client.ticket().cloned())
            .flatten();
        self.starts_at = now.after_us(self.rng.between(1_000, 400_000));
        self.learned = 0;
        self.program = None;
        self.past.push(life);
        if self.ending == Ending::Closing {
            self.ending = Ending::Done;
        } else if self.calm_since.is_some() {
            self.ending = Ending::Working;
        }
    }

    /// Makes a client.
    pub(crate) fn start(&mut self, now: SimTime, id: ClientId) {
        let config = self.draw_config();
        let entropy = Entropy {
            hash_key: [self.rng.next_u64(), self.rng.next_u64()],
            seed: self.rng.next_u64(),
        };
        let client = Client::new(config, entropy, self.clock_ms(now));
        self.life = Some(Life::new(id, self.chroot, client));
        if let Some((subject, ledger)) = &self.script {
            let rng = self.rng.fork("script");
            let program = Program::start(*subject, self.number, (ledger, rng));
            if self.calm_since.is_some() {
                program.calm_down();
            }
            self.program = Some(program);
        }
    }

    /// Another list of hosts.
    pub(crate) fn draw_hosts(&mut self) -> ConnectString {
        let hosts = places::draw_hosts(self.is_ensemble, &mut self.rng);
        let text = format!("{hosts}{}", self.chroot);
        ConnectString::parse(&text).expect("the lists of hosts are well written")
    }

    fn draw_config(&mut self) -> ClientConfig {
        let mut config = ClientConfig::new(self.draw_hosts());
        let rng = &mut self.rng;
        let (low, high) = self.profile.timeout_ms;
        config.session_timeout_ms = u32::try_from(rng.between(low, high)).unwrap_or(4_000);
        config.connect_timeout_ms = rng.percent(60).then(|| rng.between(100, 800));
        config.request_timeout_ms = rng.percent(35).then(|| rng.between(60, 1_500));
        config.session = self.ticket.take();
        config.offline = match rng.percent(75) {
            true => Offline::Wait,
            false => Offline::FailWithAttempt,
        };
        config.expires_by_silence = rng.percent(40);
        config.shuffles_hosts = rng.percent(70);
        config.backoff = Backoff {
            min_ms: rng.between(1, 100),
            max_ms: rng.between(100, 700),
        };
        if self.script.is_some() {
            return config;
        }
        if rng.percent(20) {
            config.pending_max = rng.index(40) + 2;
        }
        if rng.percent(10) {
            config.watches_max = rng.index(10) + 1;
        }
        config
    }
}

/// The address of a user's machine.
pub(crate) fn user_address(number: usize) -> String {
    format!("10.0.1.{}", number + 1)
}

fn verdict_of(life: &Life, tag: u32) -> Option<&Verdict> {
    life.told.iter().rev().find_map(|(_, told)| match told {
        Told::Outcome(other, verdict) if *other == tag => Some(verdict),
        _ => None,
    })
}

/// A login that no server takes.
fn strange_login() -> Op {
    Op::AddAuth {
        scheme: "strange".to_owned(),
        auth: b"who".to_vec(),
    }
}

/// What a user asks for first: under a chroot there is nothing yet.
fn preparation(chroot: &str) -> VecDeque<Op> {
    let create = |path: &str| Op::Create {
        path: path.to_owned(),
        data: None,
        acl: Acl::open(),
        flags: flag::PERSISTENT,
        with_stat: false,
    };
    let all = [
        "/",
        "/a",
        "/a/x",
        "/b",
        "/b/1",
        "/c",
        "/q",
        "/e",
        "/e/sub",
        "/pair",
        "/pair/left",
        "/pair/right",
        "/locked",
        "/locked/1",
    ];
    if chroot.is_empty() {
        VecDeque::new()
    } else {
        all.into_iter().map(create).collect()
    }
}
