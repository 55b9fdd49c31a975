//! G-04, for those who have seen nothing yet: a server that begins to serve has applied everything that was acknowledged to anyone
//! before it last stopped serving, or was started.
//!
//! A client's own last zxid protects it from older servers; this protects a client that comes for the first time. Where leaders have
//! changed meanwhile, the one that the server found may have been deposed without knowing it, for as long as it leads without a
//! quorum: then only what was acknowledged well before counts.

use super::Case;
use super::Violation;
use crate::clock::SimTime;
use crate::observed::ServingBegins;

/// A leader that a quorum has left believes in itself no longer than this.
const DEPOSED_MS_MAX: u64 = 5_000;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let acknowledged = acknowledged(case);
    for begins in &case.observed.serving_begins {
        let Some(before) = counts_before(case, *begins) else {
            continue;
        };
        let known = acknowledged.partition_point(|(at, _)| *at < before);
        let Some((at, index)) = known.checked_sub(1).and_then(|last| acknowledged.get(last)) else {
            continue;
        };
        if begins.applied_index < *index {
            let what = format!(
                "server {} began to serve at {} with what was applied up to index {}; {index} had been acknowledged by {at}, and it \
                 served nobody since {}",
                begins.server, begins.at, begins.applied_index, begins.since
            );
            violations.push(Violation::new("G-04", what));
        }
    }
}

/// Up to when acknowledgements count.
fn counts_before(case: Case<'_>, begins: ServingBegins) -> Option<SimTime> {
    let earlier = |at: SimTime| at.0.checked_sub(DEPOSED_MS_MAX * 1000).map(SimTime);
    let from = earlier(begins.since).unwrap_or_default();
    let mut leads = case.observed.leads.iter();
    let is_unsure = leads.any(|leads| from <= leads.at && leads.at <= begins.at);
    if is_unsure {
        earlier(begins.since)
    } else {
        Some(begins.since)
    }
}

/// When what index had been acknowledged, both rising.
fn acknowledged(case: Case<'_>) -> Vec<(SimTime, u64)> {
    let answered = case.history.calls().filter_map(|(id, _, call)| {
        let (at, _, _) = call.reply()?;
        let (entry, _) = case.replayed.step_of(id)?;
        Some((at, entry.index))
    });
    let mut rising: Vec<(SimTime, u64)> = answered.collect();
    rising.sort_unstable();
    let mut highest = 0;
    for (_, index) in &mut rising {
        highest = highest.max(*index);
        *index = highest;
    }
    rising
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::observed::Leads;
    use crate::observed::ServingBegins;

    /// A server that begins to serve when so many entries were acknowledged.
    fn scene(behind: u64) -> Scene {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        scene.create(one, "/b");
        let since = scene.now().after_ms(1);
        scene.observed.serving_begins.push(ServingBegins {
            server: 2,
            since,
            at: since.after_ms(100),
            applied_index: scene.last_index() - behind,
        });
        scene
    }

    #[test]
    fn a_server_that_has_caught_up_may_serve() {
        scene(0).accepts();
    }

    #[test]
    fn one_that_has_not_is_reported() {
        scene(1).rejects("G-04");
    }

    #[test]
    fn a_leader_that_does_not_know_that_it_was_deposed_may_have_been_found() {
        let mut scene = scene(1);
        scene.observed.leads.push(Leads {
            server: 3,
            term: 2,
            at: scene.now(),
            applied_index: scene.last_index(),
            votes: true,
        });
        scene.accepts();
    }
}
