//! G-08: no watch event tells of a znode that the connection may not read at the moment of the change (CVE-2024-23944).

use super::Case;
use super::Violation;
use crate::replay::StreamFaultKind;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for fault in case.replayed.faults(StreamFaultKind::EventForbidden) {
        let what = format!(
            "connection {} message {}: {}",
            fault.connection.0, fault.position, fault.what
        );
        violations.push(Violation::new("G-08", what));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::op::Acl;
    use crate::op::EventKind;
    use crate::op::perm;

    fn hidden() -> Vec<Acl> {
        vec![Acl::new(perm::ALL, "ip", "10.9.9.9")]
    }

    #[test]
    fn silence_about_a_hidden_znode_is_accepted() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.add_watch(two, "/", 1);
        scene.create_with_acl(one, "/hidden", hidden());
        scene.exists(two, "/other");
        scene.accepts();
    }

    #[test]
    fn an_event_on_a_hidden_znode_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.add_watch(two, "/", 1);
        scene.create_with_acl(one, "/hidden", hidden());
        scene.event(two, EventKind::NodeCreated, "/hidden");
        scene.rejects("G-08");
    }
}
