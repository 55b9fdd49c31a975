//! Bytes that were durable change behind the log's back: it is refused and named, or harmless, never silently wrong (G-19).
//!
//! And its converse: a write that a power cut has torn, at any byte, is cut and never refused.

use zoa_log::HardState;
use zoa_log::Log;
use zoa_log::LogError;
use zoa_log::LogOptions;
use zoa_log::Persist;
use zoa_log::SnapshotStore;
use zoa_log::testing;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::rng::Rng;

const BLOCK: usize = 4096;

/// Two blocks a segment, so that a test of every byte is affordable.
fn options() -> LogOptions {
    LogOptions {
        segment_len: 8 << 10,
        first_segment_len: 8 << 10,
        ..testing::small_options()
    }
}

/// What is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    entries: Vec<(u64, u64, Vec<u8>)>,
    first: u64,
    term_and_vote: (u64, u64),
}

fn read(disk: &SimDisk) -> Result<Content, LogError> {
    let (log, recovered) = Log::open(disk.clone(), &options())?;
    let entries = testing::read_all(&log, 100_000);
    let HardState { term, vote, .. } = recovered.hard_state;
    Ok(Content {
        entries: entries
            .into_iter()
            .map(|entry| (entry.index.0, entry.term, entry.data.to_vec()))
            .collect(),
        first: log.first_index().0,
        term_and_vote: (term, vote),
    })
}

/// A small log over several segments, one of them reused; before and after its last batch.
fn small_log() -> (SimDisk, SimDisk) {
    let disk = SimDisk::new(7);
    let (mut log, _) = Log::open(disk.clone(), &options()).expect("an empty directory");
    let persist = |log: &mut Log<SimDisk>, index: u64, len: usize| {
        let hard_state = Some(HardState {
            term: index,
            vote: 1,
            commit: index - 1,
        });
        let entries = vec![testing::entry(index, index, len)];
        log.persist(&[Persist {
            number: index,
            hard_state,
            entries,
        }])
        .expect("no fault");
    };
    for (index, len) in (1..).zip([100, 3000, 7000, 100, 50, 5000, 3]) {
        persist(&mut log, index, len);
    }
    log.compact(zoa_log::LogIndex(3)).expect("no fault");
    persist(&mut log, 8, 10);
    let before = disk.fork();
    persist(&mut log, 9, 3900);
    (before.kill(), disk)
}

/// The file and the range of blocks, in bytes, in which two disks differ.
fn difference(before: &SimDisk, after: &SimDisk) -> (String, std::ops::Range<usize>) {
    let mut found = None;
    for name in after.files() {
        let (old, new) = (
            before.bytes(&name).unwrap_or_default(),
            after.bytes(&name).expect("it is listed"),
        );
        let differs = |at: &usize| old.get(*at) != new.get(*at);
        if let Some(first) = (0..new.len()).find(differs) {
            let last = (0..new.len())
                .rev()
                .find(differs)
                .expect("the first one does");
            assert!(found.is_none(), "one batch changes one file");
            found = Some((
                name,
                first / BLOCK * BLOCK..(last + 1).next_multiple_of(BLOCK),
            ));
        }
    }
    found.expect("the last batch changed a file")
}

/// Runs `damage` on a copy for each place in each file and counts what was refused.
fn damage_everywhere(
    disk: &SimDisk,
    step: usize,
    allowed: impl Fn(&str, usize) -> Vec<Content>,
    damage: impl Fn(&SimDisk, &str, usize),
) -> usize {
    let mut refused = 0;
    for name in disk.files() {
        for at in (0..disk.bytes(&name).expect("it is listed").len()).step_by(step) {
            let copy = disk.fork();
            damage(&copy, &name, at);
            match read(&copy) {
                Ok(content) => assert!(
                    allowed(&name, at).contains(&content),
                    "{name}, byte {at}: {content:?}"
                ),
                Err(LogError::Corrupt { file, .. }) => {
                    assert!(
                        file.starts_with("sim:/"),
                        "{name}, byte {at}: named as {file}"
                    );
                    refused += 1;
                }
                Err(other) => panic!("{name}, byte {at}: {other}"),
            }
        }
    }
    refused
}

fn flip(seed: u64) -> impl Fn(&SimDisk, &str, usize) {
    move |disk, name, at| {
        let mask = 1 << Rng::new(seed ^ at as u64).below(8);
        disk.flip(name, at as u64, mask);
    }
}

