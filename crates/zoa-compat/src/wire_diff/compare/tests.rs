//! Goal: one changed field, one missing or moved frame is a difference; other zxids, times and ids are not.

use super::*;
use crate::wire::Body;

const LEFT_EPOCH: i64 = 0;
const RIGHT_EPOCH: i64 = 1 << 32;

#[derive(Clone, Copy)]
struct Node {
    epoch: i64,
    mzxid: i64,
    mtime: i64,
    version: i32,
    owner: i64,
}

fn stat_reply(zxid: i64, node: Node) -> Incoming {
    let Node {
        epoch,
        mzxid,
        mtime,
        version,
        owner,
    } = node;
    let body = Body::new().int(7).long(epoch + zxid).int(0);
    let body = body
        .long(epoch + 2)
        .long(epoch + mzxid)
        .long(1_000)
        .long(mtime)
        .int(version)
        .int(0)
        .int(0);
    Incoming::Frame(body.long(owner).int(3).int(0).long(epoch + 2).done())
}

fn event(zxid: i64, kind: i32, path: &str) -> Incoming {
    Incoming::Frame(
        Body::new()
            .int(XID_EVENT)
            .long(zxid)
            .int(0)
            .int(kind)
            .int(3)
            .text(path)
            .done(),
    )
}

const NODE: Node = Node {
    epoch: LEFT_EPOCH,
    mzxid: 5,
    mtime: 2_000,
    version: 1,
    owner: 0,
};
const SAME: Node = Node {
    epoch: RIGHT_EPOCH,
    mtime: 2_500,
    ..NODE
};

/// The fields in which these transcripts of one exists differ, after a common moment of zxid 5.
fn fields(left: &[Incoming], right: &[Incoming], unordered: bool) -> Vec<String> {
    let mut moments = Moments::default();
    moments.learn(LEFT_EPOCH + 5, RIGHT_EPOCH + 5);
    moments.learn_session(111, 222);
    let expectation = Expectation {
        handshake: false,
        ops: &[op::EXISTS],
        events_unordered: unordered,
    };
    compare(&mut moments, &expectation, left, right)
        .into_iter()
        .map(|difference| difference.field)
        .collect()
}

fn check(left: &[Incoming], right: &[Incoming], expected: &[&str]) {
    assert_eq!(fields(left, right, false), expected);
}

#[test]
fn epochs_times_and_session_ids_do_not_matter() {
    check(&[stat_reply(6, NODE)], &[stat_reply(6, SAME)], &[]);
    let (left, right) = (Node { owner: 111, ..NODE }, Node { owner: 222, ..SAME });
    check(&[stat_reply(6, left)], &[stat_reply(6, right)], &[]);
}

#[test]
fn one_changed_field_is_one_difference() {
    let reply = |node| [stat_reply(6, node)];
    check(
        &reply(NODE),
        &reply(Node { version: 2, ..SAME }),
        &["stat.version"],
    );
    check(
        &reply(NODE),
        &reply(Node { mzxid: 4, ..SAME }),
        &["stat.mzxid"],
    );
    check(
        &reply(Node { owner: 111, ..NODE }),
        &reply(Node { owner: 333, ..SAME }),
        &["stat.ephemeralOwner"],
    );
    check(
        &reply(NODE),
        &reply(Node { mtime: 0, ..SAME }),
        &["stat.mtime"],
    );
}

#[test]
fn a_zxid_too_many_is_told_once() {
    check(
        &[stat_reply(6, NODE)],
        &[stat_reply(7, SAME)],
        &["zxid moved by"],
    );
}

#[test]
fn two_times_for_one_txn_are_a_difference() {
    let mut moments = Moments::default();
    let time = |zxid, ms| Value::Time { zxid, ms };
    assert!(moments.same(&time(3, 10), &time(3, 20)));
    assert!(moments.same(&time(3, 10), &time(3, 20)));
    assert!(!moments.same(&time(3, 10), &time(3, 21)));
}

#[test]
fn a_missing_event_and_one_that_moved_are_differences() {
    let (left, right) = (event(6, 3, "/a"), event(RIGHT_EPOCH + 6, 3, "/a"));
    let (left_reply, right_reply) = (stat_reply(6, NODE), stat_reply(6, SAME));
    check(
        &[left.clone(), left_reply.clone()],
        &[right.clone(), right_reply.clone()],
        &[],
    );
    check(
        &[left.clone(), left_reply.clone()],
        std::slice::from_ref(&right_reply),
        &["frames"],
    );
    check(
        &[left, left_reply],
        &[right_reply, right],
        &["frames", "frames"],
    );
}

#[test]
fn events_of_a_closed_session_may_change_places_and_no_others() {
    let left = [event(6, 2, "/a"), event(6, 2, "/b"), stat_reply(6, NODE)];
    let zxid = RIGHT_EPOCH + 6;
    let right = [
        event(zxid, 2, "/b"),
        event(zxid, 2, "/a"),
        stat_reply(6, SAME),
    ];
    assert_eq!(fields(&left, &right, true), Vec::<String>::new());
    assert_eq!(fields(&left, &right, false), ["path", "path"]);
}

#[test]
fn an_error_on_one_side_is_told_as_the_error_alone() {
    let refused = Incoming::Frame(Body::new().int(7).long(RIGHT_EPOCH + 6).int(-101).done());
    check(&[stat_reply(6, NODE)], &[refused], &["err"]);
}

#[test]
fn a_closed_connection_on_one_side_is_a_difference() {
    check(&[Incoming::Closed], &[Incoming::Silent], &["frames"]);
}
