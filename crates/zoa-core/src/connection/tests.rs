//! What a connection keeps while nothing happens, and for how long it holds the tree.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Wake;
use std::task::Waker;

use zoa_proto::ErrorCode;
use zoa_proto::ReplyHeader;

use crate::core::Core;
use crate::lane::Attachment;
use crate::limits::IDLE_BUFFER_LEN_MAX;
use crate::limits::LIST_AT_ONCE_LEN_MAX;
use crate::limits::LIST_REPLY_LEN_MAX;
use crate::limits::LISTS_LEN_MAX;
use crate::limits::REQUESTS_PER_HOLD;
use crate::propose::Proposals;
use crate::testing;

use super::Connection;
use super::Phase;
use super::Progress;
use super::SharedTree;
use super::Turn;

fn send_all(connection: &mut Connection) {
    loop {
        let len = connection.output(None).bytes.len();
        connection.handle_sent(len);
        if len == 0 {
            return;
        }
    }
}

fn kept(connection: &Connection) -> usize {
    let outbox = connection.lane.lock().outbox.capacity();
    outbox + connection.sending.capacity() + connection.input.capacity()
}

#[test]
fn an_idle_connection_keeps_no_large_buffer() {
    let core = testing::core();
    let mut connection = testing::dial(&core);
    for len in [100, 10_000_000, 100, 5_000, 50] {
        let reply = vec![0; len];
        connection.lane.lock().outbox.extend_from_slice(&reply);
        send_all(&mut connection);
        let kept = kept(&connection);
        assert!(kept <= 2 * IDLE_BUFFER_LEN_MAX, "{kept} after {len}");
    }
    let mut proposals = Proposals::default();
    let mut turn = Turn {
        now: testing::NOW,
        random: &mut |_| {},
        proposals: &mut proposals,
    };
    // A connect request with much behind it, in pieces.
    connection.handle_input(&[0, 1, 0, 0], &mut turn);
    for _ in 0..16 {
        connection.handle_input(&[0; 0x1000], &mut turn);
    }
    let kept = kept(&connection);
    assert!(kept <= 2 * IDLE_BUFFER_LEN_MAX, "{kept}");
}

#[test]
fn the_tree_is_let_go_after_so_many_requests() {
    let core = testing::core();
    let mut shared = SharedTree::new(&core);
    for served in 1..=2 * REQUESTS_PER_HOLD {
        shared.tree();
        let in_this_hold = (served - 1) % REQUESTS_PER_HOLD + 1;
        assert_eq!(shared.served, in_this_hold);
        assert!(core.tree.try_write().is_none(), "it is held");
    }
    shared.release();
    assert!(core.tree.try_write().is_some());
}

fn turn(connection: &mut Connection, bytes: &[u8]) -> Progress {
    let mut proposals = Proposals::default();
    let mut turn = Turn {
        now: testing::NOW,
        random: &mut |_| {},
        proposals: &mut proposals,
    };
    connection.handle_input(bytes, &mut turn)
}

/// A server with a list in it that is walked.
fn with_a_long_list() -> Arc<Core> {
    let core = testing::core();
    let name = "n".repeat(LIST_AT_ONCE_LEN_MAX / 2);
    let children = ["1", "2", "3"].map(|number| format!("/dir/{name}{number}"));
    testing::create(&core, &["/dir"]);
    testing::create(&core, &children.each_ref().map(String::as_str));
    core
}

/// A connection that may ask.
fn established(core: &Arc<Core>) -> Connection {
    let mut connection = testing::dial(core);
    connection.phase = Phase::Established(Attachment::None);
    connection
}

/// getChildren of `/dir` with a watch.
const LIST: &[u8] = b"\0\0\0\x11\0\0\0\x01\0\0\0\x08\0\0\0\x04/dir\x01";

#[test]
fn a_list_that_is_too_long_is_refused_and_leaves_no_watch() {
    let mut core = with_a_long_list();
    let core_mut = Arc::get_mut(&mut core).expect("no connection has it");
    let is_bound = core_mut.list_room.reply_len_max == LIST_REPLY_LEN_MAX;
    assert!(is_bound, "which is lowered here, for want of memory");
    core_mut.list_room.reply_len_max = LIST_AT_ONCE_LEN_MAX;
    let mut connection = established(&core);
    assert_eq!(turn(&mut connection, LIST), Progress::Reading);
    let output = connection.output(None).bytes.to_vec();
    let (header, _) = ReplyHeader::decode(&output[4..]).expect("a reply");
    assert_eq!(header.error, Some(ErrorCode::MarshallingError));
    assert_eq!(core.watches.lock().counts().watches, 0);
    assert!(core.list_room.take(connection.lane(), LISTS_LEN_MAX));
}

/// Counts how often it was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_list_waits_in_the_input_until_there_is_room() {
    let core = with_a_long_list();
    let stranger = testing::lane(99);
    assert!(core.list_room.take(&stranger, LISTS_LEN_MAX));
    let mut connection = established(&core);
    let wakes = Arc::new(Wakes::default());
    connection.listen(&Waker::from(Arc::clone(&wakes)));
    assert_eq!(turn(&mut connection, LIST), Progress::Blocked);
    assert_eq!(core.watches.lock().counts().watches, 0);
    core.list_room.give_back(LISTS_LEN_MAX);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(turn(&mut connection, &[]), Progress::Again);
    assert_eq!(core.watches.lock().counts().watches, 1);
}

#[test]
fn room_for_a_list_is_held_until_the_client_has_taken_it() {
    for is_sent in [true, false] {
        let core = with_a_long_list();
        let mut connection = established(&core);
        assert_eq!(turn(&mut connection, LIST), Progress::Again);
        let lane = Arc::clone(connection.lane());
        let is_free = || {
            let is_free = core.list_room.take(&lane, LISTS_LEN_MAX);
            if is_free {
                core.list_room.give_back(LISTS_LEN_MAX);
            }
            is_free
        };
        while turn(&mut connection, &[]) == Progress::Again {}
        assert!(!is_free(), "nothing has been taken");
        if is_sent {
            send_all(&mut connection);
            while turn(&mut connection, &[]) != Progress::Reading {
                send_all(&mut connection);
            }
            send_all(&mut connection);
        } else {
            drop(connection);
        }
        assert!(is_free());
    }
}
