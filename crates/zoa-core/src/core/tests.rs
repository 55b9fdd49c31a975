//! What happens between locks, held by the test at the worst moment.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::OUTSTANDING_MAX;
use super::Ordering;
use crate::testing;
use crate::watches::Kinds;

/// Goal: no watch is left of a connection that ends while the apply loop answers its parked reads. The apply loop holds the watch table
/// all the while, looks whether the lane is open, and then adds. Method: hold the table, see that the lane ends all the same, and only
/// then do what an apply loop that looked in time would have done.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "real threads end a wait that would be endless in real time"
)]
fn a_connection_is_over_before_its_watches_are_taken_away() {
    let core = testing::core();
    let connection = testing::dial(&core);
    let lane = Arc::clone(connection.lane());
    let mut watches = core.watches.lock();
    watches
        .add(&lane, "/looked-in-time", Kinds::PERSISTENT)
        .expect("there is room");
    let ending = thread::spawn(move || drop(connection));
    let deadline = Instant::now() + Duration::from_secs(10);
    while !lane.lock().has_ended() {
        assert!(
            Instant::now() < deadline,
            "the lane stays open until its watches are gone"
        );
        thread::yield_now();
    }
    watches
        .add(&lane, "/parked-read", Kinds::PERSISTENT)
        .expect("there is room");
    drop(watches);
    ending.join().expect("it ends");
    assert_eq!(core.watches.lock().counts().watches, 0);
}

#[test]
fn a_throttled_lane_stands_in_the_list_once_and_leaves_it_when_there_is_room() {
    let core = testing::core();
    let lane = testing::lane(1);
    core.outstanding.store(OUTSTANDING_MAX, Ordering::Relaxed);
    for _ in 0..3 {
        assert!(!core.may_propose(&lane));
    }
    assert_eq!(core.throttled.lock().len(), 1);
    core.outstanding
        .store(OUTSTANDING_MAX / 2 - 1, Ordering::Relaxed);
    core.wake_throttled();
    assert!(core.throttled.lock().is_empty());
    core.outstanding.store(OUTSTANDING_MAX, Ordering::Relaxed);
    assert!(!core.may_propose(&lane));
    assert_eq!(core.throttled.lock().len(), 1, "and may come back");
}

#[test]
fn a_connection_that_ends_makes_room_for_the_throttled() {
    let core = testing::core();
    let lane = testing::lane(1);
    core.outstanding.store(OUTSTANDING_MAX, Ordering::Relaxed);
    assert!(!core.may_propose(&lane));
    core.outstanding.store(0, Ordering::Relaxed);
    drop(testing::dial(&core));
    assert!(core.throttled.lock().is_empty());
}
