//! Which kind of durable write a directory offers.
//!
//! What it is not: a guess from the name of the file system; it tries.
//! Invariant: `Direct` is chosen only after such a write has succeeded there.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use zoa_log::BlockBuf;
use zoa_log::WriteMode;

/// It stays: making and removing it would cost a start two commits of the file system's journal.
const PROBE_FILE: &str = "write-probe";

/// Options for a handle whose writes return when the medium has them.
#[cfg(target_os = "linux")]
pub(super) fn direct_options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = OpenOptions::new();
    options
        .write(true)
        .custom_flags(libc::O_DIRECT | libc::O_DSYNC);
    options
}

/// Not reached: the trial finds `Buffered` on these systems.
#[cfg(not(target_os = "linux"))]
pub(super) fn direct_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

/// Writes one block the direct way; a file system that has no such writes says
/// so with "invalid argument" or "not supported".
pub(super) fn write_mode(root: &Path) -> io::Result<WriteMode> {
    if !cfg!(target_os = "linux") {
        return Ok(WriteMode::Buffered);
    }
    let trial = direct_options()
        .create(true)
        .truncate(false)
        .open(root.join(PROBE_FILE))
        .and_then(|file| file.write_all_at(BlockBuf::zeros(1).as_blocks(), 0));
    match trial {
        Ok(()) => Ok(WriteMode::Direct),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP)) => {
            Ok(WriteMode::Buffered)
        }
        Err(error) => Err(error),
    }
}
