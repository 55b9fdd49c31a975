//! G-18: what Raft promises, as far as it shows from outside of its library: one leader a term (election safety), a leader that has
//! all that was committed before its term (leader completeness), entries handed out once and in order, terms that never fall along
//! the log.
//!
//! That an index means the same entry everywhere (state-machine safety) is G-02's; that what was promised is durable is G-19's.

use super::Case;
use super::Violation;
use std::collections::BTreeMap;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let mut report = |what: String| violations.push(Violation::new("G-18", what));
    let mut leader_of: BTreeMap<u64, u8> = BTreeMap::new();
    for leads in &case.observed.leads {
        let first = *leader_of.entry(leads.term).or_insert(leads.server);
        if first != leads.server {
            report(format!(
                "servers {first} and {} lead term {}",
                leads.server, leads.term
            ));
        }
        let of_before = case
            .applied
            .entries()
            .filter(|entry| entry.term < leads.term);
        let last = of_before.map(|entry| entry.index).max().unwrap_or(0);
        if leads.applied_index < last {
            report(format!(
                "server {} leads term {} at {} with what was applied up to {}; entry {last} was committed in a term before",
                leads.server, leads.term, leads.at, leads.applied_index
            ));
        }
    }
    for (server, index, before) in &case.observed.handed_out_again {
        report(format!(
            "server {server} handed out entry {index} behind entry {before}"
        ));
    }
    let entries = case.applied.entries();
    for (before, after) in entries.zip(case.applied.entries().skip(1)) {
        if after.term < before.term {
            report(format!(
                "entry {} is of term {}, entry {} behind it of term {}",
                before.index, before.term, after.index, after.term
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::observed::Leads;

    fn lead(scene: &mut Scene, server: u8, term: u64, behind: u64) {
        scene.observed.leads.push(Leads {
            server,
            term,
            at: scene.now(),
            applied_index: scene.last_index() - behind,
            votes: true,
        });
    }

    #[test]
    fn leaders_one_after_the_other_are_accepted() {
        let mut scene = Scene::new();
        lead(&mut scene, 1, 1, 0);
        let one = scene.connect();
        scene.create(one, "/a");
        scene.next_term();
        lead(&mut scene, 2, 2, 0);
        scene.create(one, "/b");
        scene.accepts();
    }

    #[test]
    fn two_leaders_of_a_term_are_reported() {
        let mut scene = Scene::new();
        lead(&mut scene, 1, 1, 0);
        lead(&mut scene, 2, 1, 0);
        scene.rejects("G-18");
    }

    #[test]
    fn a_leader_that_lacks_what_was_committed_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        lead(&mut scene, 2, 2, 1);
        scene.rejects("G-18");
    }

    #[test]
    fn an_entry_handed_out_twice_is_reported() {
        let mut scene = Scene::new();
        scene.connect();
        scene.observed.handed_out_again.push((1, 7, 8));
        scene.rejects("G-18");
    }
}
