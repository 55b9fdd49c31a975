//! The time, as the driver tells it. Nothing below the driver reads a clock.

/// One instant on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds on a clock that never goes back; its zero is arbitrary. Timeouts use it.
    pub mono_ms: u64,
    /// Milliseconds since 1970, which may jump. Only `ctime` and `mtime` of znodes use it.
    pub wall_ms: i64,
}
