//! Snapshots: exact at one zxid, loadable, and never believed blindly (G-16, G-19).

use zoa_proto::CreateFlags;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Request;
use zoa_proto::request::Create;
use zoa_proto::request::CreateTtl;
use zoa_tree::HashKey;
use zoa_tree::LoadError;
use zoa_tree::SEMANTICS_NEWEST;
use zoa_tree::Settings;
use zoa_tree::SnapshotStep;
use zoa_tree::Tree;
use zoa_tree::TreeLoader;
use zoa_tree::Txn;
use zoa_tree::TxnError;
use zoa_tree::TxnOp;

use crate::world::Done;
use crate::world::OPEN;
use crate::world::OTHER;
use crate::world::SESSION;
use crate::world::World;
use crate::world::acl_list;

/// A tree with sessions, ephemerals, several ACLs, null data, long names and gaps in its numbers.
fn varied() -> World {
    let mut world = World::new();
    world.open(OTHER);
    for number in 0..30 {
        world.create(&format!("/n{number}"));
    }
    for number in (0..30).step_by(4) {
        world.delete(&format!("/n{number}"), -1);
    }
    world.create("/n1/a-name-that-is-longer-than-sixteen-bytes");
    world.create("/n1/a-name-that-is-longer-than-sixteen-bytes/below");
    world.create_with(
        "/n2/locked",
        0,
        &[(31, "digest", "joe:hash"), (1, "world", "anyone")],
    );
    world.create_mode("/n3/e", CreateMode::Ephemeral);
    world.session = OTHER;
    world.create_mode("/n3/s", CreateMode::EphemeralSequential);
    world.session = SESSION;
    world
}

fn taken(tree: &mut Tree, slots_max: usize) -> Vec<u8> {
    let mut cursor = tree.begin_snapshot();
    let mut bytes = Vec::new();
    while tree.snapshot_step(&mut cursor, slots_max, &mut bytes) == SnapshotStep::More {}
    assert_eq!(cursor.digest(), tree.digest());
    tree.end_snapshot(cursor);
    bytes
}

fn load(bytes: &[u8], chunk_len: usize) -> Result<Tree, LoadError> {
    let mut loader = TreeLoader::new(HashKey([99, 100]));
    for chunk in bytes.chunks(chunk_len) {
        loader.push(chunk)?;
    }
    loader.finish()
}

#[test]
fn what_was_stored_comes_back_in_chunks_of_any_size() {
    let mut world = varied();
    let bytes = taken(&mut world.tree, 3);
    for chunk_len in [1, 7, 100, bytes.len()] {
        let tree = load(&bytes, chunk_len).unwrap();
        assert_eq!(tree.digest(), world.tree.digest());
        assert_eq!(tree.last_zxid(), world.tree.last_zxid());
        assert_eq!(tree.node_count(), world.tree.node_count());
        assert_eq!(
            tree.approximate_data_size(),
            world.tree.approximate_data_size()
        );
        assert_eq!(tree.ephemerals_count(), 2);
        assert_eq!(tree.acls_count(), world.tree.acls_count());
        for path in [
            "/",
            "/n1",
            "/n2",
            "/n3/e",
            "/n1/a-name-that-is-longer-than-sixteen-bytes",
        ] {
            let (ours, theirs) = (world.tree.find(path).unwrap(), tree.find(path).unwrap());
            assert_eq!(ours.stat(), theirs.stat());
            assert_eq!(ours.data(), theirs.data());
            assert_eq!(ours.acl(), theirs.acl());
            assert_eq!(ours.descendants_count(), theirs.descendants_count());
            assert_eq!(ours.children_names_len(), theirs.children_names_len());
        }
    }
}

