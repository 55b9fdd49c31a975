//! A client program: which act comes next, given how its connection stands.
//!
//! It behaves as programs do: it pings when idle, comes back after a lost connection, sometimes falls silent, sometimes gives a
//! connection up that is still good, and rarely does what only broken or hostile clients do.

use super::Administrator;
use super::BASE;
use super::Memory;
use super::OpSource;
use super::Profile;
use crate::client::Client;
use crate::clock::SimTime;
use crate::history::Call;
use crate::history::ConnectAsk;
use crate::op::Acl;
use crate::op::Op;
use crate::op::flag;
use crate::rng::Rng;

/// What a client does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Opens a connection that asks for this; others it has stay open.
    Connect(ConnectAsk),
    /// Sends these on its newest connection, all at once.
    Send(Vec<Op>),
    /// Sends these on its oldest connection, as a packet that was long under way.
    SendLate(Vec<Op>),
    /// Closes its connections without a word.
    Drop,
    /// The same, and forgets its session: the next connection asks for a new one.
    Abandon,
    /// Reads nothing for this many milliseconds.
    StopReading(u64),
    /// Nothing.
    Wait,
}

/// How long a client goes at most without a look at its connection, in microseconds.
const LOOK_US_MAX: u64 = 200_000;

/// The will of one client.
#[derive(Debug)]
pub struct Program {
    rng: Rng,
    ops: OpSource,
    memory: Memory,
    profile: Profile,
    number: u32,
    /// Requests left that prepare the tree.
    preparing: Vec<Op>,
    /// Silent until then.
    silent_until: SimTime,
    /// All faults are over: it settles down.
    calm: bool,
    /// What it does instead, if it changes the servers of the ensemble.
    administrator: Option<Administrator>,
    /// It sends one write after the other without a pause, until then; and when it does so again.
    streams_until: SimTime,
    streams_next: SimTime,
}

impl Program {
    /// The program of client `number`; the first one prepares the tree, and one behind the others changes the servers where the
    /// profile names some.
    pub fn new(mut rng: Rng, profile: &Profile, number: u32) -> Self {
        let ops = OpSource::new(rng.fork("operations"), profile, number);
        let preparing = if number == 0 {
            preparation(profile)
        } else {
            Vec::new()
        };
        let is_administrator = number == profile.clients;
        let administrator = profile
            .ensemble
            .filter(|_| is_administrator)
            .map(|ensemble| Administrator::new(rng.fork("administrator"), ensemble));
        Self {
            administrator,
            streams_until: SimTime::ZERO,
            streams_next: SimTime::ZERO,
            rng,
            ops,
            memory: Memory::default(),
            profile: profile.clone(),
            number,
            preparing,
            silent_until: SimTime::ZERO,
            calm: false,
        }
    }

    /// It learns from calls as they are answered.
    pub fn learn(&mut self, call: &Call) {
        self.memory.learn(call);
        if let Some(administrator) = &mut self.administrator {
            administrator.learn(call);
        }
    }

    /// From here on it only keeps its session and listens.
    pub fn calm_down(&mut self) {
        self.calm = true;
        self.silent_until = SimTime::ZERO;
    }

    /// When it wants to act again, in microseconds from now.
    pub fn pause_us(&mut self) -> u64 {
        if self.calm {
            return self.rng.between(20_000, 120_000);
        }
        if self.streams_until > SimTime::ZERO {
            return self.rng.between(100, 2_500);
        }
        1 + self.rng.below(self.think_us_max().min(LOOK_US_MAX))
    }

    /// The longest time between two pieces of work. A third of the clients takes its time, so that pings and expiry matter.
    fn think_us_max(&self) -> u64 {
        let slow = if self.number % 3 == 2 { 20 } else { 1 };
        self.profile.think_us_max * slow
    }

    /// What it does now.
    pub fn act(&mut self, client: &Client, now: SimTime) -> Act {
        if now < self.silent_until {
            return Act::Wait;
        }
        if client.current().is_none() {
            return Act::Connect(self.ask(client));
        }
        if is_dead(client, now) {
            return Act::Drop;
        }
        if !client.is_established() {
            return if !self.calm && self.rng.permille(5) {
                Act::Drop
            } else {
                Act::Wait
            };
        }
        if self.calm {
            return self.ping_when_idle(client, now);
        }
        self.act_established(client, now)
    }

