//! One server's place among others, seen through one core.

use std::sync::atomic::Ordering;

use zoa_proto::SessionId;
use zoa_tree::HashKey;
use zoa_tree::Identities;
use zoa_tree::Owner;
use zoa_tree::Settings;
use zoa_tree::Touch;
use zoa_tree::Tree;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use super::*;
use crate::lane::Attachment;
use crate::limits::PARTED_MAX;
use crate::propose::Proposals;
use crate::testing;
use crate::testing::NOW;

/// A moment so many milliseconds later.
fn later(ms: u64) -> Moment {
    Moment {
        mono_ms: NOW.mono_ms + ms,
        ..NOW
    }
}

/// Lets the lane speak for a session, and returns when that was heard of.
fn attach(core: &Core, lane: &Lane, session: i64) -> crate::lane::Pulse {
    let session = SessionId(session);
    let pulse = core
        .clock
        .lock()
        .attach(session, (10_000, false), NOW.mono_ms);
    let mut state = lane.lock();
    state.told_ms = Some(NOW.mono_ms);
    state.attachment = Attachment::Session {
        session,
        timeout_ms: 10_000,
        pulse: Arc::clone(&pulse),
    };
    pulse
}

fn touches(core: &Core, ms: u64) -> Vec<(i64, u32)> {
    let mut touches = Vec::new();
    core.take_touches(later(ms), &mut touches);
    let plain = |touch: &Touch| (touch.session.0, touch.age_ms);
    touches.iter().map(plain).collect()
}

#[test]
fn who_was_heard_of_is_told_once_with_its_age() {
    let core = testing::core();
    core.set_leading(false, NOW);
    core.set_role(Role::Follower);
    let one = testing::dial(&core);
    let two = testing::dial(&core);
    let pulse = attach(&core, one.lane(), 7);
    attach(&core, two.lane(), 5);
    assert_eq!(touches(&core, 10), [], "all know of the attachment");
    pulse.store(later(40).mono_ms, Ordering::Relaxed);
    assert_eq!(touches(&core, 50), [(7, 10)]);
    assert_eq!(touches(&core, 60), []);
    pulse.store(later(70).mono_ms, Ordering::Relaxed);
    drop(one);
    assert_eq!(
        touches(&core, 100),
        [(7, 30)],
        "also when its connection is over"
    );
    assert_eq!(touches(&core, 110), []);
}

#[test]
fn who_waits_for_an_answer_is_not_silent() {
    let core = testing::core();
    core.set_leading(false, NOW);
    core.set_role(Role::Follower);
    let connection = testing::dial(&core);
    attach(&core, connection.lane(), 7);
    connection
        .lane()
        .lock()
        .pipeline
        .push_write(testing::write());
    assert_eq!(touches(&core, 500), [(7, 0)]);
    assert_eq!(touches(&core, 600), [(7, 0)]);
    connection.lane().lock().pipeline.clear();
    // When it was answered it has waited until then.
    assert_eq!(touches(&core, 700), [(7, 700)]);
    assert_eq!(touches(&core, 800), []);
}

#[test]
fn an_age_beyond_touch_age_ms_max_is_told_as_that() {
    let core = testing::core();
    core.set_leading(false, NOW);
    core.set_role(Role::Follower);
    let connection = testing::dial(&core);
    attach(&core, connection.lane(), 7).store(0, Ordering::Relaxed);
    let expected = u32::try_from(TOUCH_AGE_MS_MAX).unwrap();
    assert_eq!(touches(&core, TOUCH_AGE_MS_MAX * 2), [(7, expected)]);
}

#[test]
fn no_more_than_parted_max_are_kept() {
    let core = testing::core();
    core.set_leading(false, NOW);
    core.set_role(Role::Follower);
    *core.parted.lock() = vec![(SessionId(1), 0); PARTED_MAX];
    let connection = testing::dial(&core);
    attach(&core, connection.lane(), 7).store(1, Ordering::Relaxed);
    drop(connection);
    assert_eq!(core.parted.lock().len(), PARTED_MAX);
}

// Goal: a leader that is deposed while it stands still reads what lies in its sockets before it knows; the next one is told (G-11).
#[test]
fn a_leader_tells_of_connections_that_are_over_and_who_is_alone_keeps_nothing_of_them() {
    for (role, kept) in [(Role::Leader, 1), (Role::Standalone, 0)] {
        let core = testing::core();
        core.set_role(role);
        let connection = testing::dial(&core);
        attach(&core, connection.lane(), 7).store(1, Ordering::Relaxed);
        drop(connection);
        assert_eq!(core.parted.lock().len(), kept);
    }
}

#[test]
fn only_who_waits_is_ended_and_what_it_proposed_meanwhile_is_dropped() {
    let core = testing::core();
    let [waits, attaching, idle] = [(); 3].map(|()| testing::dial(&core));
    waits.lane().lock().pipeline.push_write(testing::write());
    attach(&core, idle.lane(), 7);
    attaching.lane().lock().attachment = Attachment::Requested {
        session: SessionId(8),
        password: crate::lane::Password([0; 16]),
        read_only: None,
        is_known: false,
    };
    let proposals = |core: &Core| {
        let mut proposals = Proposals::default();
        proposals.begin(core.round());
        for connection in [&waits, &attaching, &idle] {
            push(&mut proposals, connection.lane().number().0, TxnOp::Sync);
        }
        push(&mut proposals, 0, TxnOp::ExpireSession);
        (proposals.round(), proposals.take())
    };
    let (round, mut before) = proposals(&core);
    core.drop_orphans(round, &mut before);
    assert_eq!(before.len(), 4);
    core.end_unanswered();
    let ended = [&waits, &attaching, &idle].map(|it| it.lane().lock().has_ended());
    assert_eq!(ended, [true, true, false]);
    core.drop_orphans(round, &mut before);
    let left = before.iter().map(|bytes| Txn::decode(bytes).unwrap());
    let left: Vec<_> = left.map(|txn| txn.owner.connection).collect();
    assert_eq!(left, [idle.lane().number().0, 0]);
}