/// Goal: a replica that began from a snapshot goes on exactly as one that applied everything.
#[test]
fn a_loaded_tree_goes_on_like_the_one_that_was_stored() {
    let mut world = varied();
    let bytes = taken(&mut world.tree, 1000);
    let mut loaded = varied();
    loaded.tree = load(&bytes, 1 << 20).unwrap();
    for world in [&mut world, &mut loaded] {
        world.create_mode("/n3/s", CreateMode::PersistentSequential);
        world.create("/n0");
        world.delete("/n1/a-name-that-is-longer-than-sixteen-bytes/below", -1);
        world.term = 2;
        world.set_data("/n5", b"x", 0);
    }
    assert_eq!(world.tree.digest(), loaded.tree.digest());
    let ours = world.apply(TxnOp::CloseSession);
    assert_eq!(ours, loaded.apply(TxnOp::CloseSession));
    assert_eq!(ours.triggers.len(), 2);
    assert_eq!(world.tree.digest(), loaded.tree.digest());
}

/// Goal: writers ahead of the walk, behind it and at the same place do not show in the snapshot.
#[test]
fn writes_between_steps_do_not_reach_the_snapshot() {
    let mut world = varied();
    let digest = world.tree.digest();
    let mut cursor = world.tree.begin_snapshot();
    let (mut bytes, mut number) = (Vec::new(), 0);
    while world.tree.snapshot_step(&mut cursor, 1, &mut bytes) == SnapshotStep::More {
        number += 1;
        world.set_data(&format!("/n{}", number % 30), b"changed", -1);
        world.set_acl(
            &format!("/n{}", (number + 7) % 30),
            &[(31, "ip", "::1")],
            -1,
        );
        world.delete(&format!("/n{}", (number * 7) % 30), -1);
        world.create_mode(
            &format!("/n{}/x", number % 30),
            CreateMode::EphemeralSequential,
        );
        world.create(&format!("/n{}", number % 30));
        if number == 5 {
            world.session = OTHER;
            world.apply(TxnOp::CloseSession);
            world.session = SESSION;
            world.open(zoa_proto::SessionId(0x3333));
        }
    }
    assert!(number > 20);
    assert_eq!(cursor.digest(), digest);
    world.tree.end_snapshot(cursor);
    let loaded = load(&bytes, 1 << 20).unwrap();
    assert_eq!(loaded.digest(), digest);
    assert_ne!(world.tree.digest(), digest);
}

#[test]
fn a_later_snapshot_puts_an_end_to_an_earlier_one() {
    let mut world = varied();
    let mut bytes = Vec::new();
    let mut first = world.tree.begin_snapshot();
    world.tree.snapshot_step(&mut first, 5, &mut bytes);
    let second = world.tree.begin_snapshot();
    assert_eq!(
        world.tree.snapshot_step(&mut first, 5, &mut bytes),
        SnapshotStep::Superseded
    );
    world.tree.end_snapshot(first);
    let mut second = second;
    let mut bytes = Vec::new();
    while world.tree.snapshot_step(&mut second, 5, &mut bytes) == SnapshotStep::More {}
    assert_eq!(
        world.tree.snapshot_step(&mut second, 5, &mut bytes),
        SnapshotStep::Done
    );
    assert!(load(&bytes, 1000).is_ok());
    world.tree.end_snapshot(second);
}

/// Goal: no damage is believed: with any one bit changed the bytes give an error, or the same tree.
#[test]
fn every_flipped_bit_is_refused_or_harmless() {
    let mut world = varied();
    let bytes = taken(&mut world.tree, 1000);
    let digest = world.tree.digest();
    let (mut refused, mut harmless) = (0, 0);
    for index in 0..bytes.len() {
        for bit in [index % 7, 7] {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            match load(&damaged, 1 << 20) {
                Err(_) => refused += 1,
                Ok(tree) => {
                    assert_eq!(tree.digest(), digest, "byte {index}, bit {bit}");
                    harmless += 1;
                }
            }
        }
    }
    // A number of a znode may change where nothing refers to it.
    assert!(harmless * 20 < refused, "{harmless} of {refused}");
}

