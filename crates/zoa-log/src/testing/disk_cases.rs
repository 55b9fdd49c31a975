//! Cases of the disk itself.
//!
//! What they are not: durability; a test in one process cannot see that on a real disk.

use std::io::ErrorKind;

use crate::BlockBuf;
use crate::Disk;
use crate::DiskFile;
use crate::OpenMode;
use crate::limits::BLOCK_LEN;

/// Goal: reads give what writes gave, and are short only at the end of the file.
pub fn bytes_come_back_where_they_were_written<D: Disk>(disk: &D) {
    let file = disk.open("file", OpenMode::Create).expect("a new name");
    assert!(file.is_empty().expect("open"));
    file.write_at(0, b"hello").expect("room");
    file.write_at(10, b"world").expect("room");
    file.sync().expect("no fault");
    let mut buf = [0xff; 20];
    assert_eq!(file.read_at(0, &mut buf).expect("open"), 15);
    assert_eq!(buf.get(..15), Some(b"hello\0\0\0\0\0world".as_slice()));
    assert_eq!(file.read_at(12, &mut buf).expect("open"), 3);
    assert_eq!(file.read_at(15, &mut buf).expect("open"), 0);
    assert_eq!(file.read_at(99, &mut buf).expect("open"), 0);
    assert_eq!(file.len().expect("open"), 15);
    let again = disk.open("file", OpenMode::Read).expect("it is there");
    assert_eq!(again.read_at(10, &mut buf).expect("open"), 5);
}

/// Goal: creating never takes over a file, opening never makes one.
pub fn a_file_is_created_once_and_opened_only_when_it_is_there<D: Disk>(disk: &D) {
    for mode in [OpenMode::Read, OpenMode::Blocks] {
        assert_eq!(
            disk.open("file", mode).expect_err("not there").kind(),
            ErrorKind::NotFound
        );
    }
    drop(disk.open("file", OpenMode::Create).expect("a new name"));
    let twice = disk
        .open("file", OpenMode::Create)
        .expect_err("it is there");
    assert_eq!(twice.kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        disk.open("no/file", OpenMode::Create)
            .expect_err("no directory")
            .kind(),
        ErrorKind::NotFound
    );
}

/// Goal: listing shows exactly what creation, rename and removal have left.
pub fn names_change_by_rename_and_remove<D: Disk>(disk: &D) {
    assert_eq!(
        disk.list("dir").expect("a missing directory is empty"),
        Vec::<String>::new()
    );
    disk.create_dir("dir").expect("a new name");
    disk.create_dir("dir").expect("it may be there");
    for name in ["dir/a", "dir/b", "dir/c"] {
        let file = disk.open(name, OpenMode::Create).expect("a new name");
        file.write_at(0, name.as_bytes()).expect("room");
    }
    disk.rename("dir/a", "dir/b").expect("it is there");
    disk.remove("dir/c").expect("it is there");
    assert_eq!(
        disk.remove("dir/c").expect_err("it is gone").kind(),
        ErrorKind::NotFound
    );
    disk.sync_dir("dir").expect("no fault");
    disk.sync_dir("").expect("no fault");
    assert_eq!(disk.list("dir").expect("it is there"), ["b"]);
    let mut buf = [0; 5];
    disk.open("dir/b", OpenMode::Read)
        .and_then(|file| file.read_at(0, &mut buf))
        .expect("it is there");
    assert_eq!(
        &buf, b"dir/a",
        "the renamed file took the place of the other"
    );
}

/// Goal: an overwrite changes its blocks, no other byte and not the length.
pub fn a_durable_overwrite_leaves_its_neighbours_alone<D: Disk>(disk: &D) {
    let file = disk.open("file", OpenMode::Create).expect("a new name");
    file.write_at(0, &[1; 4 * BLOCK_LEN]).expect("room");
    file.sync().expect("no fault");
    let blocks = disk.open("file", OpenMode::Blocks).expect("it is there");
    let mut buf = BlockBuf::with_capacity(2 * BLOCK_LEN);
    buf.push(&[2; BLOCK_LEN + 1]);
    buf.pad_to_block();
    blocks
        .overwrite_durable(BLOCK_LEN.try_into().expect("small"), &buf)
        .expect("no fault");
    let mut expected = vec![1; 4 * BLOCK_LEN];
    expected.splice(BLOCK_LEN..3 * BLOCK_LEN, buf.as_slice().iter().copied());
    for reader in [file, blocks] {
        let mut bytes = vec![0; 5 * BLOCK_LEN];
        let len = reader.read_at(0, &mut bytes).expect("open");
        bytes.truncate(len);
        assert!(bytes == expected);
    }
}

/// Goal: a second holder is told so, and a dropped lock is free.
pub fn the_directory_is_held_by_one_at_a_time<D: Disk>(disk: &D) {
    let lock = disk.lock("lock").expect("nobody holds it");
    for _ in 0..2 {
        assert_eq!(
            disk.lock("lock").expect_err("it is held").kind(),
            ErrorKind::WouldBlock
        );
    }
    drop(lock);
    drop(disk.lock("lock").expect("nobody holds it any more"));
}
