//! Which program runs on which server, and what becomes of the rules (G-24).
//!
//! A quarter of the ensembles begin with the program before this one; each server of them has this one from its second start on. Those that
//! stand by have this one: the others may go by newer rules before they come, and rightly not take them. One server of each such ensemble is
//! started a third time with the program before, by mistake, until somebody notices, and so is one that has lost its disk: if newer rules
//! hold, the first refuses to go on, and the second, which does not know of them, is not taken on by anybody.

use super::Happening;
use super::Scenario;
use super::World;
use super::id_of;
use crate::process::NewerRules;
use zoa_ensemble::Versions;
use zoa_testkit::observed::Program;
use zoa_testkit::observed::RulesHeld;
use zoa_testkit::observed::RulesProposed;
use zoa_testkit::observed::Said;

/// The life in which a server has the program before by mistake.
const MISTAKEN_LIFE: u64 = 3;

impl World {
    /// What the program of a server can do that is started now.
    pub(super) fn versions_of(&self, server: usize) -> Versions {
        let is_one_of_several = self.machines.count() > 1 && !self.cast.stands_by(server);
        let begins_with_the_one_before = is_one_of_several && self.options.seed % 4 == 3;
        let is_first = self.machines[server].life == 1;
        if begins_with_the_one_before && (is_first || self.is_mistaken(server)) {
            Versions::FIRST
        } else {
            Versions::THIS
        }
    }

    fn is_mistaken(&self, server: usize) -> bool {
        let seed = usize::try_from(self.options.seed / 4).unwrap_or(0);
        let machine = &self.machines[server];
        let is_chosen = server == seed % 3 && machine.life == MISTAKEN_LIFE;
        let may_be = self.options.scenario == Scenario::Ensemble && self.phase.is_busy();
        may_be && (is_chosen || machine.has_new_disk)
    }

    /// A server is started with this program.
    pub(super) fn note_program(&mut self, server: usize, versions: Versions) {
        let program = Program {
            server: id_of(server),
            at: self.now(),
            knows: versions.semantics,
        };
        self.observed.upgrade.programs.push(program);
        let is_mistaken = self.machines[server].life > 1 && versions != Versions::THIS;
        self.machines[server].is_mistaken = is_mistaken;
        self.machines[server].has_new_disk = false;
        if is_mistaken {
            self.counters.taken_back += 1;
            let noticed_us = self.dice.process.between(200_000, 3_000_000);
            let life = self.machines[server].life;
            self.agenda
                .put_in_us(noticed_us, Happening::Upgrade(server, life));
        }
    }

    /// Somebody notices that a server has the program before.
    pub(super) fn upgrade(&mut self, server: usize, life: u64) {
        if self.lives(server, life) {
            self.kill(server);
            self.start_server(server);
        }
    }

    /// At the end nobody has the program before by mistake.
    pub(super) fn end_mistakes(&mut self) {
        for server in 0..self.machines.count() {
            if self.machines[server].is_mistaken {
                self.kill(server);
            }
        }
    }

    /// A server had to stop since it does not know what holds: right for one that was taken back, and nobody else is in that place.
    pub(super) fn note_too_old(&mut self, server: usize, words: &str) {
        if self.machines[server].is_mistaken {
            self.counters.refused_too_old += 1;
            return;
        }
        let stopped = (id_of(server), self.now(), words.to_owned());
        self.observed.upgrade.too_old.push(stopped);
    }

    pub(super) fn note_proposed_rules(&mut self, server: usize, rules: NewerRules) {
        self.observed.upgrade.proposed.push(RulesProposed {
            server: id_of(server),
            term: rules.term,
            at: self.now(),
            version: rules.version,
            members: rules.members,
        });
    }

    /// The state of a server goes by these rules. Kept are the first and the last look at each.
    pub(super) fn note_rules(&mut self, server: usize, (applied_index, version): (u64, u32)) {
        let held = RulesHeld {
            server: id_of(server),
            at: self.now(),
            applied_index,
            version,
        };
        let before = self.machines[server].rules.replace(held);
        if before.is_none_or(|before| before.version != version) {
            self.observed.upgrade.held.extend(before);
            self.observed.upgrade.held.push(held);
        }
    }

    /// The server goes down: what it held last is kept.
    pub(super) fn end_rules(&mut self, server: usize) {
        let last = self.machines[server].rules.take();
        self.observed.upgrade.held.extend(last);
    }

    /// Two servers have taken each other on: what they said of their programs.
    pub(super) fn note_said(&mut self, ends: [usize; 2], knows: [u32; 2]) {
        let at = self.now();
        let [one, other] = ends;
        let [one_knows, other_knows] = knows;
        for (from, to, knows) in [(one, other, one_knows), (other, one, other_knows)] {
            let process = self.machines[to].process.as_ref();
            let hold = process.map_or(0, |process| process.rules_told);
            self.observed.upgrade.said.push(Said {
                from: id_of(from),
                to: id_of(to),
                at,
                knows,
                hold,
            });
        }
    }
}
