//! Which servers there are in a run: those that found the ensemble, which of them vote, and those that stand by and may be added.
//!
//! Users and their recipes meet one server, or three in about every third run.
//!
//! Invariant: machine 0 is server 1; founders come first, participants before observers, then those that stand by. Three founders
//! at least vote.

use super::Scenario;
use crate::clients::ENSEMBLE_COUNT;
use zoa_testkit::faults::Fault;
use zoa_testkit::faults::FaultKind;
use zoa_testkit::rng::Rng;
use zoa_testkit::workload::Ensemble;
use zoa_tree::MemberLines;

/// So many of a hundred runs with users have several servers.
const ENSEMBLES_PERCENT: u64 = 33;

/// A leader notices within two election timeouts that a server is silent. Until then it would agree to one voter less, and a loss that
/// three servers outlive would become one that two do not.
const LOSS_NOTICED_MS: u64 = 2_000;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cast {
    participants: usize,
    observers: usize,
    standby: usize,
    /// Milliseconds between two changes of the servers at most, when a client changes them.
    change_ms_max: Option<u64>,
}

impl Cast {
    /// Draws the servers of a run.
    pub(super) fn draw(scenario: Scenario, rng: &mut Rng) -> Self {
        let alone = Self {
            participants: 1,
            observers: 0,
            standby: 0,
            change_ms_max: None,
        };
        if scenario.has_users() && rng.percent(ENSEMBLES_PERCENT) {
            return Self {
                participants: ENSEMBLE_COUNT.into(),
                ..alone
            };
        }
        if scenario != Scenario::Ensemble {
            return alone;
        }
        let founders = *rng.pick(&[3, 3, 3, 5, 7]).unwrap_or(&3);
        let observers = match founders {
            3 => 0,
            5 => rng.index(3),
            _ => rng.index(4),
        };
        let founded = Self {
            participants: founders - observers,
            observers,
            ..alone
        };
        if rng.percent(35) {
            return founded;
        }
        let standby = if founders == 7 { 1 } else { rng.index(3) };
        Self {
            standby,
            change_ms_max: rng.pick(&[300, 1_200, 4_000]).copied(),
            ..founded
        }
    }

    /// How many servers there are.
    pub(super) fn machines(&self) -> usize {
        self.participants + self.observers + self.standby
    }

    /// Whether a server is none of those that found the ensemble.
    pub(super) fn stands_by(&self, server: usize) -> bool {
        server >= self.participants + self.observers
    }

    /// What a client may change when these faults happen.
    pub(super) fn change(&self, plan: &[Fault]) -> Option<Ensemble> {
        let loss = plan.iter().find(|fault| fault.kind == FaultKind::Wiped);
        self.change_ms_max.map(|pause_ms_max| Ensemble {
            machines: u8::try_from(self.machines()).unwrap_or(u8::MAX),
            kept: 3,
            kept_until: loss
                .map(|loss| loss.start.after_ms(LOSS_NOTICED_MS))
                .unwrap_or_default(),
            pause_ms_max,
        })
    }

    /// The lines of zoo.cfg of a server: those that founded, and itself, or all; none for one alone.
    pub(super) fn lines_of(&self, server: usize, names_all: bool) -> MemberLines {
        if self.machines() == 1 {
            return MemberLines::default();
        }
        let founders = self.participants + self.observers;
        let others = founders..self.machines();
        let named = others.filter(|other| names_all || *other == server);
        let named = (0..founders).chain(named);
        let line = |machine: usize| {
            let id = machine + 1;
            let is_observer = (self.participants..founders).contains(&machine);
            let role = if is_observer {
                "observer"
            } else {
                "participant"
            };
            format!("server.{id}=10.1.0.{id}:2888:3888:{role};2181\n")
        };
        let text: String = named.map(line).collect();
        MemberLines::parse(&text).expect("these are lines of servers")
    }
}
