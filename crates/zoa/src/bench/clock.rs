//! The clock of the bench: the one place of this program's bench that asks the system for the time.
//!
//! Not a source of wall time: only differences of these instants are used.

use std::time::Duration;
use std::time::Instant;

/// The present moment of the monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench measures real time, and does so through this function alone"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Sleeps between two looks at something outside this process: a server that starts, or ends.
#[expect(
    clippy::disallowed_methods,
    reason = "waiting for another process, of which no event tells"
)]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}
