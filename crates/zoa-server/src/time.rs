//! The only clocks of the server.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place where time enters: everything else gets it from here"
)]

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use zoa_core::Moment;

/// The instant all monotonic milliseconds count from.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// Now, on both clocks.
pub(crate) fn now() -> Moment {
    let wall_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    Moment {
        mono_ms: u64::try_from(origin().elapsed().as_millis()).unwrap_or(u64::MAX),
        wall_ms: i64::try_from(wall_ms).unwrap_or(i64::MAX),
    }
}

/// Lets others run.
pub(crate) fn pause(duration: Duration) {
    thread::sleep(duration);
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Whole milliseconds since the start.
    pub(crate) fn elapsed_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
