//! Goal: each kind of broken log is found, and the sound one is not. Method: a small history, logs by hand.

use super::*;

const KEY: Node = Node::Key(0);

fn written(zxid: i64, kind: Kind, stamp: u64) -> Arrival {
    Arrival::Written {
        zxid,
        changes: vec![(KEY, kind, stamp)],
    }
}

/// Created at 1, changed at 5 and 9.
fn history() -> History {
    let log = vec![
        written(1, Kind::Created, 0),
        written(5, Kind::Changed, 50),
        written(9, Kind::Changed, 90),
    ];
    History::gather([log].iter())
}

fn read(zxid: i64, watch: bool, (stamp, mzxid, version): (u64, i64, i32)) -> Arrival {
    Arrival::Read {
        zxid,
        node: KEY,
        watch,
        seen: Seen::Data {
            stamp,
            mzxid,
            version,
        },
    }
}

fn event(zxid: i64) -> Arrival {
    Arrival::Event {
        zxid,
        kind: Kind::Changed,
        node: KEY,
    }
}

const FIRST: (u64, i64, i32) = (0, 1, 0);
const SECOND: (u64, i64, i32) = (50, 5, 1);
const THIRD: (u64, i64, i32) = (90, 9, 2);

fn guarantees(log: &[Arrival]) -> Vec<&'static str> {
    check(&history(), log)
        .into_iter()
        .map(|violation| violation.guarantee)
        .collect()
}

#[test]
fn a_sound_log_has_no_violation() {
    let log = [
        read(2, true, FIRST),
        event(5),
        read(5, true, SECOND),
        event(9),
        read(9, false, THIRD),
    ];
    assert_eq!(guarantees(&log), Vec::<&str>::new());
}

#[test]
fn a_zxid_that_goes_back_is_found_also_over_a_new_connection() {
    assert_eq!(
        guarantees(&[Arrival::Pinged { zxid: 8 }, Arrival::Pinged { zxid: 7 }]),
        ["G-04"]
    );
    assert_eq!(
        guarantees(&[
            Arrival::Pinged { zxid: 8 },
            Arrival::Attached,
            Arrival::Pinged { zxid: 7 }
        ]),
        ["G-04"]
    );
}

#[test]
fn old_data_under_a_new_zxid_is_found() {
    assert_eq!(guarantees(&[read(5, false, FIRST)]), ["G-05"]);
    assert_eq!(guarantees(&[read(4, false, SECOND)]), ["G-05"]);
    assert_eq!(guarantees(&[read(5, false, (50, 5, 2))]), ["G-05"]);
}

#[test]
fn new_data_before_its_event_is_found() {
    assert_eq!(
        guarantees(&[read(2, true, FIRST), read(5, false, SECOND), event(5)]),
        ["G-07", "G-07", "G-09"]
    );
    // Any reply of that zxid will do, not only a read of the same znode.
    assert_eq!(
        guarantees(&[read(2, true, FIRST), Arrival::Pinged { zxid: 6 }]),
        ["G-07"]
    );
}

#[test]
fn an_event_that_comes_twice_is_found() {
    assert_eq!(
        guarantees(&[read(2, true, FIRST), event(5), event(9)]),
        ["G-09"]
    );
}

#[test]
fn an_event_before_the_reply_that_set_its_watch_is_found() {
    assert_eq!(guarantees(&[event(5), read(2, true, FIRST)]), ["G-09"]);
}

#[test]
fn an_event_for_a_later_change_than_the_first_is_found() {
    assert_eq!(guarantees(&[read(2, true, FIRST), event(9)]), ["G-07"]);
}

#[test]
fn a_persistent_watch_must_hear_every_change() {
    let added = Arrival::WatchAdded {
        zxid: 2,
        persistent: Persistent::Exact(KEY),
    };
    assert_eq!(
        guarantees(&[added.clone(), event(5), event(9)]),
        Vec::<&str>::new()
    );
    assert_eq!(
        guarantees(&[added.clone(), event(9), Arrival::Pinged { zxid: 9 }]),
        ["G-09", "G-07"]
    );
    assert_eq!(guarantees(&[added, Arrival::Pinged { zxid: 9 }]), ["G-07"]);
}

#[test]
fn set_watches_must_tell_what_was_missed_and_no_more() {
    let set = |zxid, relative| Arrival::WatchesSet {
        zxid,
        relative,
        nodes: vec![KEY],
    };
    assert_eq!(guarantees(&[event(-1), set(6, 2)]), Vec::<&str>::new());
    assert_eq!(guarantees(&[set(6, 2)]), ["G-07"]);
    assert_eq!(guarantees(&[event(-1), set(6, 5)]), ["G-07"]);
    assert_eq!(guarantees(&[set(6, 5), event(9)]), Vec::<&str>::new());
}
