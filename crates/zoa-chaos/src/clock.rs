//! The time of a run: microseconds since its beginning, and what the wall clock of the same machine says at that moment.
//!
//! All servers run on this machine, so what they stamp into the log can be laid beside what clients saw. Invariant: this is the
//! only place that reads a clock.

use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use zoa_testkit::clock::SimTime;

/// When a run began, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begun: Instant,
    begun_wall_us: u64,
}

impl Clock {
    /// Begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a run with real processes happens in real time"
    )]
    pub(crate) fn start() -> Self {
        let begun = Instant::now();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let begun_wall_us = wall.map_or(0, |since| since.as_micros());
        Self {
            begun,
            begun_wall_us: u64::try_from(begun_wall_us).unwrap_or(u64::MAX),
        }
    }

    /// Since the beginning.
    pub(crate) fn now(self) -> SimTime {
        SimTime(u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// What the wall clock said at the beginning, in microseconds since 1970.
    pub(crate) fn wall_us(self) -> u64 {
        self.begun_wall_us
    }

    /// The end of a millisecond of the wall clock, since what it stamps happened somewhere in it.
    pub(crate) fn of_wall_ms(self, wall_ms: i64) -> SimTime {
        let end_us = u64::try_from(wall_ms).unwrap_or(0).saturating_mul(1_000) + 999;
        SimTime(end_us.saturating_sub(self.begun_wall_us))
    }
}

/// Sleeps for so many milliseconds.
pub(crate) async fn pause_ms(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
