//! G-20: after the first error of its disk a log acknowledges nothing more; the process ends and never tries the sync again.

use super::Case;
use super::Violation;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (entry, _) in &case.replayed.steps {
        if case
            .observed
            .poisoned
            .iter()
            .any(|span| span.holds(entry.committed_at))
        {
            let what = format!(
                "entry {} was committed at {} by a log that had failed",
                entry.index, entry.committed_at
            );
            violations.push(Violation::new("G-20", what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::clock::SimTime;
    use crate::observed::Span;

    #[test]
    fn commits_before_the_failure_are_accepted_and_after_it_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let from = scene.now().after_us(1);
        scene.observed.poisoned.push(Span {
            from,
            to: SimTime(u64::MAX),
        });
        scene.accepts();
        scene.create(one, "/b");
        scene.rejects("G-20");
    }
}
