//! One server a data directory.
//!
//! What it is: an advisory lock on a file, which the kernel drops with the
//! process, however that ends. What it is not: a file whose presence means
//! something; a stale one harms nobody.
//! Invariant: while a [`DirLock`] lives, no other can be taken on the same file.

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process;

/// Holds a data directory until it is dropped.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(ErrorKind::WouldBlock, holder(&mut file)));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // For people only: the next one is told who holds the lock.
        file.set_len(0)?;
        writeln!(file, "process {}", process::id())?;
        Ok(Self { _file: file })
    }
}

/// Who the lock file says holds it.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(64).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "process unknown".to_owned(),
    }
}