/// Goal: once a mark stands behind it, every bit of every acknowledged record is guarded, the last record included.
#[test]
fn a_flipped_bit_anywhere_in_a_marked_log_is_refused_or_harmless() {
    let (_, disk) = small_log();
    let disk = disk.kill();
    // Opening and closing writes the mark.
    let whole = read(&disk).expect("nothing is damaged");
    assert_eq!((whole.first, whole.entries.len()), (4, 6));
    let refused = damage_everywhere(&disk, 1, |_, _| vec![whole.clone()], flip(1));
    let acknowledged: usize = whole.entries.iter().map(|(_, _, data)| data.len()).sum();
    assert!(
        refused > acknowledged,
        "{refused} refused of {acknowledged} bytes of data"
    );
}

/// Goal: a mark behind the last batch, in the same segment or the next, makes every bit of it count; without one it is cut.
#[test]
fn a_mark_tells_damage_to_the_last_batch_from_a_torn_write() {
    for entries in 3..=6 {
        let disk = SimDisk::new(entries);
        let (mut log, _) = Log::open(disk.clone(), &options()).expect("an empty directory");
        let mut before = disk.fork();
        for index in 1..=entries {
            before = disk.fork();
            log.persist(&[testing::order(index, vec![testing::entry(index, 1, 10)])])
                .expect("no fault");
        }
        let (file, range) = difference(&before, &disk);
        let unmarked = disk.fork().kill();
        log.mark().expect("no fault");
        let marked = disk.kill();
        let without = read(&before.kill()).expect("sound");
        // Header, head of the entry, data; what follows is padding.
        for at in range.start..range.start + 128 + 16 + 10 {
            let damaged = marked.fork();
            flip(3)(&damaged, &file, at);
            assert!(
                matches!(read(&damaged), Err(LogError::Corrupt { .. })),
                "{entries} entries, byte {at}, marked"
            );
            let damaged = unmarked.fork();
            flip(3)(&damaged, &file, at);
            assert!(
                read(&damaged).expect("cut") == without,
                "{entries} entries, byte {at}, not marked"
            );
        }
    }
}

/// Goal: without a mark only the very last batch may be taken for a torn one, nothing before it.
#[test]
fn a_flipped_bit_in_an_unmarked_log_costs_at_most_the_last_batch() {
    let (before, disk) = small_log();
    let disk = disk.kill();
    let (file, range) = difference(&before, &disk);
    let (without, whole) = (
        read(&before).expect("sound"),
        read(&disk.fork()).expect("sound"),
    );
    assert_eq!(whole.entries.len(), without.entries.len() + 1);
    let allowed = |name: &str, at: usize| {
        let mut allowed = vec![whole.clone()];
        if name == file && range.contains(&at) {
            allowed.push(without.clone());
        }
        allowed
    };
    // The other bytes are tested one by one above; here the batches are.
    damage_everywhere(&disk, 7, allowed, flip(2));
}

/// Goal: a power cut in the middle of the last write, at every byte, from either end: the rest is there, it is never refused.
#[test]
fn a_last_batch_torn_at_any_byte_is_cut_or_whole() {
    let (before, after) = small_log();
    let (file, range) = difference(&before, &after);
    let (without, whole) = (
        read(&before.fork()).expect("sound"),
        read(&after.kill()).expect("sound"),
    );
    let new = after.bytes(&file).expect("it is there");
    let (mut cut, mut kept) = (0, 0);
    for at in range.clone() {
        for new_part in [range.start..at, at..range.end] {
            let torn = before.fork();
            torn.damage(&file, new_part.start as u64, &new[new_part.clone()]);
            let content = read(&torn).unwrap_or_else(|error| panic!("{new_part:?}: {error}"));
            assert!(
                content == without || content == whole,
                "{new_part:?}: {content:?}"
            );
            if content == without {
                cut += 1
            } else {
                kept += 1
            }
        }
    }
    assert!(cut > 3900 && kept >= 1, "{cut} cut, {kept} kept");
}

