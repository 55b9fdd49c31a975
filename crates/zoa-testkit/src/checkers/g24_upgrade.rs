//! G-24: upgrades roll. Newer rules are proposed only when every member, learners too, has said to the leader that it knows them; they
//! hold on every server from the same entry on; who does not know what holds is not taken on, and neither serves nor leads.
//!
//! What servers say to each other is noted where they are connected, what they hold where they apply: neither is asked of the code that
//! decides to raise. That equal entries give equal states while rules change is G-16's.

use super::Case;
use super::Violation;
use crate::applied::Asked;
use crate::observed::FIRST_RULES;
use crate::observed::RulesProposed;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    if case.observed.upgrade.programs.is_empty() {
        // Nobody has looked.
        return;
    }
    let mut report = |what: String| violations.push(Violation::new("G-24", what));
    for proposed in &case.observed.upgrade.proposed {
        check_proposal(case, proposed, &mut report);
    }
    check_entries(case, &mut report);
    check_replicas(case, &mut report);
    check_taken_on(case, &mut report);
    check_programs(case, &mut report);
    for (server, at, words) in &case.observed.upgrade.too_old {
        report(format!("server {server} had to stop at {at}: {words}"));
    }
}

/// The rules that hold behind the entry at this index.
fn rules_at(case: Case<'_>, index: u64) -> u32 {
    let entries = case.applied.entries();
    let before = entries.take_while(|entry| entry.index <= index);
    let raised = before.filter_map(|entry| match entry.asked {
        Asked::RaiseSemantics(version) => Some(version),
        _ => None,
    });
    raised.max().unwrap_or(FIRST_RULES)
}

fn check_proposal(case: Case<'_>, proposed: &RulesProposed, report: &mut impl FnMut(String)) {
    let upgrade = &case.observed.upgrade;
    let RulesProposed {
        server,
        at,
        version,
        ..
    } = *proposed;
    let own = upgrade.program_of(server, at);
    let lives_since = own.map(|it| it.at).unwrap_or_default();
    let has_said = |member: u8| {
        upgrade.said.iter().any(|said| {
            (said.from, said.to) == (member, server)
                && lives_since <= said.at
                && said.at <= at
                && said.knows >= version
        })
    };
    for member in &proposed.members {
        let knows = if *member == server {
            own.is_some_and(|it| it.knows >= version)
        } else {
            has_said(*member)
        };
        if !knows {
            report(format!(
                "server {server} proposed at {at} that rules {version} hold; server {member} had not said that it knows them"
            ));
        }
    }
}

/// Nothing but a leader's proposal raises the rules.
fn check_entries(case: Case<'_>, report: &mut impl FnMut(String)) {
    for entry in case.applied.entries() {
        let Asked::RaiseSemantics(version) = entry.asked else {
            continue;
        };
        let mut proposed = case.observed.upgrade.proposed.iter();
        if !proposed.any(|it| it.term == entry.term && it.version == version) {
            report(format!(
                "entry {} makes rules {version} hold, and no leader of term {} proposed it",
                entry.index, entry.term
            ));
        }
    }
}

fn check_replicas(case: Case<'_>, report: &mut impl FnMut(String)) {
    for held in &case.observed.upgrade.held {
        let rules = rules_at(case, held.applied_index);
        if held.version != rules {
            report(format!(
                "server {} goes by rules {} at {} with what was applied up to {}; by the log they are {rules}",
                held.server, held.version, held.at, held.applied_index
            ));
        }
    }
}

fn check_taken_on(case: Case<'_>, report: &mut impl FnMut(String)) {
    let said = case.observed.upgrade.said.iter();
    for said in said.filter(|said| said.knows < said.hold) {
        report(format!(
            "server {}, whose program knows rules {}, was taken on at {} by server {}, where rules {} hold",
            said.from, said.knows, said.at, said.to, said.hold
        ));
    }
}

