//! Cases that hit each bound of `limits.rs`.
//!
//! What they are not: bounds of options; those are the caller's.

use bytes::Bytes;

use super::CLUSTER;
use super::entry;
use super::open;
use super::order;
use super::read_all;
use super::small_options;
use crate::Disk;
use crate::DiskFile;
use crate::Entry;
use crate::EntryKind;
use crate::Log;
use crate::LogError;
use crate::LogIndex;
use crate::LogOptions;
use crate::OpenMode;
use crate::SnapshotMeta;
use crate::SnapshotStore;
use crate::limits::BATCH_LEN_MAX;
use crate::limits::BLOCK_LEN;
use crate::limits::ENTRY_LEN_MAX;
use crate::limits::FREE_SEGMENTS_MAX;
use crate::limits::FREE_SEGMENTS_MIN;
use crate::limits::IDLE_BUFFER_LEN;
use crate::limits::PREPARE_STEP_LEN;
use crate::limits::READ_LEN;
use crate::limits::SCAN_LEN;
use crate::limits::SNAPSHOT_CHUNK_LEN;
use crate::limits::SNAPSHOT_EXTRA_LEN_MAX;
use crate::limits::SNAPSHOT_SYNC_LEN;
use crate::limits::ZEROS_LEN;
use crate::width::u64_of;
use crate::width::usize_of;

/// Segments as long as a batch may be, and a little more.
fn large_options() -> LogOptions {
    LogOptions {
        segment_len: 3 << 20,
        first_segment_len: 64 << 10,
        ..small_options()
    }
}

/// Goal: `ENTRY_LEN_MAX` is refused before anything is written, and the log goes on.
pub fn an_entry_beyond_the_limit_is_refused_and_harms_nothing<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let data = Bytes::from(vec![0; ENTRY_LEN_MAX + 1]);
    let too_long = Entry {
        index: LogIndex(1),
        term: 1,
        kind: EntryKind::Normal,
        data,
    };
    let error = log
        .persist(&[order(1, vec![too_long])])
        .expect_err("one byte too much");
    assert!(
        matches!(
            error,
            LogError::EntryTooLong {
                max: ENTRY_LEN_MAX,
                ..
            }
        ),
        "{error}"
    );
    log.persist(&[order(2, vec![entry(1, 1, 10)])])
        .expect("the log is not poisoned");
    assert_eq!(log.last_index(), LogIndex(1));
}

/// Goal: no write and no read of one entry is longer than `BATCH_LEN_MAX`, whatever was queued.
pub fn batches_are_split_at_their_limit<D: Disk>(disk: &D) {
    let (mut log, _) = Log::open(disk.clone(), &large_options()).expect("an empty directory");
    let entries: Vec<_> = (1..=50)
        .map(|index| entry(index, 1, BATCH_LEN_MAX / 10))
        .collect();
    log.persist(&[order(1, entries.clone())]).expect("no fault");
    assert!(
        log.buffer_capacity() <= 2 * BATCH_LEN_MAX,
        "{} bytes",
        log.buffer_capacity()
    );
    assert!(read_all(&log, 0) == entries);
    drop(log);
    let (log, _) = Log::open(disk.clone(), &large_options()).expect("a sound directory");
    assert!(read_all(&log, u64::MAX) == entries);
}

/// Goal: what a snapshot frees is kept for reuse up to `FREE_SEGMENTS_MAX`; when
/// less is written, it shrinks to `FREE_SEGMENTS_MIN`.
pub fn free_segments_are_bounded<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    let mut number = 0;
    let mut files_after = |segments: usize| {
        for _ in 0..segments {
            number += 1;
            log.persist(&[order(number, vec![entry(number, 1, 30_000)])])
                .expect("no fault");
        }
        log.compact(LogIndex(number)).expect("no fault");
        disk.list("log").expect("it is there").len()
    };
    let many = files_after(FREE_SEGMENTS_MAX + 10);
    assert!(
        many <= FREE_SEGMENTS_MAX + 1,
        "{many} files for one active segment"
    );
    assert!(
        many >= FREE_SEGMENTS_MAX,
        "{many} files, so new ones must be made"
    );
    // The batch that says what is freed may need one more.
    let some = files_after(20);
    assert!(
        (21..=22).contains(&some),
        "{some} files: as many free as were written, and the active one"
    );
    let few = files_after(1);
    assert_eq!(few, FREE_SEGMENTS_MIN + 1);
}

/// Goal: a step zeroes at most `PREPARE_STEP_LEN`, so that no batch waits for a whole segment.
pub fn a_new_segment_is_made_in_bounded_steps<D: Disk>(disk: &D) {
    let (mut log, _) = Log::open(disk.clone(), &large_options()).expect("an empty directory");
    let len = |disk: &D| -> u64 {
        let names = disk.list("log").expect("it is there");
        let files = names
            .iter()
            .map(|name| disk.open(&format!("log/{name}"), OpenMode::Read));
        files
            .map(|file| file.and_then(|file| file.len()).expect("it is there"))
            .sum()
    };
    let (mut before, mut steps) = (len(disk), 0);
    while log.wants_preparation() {
        log.prepare().expect("no fault");
        let after = len(disk);
        assert!(
            after - before <= u64_of(PREPARE_STEP_LEN),
            "{before} -> {after}"
        );
        (before, steps) = (after, steps + 1);
    }
    assert!(steps >= (3 << 20) / PREPARE_STEP_LEN, "{steps} steps");
}