/// Whose expiry is proposed in these milliseconds.
fn expired_in(core: &Core, ms: std::ops::Range<u64>) -> Vec<SessionId> {
    let mut proposals = Proposals::default();
    for ms in ms.step_by(100) {
        core.handle_tick(later(ms), &mut proposals);
    }
    let proposals = proposals.take();
    let txns = proposals.iter().map(|bytes| Txn::decode(bytes).unwrap());
    txns.filter(|txn| txn.op == TxnOp::ExpireSession)
        .map(|txn| txn.session)
        .collect()
}

/// Too much was under way, say: all that was given to the log is dropped, and the same leader goes on in the same term.
#[test]
fn a_leader_that_goes_on_proposes_again_the_expiries_that_were_lost() {
    let core = testing::core();
    let silent = testing::dial(&core);
    attach(&core, silent.lane(), 7);
    assert_eq!(expired_in(&core, 0..20_000), [SessionId(7)], "once");
    core.end_unanswered();
    assert_eq!(expired_in(&core, 20_000..30_000), [SessionId(7)], "again");
}

#[test]
fn a_server_that_leads_again_proposes_again_what_was_lost_after_a_full_timeout() {
    let core = testing::core();
    let silent = testing::dial(&core);
    attach(&core, silent.lane(), 7);
    assert_eq!(expired_in(&core, 0..12_000), [SessionId(7)]);
    core.end_unanswered();
    core.set_leading(false, later(12_000));
    assert_eq!(expired_in(&core, 12_000..40_000), []);
    core.set_leading(true, later(40_000));
    assert_eq!(expired_in(&core, 40_000..50_000), []);
    assert_eq!(expired_in(&core, 50_000..52_000), [SessionId(7)]);
}

#[test]
fn a_leader_that_goes_on_finds_again_the_unused_containers_whose_deletion_was_lost() {
    let core = testing::core();
    testing::create_used_containers(&core, &["/c".to_owned()]);
    let interval_ms = u64::from(core.config.containers.check_interval_ms);
    let reaps_at = |ms: u64| {
        let mut proposals = Proposals::default();
        core.handle_tick(later(ms), &mut proposals);
        let proposals = proposals.take();
        let txns = proposals.iter().map(|bytes| Txn::decode(bytes).unwrap());
        txns.filter(|txn| matches!(txn.op, TxnOp::Reap { .. }))
            .count()
    };
    assert_eq!(reaps_at(0), 0);
    assert_eq!(reaps_at(interval_ms), 1);
    core.end_unanswered();
    assert_eq!(reaps_at(2 * interval_ms), 1);
}

fn push(proposals: &mut Proposals, connection: u64, op: TxnOp<'_>) {
    proposals.push(&Txn {
        session: SessionId(7),
        owner: Owner {
            server: zoa_proto::PeerId(1),
            connection,
        },
        xid: zoa_proto::Xid(0),
        time_ms: 0,
        settings: Settings::NONE,
        identities: Identities::NONE,
        op,
    });
}

#[test]
fn a_change_of_serving_ends_all_connections_and_the_same_again_none() {
    let core = testing::core();
    let connection = testing::dial(&core);
    core.set_serving(Serving::Full);
    assert!(!connection.lane().lock().has_ended());
    core.set_serving(Serving::No);
    assert!(connection.lane().lock().has_ended());
    let asking = testing::dial(&core);
    core.set_serving(Serving::Full);
    assert!(
        !asking.lane().lock().has_ended(),
        "nobody was promised anything"
    );
    assert_eq!(core.serving(), Serving::Full);
}

#[test]
fn a_received_snapshot_takes_the_place_of_the_tree_and_all_connections_end() {
    let core = testing::core();
    testing::create(&core, &["/old"]);
    let other = testing::core();
    testing::create(&other, &["/new"]);
    let connection = testing::dial(&core);
    let cursor = core.with_tree_mut(|tree| tree.open_children_cursor("/"));
    let mut cursor = cursor.expect("it is there");
    let (old_snapshot, _) = core.begin_snapshot();
    let received = other.with_tree_mut(|tree| std::mem::replace(tree, Tree::new(HashKey([1, 2]))));
    let digest = received.digest();
    let before = core.install(received, (90, 4), NOW);
    assert!(before.find("/old").is_some());
    assert!(connection.lane().lock().has_ended());
    assert_eq!(
        (core.applied_index(), core.with_tree(Tree::digest)),
        (90, digest)
    );
    assert_eq!(core.clock.lock().count(), 1);
    // What was begun on the tree before goes no further, and harms nothing.
    let (new_snapshot, point) = core.begin_snapshot();
    assert_eq!((point.index, point.term), (90, 4));
    core.with_tree_mut(|tree| {
        let mut names = Vec::new();
        assert!(!tree.cursor_step(&mut cursor, 100, &mut |name| names.push(name.to_owned())));
        assert!(names.is_empty());
        tree.close_cursor(cursor);
        tree.end_snapshot(old_snapshot);
        let mut new_snapshot = new_snapshot;
        let step = tree.snapshot_step(&mut new_snapshot, 100, &mut Vec::new());
        assert_eq!(step, zoa_tree::SnapshotStep::Done);
    });
}
