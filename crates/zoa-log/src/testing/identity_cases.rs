//! Cases of whose data a directory holds.
//!
//! What they are not: damage to the log; only its presence and identity.

use super::CLUSTER;
use super::entry;
use super::open;
use super::order;
use super::refusal;
use super::small_options;
use crate::Agreement;
use crate::ClusterId;
use crate::Disk;
use crate::DiskFile;
use crate::LockedDir;
use crate::Log;
use crate::LogDir;
use crate::LogError;
use crate::LogIndex;
use crate::LogOptions;
use crate::OpenMode;
use crate::Recovered;
use crate::limits::METADATA_LEN_MAX;
use crate::metadata::METADATA_FILE;

/// Goal: an empty directory becomes data only on request, and what it is stays.
pub fn an_empty_directory_is_founded_once_and_only_when_asked<D: Disk>(disk: &D) {
    let not_asked = LogOptions {
        founding: None,
        ..small_options()
    };
    assert!(matches!(
        refusal(disk, &not_asked),
        LogError::NotFounded { .. }
    ));
    let (log, recovered) = open(disk);
    assert!(recovered.founded);
    assert_eq!(
        (
            recovered.metadata.cluster,
            recovered.metadata.node,
            recovered.metadata.incarnation
        ),
        (CLUSTER, 1, 1)
    );
    drop(log);
    let (_log, again) = reopened(disk, &not_asked);
    assert!(!again.founded);
    assert_eq!(again.metadata, recovered.metadata);
    let shown = format!("{:?}", again.metadata);
    assert!(!shown.contains("5a5a"), "the salt is secret: {shown}");
}

/// Goal: swapped disks are found out, and the error says what to do.
pub fn data_of_another_cluster_or_server_is_refused<D: Disk>(disk: &D) {
    drop(open(disk));
    let other_cluster = LogOptions {
        cluster: Some(ClusterId([9; 16])),
        ..small_options()
    };
    let error = refusal(disk, &other_cluster);
    assert!(matches!(&error, LogError::OtherCluster { .. }), "{error}");
    assert!(
        error.to_string().contains(&disk.describe("metadata"))
            && error.to_string().contains("dataDir"),
        "{error}"
    );
    let other_node = LogOptions {
        node: 2,
        ..small_options()
    };
    let error = refusal(disk, &other_node);
    assert!(
        matches!(
            error,
            LogError::OtherNode {
                found: 1,
                expected: 2,
                ..
            }
        ),
        "{error}"
    );
    drop(reopened(
        disk,
        &LogOptions {
            cluster: Some(CLUSTER),
            ..small_options()
        },
    ));
}

