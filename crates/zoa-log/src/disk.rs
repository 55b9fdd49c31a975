//! The only way to the disk.
//!
//! What it is: the few operations a durable store needs, so that the same code
//! runs on a real disk and on a simulated one that loses, tears and fails. What
//! it is not: a file system; names are relative to one data directory, and an
//! implementation knows which.
//! Invariant demanded of an implementation: what `overwrite_durable`, `sync` or
//! `sync_dir` has covered when it returned `Ok` survives a power cut (G-19).

use std::fmt::Debug;
use std::io;

use crate::BlockBuf;

/// How [`DiskFile::overwrite_durable`] reaches the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// One direct write that returns when the medium has it (`O_DIRECT|O_DSYNC`).
    Direct,
    /// A write into the page cache, then `fdatasync`.
    Buffered,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Reading a file that exists.
    Read,
    /// Writing a file that must not exist yet.
    Create,
    /// Reading, and overwriting blocks of a file that exists.
    Blocks,
}

/// A data directory. Names are relative to it, with at most one directory
/// (`"metadata"`, `"log/00000001.seg"`); the directory itself is `""`. Clones
/// share the directory and may be used by other threads.
pub trait Disk: Clone + Debug + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// Holds the directory for this process until it is dropped.
    type Lock: Debug + Send + 'static;

    /// Opens `name`. Creating it is durable only after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// As the operating system reports it: `NotFound`, `AlreadyExists`, ...
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Self::File>;

    /// Gives `from` the name `to`, replacing what is there; durable after `sync_dir`.
    ///
    /// # Errors
    /// As the operating system reports it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes the file; durable after `sync_dir`.
    ///
    /// # Errors
    /// As the operating system reports it.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes a directory unless it is there; durable after `sync_dir("")`.
    ///
    /// # Errors
    /// As the operating system reports it.
    fn create_dir(&self, dir: &str) -> io::Result<()>;

    /// The names of the files in `dir`, without `dir/`, in any order. A
    /// directory that does not exist is empty.
    ///
    /// # Errors
    /// As the operating system reports it.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Makes creations, renames and removals in `dir` durable.
    ///
    /// # Errors
    /// As the operating system reports it. Never to be retried (G-20).
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Takes the directory for this process alone.
    ///
    /// # Errors
    /// `WouldBlock` when another holds it; its text may say who.
    fn lock(&self, name: &str) -> io::Result<Self::Lock>;

    /// How durable overwrites are done here.
    fn write_mode(&self) -> WriteMode;

    /// The full name of a file or directory, for people.
    fn describe(&self, name: &str) -> String;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Debug + Send + Sync + 'static {
    /// Length in bytes.
    ///
    /// # Errors
    /// As the operating system reports it.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes.
    ///
    /// # Errors
    /// As [`DiskFile::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads into `buf` from `offset`; fewer bytes than asked only at the end of the file.
    ///
    /// # Errors
    /// As the operating system reports it.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes at `offset`, growing the file where needed; durable after [`DiskFile::sync`].
    ///
    /// # Errors
    /// As the operating system reports it.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Overwrites existing blocks and returns when they are durable. `offset` is
    /// a multiple of the block length; the file is not grown.
    ///
    /// # Errors
    /// As the operating system reports it; what the blocks then hold is unknown.
    fn overwrite_durable(&self, offset: u64, blocks: &BlockBuf) -> io::Result<()>;

    /// Makes all that was written, and the length, durable.
    ///
    /// # Errors
    /// As the operating system reports it. Never to be retried: the kernel may
    /// have dropped the dirty pages with the first report (G-20).
    fn sync(&self) -> io::Result<()>;
}
