//! The verdict on a run that is over: everything that was noted goes to the checkers, and what they find into the report.

use super::World;
use crate::clients;
use crate::clients::Tally;
use crate::report::Report;
use std::collections::BTreeSet;
use zoa_testkit::checkers;
use zoa_testkit::checkers::Case;
use zoa_testkit::replay::replay;

impl World {
    pub(super) fn judge(mut self) -> Report {
        for server in 0..self.machines.count() {
            self.end_poison(server);
            self.end_contact(server);
            self.end_rules(server);
        }
        self.observed.ended_at = self.now();
        self.observed.members_at_rest = self.members_at_rest();
        self.counters.disk_ops = self.machines.iter().map(|it| it.disk.ops()).sum();
        self.counters.snapshots_sent = self.peers.snapshots_sent;
        let replayed = replay(&self.history, &self.witness.applied);
        self.counters.add_steps(&replayed.steps);
        let case = Case {
            history: &self.history,
            applied: &self.witness.applied,
            replayed: &replayed,
            observed: &self.observed,
        };
        let mut violations = checkers::check(case);
        let mut clients = Tally::default();
        for user in self.users.values() {
            clients.add(&user.tally);
            for life in user.lives() {
                violations.extend(clients::judge(life, case, &mut clients));
            }
        }
        violations.extend(self.ledger().judge());
        let mut recipes = self.ledger().tally;
        let ensembles = u64::from(self.observed.is_ensemble);
        let leader_changes = self.leader_changes();
        (clients.ensembles, clients.leader_changes) = (ensembles, leader_changes);
        (recipes.ensembles, recipes.leader_changes) = (ensembles, leader_changes);
        self.counters
            .add_history(&self.history, &self.witness.applied, self.now());
        let fault_kinds: BTreeSet<&'static str> =
            self.plan.iter().map(|fault| fault.kind.name()).collect();
        Report {
            options: self.options,
            plan: self.plan,
            fault_kinds,
            violations,
            counters: self.counters,
            clients,
            recipes,
            trace: self.trace,
            history: self.history,
            entries: self.witness.applied.entries().cloned().collect(),
        }
    }

    /// How often another server led than before.
    fn leader_changes(&self) -> u64 {
        let (leaders, next) = (self.leaders.values(), self.leaders.values().skip(1));
        leaders.zip(next).filter(|(one, next)| one != next).count() as u64
    }
}
