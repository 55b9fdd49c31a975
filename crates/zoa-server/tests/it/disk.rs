//! The real disk passes the suite that the simulated one passes, and writes the way it says it does.
//!
//! What it is not: a test of durability; whether the medium has the bytes, no test in the same machine can see. What can be seen
//! is that every durable write goes through a descriptor that makes it so.

use std::fs;

use zoa_log::Disk;
use zoa_log::Log;
use zoa_log::LogIndex;
use zoa_log::WriteMode;
use zoa_log::testing;
use zoa_server::disk::RealDisk;

use crate::running::Folder;

mod chosen {
    //! With the durable writes that the file system of the temporary directory offers.

    use zoa_server::disk::RealDisk;

    use crate::running::Folder;

    struct Fresh(Folder);

    impl Fresh {
        fn disk(&self) -> RealDisk {
            RealDisk::open(self.0.path()).expect("a temporary folder")
        }
    }

    zoa_log::conformance_suite!(Fresh(Folder::new()));
}

mod buffered {
    //! With writes and syncs.

    use zoa_server::disk::RealDisk;

    use crate::running::Folder;

    struct Fresh(Folder);

    impl Fresh {
        fn disk(&self) -> RealDisk {
            RealDisk::open_buffered(self.0.path()).expect("a temporary folder")
        }
    }

    zoa_log::conformance_suite!(Fresh(Folder::new()));
}

#[test]
fn what_one_kind_of_write_has_left_the_other_reads_and_continues() {
    let folder = Folder::new();
    let disks = [
        RealDisk::open(folder.path()).expect("a temporary folder"),
        RealDisk::open_buffered(folder.path()).expect("a temporary folder"),
    ];
    let mut expected = Vec::new();
    for (round, disk) in (0..6).zip(disks.iter().cycle()) {
        let (mut log, recovered) = testing::open(disk);
        assert_eq!(recovered.last_index, LogIndex(round * 10));
        assert!(testing::read_all(&log, 0) == expected, "round {round}");
        for index in round * 10 + 1..=round * 10 + 10 {
            let entry = testing::entry(index, 1, usize::try_from(index * 900).expect("small"));
            log.persist(&[testing::order(index, vec![entry.clone()])])
                .expect("no fault");
            expected.push(entry);
            // Read at once, while the kernel may still hold what the file had before.
            assert!(
                log.read(LogIndex(index), LogIndex(index + 1), 0)
                    .expect("it is there")
                    == expected[expected.len() - 1..]
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn direct_writes_go_through_a_descriptor_that_waits_for_the_medium() {
    let folder = Folder::new();
    let disk = RealDisk::open(folder.path()).expect("a temporary folder");
    let (log, _) = testing::open(&disk);
    let flags = descriptor_flags(&disk.describe("log/00000001.seg"));
    let wanted = libc::O_DIRECT | libc::O_DSYNC;
    let durable = flags
        .iter()
        .filter(|flags| *flags & wanted == wanted)
        .count();
    match disk.write_mode() {
        WriteMode::Direct => assert_eq!(
            (durable, flags.len()),
            (1, 2),
            "one to write, one to read: {flags:?}"
        ),
        WriteMode::Buffered => assert_eq!(durable, 0, "{flags:?}"),
    }
    drop(log);
}

/// The open flags of all descriptors of this process on a file.
#[cfg(target_os = "linux")]
fn descriptor_flags(path: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").expect("linux").flatten() {
        let number = entry.file_name();
        if fs::read_link(entry.path()).is_ok_and(|target| target.display().to_string() == path) {
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", number.display()))
                .expect("it is open");
            let flags = info
                .lines()
                .find_map(|line| line.strip_prefix("flags:"))
                .expect("fdinfo has flags");
            found.push(i32::from_str_radix(flags.trim(), 8).expect("octal"));
        }
    }
    found
}

#[test]
fn a_directory_held_by_another_process_names_it() {
    let folder = Folder::new();
    let disk = RealDisk::open(folder.path()).expect("a temporary folder");
    let (_log, _) = testing::open(&disk);
    let error = Log::open(disk, &testing::small_options()).expect_err("it is held");
    let text = error.to_string();
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    assert!(
        text.contains(&folder.path().join("lock").display().to_string()),
        "{text}"
    );
}

#[test]
fn a_lock_file_that_a_dead_server_left_is_no_obstacle() {
    let folder = Folder::new();
    fs::write(folder.path().join("lock"), "process 1\n").expect("a temporary folder");
    drop(testing::open(
        &RealDisk::open(folder.path()).expect("a temporary folder"),
    ));
}
