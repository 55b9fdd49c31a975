//! Cases of the snapshot files.
//!
//! What they are not: the content; the bytes here mean nothing.

use super::CLUSTER;
use super::entry;
use super::open;
use super::order;
use crate::ClusterId;
use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::LogIndex;
use crate::OpenMode;
use crate::SnapshotMeta;
use crate::SnapshotReader;
use crate::SnapshotStore;
use crate::limits::SNAPSHOT_CHUNK_LEN;

/// What the snapshot at `index` is of.
pub(super) fn meta(index: u64) -> SnapshotMeta {
    SnapshotMeta {
        index: LogIndex(index),
        term: index / 10,
        zxid: index * 3,
        extra: index.to_string().into_bytes(),
    }
}

/// The content of the snapshot at `index`: `len` bytes.
pub(super) fn content(index: u64, len: usize) -> Vec<u8> {
    index
        .to_le_bytes()
        .into_iter()
        .chain(0..=250)
        .cycle()
        .take(len)
        .collect()
}

/// Takes a snapshot.
///
/// # Panics
/// When the disk fails.
pub fn take_snapshot<D: Disk>(store: &SnapshotStore<D>, index: u64, len: usize) {
    let mut writer = store.begin(meta(index)).expect("no fault");
    for piece in content(index, len).chunks(10_007) {
        writer.write(piece).expect("no fault");
    }
    assert_eq!(writer.finish().expect("no fault"), meta(index));
}

/// Everything in a snapshot.
///
/// # Errors
/// As the reader.
pub fn read_snapshot<D: Disk>(reader: &mut SnapshotReader<D>) -> Result<Vec<u8>, LogError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        bytes.extend_from_slice(chunk);
    }
    Ok(bytes)
}

fn store<D: Disk>(disk: &D) -> SnapshotStore<D> {
    SnapshotStore::open(disk.clone(), CLUSTER).expect("no fault")
}

/// Goal: content of any length comes back, with what it is of.
pub fn a_snapshot_comes_back_as_it_was_written<D: Disk>(disk: &D) {
    let store = store(disk);
    assert!(store.latest().expect("no fault").is_none());
    let lens = [
        0,
        1,
        SNAPSHOT_CHUNK_LEN - 1,
        SNAPSHOT_CHUNK_LEN,
        SNAPSHOT_CHUNK_LEN + 1,
        3 * SNAPSHOT_CHUNK_LEN + 5,
    ];
    for (index, len) in (1..).zip(lens) {
        take_snapshot(&store, index, len);
        let mut reader = store
            .latest()
            .expect("no fault")
            .expect("it was just taken");
        assert_eq!(*reader.meta(), meta(index));
        assert!(
            read_snapshot(&mut reader).expect("it is whole") == content(index, len),
            "{len} bytes"
        );
        assert!(
            reader
                .next_chunk()
                .expect("the end stays the end")
                .is_none()
        );
    }
    let again = SnapshotStore::open(disk.clone(), CLUSTER).expect("no fault");
    assert_eq!(again.list().expect("no fault").len(), lens.len());
}

/// Goal: half a snapshot is never seen, and leaves nothing behind.
pub fn an_unfinished_snapshot_is_never_seen<D: Disk>(disk: &D) {
    let first = store(disk);
    take_snapshot(&first, 1, 10);
    let mut given_up = first.begin(meta(2)).expect("no fault");
    given_up.write(&content(2, 600_000)).expect("no fault");
    assert_eq!(first.list().expect("no fault"), [LogIndex(1)]);
    drop(given_up);
    assert_eq!(
        disk.list("snap").expect("it is there").len(),
        1,
        "given up, it is removed"
    );
    drop(
        disk.open("snap/0000000000000003.tmp", OpenMode::Create)
            .expect("a new name"),
    );
    drop(
        first
            .begin(meta(3))
            .expect("what a killed process has left is no obstacle"),
    );
    drop(
        disk.open("snap/0000000000000004.tmp", OpenMode::Create)
            .expect("a new name"),
    );
    assert_eq!(store(disk).list().expect("no fault"), [LogIndex(1)]);
    assert_eq!(disk.list("snap").expect("it is there").len(), 1);
}

/// Goal: retention keeps the newest, at least one.
pub fn old_snapshots_are_purged<D: Disk>(disk: &D) {
    let store = store(disk);
    store.purge(3).expect("nothing there is no error");
    for index in 1..=5 {
        take_snapshot(&store, index, 100);
    }
    store.purge(3).expect("no fault");
    assert_eq!(
        store.list().expect("no fault"),
        [LogIndex(5), LogIndex(4), LogIndex(3)]
    );
    store.purge(0).expect("no fault");
    assert_eq!(store.list().expect("no fault"), [LogIndex(5)]);
}