/// Goal: an older program leaves newer data alone; a damaged file never looks newer.
pub fn data_of_a_newer_format_is_refused_and_damage_is_not_taken_for_it<D: Disk>(disk: &D) {
    drop(open(disk));
    let body = "zoarium data directory\nformat 2\ncluster whatever\nsomething new\n";
    let sealed = format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()));
    replace_metadata(disk, sealed.as_bytes());
    let error = refusal(disk, &small_options());
    assert!(
        matches!(
            error,
            LogError::NewerFormat {
                found: 2,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
    replace_metadata(disk, sealed.replace("format 2", "format 3").as_bytes());
    assert!(matches!(
        refusal(disk, &small_options()),
        LogError::Corrupt { .. }
    ));
    replace_metadata(disk, &vec![b'x'; METADATA_LEN_MAX + 1]);
    assert!(matches!(
        refusal(disk, &small_options()),
        LogError::Corrupt { .. }
    ));
}

/// Goal: two servers never write one directory.
pub fn a_directory_in_use_is_refused<D: Disk>(disk: &D) {
    let (log, _) = open(disk);
    let error = refusal(disk, &small_options());
    assert!(
        matches!(&error, LogError::Locked { holder, .. } if holder.contains("process")),
        "{error}"
    );
    drop(log);
    drop(open(disk));
}

/// Goal: a lost file is never taken for an empty directory.
pub fn a_log_without_metadata_and_metadata_without_a_log_are_refused<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    log.persist(&[order(1, vec![entry(1, 1, 10)])])
        .expect("no fault");
    drop(log);
    let saved = metadata_bytes(disk);
    disk.remove(METADATA_FILE).expect("it is there");
    let error = refusal(disk, &small_options());
    assert!(
        matches!(&error, LogError::Corrupt { what, .. } if what.contains("missing")),
        "{error}"
    );
    replace_metadata(disk, &saved);
    let (log, recovered) = open(disk);
    assert_eq!(
        recovered.last_index.0, 1,
        "the refusal has left the log alone"
    );
    drop(log);
    for name in disk.list("log").expect("it is there") {
        disk.remove(&format!("log/{name}")).expect("it is there");
    }
    let error = refusal(disk, &small_options());
    assert!(
        matches!(&error, LogError::Corrupt { file, .. } if *file == disk.describe("log")),
        "{error}"
    );
}

/// Goal: a segment that is gone is corruption, wherever it stood.
pub fn a_missing_segment_is_named<D: Disk>(disk: &D) {
    let (mut log, _) = open(disk);
    for number in 1..=20 {
        log.persist(&[order(number, vec![entry(number, 1, 5000)])])
            .expect("no fault");
    }
    drop(log);
    let mut names = disk.list("log").expect("it is there");
    names.sort();
    assert!(
        names.len() >= 4,
        "the case is about more than one segment: {names:?}"
    );
    // The first has no entries and is no longer needed; the last may be a spare.
    names.pop();
    for name in names.iter().skip(1) {
        let (name, aside) = (format!("log/{name}"), "log/aside");
        disk.rename(&name, aside).expect("it is there");
        let error = refusal(disk, &small_options());
        assert!(
            matches!(&error, LogError::Corrupt { .. }),
            "{name}: {error}"
        );
        disk.rename(aside, &name).expect("it is there");
    }
    let (_log, recovered) = open(disk);
    assert_eq!(recovered.last_index.0, 20);
}

fn metadata_bytes<D: Disk>(disk: &D) -> Vec<u8> {
    let mut bytes = vec![0; METADATA_LEN_MAX];
    let file = disk
        .open(METADATA_FILE, OpenMode::Read)
        .expect("it is there");
    let len = file.read_at(0, &mut bytes).expect("no fault");
    bytes.truncate(len);
    bytes
}

fn replace_metadata<D: Disk>(disk: &D, bytes: &[u8]) {
    let file = disk.open("new", OpenMode::Create).expect("a new name");
    file.write_at(0, bytes)
        .and_then(|()| file.sync())
        .expect("no fault");
    disk.rename("new", METADATA_FILE).expect("it is there");
}

fn reopened<D: Disk>(disk: &D, options: &LogOptions) -> (Log<D>, Recovered) {
    Log::open(disk.clone(), options).expect("the directory is sound and ours")
}

/// Goal: an agreement to a founding is remembered whole, replaced whole, and forgotten; damage to it is no agreement to anything else.
pub fn an_agreement_is_remembered_until_it_is_forgotten<D: Disk>(disk: &D) {
    let dir = LockedDir::lock(disk.clone()).expect("nobody has it");
    assert!(matches!(
        LockedDir::lock(disk.clone()),
        Err(LogError::Locked { .. })
    ));
    assert_eq!(dir.agreement().expect("no fault"), None);
    let mut agreement = Agreement {
        cluster: CLUSTER,
        participants: vec![1, 2, 255],
        observers: Vec::new(),
    };
    for observers in [vec![], vec![7]] {
        agreement.observers = observers;
        dir.agree(&agreement).expect("no fault");
        assert_eq!(
            dir.agreement().expect("it is whole"),
            Some(agreement.clone())
        );
    }
    let file = disk
        .open("agreement", OpenMode::Blocks)
        .expect("it is there");
    file.write_at(60, b"?").expect("no fault");
    assert!(matches!(dir.agreement(), Err(LogError::Corrupt { .. })));
    dir.forget_agreement().expect("no fault");
    dir.forget_agreement().expect("there is none to forget");
    assert_eq!(dir.agreement().expect("no fault"), None);
    assert_eq!(dir.metadata().expect("no fault"), None);
    let (_log, recovered) = dir
        .into_log_dir(&small_options())
        .and_then(LogDir::open)
        .expect("it is founded");
    assert!(recovered.founded);
}

/// Goal: a log that begins behind a place says so from its first moment on, whenever the founding is interrupted.
pub fn a_log_may_begin_behind_a_snapshot<D: Disk>(disk: &D) {
    let options = LogOptions {
        begins_behind: (LogIndex(1), 1),
        ..small_options()
    };
    for round in 0..2 {
        let (log, recovered) = Log::open(disk.clone(), &options).expect("it is sound");
        assert_eq!(
            (log.first_index(), log.last_index(), log.term(LogIndex(1))),
            (LogIndex(2), LogIndex(1), Some(1)),
            "round {round}"
        );
        let state = recovered.hard_state;
        assert_eq!((state.term, state.vote, state.commit), (1, 0, 1));
    }
    let (mut log, _) = open(disk);
    log.persist(&[order(1, vec![entry(2, 1, 10)])])
        .expect("no fault");
    drop(log);
    assert_eq!(open(disk).1.last_index, LogIndex(2));
}
