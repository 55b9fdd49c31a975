//! G-15: every stat equals the model's: versions, zxids, times, counts. Times do not run backwards along the log of a term.

use super::Case;
use super::Violation;
use super::stat_free::stat_free;
use crate::op::hex;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (id, _, call) in case.history.calls() {
        let (Some((_, zxid, seen)), Some(expected)) = (call.reply(), case.replayed.expected(id))
        else {
            continue;
        };
        if case.is_unsure(&call.op, zxid) {
            continue;
        }
        let same_but_for_stats = stat_free(&expected.outcome) == stat_free(seen);
        if same_but_for_stats && expected.outcome != *seen {
            let what = format!(
                "{id}: {:?} at {} shows {seen:?} instead of {:?}",
                call.op,
                hex(zxid),
                expected.outcome
            );
            violations.push(Violation::new("G-15", what));
        }
    }
    let neighbours = case.applied.entries().zip(case.applied.entries().skip(1));
    for (before, after) in neighbours.filter(|(before, after)| before.term == after.term) {
        if after.time_ms < before.time_ms {
            let what = format!("the time of {after:?} is before that of {before:?}");
            violations.push(Violation::new("G-15", what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn stats_of_parents_and_children_are_accepted() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        scene.create(one, "/a/b");
        scene.set(one, "/a", "x");
        scene.delete(one, "/a/b");
        scene.exists(one, "/a");
        scene.accepts();
    }

    #[test]
    fn a_stale_pzxid_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        scene.create(one, "/a/b");
        let read = scene.exists(one, "/a");
        scene.tamper_stat(read, |stat| stat.pzxid -= 1);
        scene.rejects("G-15");
    }

    #[test]
    fn only_another_leaders_clock_may_be_behind() {
        let mut scene = Scene::new();
        let one = scene.connect();
        for path in ["/a", "/b", "/c"] {
            scene.create(one, path);
        }
        scene.next_term();
        scene.set_clock_back(2);
        scene.create(one, "/d");
        scene.accepts();
        scene.set_clock_back(9);
        scene.create(one, "/e");
        scene.rejects("G-15");
    }

    #[test]
    fn a_time_read_from_another_clock_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let read = scene.exists(one, "/a");
        scene.tamper_stat(read, |stat| stat.mtime += 3);
        scene.rejects("G-15");
    }
}