/// Goal: an older snapshot serves only when no entry is missing behind it.
pub fn a_damaged_snapshot_falls_back_only_where_the_log_connects<D: Disk>(disk: &D) {
    let store = store(disk);
    let load = |first: u64| {
        let outcome = store.load_newest(LogIndex(first), read_snapshot);
        outcome.map(|loaded| {
            (
                loaded
                    .found
                    .map(|(meta, state)| (meta.index.0, state.len())),
                loaded.damaged.len(),
            )
        })
    };
    assert_eq!(load(1).expect("the log has everything"), (None, 0));
    let error = load(2).expect_err("entry 1 is nowhere");
    assert!(
        matches!(&error, LogError::NoUsableSnapshot { what, .. } if what.contains("no snapshot at all")),
        "{error}"
    );
    take_snapshot(&store, 10, 100);
    take_snapshot(&store, 20, 300_000);
    assert_eq!(load(21).expect("the newest"), (Some((20, 300_000)), 0));
    damage(disk, "snap/0000000000000014.snap", 270_000);
    assert_eq!(load(1).expect("the older"), (Some((10, 100)), 1));
    assert_eq!(load(11).expect("the older"), (Some((10, 100)), 1));
    let error = load(12).expect_err("entry 11 is nowhere");
    assert!(
        matches!(
            &error,
            LogError::NoUsableSnapshot {
                first: LogIndex(12),
                ..
            }
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("0000000000000014.snap") && text.contains("entry 10"),
        "{text}"
    );
    damage(disk, "snap/000000000000000a.snap", 70);
    assert_eq!(load(1).expect("the log has everything"), (None, 2));
}

/// Goal: a snapshot carried over from elsewhere is not loaded.
pub fn a_snapshot_of_another_cluster_is_refused<D: Disk>(disk: &D) {
    take_snapshot(&store(disk), 1, 10);
    let other = SnapshotStore::open(disk.clone(), ClusterId([1; 16])).expect("no fault");
    let error = other
        .load_newest(LogIndex(1), read_snapshot)
        .expect_err("it is another's");
    assert!(matches!(error, LogError::OtherCluster { .. }), "{error}");
}

fn damage<D: Disk>(disk: &D, name: &str, offset: u64) {
    let len = disk
        .open(name, OpenMode::Read)
        .and_then(|file| file.len())
        .expect("it is there");
    let mut bytes = vec![0; usize::try_from(len).expect("small")];
    disk.open(name, OpenMode::Read)
        .and_then(|file| file.read_at(0, &mut bytes))
        .expect("it is there");
    let byte = bytes
        .get_mut(usize::try_from(offset).expect("small"))
        .expect("inside the file");
    *byte ^= 1;
    disk.remove(name).expect("it is there");
    disk.open(name, OpenMode::Create)
        .and_then(|file| file.write_at(0, &bytes))
        .expect("no fault");
}

/// Sends the snapshot at `index` of `from` to `to` as it is, in pieces of `step` bytes, changed by `change`.
fn transfer<D: Disk>(
    (from, to): (&SnapshotStore<D>, &SnapshotStore<D>),
    index: u64,
    change: impl Fn(&mut Vec<u8>),
) -> Result<SnapshotMeta, LogError> {
    let file = from.open_file(LogIndex(index)).expect("it is there");
    let mut bytes = Vec::new();
    while bytes.len() as u64 != file.len() {
        bytes.extend(file.read(bytes.len() as u64, 10_007).expect("no fault"));
    }
    change(&mut bytes);
    let mut receiver = to.receive(LogIndex(index))?;
    for piece in bytes.chunks(300_001) {
        receiver.write(piece)?;
        assert!(
            !to.list().expect("no fault").contains(&LogIndex(index)),
            "half of it is not seen"
        );
    }
    assert_eq!(receiver.offset(), bytes.len() as u64);
    receiver.finish()
}

/// Goal: a file that another server has sent is what it was there, and is not seen before.
pub fn a_snapshot_that_arrives_appears_only_when_it_is_whole<D: Disk>(disk: &D) {
    let store = store(disk);
    let len = 5 * SNAPSHOT_CHUNK_LEN + 7;
    take_snapshot(&store, 4, len);
    let mark = store.open_file(LogIndex(4)).expect("it is there").mark();
    let moved = |bytes: &mut Vec<u8>| {
        store.purge(1).expect("no fault");
        disk.remove("snap/0000000000000004.snap")
            .expect("it is there");
        assert!(!bytes.is_empty());
    };
    assert_eq!(
        transfer((&store, &store), 4, moved).expect("it is whole"),
        meta(4)
    );
    let mut reader = store.read(LogIndex(4)).expect("it has its name");
    assert!(read_snapshot(&mut reader).expect("it is whole") == content(4, len));
    assert_eq!(
        store.open_file(LogIndex(4)).expect("it is there").mark(),
        mark
    );
    let mut given_up = store.receive(LogIndex(9)).expect("no fault");
    given_up.write(b"some bytes").expect("no fault");
    drop(given_up);
    assert_eq!(
        disk.list("snap").expect("it is there").len(),
        1,
        "given up, it is removed"
    );
}

/// Goal: nothing that is damaged, cut, or not meant for this cluster gets a name.
pub fn a_snapshot_that_arrives_damaged_or_for_others_is_refused<D: Disk>(disk: &D) {
    let ours = store(disk);
    take_snapshot(&ours, 5, 1_000);
    let forget = || {
        disk.remove("snap/0000000000000005.snap")
            .expect("it is there");
    };
    let whole = ours.open_file(LogIndex(5)).expect("it is there");
    let bytes = whole.read(0, 10_000).expect("no fault");
    forget();
    let mut others = bytes.clone();
    let foreign = SnapshotStore::open(disk.clone(), ClusterId([9; 16])).expect("no fault");
    let arrive = |store: &SnapshotStore<D>, index: u64, bytes: &[u8]| {
        let mut receiver = store.receive(LogIndex(index)).expect("no fault");
        receiver.write(bytes).expect("no fault");
        receiver.finish()
    };
    others.truncate(others.len() - 1);
    assert!(matches!(
        arrive(&ours, 5, &others),
        Err(LogError::Corrupt { .. })
    ));
    assert!(matches!(
        arrive(&ours, 6, &bytes),
        Err(LogError::Corrupt { .. })
    ));
    assert!(matches!(
        arrive(&foreign, 5, &bytes),
        Err(LogError::OtherCluster { .. })
    ));
    for at in [20, 70, 500, bytes.len() - 3] {
        let mut changed = bytes.clone();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1;
        }
        assert!(
            matches!(arrive(&ours, 5, &changed), Err(LogError::Corrupt { .. })),
            "byte {at}"
        );
    }
    assert_eq!(ours.list().expect("no fault"), []);
    assert_eq!(
        disk.list("snap").expect("it is there").len(),
        0,
        "nothing is left"
    );
    assert_eq!(arrive(&ours, 5, &bytes).expect("it is whole"), meta(5));
}

