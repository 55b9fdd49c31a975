//! The only clock of the library, and its only random source.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place where time enters: everything else gets it from here"
)]

use std::sync::OnceLock;
use std::time::Instant;

use zoa_client_core::Entropy;

/// Now, as the core counts: milliseconds that never go back.
pub(crate) fn now_ms() -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(Instant::now);
    u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Random bytes for a session; `None` when the system gives none.
pub(crate) fn entropy() -> Option<Entropy> {
    Some(Entropy {
        hash_key: [getrandom::u64().ok()?, getrandom::u64().ok()?],
        seed: getrandom::u64().ok()?,
    })
}
