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

/// Random bytes for names that nobody else makes. When the system gives none, the clock stands in: names must differ, and are no
/// secrets.
pub(crate) fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        let nanos = origin().elapsed().as_nanos() ^ u128::from(std::process::id()).rotate_left(96);
        bytes = nanos.to_ne_bytes();
    }
    bytes
}
