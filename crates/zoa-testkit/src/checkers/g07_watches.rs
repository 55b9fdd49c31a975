//! G-07: watch events. An event comes before the data it announces; a one-shot watch fires once; a persistent one misses nothing
//! while connected; events come in zxid order; setWatches fires exactly what was missed.
//!
//! Which events are due, and where, follows from the replay; see `replay/stream.rs`.

use super::Case;
use super::Violation;
use crate::replay::StreamFaultKind;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let kinds = [
        StreamFaultKind::EventMissing,
        StreamFaultKind::EventUnaccounted,
        StreamFaultKind::RearmWrong,
        StreamFaultKind::Nonsense,
    ];
    for fault in kinds.iter().flat_map(|kind| case.replayed.faults(*kind)) {
        let what = format!(
            "connection {} message {}: {:?}: {}",
            fault.connection.0, fault.position, fault.kind, fault.what
        );
        violations.push(Violation::new("G-07", what));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::op::EventKind;

    #[test]
    fn events_before_the_data_they_announce_are_accepted() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        scene.get_and_watch(two, "/a");
        scene.set(one, "/a", "new");
        scene.event(two, EventKind::NodeDataChanged, "/a");
        scene.get(two, "/a");
        scene.set(one, "/a", "newer");
        scene.get(two, "/a");
        scene.accepts();
    }

    #[test]
    fn an_event_behind_the_data_it_announces_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        scene.get_and_watch(two, "/a");
        scene.set(one, "/a", "new");
        scene.get(two, "/a");
        scene.event(two, EventKind::NodeDataChanged, "/a");
        scene.rejects("G-07");
    }

    #[test]
    fn a_one_shot_watch_that_fires_twice_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        scene.get_and_watch(two, "/a");
        scene.set(one, "/a", "new");
        scene.event(two, EventKind::NodeDataChanged, "/a");
        scene.set(one, "/a", "newer");
        scene.event(two, EventKind::NodeDataChanged, "/a");
        scene.rejects("G-07");
    }

    #[test]
    fn an_event_that_never_comes_to_an_open_connection_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.add_watch(two, "/a", 1);
        scene.create(one, "/a");
        scene.rejects("G-07");
    }

    #[test]
    fn rearming_tells_what_was_missed_and_no_more() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        scene.create(one, "/b");
        let seen = scene.zxid();
        scene.set(one, "/a", "while away");
        scene.made_up_event(two, EventKind::NodeDataChanged, "/a");
        scene.rearm_data(two, seen, &["/a", "/b"]);
        scene.accepts();
    }

    #[test]
    fn rearming_that_misses_the_first_change_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        let seen = scene.zxid();
        scene.set(one, "/a", "the very next zxid");
        scene.rearm_data(two, seen, &["/a"]);
        scene.rejects("G-07");
    }
}
