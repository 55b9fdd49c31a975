//! G-10: an ephemeral exists exactly as long as its session lives, and goes in the very zxid that ends it.
//!
//! The existence of each znode at each zxid is compared by G-05; this checker looks at the owners that stats name, so that it
//! holds even where the model might share a mistake.

use super::Case;
use super::Violation;
use super::stat_free::stats_of;
use crate::op::hex;
use crate::op::owner;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (id, _, call) in case.history.calls() {
        let Some((_, zxid, outcome)) = call.reply() else {
            continue;
        };
        for owner in stats_of(outcome)
            .into_iter()
            .map(|stat| stat.ephemeral_owner)
            .filter(|owner| *owner != 0)
        {
            let Some(life) = case.replayed.sessions.get(&owner) else {
                violations.push(Violation::new(
                    "G-10",
                    format!("{id}: {:?} names owner {owner:#x}, no session", call.op),
                ));
                continue;
            };
            let ended = life.ended.is_some_and(|end| end.zxid <= zxid);
            if ended || life.opened_zxid > zxid {
                let what = format!(
                    "{id}: {:?} at {} shows an ephemeral of {owner:#x}, which did not live then",
                    call.op,
                    hex(zxid)
                );
                violations.push(Violation::new("G-10", what));
            }
        }
    }
    let sessions = &case.replayed.sessions;
    for (path, node) in case
        .replayed
        .model
        .nodes()
        .filter(|(_, node)| owner::is_session(node.ephemeral_owner))
    {
        // Of the model itself: a mistake here would blind the checkers that trust it.
        let alive = sessions
            .get(&node.ephemeral_owner)
            .is_some_and(|life| life.ended.is_none());
        assert!(alive, "the model keeps {path} of a session that is over");
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn an_ephemeral_gone_with_its_session_is_accepted() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create_ephemeral(one, "/e");
        scene.exists(two, "/e");
        scene.close(one);
        scene.exists(two, "/e");
        scene.accepts();
    }

    #[test]
    fn an_ephemeral_seen_after_its_session_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create_ephemeral(one, "/e");
        let alive = scene.exists(two, "/e");
        scene.close(one);
        let after = scene.exists(two, "/e");
        scene.copy_answer(alive, after);
        scene.rejects("G-10");
    }
}
