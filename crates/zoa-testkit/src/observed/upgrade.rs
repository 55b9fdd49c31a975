//! Which programs ran on the servers, what they said of themselves, and by which rules the states went: what G-24 is about.
//!
//! Rules are numbered as `docs/decisions/0011-versions-of-members.md` has them: the first are version 1.

use crate::clock::SimTime;

/// The rules that hold before anything is said of them.
pub const FIRST_RULES: u32 = 1;

/// A server was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Which, from 1.
    pub server: u8,
    /// When.
    pub at: SimTime,
    /// The newest rules that its program knows.
    pub knows: u32,
}

/// A server said to another, on a connection that both took, what its program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub from: u8,
    /// To whom.
    pub to: u8,
    /// When.
    pub at: SimTime,
    /// The newest rules that its program knows.
    pub knows: u32,
    /// The rules that the other one had been told to hold.
    pub hold: u32,
}

/// A leader wants newer rules to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesProposed {
    /// Who, from 1.
    pub server: u8,
    /// In which term it leads.
    pub term: u64,
    /// When.
    pub at: SimTime,
    /// Which rules.
    pub version: u32,
    /// Who takes part, learners too, as far as it knows.
    pub members: Vec<u8>,
}

/// The state of a server goes by these rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulesHeld {
    /// Which, from 1.
    pub server: u8,
    /// When that was looked at.
    pub at: SimTime,
    /// Up to where it has applied the log.
    pub applied_index: u64,
    /// Which rules.
    pub version: u32,
}

/// What was seen of all this, each in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Upgrade {
    /// Starts of servers.
    pub programs: Vec<Program>,
    /// What servers said to each other.
    pub said: Vec<Said>,
    /// Proposals of newer rules.
    pub proposed: Vec<RulesProposed>,
    /// By which rules states went, noted at starts, at changes and after snapshots.
    pub held: Vec<RulesHeld>,
    /// Servers that were handed newer rules than their program knows, and had to stop, with their words.
    pub too_old: Vec<(u8, SimTime, String)>,
}

impl Upgrade {
    /// The program that ran on a server at a time.
    pub fn program_of(&self, server: u8, at: SimTime) -> Option<Program> {
        let of_server = self.programs.iter().filter(|it| it.server == server);
        of_server
            .filter(|it| it.at <= at)
            .max_by_key(|it| it.at)
            .copied()
    }

    /// Whether a server was started after `from` and no later than `to`.
    pub fn starts_between(&self, server: u8, (from, to): (SimTime, SimTime)) -> bool {
        let mut of_server = self.programs.iter().filter(|it| it.server == server);
        of_server.any(|it| from < it.at && it.at <= to)
    }
}