/// Goal: what an earlier life of this server has left is neither seen nor lost.
pub fn snapshots_of_an_earlier_life_are_set_aside<D: Disk>(disk: &D) {
    let store = store(disk);
    assert_eq!(store.set_aside().expect("no fault"), 0);
    take_snapshot(&store, 3, 10);
    take_snapshot(&store, 4, 10);
    assert_eq!(store.set_aside().expect("no fault"), 2);
    let seen = SnapshotStore::open(disk.clone(), CLUSTER)
        .and_then(|store| store.list())
        .expect("no fault");
    assert_eq!(seen, []);
    assert_eq!(disk.list("snap").expect("it is there").len(), 2);
}

/// Goal: data that go on as another cluster's are found again as that one's, at whatever step it was interrupted, and snapshots of the
/// cluster before are not seen any more.
pub fn data_go_on_as_another_clusters<D: Disk>(disk: &D) {
    let other = ClusterId([2; 16]);
    take_snapshot(&store(disk), 1, 10);
    let (mut log, _) = open(disk);
    log.persist(&[order(1, vec![entry(1, 1, 10), entry(2, 1, 10)])])
        .expect("no fault");
    let new = SnapshotStore::open(disk.clone(), other).expect("no fault");
    take_snapshot(&new, 3, 10);
    log.change_cluster(other).expect("no fault");
    drop(log);

    let (mut log, recovered) = open(disk);
    assert_eq!(recovered.metadata.cluster, other);
    assert_eq!(recovered.last_index, LogIndex(2));
    let LogIndex(index) = recovered.last_index.next();
    log.reset(LogIndex(index), 9).expect("no fault");
    drop(log);
    assert_eq!(new.set_aside_others().expect("no fault"), 1);
    assert_eq!(new.set_aside_others().expect("no fault"), 0);
    assert_eq!(new.list().expect("no fault"), [LogIndex(3)]);
    let (_log, recovered) = open(disk);
    assert_eq!(recovered.first_index, LogIndex(4));
    assert_eq!(recovered.hard_state.term, 9);
}