#[test]
fn two_children_of_one_name_are_refused() {
    let mut world = World::new();
    world.create("/twin-1");
    world.create("/twin-2");
    let mut bytes = taken(&mut world.tree, 1000);
    let at = bytes
        .windows(6)
        .position(|window| window == b"twin-2")
        .unwrap();
    bytes[at + 5] = b'1';
    let failed = load(&bytes, 1 << 20).map(|tree| tree.digest());
    assert_eq!(
        failed,
        Err(LoadError::Contradiction("two children of one name"))
    );
}

#[test]
fn bytes_that_end_early_are_refused_wherever_they_end() {
    let mut world = varied();
    let bytes = taken(&mut world.tree, 1000);
    for len in 0..bytes.len() {
        let result = load(&bytes[..len], 1 << 20).map(|tree| tree.digest());
        assert_eq!(result, Err(LoadError::Truncated), "{len}");
    }
    let mut long = bytes.clone();
    long.push(0);
    assert!(load(&long, 1 << 20).is_err());
}

#[test]
fn a_record_of_absurd_length_allocates_nothing_and_is_refused() {
    let mut loader = TreeLoader::new(HashKey([1, 2]));
    let failed = loader.push(&[0xff, 0xff, 0xff, 0xff, 3]).unwrap_err();
    assert_eq!(failed, LoadError::RecordTooLong(u32::MAX));
    assert_eq!(loader.push(&[]), Err(failed), "it stays failed");
    let mut loader = TreeLoader::new(HashKey([1, 2]));
    // The longest one that may be; but it never comes.
    assert_eq!(loader.push(&[0x7f, 0xff, 0xff, 0xff, 3]), Ok(()));
    assert_eq!(
        loader.finish().map(|tree| tree.digest()),
        Err(LoadError::Truncated)
    );
}

/// The snapshot of `varied` as the first version stored it.
const FORMAT_1: &str = include_str!("../../testdata/snapshot-format-1.hex");

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair));
    let bytes = pairs.map(|pair| u8::from_str_radix(pair.unwrap(), 16).unwrap());
    bytes.collect()
}

#[test]
fn a_snapshot_of_the_first_format_opens_and_is_still_written() {
    let stored = bytes_of(FORMAT_1);
    let mut world = varied();
    assert_eq!(load(&stored, 1000).unwrap().digest(), world.tree.digest());
    // What needs nothing newer is stored so that an older server can read it.
    assert_eq!(taken(&mut world.tree, 1000), stored);
}

#[test]
fn the_servers_of_an_ensemble_come_back() {
    let mut world = varied();
    let lines = "server.1=a:1:2;3\nserver.2=b:1:2;3";
    world.apply(TxnOp::FoundMembers { lines });
    let bytes = taken(&mut world.tree, 3);
    let loaded = load(&bytes, 7).unwrap();
    assert_eq!(loaded.members(), world.tree.members());
    assert_eq!(loaded.digest(), world.tree.digest());
    // In the first format there are none, so such a record is of nobody's making.
    let mut damaged = bytes;
    damaged[8] = 1;
    assert_eq!(
        load(&damaged, 1000).unwrap_err(),
        LoadError::UnknownRecord(6)
    );
    damaged[8] = 3;
    assert_eq!(
        load(&damaged, 1000).unwrap_err(),
        LoadError::UnknownFormat(3)
    );
}

/// `varied`, with all that only the second format can hold.
fn varied_of_today() -> World {
    let mut world = varied();
    world.settings = Settings::EXTENDED_TYPES;
    let lines = "server.1=a:1:2;3\nserver.2=b:1:2;3";
    world.apply(TxnOp::FoundMembers { lines });
    let mut scratch = Vec::new();
    let acl = acl_list(OPEN, &mut scratch);
    for path in ["/container", "/container/below"] {
        world.request(&Request::CreateContainer(Create {
            path,
            data: None,
            acl,
            flags: CreateFlags(4),
        }));
    }
    world.request(&Request::CreateTtl(CreateTtl {
        path: "/ttl",
        data: Some(b"data"),
        acl,
        flags: CreateFlags(5),
        ttl_ms: 0x12_3456_789a,
    }));
    world
}

