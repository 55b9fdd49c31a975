//! G-05: a read shows the tree exactly as it was at the zxid of its reply, never older than what the session has seen.
//!
//! That the zxid itself does not go back is G-04; both together make a session read its own writes. Stats are compared by G-15.

use super::Case;
use super::Violation;
use super::stat_free::stat_free;
use crate::op::hex;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (id, _, call) in case.history.calls() {
        if call.op.is_proposed() {
            continue;
        }
        let (Some((_, zxid, seen)), Some(expected)) = (call.reply(), case.replayed.expected(id))
        else {
            continue;
        };
        if case.is_unsure(&call.op, zxid) {
            continue;
        }
        if stat_free(&expected.outcome) != stat_free(seen) {
            let what = format!(
                "{id}: {:?} at {} was {seen:?} instead of {:?}",
                call.op,
                hex(zxid),
                expected.outcome
            );
            violations.push(Violation::new("G-05", what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::op::code;

    #[test]
    fn a_stale_but_exact_read_of_another_session_is_accepted() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        let read = scene.exists(two, "/a");
        scene.create(one, "/a");
        scene.delay_answer(read, 500);
        scene.accepts();
    }

    #[test]
    fn a_read_that_misses_what_its_zxid_has_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let read = scene.exists(one, "/a");
        scene.tamper_answer(read, Err(code::NO_NODE));
        scene.rejects("G-05");
    }

    #[test]
    fn a_read_that_shows_other_data_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let read = scene.get(one, "/a");
        scene.tamper_data(read, "never written");
        scene.rejects("G-05");
    }
}
