//! What is told, to whom, and how often.

use zoa_proto::EventKind;

use super::Held;
use super::Kinds;
use super::TooManyWatches;
use super::WatchTable;
use super::ancestors;
use crate::hashing::KeyedHasher;
use crate::limits::WATCHED_LEN_MAX;
use crate::limits::WATCHED_LEN_PER_CONNECTION_MAX;
use crate::limits::WATCHES_MAX;
use crate::limits::WATCHES_PER_CONNECTION_MAX;
use crate::testing::lane;

fn table() -> WatchTable {
    WatchTable::new(KeyedHasher::default())
}

fn fired(table: &mut WatchTable, kind: EventKind, path: &str) -> Vec<u64> {
    let mut told = Vec::new();
    table.fire(kind, path, |lane| told.push(lane.number().0));
    told.sort_unstable();
    told
}

#[test]
fn a_data_watch_fires_once_and_not_for_children() {
    let mut table = table();
    table
        .add(&lane(1), "/a", Kinds::DATA)
        .expect("there is room");
    assert!(fired(&mut table, EventKind::NodeChildrenChanged, "/a").is_empty());
    assert_eq!(fired(&mut table, EventKind::NodeDataChanged, "/a"), [1]);
    assert!(fired(&mut table, EventKind::NodeDataChanged, "/a").is_empty());
    assert_eq!(table.counts().paths, 0, "nothing is left behind");
    assert_eq!(table.counts().connections, 0, "nothing is left behind");
}

#[test]
fn a_deletion_consumes_data_and_child_watch_and_is_told_once() {
    let mut table = table();
    let lane = lane(1);
    table.add(&lane, "/a", Kinds::DATA).expect("there is room");
    table.add(&lane, "/a", Kinds::CHILD).expect("there is room");
    assert_eq!(fired(&mut table, EventKind::NodeDeleted, "/a"), [1]);
    assert!(fired(&mut table, EventKind::NodeDeleted, "/a").is_empty());
}

#[test]
fn a_persistent_watch_stays_and_hears_all_four() {
    let mut table = table();
    table
        .add(&lane(1), "/a", Kinds::PERSISTENT)
        .expect("there is room");
    for kind in EventKind::ALL {
        assert_eq!(fired(&mut table, kind, "/a"), [1]);
        assert!(fired(&mut table, kind, "/a/b").is_empty());
    }
}

#[test]
fn a_recursive_watch_hears_of_its_subtree_but_not_of_children_changed() {
    let mut table = table();
    table
        .add(&lane(1), "/a", Kinds::RECURSIVE)
        .expect("there is room");
    assert_eq!(fired(&mut table, EventKind::NodeCreated, "/a/b/c"), [1]);
    assert_eq!(fired(&mut table, EventKind::NodeDeleted, "/a"), [1]);
    assert!(fired(&mut table, EventKind::NodeChildrenChanged, "/a").is_empty());
    assert!(fired(&mut table, EventKind::NodeCreated, "/ab").is_empty());
    table
        .add(&lane(2), "/", Kinds::RECURSIVE)
        .expect("there is room");
    assert_eq!(
        fired(&mut table, EventKind::NodeDataChanged, "/a/b"),
        [1, 2]
    );
}

#[test]
fn one_event_is_told_once_however_many_watches_match() {
    let mut table = table();
    let lane = lane(1);
    table
        .add(&lane, "/a/b", Kinds::DATA | Kinds::PERSISTENT)
        .expect("there is room");
    table
        .add(&lane, "/a/b", Kinds::RECURSIVE)
        .expect("there is room");
    table
        .add(&lane, "/a", Kinds::RECURSIVE)
        .expect("there is room");
    assert_eq!(fired(&mut table, EventKind::NodeDataChanged, "/a/b"), [1]);
}

#[test]
fn thousands_may_watch_one_path_and_leave_one_by_one() {
    let mut table = table();
    let lanes: Vec<_> = (0..1000).map(lane).collect();
    for lane in &lanes {
        table.add(lane, "/a", Kinds::DATA).expect("there is room");
    }
    for lane in lanes.iter().take(10) {
        table.remove_connection(lane.number());
    }
    assert_eq!(
        fired(&mut table, EventKind::NodeDataChanged, "/a").len(),
        990
    );
    assert_eq!(table.counts().paths, 0, "nothing is left behind");
}

#[test]
fn removal_takes_only_the_kinds_it_names() {
    let mut table = table();
    let lane = lane(1);
    table
        .add(&lane, "/a", Kinds::DATA | Kinds::PERSISTENT)
        .expect("there is room");
    assert!(table.remove(lane.number(), "/a", Kinds::CHILD).is_none());
    assert_eq!(table.remove(lane.number(), "/a", Kinds::DATA), Kinds::DATA);
    assert_eq!(table.held(lane.number(), "/a"), Kinds::PERSISTENT);
    assert_eq!(
        table.remove(lane.number(), "/a", Kinds::ALL),
        Kinds::PERSISTENT
    );
    assert_eq!(table.counts().paths, 0, "nothing is left behind");
}