#[test]
fn containers_and_times_to_live_come_back() {
    let mut world = varied_of_today();
    let bytes = taken(&mut world.tree, 3);
    let mut loaded = varied_of_today();
    loaded.tree = load(&bytes, 13).unwrap();
    for world in [&mut world, &mut loaded] {
        assert_eq!(world.tree.reaped_count(), 3);
        world.delete("/container/below", -1);
        let gone = world.apply(TxnOp::Reap {
            path: "/container",
            never_used_ms_max: 0,
        });
        assert!(gone.result.is_ok());
    }
    assert_eq!(world.tree.digest(), loaded.tree.digest());
}

/// The snapshot of `varied_of_today` as the version stored it that brought the second format.
const FORMAT_2: &str = include_str!("../../testdata/snapshot-format-2.hex");

#[test]
fn a_snapshot_of_the_second_format_opens_and_is_still_written() {
    let stored = bytes_of(FORMAT_2);
    let mut world = varied_of_today();
    assert_eq!(load(&stored, 1000).unwrap().digest(), world.tree.digest());
    assert_eq!(taken(&mut world.tree, 1000), stored);
}

#[test]
fn a_time_to_live_that_none_can_have_is_refused() {
    let mut world = varied_of_today();
    let bytes = taken(&mut world.tree, 1000);
    let ttl = 0x12_3456_789a_i64.to_be_bytes();
    let at = bytes.windows(8).position(|window| window == ttl).unwrap();
    let mut damaged = bytes;
    damaged[at] = 1;
    assert!(matches!(
        load(&damaged, 1000),
        Err(LoadError::Contradiction(_))
    ));
}

// Goal: the version of the rules is part of the state, and one that this program does not know is refused.
#[test]
fn the_rules_that_hold_come_back_and_later_ones_are_refused() {
    let mut world = varied();
    let before = world.tree.digest();
    let version = SEMANTICS_NEWEST;
    let raised = world.apply(TxnOp::RaiseSemantics { version });
    assert_eq!(raised.result, Ok(Done::Raised));
    assert_eq!(world.tree.semantics_version(), SEMANTICS_NEWEST);
    assert_ne!(world.tree.digest(), before);
    let again = world.apply(TxnOp::RaiseSemantics { version });
    assert_eq!(again.error(), ErrorCode::BadVersion);
    let bytes = taken(&mut world.tree, 5);
    let loaded = load(&bytes, 9).unwrap();
    assert_eq!(loaded.semantics_version(), SEMANTICS_NEWEST);
    assert_eq!(loaded.digest(), world.tree.digest());
    let mut later = bytes;
    // Length, kind and format stand before it.
    later[12] = 9;
    assert_eq!(
        load(&later, 1000).unwrap_err(),
        LoadError::UnknownSemantics(9)
    );
}

#[test]
fn an_entry_that_raises_the_rules_beyond_this_program_is_refused_when_it_is_read() {
    let version = SEMANTICS_NEWEST + 1;
    let world = World::new();
    let bytes = world.encoded(TxnOp::RaiseSemantics { version });
    assert_eq!(
        Txn::decode(&bytes),
        Err(TxnError::UnknownSemantics(version))
    );
}

// Goal: G-16. What watchers hear has one order on all replicas, whatever each has loaded.
#[test]
fn ephemerals_go_in_one_order_also_where_a_snapshot_was_loaded() {
    let mut world = varied();
    for name in ["/n5/a", "/n5/b", "/n5/c", "/n5/d"] {
        world.create_mode(name, CreateMode::Ephemeral);
    }
    world.delete("/n5/a", -1);
    let bytes = taken(&mut world.tree, 3);
    let mut other = World::new();
    other.tree = load(&bytes, 50).unwrap();
    other.time_ms = world.time_ms;
    let [ours, theirs] = [&mut world, &mut other].map(|it| it.apply(TxnOp::ExpireSession));
    assert_eq!(ours, theirs);
    assert!(ours.triggers.len() > 4);
}
