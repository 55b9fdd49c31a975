//! The end of the process when going on would break a promise: a failed sync, a committed entry that cannot be read.

use std::process;

/// The exit code after a fatal error, as the original's "unexpected error".
const EXIT_CODE: i32 = 1;

/// Ends the process.
#[derive(Clone, Debug)]
pub(crate) struct Fatal;

impl Fatal {
    /// Says why, in the log and on the terminal, and ends the process at once: nothing more is acknowledged.
    #[expect(
        clippy::print_stderr,
        reason = "the log may be on the disk that has just failed"
    )]
    pub(crate) fn stop(&self, why: &str) -> ! {
        tracing::error!("stopping: {why}");
        eprintln!("zoa: stopping: {why}");
        process::exit(EXIT_CODE);
    }
}
