//! A client that knows the format writes data that looks like the log itself.
//!
//! Recovery searches for batches behind the end; without a secret in the checksums such data could make it refuse a sound log.

use zoa_log::ClusterId;
use zoa_log::Entry;
use zoa_log::EntryKind;
use zoa_log::Founding;
use zoa_log::Log;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::LogOptions;
use zoa_log::Persist;
use zoa_log::testing;
use zoa_testkit::disk::SimDisk;

const BLOCK: usize = 4096;
/// Bytes of a batch before the data of its first entry.
const BEFORE_DATA: usize = 128 + 16;

fn options(salt: u8) -> LogOptions {
    LogOptions {
        founding: Some(Founding {
            cluster: ClusterId([1; 16]),
            salt: [salt; 16],
        }),
        first_segment_len: 64 << 10,
        ..testing::small_options()
    }
}

/// The segment of a log that has ten batches.
fn forged_blocks(salt: u8) -> Vec<u8> {
    let disk = SimDisk::new(1);
    let (mut log, _) = Log::open(disk.clone(), &options(salt)).expect("an empty directory");
    for index in 1..=10 {
        log.persist(&[testing::order(index, vec![testing::entry(index, 1, 10)])])
            .expect("no fault");
    }
    disk.bytes("log/00000001.seg").expect("the first segment")
}

/// A log that was cut in the middle of writing an entry which carries `forged` at the very same offsets of the file.
fn cut_while_writing(forged: &[u8], salt: u8) -> Result<LogIndex, LogError> {
    let disk = SimDisk::new(2);
    let (mut log, _) = Log::open(disk.clone(), &options(salt)).expect("an empty directory");
    log.persist(&[testing::order(1, vec![testing::entry(1, 1, 10)])])
        .expect("no fault");
    // Batch 1 is of the founding, 2 is entry 1; the next one begins at block 2, its data on block 3.
    let padding = BLOCK - BEFORE_DATA;
    let data: Vec<u8> = std::iter::repeat_n(0, padding)
        .chain(forged.iter().copied().skip(3 * BLOCK).take(6 * BLOCK))
        .collect();
    let entry = Entry {
        index: LogIndex(2),
        term: 1,
        kind: EntryKind::Normal,
        data: data.into(),
    };
    log.persist(&[Persist {
        number: 2,
        hard_state: None,
        entries: vec![entry],
    }])
    .expect("no fault");
    drop(log);
    let disk = disk.kill();
    // Its first block did not make it.
    disk.damage("log/00000001.seg", 2 * BLOCK as u64, &[0; BLOCK]);
    Log::open(disk, &options(salt)).map(|(_, recovered)| recovered.last_index)
}

#[test]
fn data_that_looks_like_batches_is_not_taken_for_them() {
    let forged = forged_blocks(0x11);
    assert_eq!(
        cut_while_writing(&forged, 0x22).expect("a torn batch is cut"),
        LogIndex(1)
    );
    // Shown to be a real danger: whoever knew the salt could do it.
    let error = cut_while_writing(&forged, 0x11).expect_err("taken for a later batch");
    assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
}
