//! G-16: equal entries give equal states: on every replica, after snapshot and tail, and whatever the hash keys are.
//!
//! The simulator compares digests at every step and notes differences; this checker reports them.

use super::Case;
use super::Violation;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for divergence in &case.observed.divergences {
        violations.push(Violation::new("G-16", divergence.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn a_divergence_is_reported() {
        let mut scene = Scene::new();
        scene.connect();
        scene.accepts();
        scene
            .observed
            .divergences
            .push("digest 1 instead of 2 at index 7".to_owned());
        scene.rejects("G-16");
    }
}
