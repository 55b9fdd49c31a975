//! What a connection keeps while nothing happens, and for how long it holds the tree.

use crate::limits::IDLE_BUFFER_LEN_MAX;
use crate::limits::REQUESTS_PER_HOLD;
use crate::propose::Proposals;
use crate::testing;

use super::Connection;
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
