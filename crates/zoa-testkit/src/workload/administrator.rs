//! The client that changes the servers of the ensemble: who takes part, who votes, one by one or all at once, rightly and wrongly.
//!
//! Invariant: what it asks for keeps the ensemble recoverable. As long as a disk may still be lost, so many servers vote that no single
//! one is needed; otherwise the servers themselves have to see to it that they go on.

use crate::clock::SimTime;
use crate::history::Call;
use crate::op::Answer;
use crate::op::Op;
use crate::rng::Rng;

/// Where the lines can be read.
const CONFIG: &str = "/zookeeper/config";

/// Who may do everything.
const LOGIN: &str = "super:test";

/// A server that exists nowhere: its line may be added, and it never comes.
const NOBODY: u8 = 9;

/// The servers that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ensemble {
    /// They are numbered from 1 to this.
    pub machines: u8,
    /// Those up to this number always vote.
    pub kept: u8,
    /// Until then: when a disk has been lost and they have noticed, the servers see to it themselves that enough of them are left.
    pub kept_until: SimTime,
    /// Milliseconds between two changes, at most.
    pub pause_ms_max: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Administrator {
    rng: Rng,
    ensemble: Ensemble,
    /// Of the configuration that it saw last.
    version: i64,
    next_at: SimTime,
}

impl Administrator {
    /// One for these servers.
    pub fn new(rng: Rng, ensemble: Ensemble) -> Self {
        Self {
            rng,
            ensemble,
            version: 0,
            next_at: SimTime::ZERO,
        }
    }

    /// Learns which configuration there is.
    pub fn learn(&mut self, call: &Call) {
        let is_config = match &call.op {
            Op::GetData { path, .. } => path == CONFIG,
            Op::Reconfig { .. } => true,
            _ => false,
        };
        if let (true, Some((_, _, Ok(Answer::Data(_, stat))))) = (is_config, call.reply()) {
            self.version = stat.mzxid;
        }
    }

    /// What it sends now, if it is time.
    pub fn next(&mut self, now: SimTime) -> Vec<Op> {
        if now < self.next_at {
            return Vec::new();
        }
        self.next_at = now.after_ms(self.rng.between(1, self.ensemble.pause_ms_max));
        if now >= self.ensemble.kept_until {
            self.ensemble.kept = 0;
        }
        let mut ops = Vec::new();
        if self.rng.percent(95) {
            ops.push(Op::AddAuth {
                scheme: "digest".to_owned(),
                auth: LOGIN.as_bytes().to_vec(),
            });
        }
        if self.rng.percent(20) {
            ops.push(Op::GetData {
                path: CONFIG.to_owned(),
                watch: self.rng.percent(50),
            });
            return ops;
        }
        // Rarely two at once, of which the second meets the first.
        let count = if self.rng.percent(15) { 2 } else { 1 };
        ops.extend((0..count).map(|_| self.change()));
        ops
    }

    fn change(&mut self) -> Op {
        let (mut joining, mut leaving, mut new_members) = (None, None, None);
        match self.rng.weighted(&[34, 22, 10, 20, 9, 5]) {
            0 => joining = Some(self.joiner()),
            1 => leaving = Some(self.leaver()),
            2 => (joining, leaving) = (Some(self.joiner()), Some(self.leaver())),
            3 => new_members = Some(self.all()),
            4 => joining = Some(self.nonsense()),
            _ => {}
        }
        let config_id = match self.rng.weighted(&[60, 32, 8]) {
            0 => -1,
            1 => self.version,
            _ => self.version + 1,
        };
        Op::Reconfig {
            joining,
            leaving,
            new_members,
            config_id,
        }
    }

    fn server(&mut self) -> u8 {
        let machines = u64::from(self.ensemble.machines);
        u8::try_from(self.rng.between(1, machines)).unwrap_or(1)
    }

    fn joiner(&mut self) -> String {
        let id = if self.rng.percent(8) {
            NOBODY
        } else {
            self.server()
        };
        let votes = id <= self.ensemble.kept || self.rng.percent(75);
        let port = if self.rng.percent(10) { 2182 } else { 2181 };
        line(id, votes, port)
    }

    fn leaver(&mut self) -> String {
        let id = match self.server() {
            id if id <= self.ensemble.kept => NOBODY,
            id => id,
        };
        id.to_string()
    }

    fn all(&mut self) -> String {
        let Ensemble { machines, kept, .. } = self.ensemble;
        let mut lines = Vec::new();
        for id in 1..=machines {
            if id <= kept || self.rng.percent(80) {
                let votes = id <= kept || self.rng.percent(80);
                lines.push(line(id, votes, 2181));
            }
        }
        lines.join(if self.rng.percent(50) { "," } else { "\n" })
    }

    /// What is refused, at least while server 1 is there.
    fn nonsense(&mut self) -> String {
        let texts = [
            "server.9=10.1.0.9:2888:3888",
            "server.9=10.1.0.1:2888:3889;2181",
            "server.9",
            "server.0=10.1.0.9:2888:3888;2181",
            "server.999=10.1.0.9:2888:3888:observer;2181",
            "nine=10.1.0.9:2888:3888;2181",
        ];
        self.rng
            .pick(&texts)
            .map_or_else(String::new, |text| (*text).to_owned())
    }
}

/// The line of a server, as the simulated servers have them.
pub(crate) fn line(id: u8, votes: bool, port: u16) -> String {
    let role = if votes { "participant" } else { "observer" };
    format!("server.{id}=10.1.0.{id}:2888:3888:{role};{port}")
}
