//! Hostile clients that want a server to keep much for them: one asks for much and reads nothing, another one makes events for it to be told
//! of. What they do is allowed, each request alone.
//!
//! Without limits a server would hold megabytes for the first of them within a second: replies to a thousand reads of a large znode, or
//! events with long paths, or a thousand writes at once. Serves G-22.

use super::Act;
use crate::client::Client;
use crate::clock::SimTime;
use crate::op::Acl;
use crate::op::Blob;
use crate::op::Op;
use crate::op::flag;
use crate::rng::Rng;

/// A watch on a znode and all below it, which stays.
const PERSISTENT_RECURSIVE: i32 = 1;

/// Bytes of the znode that is read again and again.
const DATA_LEN: usize = 50_000;

/// Bytes of the names that are created and deleted: each change is an event as long.
const NAME_LEN: usize = 30_000;

/// How often a name is created and deleted, so that the events exceed what one connection may have unread.
const CHANGES: u64 = 90;

/// For so long it asks and does not read, before it goes and comes again as somebody else.
const MEAL_MS: (u64, u64) = (1_500, 5_000);

/// A version that the large znode never has: what is written is refused, and it stays large.
const NO_VERSION: i32 = 77;

/// With so much unanswered it asks for nothing more: its connection is full long before.
const UNANSWERED_MAX: usize = 1_500;

/// Longer than any run.
const FOR_EVER_MS: u64 = 3_600_000;

/// What it is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// Answers to read nothing of.
    Answers,
    /// Room in other clients' connections.
    Noise,
}

/// See the module.
#[derive(Debug)]
pub struct Glutton {
    rng: Rng,
    appetite: Appetite,
    name: String,
    step: Step,
    changes_left: u64,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Arrive,
    /// What it has prepared is to be answered first.
    Prepared,
    /// It reads nothing any more, until then.
    Eat(SimTime),
}

impl Glutton {
    /// One of this appetite; `number` is the client's.
    pub fn new(rng: Rng, appetite: Appetite, number: u32) -> Self {
        Self {
            rng,
            appetite,
            name: format!("/glutton-{number}"),
            step: Step::Arrive,
            changes_left: CHANGES,
        }
    }

    /// When it acts again, in microseconds from now.
    pub fn pause_us(&mut self) -> u64 {
        self.rng.between(2_000, 20_000)
    }

    /// What it does now.
    pub fn act(&mut self, client: &Client, now: SimTime) -> Act {
        if client.current().is_none() {
            self.step = Step::Arrive;
            return Act::Connect(client.ask(4_000));
        }
        if let Step::Eat(until) = self.step {
            return self.eat(client, until, now);
        }
        if !client.is_established() || client.awaiting_count() > 0 {
            let waits_ms = now.ms_since(client.last_received().max(client.last_sent()));
            return if waits_ms > 3_000 {
                Act::Drop
            } else {
                Act::Wait
            };
        }
        match self.appetite {
            Appetite::Answers => self.prepare(now),
            Appetite::Noise => self.make_noise(client, now),
        }
    }

    fn prepare(&mut self, now: SimTime) -> Act {
        if self.step == Step::Arrive {
            self.step = Step::Prepared;
            return Act::Send(vec![
                create(&self.name, Some(Blob(vec![b'g'; DATA_LEN]))),
                Op::AddWatch {
                    path: "/".to_owned(),
                    mode: PERSISTENT_RECURSIVE,
                },
            ]);
        }
        let (low, high) = MEAL_MS;
        self.step = Step::Eat(now.after_ms(self.rng.between(low, high)));
        Act::StopReading(FOR_EVER_MS)
    }

    fn eat(&mut self, client: &Client, until: SimTime, now: SimTime) -> Act {
        if now >= until {
            self.step = Step::Arrive;
            return Act::Abandon;
        }
        if client.awaiting_count() > UNANSWERED_MAX {
            return Act::Wait;
        }
        match self.rng.weighted(&[60, 2, 8, 30]) {
            0 => Act::Send(self.reads(400)),
            1 => Act::Send(vec![self.write(); 1_100]),
            2 => {
                let mut ops = vec![self.write()];
                ops.extend(self.reads(100));
                Act::Send(ops)
            }
            _ => Act::Wait,
        }
    }

    fn reads(&self, count: usize) -> Vec<Op> {
        let read = Op::GetData {
            path: self.name.clone(),
            watch: false,
        };
        vec![read; count]
    }

    fn write(&self) -> Op {
        Op::SetData {
            path: self.name.clone(),
            data: None,
            version: NO_VERSION,
        }
    }

    fn make_noise(&mut self, client: &Client, now: SimTime) -> Act {
        let timeout_ms = client.held().map_or(0, |held| held.timeout_ms);
        let idle_ms = now.ms_since(client.last_sent());
        if self.changes_left == 0 {
            let is_due = idle_ms >= u64::try_from(timeout_ms / 3).unwrap_or(0);
            return if is_due {
                Act::Send(vec![Op::Ping])
            } else {
                Act::Wait
            };
        }
        self.changes_left -= 1;
        let path = format!("{}-{}", self.name, "n".repeat(NAME_LEN));
        let version = -1;
        Act::Send(vec![create(&path, None), Op::Delete { path, version }])
    }
}

fn create(path: &str, data: Option<Blob>) -> Op {
    Op::Create {
        path: path.to_owned(),
        data,
        acl: Acl::open(),
        flags: flag::PERSISTENT,
        with_stat: false,
    }
}