    fn act_established(&mut self, client: &Client, now: SimTime) -> Act {
        let profile = &self.profile;
        let second = u64::from(client.connections().count() > 1) * 100;
        let drop = profile.drop_permille;
        let quiet = u32::try_from(profile.silence_permille).unwrap_or(0);
        let weights = [
            1000,
            u32::try_from(drop).unwrap_or(0),
            u32::try_from(profile.close_permille).unwrap_or(0),
            quiet,
            u32::try_from(drop / 2).unwrap_or(0),
            u32::try_from(second).unwrap_or(0),
            u32::from(profile.data_len_max > 10_000) * 4,
        ];
        match self.rng.weighted(&weights) {
            0 => self.work(client, now),
            1 if self.rng.percent(15) => Act::Abandon,
            1 => Act::Drop,
            2 => Act::Send(vec![Op::CloseSession]),
            3 => {
                self.silent_until = now.after_ms(self.rng.between(500, 9_000));
                Act::Wait
            }
            4 => Act::Connect(self.ask(client)),
            5 => Act::SendLate(vec![
                self.ops.next(&self.memory),
                self.ops.next(&self.memory),
            ]),
            _ => Act::StopReading(self.rng.between(50, 900)),
        }
    }

    fn work(&mut self, client: &Client, now: SimTime) -> Act {
        if client.awaiting_count() > 100 {
            return self.ping_when_idle(client, now);
        }
        if self.streams(now) {
            return Act::Send(vec![self.ops.next_write(&self.memory)]);
        }
        if let Some(administrator) = &mut self.administrator {
            let ops = administrator.next(now);
            return if ops.is_empty() {
                self.ping_when_idle(client, now)
            } else {
                Act::Send(ops)
            };
        }
        if let Some(op) = self.preparing.pop() {
            return Act::Send(vec![op]);
        }
        // It looks at its connection more often than it has work.
        if self.rng.below(self.think_us_max()) > LOOK_US_MAX {
            return self.ping_when_idle(client, now);
        }
        let count = if self.rng.percent(60) {
            1
        } else {
            self.rng.between(1, self.profile.pipeline_max)
        };
        Act::Send((0..count).map(|_| self.ops.next(&self.memory)).collect())
    }

    /// Whether it is in the middle of a stream of writes; some clients begin one now and then.
    fn streams(&mut self, now: SimTime) -> bool {
        let streams = self.profile.streams && self.number % 3 == 1;
        if streams && self.administrator.is_none() && now >= self.streams_next {
            self.streams_until = now.after_ms(self.rng.between(50, 600));
            self.streams_next = self.streams_until.after_ms(self.rng.between(200, 3_000));
        }
        if now >= self.streams_until {
            self.streams_until = SimTime::ZERO;
        }
        now < self.streams_until
    }

    /// As the original's client: a ping when nothing was sent for a third of the timeout.
    fn ping_when_idle(&self, client: &Client, now: SimTime) -> Act {
        let timeout_ms = client
            .held()
            .map_or(0, |held| u64::try_from(held.timeout_ms).unwrap_or(0));
        if now.ms_since(client.last_sent()) >= timeout_ms / 3 {
            Act::Send(vec![Op::Ping])
        } else {
            Act::Wait
        }
    }

    fn ask(&mut self, client: &Client) -> ConnectAsk {
        let (low, high) = self.profile.timeout_ms;
        let timeout_ms = i32::try_from(self.rng.between(low, high)).unwrap_or(i32::MAX);
        let mut ask = client.ask(timeout_ms);
        if self.calm {
            return ask;
        }
        match self.rng.weighted(&[940, 20, 20, 20]) {
            1 => ask.password = vec![0x5a; 16],
            2 => ask.password.truncate(7),
            // Seen more than any server has: it must not be taken.
            3 => ask.last_zxid_seen += 1 << 40,
            _ => {}
        }
        ask
    }
}

/// As the original's client: a connection is given up when nothing came for two thirds of the timeout though something is due.
fn is_dead(client: &Client, now: SimTime) -> bool {
    let timeout_ms = client
        .held()
        .map_or(4_000, |held| u64::try_from(held.timeout_ms).unwrap_or(0));
    let waits = client.awaiting_count() > 0 || !client.is_established();
    waits && now.ms_since(client.last_received().max(client.last_sent())) > timeout_ms * 2 / 3
}

/// What the first client sends to begin with, last first.
fn preparation(profile: &Profile) -> Vec<Op> {
    let create = |path: String| Op::Create {
        path,
        data: None,
        acl: Acl::open(),
        flags: flag::PERSISTENT,
        with_stat: false,
    };
    let mut ops: Vec<Op> = BASE.iter().map(|path| create((*path).to_owned())).collect();
    ops.push(Op::Multi(vec![
        create("/pair/left".to_owned()),
        create("/pair/right".to_owned()),
    ]));
    if profile.big_directory {
        for batch in 0..23 {
            ops.push(Op::Multi(
                (0..100)
                    .map(|child| create(format!("/big/{batch}-{child}")))
                    .collect(),
            ));
        }
    }
    ops.reverse();
    ops
}