fn check_programs(case: Case<'_>, report: &mut impl FnMut(String)) {
    let serving = case.observed.serving_begins.iter();
    let serving = serving.map(|it| (it.server, it.at, it.applied_index, "serves"));
    let leads = case.observed.leads.iter();
    let leads = leads.map(|it| (it.server, it.at, it.applied_index, "leads"));
    for (server, at, index, does) in serving.chain(leads) {
        let program = case.observed.upgrade.program_of(server, at);
        let rules = rules_at(case, index);
        if program.is_some_and(|it| it.knows < rules) {
            report(format!(
                "server {server} {does} from {at} on, where rules {rules} hold that its program does not know"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::applied::Asked;
    use crate::clock::SimTime;
    use crate::observed::Leads;
    use crate::observed::Program;
    use crate::observed::RulesHeld;
    use crate::observed::RulesProposed;
    use crate::observed::Said;

    fn at(ms: u64) -> SimTime {
        SimTime::from_ms(ms)
    }

    fn program(server: u8, ms: u64, knows: u32) -> Program {
        let at = at(ms);
        Program { server, at, knows }
    }

    fn said(from: u8, ms: u64, knows: u32) -> Said {
        Said {
            from,
            to: 1,
            at: at(ms),
            knows,
            hold: 1,
        }
    }

    /// Three servers of which the first leads and proposes rules 2 at 5 ms; the entry is the second of the log.
    fn upgraded() -> Scene {
        let mut scene = Scene::new();
        scene.connect();
        scene.end_at(100);
        scene.commit_unasked(Asked::RaiseSemantics(2));
        let upgrade = &mut scene.observed.upgrade;
        upgrade.programs = vec![program(1, 0, 2), program(2, 0, 2), program(3, 0, 2)];
        upgrade.said = vec![said(2, 1, 2), said(3, 2, 1), said(3, 4, 2)];
        upgrade.proposed.push(RulesProposed {
            server: 1,
            term: 1,
            at: at(5),
            version: 2,
            members: vec![1, 2, 3],
        });
        scene
    }

    fn held(scene: &mut Scene, applied_index: u64, version: u32) {
        scene.observed.upgrade.held.push(RulesHeld {
            server: 2,
            at: at(9),
            applied_index,
            version,
        });
    }

    #[test]
    fn rules_that_all_know_and_that_hold_from_one_entry_on_are_accepted() {
        let mut scene = upgraded();
        let last = scene.last_index();
        held(&mut scene, last - 1, 1);
        held(&mut scene, last, 2);
        scene.accepts();
    }

    #[test]
    fn rules_proposed_before_a_member_says_that_it_knows_them_are_reported() {
        let mut scene = upgraded();
        scene.observed.upgrade.said.pop();
        scene.rejects("G-24");
        let mut to_an_earlier_life = upgraded();
        let programs = &mut to_an_earlier_life.observed.upgrade.programs;
        programs.push(program(1, 3, 2));
        to_an_earlier_life.rejects("G-24");
    }

    #[test]
    fn rules_that_nobody_proposed_are_reported() {
        let mut scene = upgraded();
        scene.observed.upgrade.proposed.clear();
        scene.rejects("G-24");
    }

    #[test]
    fn a_server_that_goes_by_other_rules_than_the_log_says_is_reported() {
        for (behind, version) in [(1, 2), (0, 1)] {
            let mut scene = upgraded();
            let index = scene.last_index() - behind;
            held(&mut scene, index, version);
            scene.rejects("G-24");
        }
    }

    #[test]
    fn whoever_is_too_old_and_taken_on_or_leads_is_reported() {
        let mut scene = upgraded();
        scene.observed.upgrade.said.push(Said {
            hold: 2,
            ..said(3, 20, 1)
        });
        scene.rejects("G-24");
        let mut scene = upgraded();
        scene.observed.upgrade.programs.push(program(2, 20, 1));
        let leads = |applied_index| Leads {
            server: 2,
            term: 2,
            at: at(30),
            applied_index,
            votes: true,
        };
        let last = scene.last_index();
        scene.observed.leads = vec![leads(last)];
        scene.rejects("G-24");
    }

    #[test]
    fn whoever_is_handed_what_it_does_not_know_is_reported() {
        let mut scene = upgraded();
        let stopped = (3, at(9), "rules 2 hold".to_owned());
        scene.observed.upgrade.too_old.push(stopped);
        scene.rejects("G-24");
    }
}
