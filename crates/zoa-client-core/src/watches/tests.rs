//! Which tables an event consumes and whom it reaches, rule by rule.

use std::sync::Arc;

use super::WatchKind;
use super::WatchTable;
use crate::event::WatcherId;
use crate::hashing::KeyedHasher;
use zoa_proto::EventKind;
use zoa_proto::WatcherType;

/// A table with one watcher of each kind on `path`, numbered from 0 in the order of the kinds.
fn table(path: &str) -> WatchTable {
    let mut table = WatchTable::new(KeyedHasher([1, 2]));
    for (number, kind) in (0..).zip(WatchKind::ALL) {
        table.add(&Arc::from(path), kind, WatcherId(number));
    }
    table
}

fn fire(table: &mut WatchTable, event: EventKind, path: &str) -> Vec<u64> {
    let mut told = Vec::new();
    table.fire(event, path, &mut told);
    let mut numbers: Vec<u64> = told.iter().map(|watcher| watcher.0).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn each_event_reaches_its_tables_and_consumes_the_standard_ones() {
    for (event, first, then) in [
        (EventKind::NodeCreated, vec![0, 1, 3, 4], vec![3, 4]),
        (EventKind::NodeDataChanged, vec![0, 1, 3, 4], vec![3, 4]),
        (EventKind::NodeDeleted, vec![0, 1, 2, 3, 4], vec![3, 4]),
        (EventKind::NodeChildrenChanged, vec![2, 3], vec![3]),
    ] {
        let mut table = table("/a");
        assert_eq!(fire(&mut table, event, "/a"), first, "{event:?}");
        assert_eq!(fire(&mut table, event, "/a"), then, "{event:?} once more");
    }
}

#[test]
fn only_recursive_watchers_hear_of_what_is_below() {
    let mut table = table("/a");
    for event in [
        EventKind::NodeCreated,
        EventKind::NodeDataChanged,
        EventKind::NodeDeleted,
    ] {
        assert_eq!(fire(&mut table, event, "/a/b/c"), [4]);
    }
    assert_eq!(fire(&mut table, EventKind::NodeChildrenChanged, "/a/b"), []);
    assert_eq!(fire(&mut table, EventKind::NodeCreated, "/ab"), []);
    table.add(&Arc::from("/"), WatchKind::Recursive, WatcherId(9));
    assert_eq!(fire(&mut table, EventKind::NodeCreated, "/a/b"), [4, 9]);
    assert_eq!(fire(&mut table, EventKind::NodeCreated, "/ab"), [9]);
    assert_eq!(fire(&mut table, EventKind::NodeDataChanged, "/"), [9]);
}

#[test]
fn one_who_watches_in_several_ways_is_told_once() {
    let mut table = WatchTable::new(KeyedHasher([1, 2]));
    for kind in WatchKind::ALL {
        table.add(&Arc::from("/a"), kind, WatcherId(7));
        table.add(&Arc::from("/a"), kind, WatcherId(7));
    }
    assert_eq!(table.len(), 5);
    assert_eq!(fire(&mut table, EventKind::NodeDeleted, "/a"), [7]);
    assert_eq!(table.len(), 2);
}

#[test]
fn removing_takes_what_the_type_means_and_no_more() {
    for (watcher_type, left) in [
        (WatcherType::Data, vec![2, 3, 4]),
        (WatcherType::Children, vec![0, 1, 3, 4]),
        (WatcherType::Persistent, vec![0, 1, 2, 4]),
        (WatcherType::PersistentRecursive, vec![0, 1, 2, 3]),
        (WatcherType::Any, vec![]),
    ] {
        let mut table = table("/a");
        assert!(table.has("/a", watcher_type, None));
        let gone = table.remove("/a", watcher_type, None);
        assert_eq!(
            gone.iter().map(|(_, who)| who.len()).sum::<usize>(),
            5 - left.len()
        );
        assert!(!table.has("/a", watcher_type, None));
        assert_eq!(
            fire(&mut table, EventKind::NodeDeleted, "/a"),
            left,
            "{watcher_type:?}"
        );
    }
}

#[test]
fn one_watcher_is_removed_and_the_others_stay() {
    let mut table = table("/a");
    table.add(&Arc::from("/a"), WatchKind::Data, WatcherId(9));
    assert!(table.has_others("/a", WatcherType::Data, Some(WatcherId(9))));
    assert!(!table.has_others("/a", WatcherType::Data, None));
    let gone = table.remove("/a", WatcherType::Data, Some(WatcherId(9)));
    assert_eq!(gone, [(WatchKind::Data, vec![WatcherId(9)])]);
    assert!(table.has_kind("/a", WatchKind::Exist) && table.has_kind("/a", WatchKind::Data));
    assert!(!table.has("/b", WatcherType::Any, None));
}

#[test]
fn children_are_told_of_first_then_existence_then_data_and_within_a_kind_the_elder_comes_first() {
    let mut table = WatchTable::new(KeyedHasher([1, 2]));
    let set = [
        (WatchKind::Data, 1),
        (WatchKind::Exist, 2),
        (WatchKind::Child, 3),
        (WatchKind::Data, 4),
        (WatchKind::Child, 5),
        (WatchKind::Child, 4),
    ];
    for (kind, number) in set {
        table.add(&Arc::from("/a"), kind, WatcherId(number));
    }
    let mut told = Vec::new();
    table.fire(EventKind::NodeDeleted, "/a", &mut told);
    assert_eq!(told, [3, 5, 2, 1, 4].map(WatcherId));
}
