//! The only clock of the client, and its only random source.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place where time enters: everything else gets it from here"
)]

use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;

use zoa_client_core::Entropy;

/// The instant from which milliseconds are counted.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// Now.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Now, as the core counts: milliseconds that never go back.
pub(crate) fn now_ms() -> u64 {
    millis(origin().elapsed())
}

/// The instant at which the core's clock shows this time; `None` for one too far away to matter.
pub(crate) fn instant_of(at_ms: u64) -> Option<Instant> {
    origin().checked_add(Duration::from_millis(at_ms))
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Random bytes for a client; `None` when the system gives none.
pub(crate) fn entropy() -> Option<Entropy> {
    Some(Entropy {
        hash_key: [getrandom::u64().ok()?, getrandom::u64().ok()?],
        seed: getrandom::u64().ok()?,
    })
}
