//! G-23: the servers change while everything goes on. Who leads votes, so observers and servers that stand by never do; and when
//! everything has come to rest, those vote that the configuration says, on every server.
//!
//! That reconfig answers and shows what it should is judged with all other writes (G-01, G-05, G-07); that nothing is lost meanwhile by
//! all other checkers.

use super::Case;
use super::Violation;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let mut report = |what: String| violations.push(Violation::new("G-23", what));
    for leads in case.observed.leads.iter().filter(|leads| !leads.votes) {
        report(format!(
            "server {} leads term {} from {} and does not vote",
            leads.server, leads.term, leads.at
        ));
    }
    for members in &case.observed.members_at_rest {
        if members.voters != members.wanted {
            report(format!(
                "in the end {:?} vote by what server {} knows; by the configuration it should be {:?}",
                members.voters, members.server, members.wanted
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::observed::Leads;
    use crate::observed::MembersAtRest;

    #[test]
    fn a_leader_that_votes_and_members_as_configured_are_accepted() {
        let mut scene = Scene::new();
        scene.connect();
        let leads = Leads {
            server: 1,
            term: 1,
            at: scene.now(),
            applied_index: scene.last_index(),
            votes: true,
        };
        scene.observed.leads.push(leads);
        scene.observed.members_at_rest.push(MembersAtRest {
            server: 1,
            voters: vec![1, 2],
            wanted: vec![1, 2],
        });
        scene.accepts();
        scene.observed.leads.push(Leads {
            term: 2,
            votes: false,
            ..leads
        });
        scene.rejects("G-23");
    }

    #[test]
    fn an_observer_that_votes_in_the_end_is_reported() {
        let mut scene = Scene::new();
        scene.connect();
        scene.observed.members_at_rest.push(MembersAtRest {
            server: 1,
            voters: vec![1, 2, 3],
            wanted: vec![1, 2],
        });
        scene.rejects("G-23");
    }
}
