//! Each bound of `limits.rs` that can be reached through the public face; NODES_MAX, SESSIONS_MAX
//! and ACL_LEN_MAX are tried beside the code that keeps them.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_tree::HashKey;
use zoa_tree::LoadError;
use zoa_tree::SnapshotStep;
use zoa_tree::TreeLoader;
use zoa_tree::limits::EPHEMERALS_PER_SESSION_MAX;
use zoa_tree::limits::LOAD_RESERVED_MAX;
use zoa_tree::limits::NAME_LEN_MAX;
use zoa_tree::limits::PRESERVED_PIECE_LEN;
use zoa_tree::limits::RECLAIMED_PER_APPLY_MAX;
use zoa_tree::limits::SNAPSHOT_RECORD_LEN_MAX;
use zoa_tree::limits::SNAPSHOT_STEP_LEN;

use crate::world::OPEN;
use crate::world::World;

/// A tree with this many znodes of this many bytes.
fn world_with(count: usize, data_len: usize) -> World {
    let mut world = World::new();
    let data = vec![7; data_len];
    for number in 0..count {
        world.create(&path(number));
        world.set_data(&path(number), &data, -1);
    }
    world
}

fn path(number: usize) -> String {
    format!("/n{number:03}")
}

#[test]
fn a_name_may_have_name_len_max_bytes_and_no_more() {
    let mut world = World::new();
    let longest = format!("/{}", "n".repeat(NAME_LEN_MAX));
    assert_eq!(world.create(&longest).created(), longest);
    assert!(world.exists(&longest));
    assert_eq!(
        world.create(&format!("{longest}n")).error(),
        ErrorCode::BadArguments
    );
    // The number counts.
    let sequential = world.create_with(&longest, 2, OPEN);
    assert_eq!(sequential.error(), ErrorCode::BadArguments);
}

#[test]
fn a_session_has_ephemerals_per_session_max_ephemerals_and_no_more() {
    let mut world = World::new();
    let path = |number: usize| format!("/e{number}");
    for number in 0..EPHEMERALS_PER_SESSION_MAX {
        world.create_mode(&path(number), CreateMode::Ephemeral);
    }
    let last = path(EPHEMERALS_PER_SESSION_MAX - 1);
    assert!(world.exists(&last));
    let refused = world.create_mode("/one-more", CreateMode::Ephemeral);
    assert_eq!(refused.error(), ErrorCode::SystemError);
    assert!(!world.exists("/one-more"));
    // What outlives the session is not counted, and what is gone makes room.
    assert_eq!(world.create("/persistent").created(), "/persistent");
    world.delete(&last, -1);
    let created = world.create_mode("/one-more", CreateMode::Ephemeral);
    assert_eq!(created.created(), "/one-more");
}

#[test]
fn an_apply_unlinks_at_most_reclaimed_per_apply_max_children() {
    let count = 4 * RECLAIMED_PER_APPLY_MAX;
    let mut world = world_with(count, 0);
    let cursor = world.tree.open_children_cursor("/").unwrap();
    for number in 0..count {
        world.delete(&path(number), -1);
    }
    world.tree.close_cursor(cursor);
    for _ in 0..3 {
        world.set_data("/", b"", -1);
    }
    assert!(
        world.tree.reclaim(RECLAIMED_PER_APPLY_MAX - 1),
        "a fourth of them must be left"
    );
    assert!(!world.tree.reclaim(2));
}

#[test]
fn a_step_of_a_snapshot_ends_after_snapshot_step_len_bytes() {
    let data_len = SNAPSHOT_STEP_LEN / 4;
    let mut world = world_with(12, data_len);
    let mut cursor = world.tree.begin_snapshot();
    let mut steps = 0;
    loop {
        let mut bytes = Vec::new();
        let step = world
            .tree
            .snapshot_step(&mut cursor, usize::MAX, &mut bytes);
        assert!(
            bytes.len() < SNAPSHOT_STEP_LEN + 2 * data_len,
            "{}",
            bytes.len()
        );
        steps += 1;
        if step == SnapshotStep::Done {
            break;
        }
    }
    assert!(steps >= 3, "{steps}");
    world.tree.end_snapshot(cursor);
}

/// Goal: old versions are handed over in pieces, so that one step stays short however much was
/// written while the snapshot waited.
#[test]
fn old_versions_are_taken_in_pieces_of_about_preserved_piece_len() {
    let data_len = PRESERVED_PIECE_LEN / 8;
    let mut world = world_with(64, data_len);
    let digest = world.tree.digest();
    let mut cursor = world.tree.begin_snapshot();
    for number in 0..64 {
        world.set_data(&path(number), b"", -1);
    }
    let (mut all, mut steps) = (Vec::new(), 0);
    loop {
        let mut bytes = Vec::new();
        let step = world.tree.snapshot_step(&mut cursor, 1, &mut bytes);
        assert!(
            bytes.len() < PRESERVED_PIECE_LEN + 2 * data_len,
            "{}",
            bytes.len()
        );
        all.extend(bytes);
        steps += 1;
        if step == SnapshotStep::Done {
            break;
        }
    }
    assert!(steps > 8, "{steps}");
    world.tree.end_snapshot(cursor);
    let mut loader = TreeLoader::new(HashKey([1, 2]));
    loader.push(&all).unwrap();
    assert_eq!(loader.finish().unwrap().digest(), digest);
}

#[test]
fn a_record_longer_than_snapshot_record_len_max_is_refused_at_once() {
    let pushed = |len: u32| {
        let mut loader = TreeLoader::new(HashKey([1, 2]));
        loader.push(&len.to_be_bytes())
    };
    let too_long = SNAPSHOT_RECORD_LEN_MAX + 1;
    assert_eq!(pushed(too_long), Err(LoadError::RecordTooLong(too_long)));
    assert_eq!(pushed(SNAPSHOT_RECORD_LEN_MAX), Ok(()));
}

/// Goal: a header that promises four billion znodes takes no more memory than one that promises
/// `LOAD_RESERVED_MAX`, and is found out in the end.
#[test]
fn a_header_that_promises_too_much_reserves_load_reserved_max_only() {
    let mut world = World::new();
    let mut cursor = world.tree.begin_snapshot();
    let mut bytes = Vec::new();
    while world.tree.snapshot_step(&mut cursor, 100, &mut bytes) == SnapshotStep::More {}
    // Length, kind, format, semantics, zxid, term, slots; then the number of znodes.
    let at = 4 + 1 + 4 + 4 + 8 + 8 + 8;
    let promised = u64::from(u32::MAX);
    assert!(promised > LOAD_RESERVED_MAX);
    bytes.splice(at..at + 8, promised.to_be_bytes());
    let before = resident_len();
    let mut loader = TreeLoader::new(HashKey([1, 2]));
    let pushed = loader.push(&bytes);
    let grown = resident_len().saturating_sub(before);
    assert!(grown < 32 * LOAD_RESERVED_MAX, "{grown} bytes");
    assert!(pushed.is_err(), "the last record says otherwise");
}

/// Resident bytes of this process.
fn resident_len() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
