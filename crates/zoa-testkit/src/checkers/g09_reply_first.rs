//! G-09: the reply to the request that set a watch comes before any event of that watch.

use super::Case;
use super::Violation;
use crate::replay::StreamFaultKind;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for fault in case.replayed.faults(StreamFaultKind::EventBeforeItsReply) {
        let what = format!(
            "connection {} message {}: {}",
            fault.connection.0, fault.position, fault.what
        );
        violations.push(Violation::new("G-09", what));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::op::EventKind;

    #[test]
    fn reply_and_then_event_is_accepted() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        scene.get_and_watch(two, "/a");
        scene.set(one, "/a", "x");
        scene.event(two, EventKind::NodeDataChanged, "/a");
        scene.accepts();
    }

    #[test]
    fn an_event_ahead_of_the_reply_that_set_its_watch_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        scene.get_and_watch(two, "/a");
        scene.set(one, "/a", "x");
        scene.event(two, EventKind::NodeDataChanged, "/a");
        scene.swap_last_messages(two);
        scene.rejects("G-09");
    }
}