/// Goal: one long batch does not keep its memory for ever: `IDLE_BUFFER_LEN`.
pub fn the_write_buffer_shrinks_when_idle<D: Disk>(disk: &D) {
    let (mut log, _) = Log::open(disk.clone(), &large_options()).expect("an empty directory");
    log.persist(&[order(1, vec![entry(1, 1, 10 * IDLE_BUFFER_LEN)])])
        .expect("no fault");
    assert!(log.buffer_capacity() > IDLE_BUFFER_LEN);
    log.mark().expect("no fault");
    assert!(log.buffer_capacity() <= IDLE_BUFFER_LEN);
}

/// Goal: a read that spans more than `READ_LEN` of small batches, one that is longer by itself, and gaps between them.
pub fn reads_fetch_runs_of_batches<D: Disk>(disk: &D) {
    let (mut log, _) = Log::open(disk.clone(), &large_options()).expect("an empty directory");
    let len = usize_of(READ_LEN);
    let lens = [
        10,
        len / 3,
        20,
        len / 2,
        len - 100,
        30,
        40,
        len + 5000,
        50,
        60,
    ];
    let mut expected = Vec::new();
    for (index, len) in (1..).zip(lens.into_iter().cycle().take(40)) {
        expected.push(entry(index, 1, len));
        log.persist(&[order(index, vec![entry(index, 1, len)])])
            .expect("no fault");
        if index % 4 == 0 {
            log.mark().expect("no fault");
        }
    }
    for step_bytes in [0, READ_LEN / 2, READ_LEN, 3 * READ_LEN, u64::MAX] {
        assert!(
            read_all(&log, step_bytes) == expected,
            "{step_bytes} at a time"
        );
    }
    drop(log);
    let (log, _) = Log::open(disk.clone(), &large_options()).expect("a sound directory");
    assert!(read_all(&log, u64::MAX) == expected);
}

/// Goal: the zeros of a new file reach to its end, also where that is no multiple of `ZEROS_LEN`.
pub fn a_new_file_is_zeros_to_its_end<D: Disk>(disk: &D) {
    let len = 2 * ZEROS_LEN + 3 * BLOCK_LEN;
    let options = LogOptions {
        first_segment_len: u64_of(len),
        ..large_options()
    };
    drop(Log::open(disk.clone(), &options).expect("an empty directory"));
    let file = disk
        .open("log/00000001.seg", OpenMode::Read)
        .expect("it is there");
    let mut bytes = vec![1; len + 1];
    assert_eq!(file.read_at(0, &mut bytes).expect("no fault"), len);
    let behind = bytes.get(BLOCK_LEN..len).expect("inside");
    assert!(behind.iter().all(|&byte| byte == 0));
}

/// Goal: batches around and beyond `SCAN_LEN` are found, at every distance from a window's end.
pub fn recovery_reads_in_windows<D: Disk>(disk: &D) {
    let (mut log, _) = Log::open(disk.clone(), &large_options()).expect("an empty directory");
    let lens = [
        SCAN_LEN - 3 * BLOCK_LEN,
        10,
        SCAN_LEN / 2,
        SCAN_LEN - 1,
        SCAN_LEN,
        SCAN_LEN + 1,
        2 * SCAN_LEN + 77,
    ];
    let entries: Vec<_> = (1..)
        .zip(lens)
        .map(|(index, len)| entry(index, 1, len))
        .collect();
    for entry in &entries {
        log.persist(&[order(entry.index.0, vec![entry.clone()])])
            .expect("no fault");
    }
    drop(log);
    let (log, recovered) = Log::open(disk.clone(), &large_options()).expect("a sound directory");
    assert_eq!(recovered.last_index.0, u64_of(lens.len()));
    assert!(read_all(&log, 0) == entries);
}

/// Goal: chunks are at most `SNAPSHOT_CHUNK_LEN`, synced every `SNAPSHOT_SYNC_LEN`; extra at most `SNAPSHOT_EXTRA_LEN_MAX`.
pub fn snapshot_chunks_and_extra_are_bounded<D: Disk>(disk: &D) {
    let store = SnapshotStore::open(disk.clone(), CLUSTER).expect("no fault");
    let extra = vec![7; SNAPSHOT_EXTRA_LEN_MAX];
    let meta = SnapshotMeta {
        index: LogIndex(5),
        term: 1,
        zxid: 9,
        extra,
    };
    let mut writer = store.begin(meta.clone()).expect("no fault");
    let piece = vec![3; SNAPSHOT_CHUNK_LEN + 1];
    let mut len = 0;
    while len <= 2 * SNAPSHOT_SYNC_LEN {
        writer.write(&piece).expect("no fault");
        len += u64_of(piece.len());
        assert!(
            writer.unsynced_len() < SNAPSHOT_SYNC_LEN + u64_of(SNAPSHOT_EXTRA_LEN_MAX),
            "it is synced now and then"
        );
    }
    writer.finish().expect("no fault");
    let mut reader = store
        .latest()
        .expect("no fault")
        .expect("it was just taken");
    assert!(*reader.meta() == meta);
    let mut read = 0;
    while let Some(chunk) = reader.next_chunk().expect("it is whole") {
        assert!(chunk.len() <= SNAPSHOT_CHUNK_LEN);
        read += u64_of(chunk.len());
    }
    assert_eq!(read, len);
}
