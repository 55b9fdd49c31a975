//! G-19: after a power cut at any point a server comes back by itself, holding all that it acknowledged.
//!
//! That nothing is missing is compared by G-02; here is reported what the simulator saw: servers that did not come back, and
//! production code that gave up.

use super::Case;
use super::Violation;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (at, words) in &case.observed.refused_starts {
        violations.push(Violation::new(
            "G-19",
            format!("at {at} the server refused to start: {words}"),
        ));
    }
    for words in &case.observed.panics {
        violations.push(Violation::new("G-19", format!("a panic: {words}")));
    }
    for words in &case.observed.stuck {
        violations.push(Violation::new(
            "G-21",
            format!("no progress although all faults are over: {words}"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::clock::SimTime;

    #[test]
    fn a_server_that_does_not_come_back_is_reported() {
        let mut scene = Scene::new();
        scene
            .observed
            .refused_starts
            .push((SimTime(5), "the log is damaged".to_owned()));
        scene.rejects("G-19");
    }

    #[test]
    fn a_panic_and_a_standstill_are_reported() {
        let mut scene = Scene::new();
        scene.observed.panics.push("index out of bounds".to_owned());
        scene.rejects("G-19");
        let mut scene = Scene::new();
        scene
            .observed
            .stuck
            .push("3 calls without an answer".to_owned());
        scene.rejects("G-21");
    }
}