#[test]
fn the_watches_of_a_connection_are_bounded() {
    let mut table = table();
    assert_eq!(table.bounds.count_max, WATCHES_PER_CONNECTION_MAX);
    table.bounds.count_max = 1_000;
    let (lane, other) = (lane(1), lane(2));
    for number in 0..1_000 {
        table
            .add(&lane, &format!("/{number}"), Kinds::DATA)
            .expect("there is room");
    }
    assert_eq!(
        table.add(&lane, "/one-too-many", Kinds::DATA),
        Err(TooManyWatches)
    );
    assert_eq!(table.add(&other, "/one-too-many", Kinds::DATA), Ok(()));
    assert_eq!(
        table.add(&lane, "/0", Kinds::CHILD),
        Ok(()),
        "a path that is watched already costs nothing"
    );
    table.remove(lane.number(), "/0", Kinds::ALL);
    assert_eq!(table.add(&lane, "/one-too-many", Kinds::DATA), Ok(()));
}

#[test]
fn the_paths_that_a_connection_watches_are_bounded_in_length() {
    let mut table = table();
    assert_eq!(table.bounds.len_max, WATCHED_LEN_PER_CONNECTION_MAX);
    table.bounds.len_max = 100;
    let lane = lane(1);
    let long = format!("/{}", "n".repeat(98));
    assert_eq!(table.add(&lane, &long, Kinds::DATA), Ok(()));
    assert_eq!(table.add(&lane, "/a", Kinds::DATA), Err(TooManyWatches));
    assert_eq!(fired(&mut table, EventKind::NodeCreated, &long), [1]);
    assert_eq!(
        table.add(&lane, "/a", Kinds::DATA),
        Ok(()),
        "a watch that fired makes room"
    );
    assert_eq!(table.add(&lane, &long, Kinds::DATA), Err(TooManyWatches));
}

#[test]
fn the_watches_of_all_connections_together_are_bounded() {
    let mut table = table();
    let bounds = table.bounds_of_all;
    assert_eq!(
        (bounds.count_max, bounds.len_max),
        (WATCHES_MAX, WATCHED_LEN_MAX)
    );
    table.bounds_of_all.count_max = 3;
    table.bounds_of_all.len_max = 20;
    let (lane, other, third) = (lane(1), lane(2), lane(3));
    for path in ["/a", "/b"] {
        assert_eq!(table.add(&lane, path, Kinds::DATA), Ok(()));
    }
    assert_eq!(table.add(&other, "/a", Kinds::DATA), Ok(()));
    assert_eq!(table.add(&third, "/a", Kinds::DATA), Err(TooManyWatches));
    assert_eq!(
        table.counts().connections,
        2,
        "who holds none is not listed"
    );
    assert_eq!(fired(&mut table, EventKind::NodeCreated, "/a"), [1, 2]);
    let long = format!("/{}", "n".repeat(17));
    assert_eq!(table.add(&third, &long, Kinds::DATA), Ok(()));
    assert_eq!(table.add(&other, "/a", Kinds::DATA), Err(TooManyWatches));
    table.remove_connection(third.number());
    assert_eq!(table.add(&other, "/a", Kinds::DATA), Ok(()));
    table.remove(other.number(), "/a", Kinds::ALL);
    table.remove_connection(lane.number());
    assert_eq!(table.all, Held::default(), "nothing is counted for ever");
}

#[test]
fn ancestors_end_at_the_root() {
    assert_eq!(ancestors("/a/b/c").collect::<Vec<_>>(), ["/a/b", "/a", "/"]);
    assert_eq!(ancestors("/a").collect::<Vec<_>>(), ["/"]);
    assert_eq!(ancestors("/").count(), 0);
}

#[test]
fn a_watch_counts_in_each_of_the_tables_in_which_the_original_has_it() {
    let mut table = table();
    let lanes = [lane(1), lane(2)];
    let check = |table: &WatchTable, expected| assert_eq!(table.counts().tables, expected);
    for (kinds, count) in [
        (Kinds::DATA, 1),
        (Kinds::CHILD, 2),
        (Kinds::RECURSIVE, 2),
        (Kinds::PERSISTENT, 2),
        (Kinds::DATA, 2),
    ] {
        table.add(&lanes[0], "/a", kinds).expect("there is room");
        check(&table, count);
    }
    table
        .add(&lanes[1], "/a", Kinds::DATA)
        .expect("there is room");
    table
        .add(&lanes[1], "/b", Kinds::CHILD)
        .expect("there is room");
    check(&table, 4);
    fired(&mut table, EventKind::NodeDataChanged, "/a");
    check(&table, 3);
    table.remove(lanes[0].number(), "/a", Kinds::PERSISTENT);
    check(&table, 3);
    table.remove(lanes[0].number(), "/a", Kinds::CHILD);
    check(&table, 2);
    fired(&mut table, EventKind::NodeDeleted, "/b");
    check(&table, 1);
    table.remove_connection(lanes[0].number());
    check(&table, 0);
}
