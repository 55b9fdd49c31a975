//! G-21: once all faults are over, everything works again, and soon: within two election timeouts of the moment at which a majority of
//! those that vote run and are connected with each other, one of them leads with a majority behind it, whenever in a run that is; and on every server a write of a
//! client that comes to it succeeds within that and what it takes to start, to catch up and to connect.
//!
//! Two may want to lead in the same moment and share the votes; nobody can rule that out, so each election that nobody won gives one timeout
//! more. Whether a leader has a majority behind it is what the servers believe, not what the leader does: those that vote follow it in its term.
//! That everything comes to rest at all is reported with G-19's refused starts; this checker looks at how long it took. Clients of the
//! simulator's, one a server, do nothing but try.

use super::Case;
use super::Violation;
use crate::clock::SimTime;
use crate::history::ClientId;
use crate::op::Op;
use crate::op::code;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    check_leader(case, violations);
    check_writes(case, violations);
}

fn check_leader(case: Case<'_>, violations: &mut Vec<Violation>) {
    let Some(contact) = &case.observed.contact else {
        return;
    };
    let mut check = |joined_at: SimTime, led_at: Option<SimTime>, lost: u64| {
        let two_timeouts_ms = case.observed.election_ms_max;
        let due = joined_at.after_ms(two_timeouts_ms + lost * two_timeouts_ms / 2);
        if led_at.is_some_and(|at| at <= due) || case.observed.ended_at <= due {
            return;
        }
        let when = led_at.map_or_else(|| "never".to_owned(), |at| format!("only at {at}"));
        let what = format!(
            "a majority of those that vote was connected at {joined_at}, and there was a leader {when}, not by {due}"
        );
        violations.push(Violation::new("G-21", what));
    };
    for election in &contact.elections {
        check(election.joined_at, Some(election.led_at), election.lost);
    }
    if let Some(since) = contact.waits_since {
        check(since, None, 0);
    }
}

fn check_writes(case: Case<'_>, violations: &mut Vec<Violation>) {
    let Some(healed_at) = case.observed.healed_at else {
        return;
    };
    let due = healed_at.after_ms(case.observed.healing_ms_max);
    for (client, server) in &case.observed.probers {
        let wrote_at = first_write(case, *client);
        if wrote_at.is_none_or(|at| at > due) && case.observed.ended_at > due {
            let when = wrote_at.map_or_else(|| "never".to_owned(), |at| format!("only at {at}"));
            let what = format!(
                "all faults were over at {healed_at}, and a write on server {server} succeeded {when}, not by {due}"
            );
            violations.push(Violation::new("G-21", what));
        }
    }
}

/// When the first write of a client succeeded; that it is told that its znode is there says that an earlier try did.
fn first_write(case: Case<'_>, client: ClientId) -> Option<SimTime> {
    let calls = case.history.calls();
    let of_client = calls.filter(|(_, connection, _)| connection.client == client);
    let writes = of_client.filter(|(_, _, call)| matches!(call.op, Op::Create { .. }));
    let answered = writes.filter_map(|(_, _, call)| call.reply());
    answered
        .filter(|(_, _, outcome)| matches!(outcome, Ok(_) | Err(code::NODE_EXISTS)))
        .map(|(at, _, _)| at)
        .min()
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::clock::SimTime;
    use crate::history::ClientId;
    use crate::observed::Election;

    fn scene(healing_ms_max: u64) -> Scene {
        let mut scene = Scene::new();
        scene.observed.healed_at = Some(scene.now());
        scene.observed.healing_ms_max = healing_ms_max;
        scene.observed.probers.insert(ClientId(0), 1);
        let one = scene.connect();
        scene.create(one, "/a");
        scene.end_at(2_000);
        scene
    }

    #[test]
    fn a_leader_within_two_election_timeouts_is_accepted_and_one_later_or_never_reported() {
        let elected = |led_ms: Option<u64>, lost: u64| {
            let mut scene = Scene::new();
            scene.connect();
            scene.observed.election_ms_max = 1_000;
            let contact = scene.observed.contact.get_or_insert_default();
            let joined_at = SimTime::from_ms(100);
            match led_ms.map(SimTime::from_ms) {
                Some(led_at) => contact.elections.push(Election {
                    joined_at,
                    led_at,
                    lost,
                }),
                None => contact.waits_since = Some(joined_at),
            }
            scene.end_at(3_000);
            scene
        };
        elected(Some(1_100), 0).accepts();
        elected(Some(1_101), 0).rejects("G-21");
        elected(Some(1_600), 1).accepts();
        elected(Some(1_601), 1).rejects("G-21");
        elected(None, 0).rejects("G-21");
    }

    #[test]
    fn a_write_in_time_is_accepted() {
        scene(1_000).accepts();
    }

    #[test]
    fn a_write_that_comes_too_late_or_never_is_reported() {
        scene(1).rejects("G-21");
        let mut without = scene(1_000);
        without.observed.probers.insert(ClientId(9), 2);
        without.rejects("G-21");
    }
}