/// Goal: blocks that were zeroed, or hold what belongs elsewhere, are found out.
#[test]
fn a_lost_or_misdirected_block_is_refused_or_harmless() {
    let (_, disk) = small_log();
    let disk = disk.kill();
    let whole = read(&disk).expect("nothing is damaged");
    let zero = |disk: &SimDisk, name: &str, at: usize| {
        let len = disk.bytes(name).expect("it is listed").len();
        disk.damage(name, at as u64, &vec![0; BLOCK.min(len - at)]);
    };
    let refused = damage_everywhere(&disk, BLOCK, |_, _| vec![whole.clone()], zero);
    assert!(refused >= 8, "only {refused} blocks were missed");
    let segments: Vec<_> = disk
        .files()
        .into_iter()
        .filter(|name| name.starts_with("log/"))
        .collect();
    for source in &segments {
        let bytes = disk.bytes(source).expect("it is listed");
        for block in bytes.chunks_exact(BLOCK) {
            let misdirect = |disk: &SimDisk, name: &str, at: usize| {
                if name.starts_with("log/") {
                    disk.damage(name, at as u64, block);
                }
            };
            damage_everywhere(&disk, BLOCK, |_, _| vec![whole.clone()], misdirect);
        }
    }
}

/// Goal: an old copy of a segment, put back, is no new data. (Of the last one nobody could tell.)
#[test]
fn a_segment_of_the_past_is_refused_or_harmless() {
    let (disk, _) = small_log();
    let past = disk.fork();
    let (mut log, _) = Log::open(disk.clone(), &options()).expect("sound");
    for index in 9..20 {
        let entries = vec![testing::entry(index, 20, 3000)];
        let hard_state = Some(HardState {
            term: 20,
            vote: 1,
            commit: index - 1,
        });
        log.persist(&[Persist {
            number: index,
            hard_state,
            entries,
        }])
        .expect("no fault");
        if index == 14 {
            log.compact(zoa_log::LogIndex(12)).expect("no fault");
        }
    }
    drop(log);
    let unmarked = disk.fork();
    let whole = read(&disk).expect("nothing is damaged");
    let (active, _) = difference(&unmarked, &disk);
    let mut refused = 0;
    for name in disk
        .files()
        .into_iter()
        .filter(|name| name.starts_with("log/") && *name != active)
    {
        let copy = disk.fork();
        let Some(old) = past
            .bytes(&name)
            .filter(|old| Some(old.len()) == copy.bytes(&name).map(|now| now.len()))
        else {
            continue;
        };
        copy.damage(&name, 0, &old);
        match read(&copy) {
            Ok(content) => assert!(content == whole, "{name}"),
            Err(error) => {
                assert!(matches!(error, LogError::Corrupt { .. }), "{name}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 2, "only {refused} live segments were put back");
}

/// Goal: every bit of a snapshot is guarded.
#[test]
fn a_flipped_bit_anywhere_in_a_snapshot_is_refused() {
    let disk = SimDisk::new(11);
    let store = SnapshotStore::open(disk.clone(), testing::CLUSTER).expect("no fault");
    testing::take_snapshot(&store, 5, 2000);
    let name = disk.files().pop().expect("it was just taken");
    for at in 0..disk.bytes(&name).expect("it is listed").len() {
        for mask in [1 << (at % 8), 0xff] {
            let copy = disk.fork();
            copy.flip(&name, at as u64, mask);
            let store = SnapshotStore::open(copy, testing::CLUSTER).expect("no fault");
            let loaded = store.load_newest(zoa_log::LogIndex(6), testing::read_snapshot);
            assert!(
                matches!(loaded, Err(LogError::NoUsableSnapshot { .. })),
                "byte {at}, mask {mask}: {loaded:?}"
            );
        }
    }
}

/// Goal: a snapshot that was cut off or grew is refused.
#[test]
fn a_snapshot_of_another_length_is_refused() {
    let disk = SimDisk::new(12);
    let store = SnapshotStore::open(disk.clone(), testing::CLUSTER).expect("no fault");
    testing::take_snapshot(&store, 5, 700);
    let name = disk.files().pop().expect("it was just taken");
    let bytes = disk.bytes(&name).expect("it is listed");
    let with_len = |len: usize| {
        let copy = SimDisk::new(13);
        let store = SnapshotStore::open(copy.clone(), testing::CLUSTER).expect("no fault");
        testing::write_file(
            &copy,
            &name,
            &bytes
                .iter()
                .copied()
                .chain([0])
                .take(len)
                .collect::<Vec<_>>(),
        );
        store.load_newest(zoa_log::LogIndex(6), testing::read_snapshot)
    };
    for len in (0..=bytes.len() + 1).filter(|len| *len != bytes.len()) {
        let loaded = with_len(len);
        assert!(
            matches!(loaded, Err(LogError::NoUsableSnapshot { .. })),
            "{len} bytes: {loaded:?}"
        );
    }
    assert!(with_len(bytes.len()).is_ok());
}
