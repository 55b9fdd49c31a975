//! G-21: once all faults are over, everything works again, and soon: on every server a write of a client that comes to it succeeds
//! within two election timeouts and what it takes to start, to catch up and to connect.
//!
//! That everything comes to rest at all is reported with G-19's refused starts; this checker looks at how long it took. Clients of the
//! simulator's, one a server, do nothing but try.

use super::Case;
use super::Violation;
use crate::history::ClientId;
use crate::op::Op;
use crate::op::code;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
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
fn first_write(case: Case<'_>, client: ClientId) -> Option<crate::clock::SimTime> {
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
    use crate::history::ClientId;

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
