//! Streams whose right order is not obvious: events that a login makes visible, ephemerals that go together, open ends.

use crate::checkers::scene::Scene;
use crate::op::EventKind;

#[test]
fn ephemerals_that_go_together_may_be_told_in_any_order() {
    for order in [["/e1", "/e2"], ["/e2", "/e1"]] {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create_ephemeral(one, "/e1");
        scene.create_ephemeral(one, "/e2");
        scene.add_watch(two, "/", 1);
        scene.close(one);
        for path in order {
            scene.event(two, EventKind::NodeDeleted, path);
        }
        scene.exists(two, "/e1");
        scene.accepts();
    }
}

#[test]
fn an_event_told_twice_is_unaccounted_for() {
    let mut scene = Scene::new();
    let (one, two) = (scene.connect(), scene.connect());
    scene.create_ephemeral(one, "/e1");
    scene.create_ephemeral(one, "/e2");
    scene.add_watch(two, "/", 1);
    scene.close(one);
    for path in ["/e1", "/e1", "/e2"] {
        scene.event(two, EventKind::NodeDeleted, path);
    }
    scene.rejects("G-07");
}

#[test]
fn both_events_of_a_create_come_in_the_originals_order() {
    let mut scene = Scene::new();
    let (one, two) = (scene.connect(), scene.connect());
    scene.add_watch(two, "/", 0);
    scene.add_watch(two, "/a", 0);
    scene.create(one, "/a");
    scene.event(two, EventKind::NodeCreated, "/a");
    scene.event(two, EventKind::NodeChildrenChanged, "/");
    scene.accepts();
    scene.swap_last_messages(two);
    scene.rejects("G-07");
}
