//! Ports of the loopback address for servers that the bench starts.
//!
//! They lie below those that the system gives to connections: while a server is down, such a connection could take its port, and be it
//! one that looks for the server, which then reaches itself. Invariant: one process never gets a port twice.

use std::net::TcpListener;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use anyhow::Result;
use anyhow::bail;

const FIRST: u16 = 12_000;
const LAST: u16 = 31_000;

/// How many were looked at.
static SEEN: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens on at this moment.
///
/// # Errors
/// When all are taken.
pub(crate) fn free_port() -> Result<u16> {
    let room = u32::from(LAST - FIRST);
    for _ in 0..room {
        // Two processes at once begin at different ones.
        let begin = std::process::id().wrapping_mul(16);
        let at = begin.wrapping_add(SEEN.fetch_add(1, Ordering::Relaxed)) % room;
        let port = FIRST + u16::try_from(at).unwrap_or(0);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("there is no free port between {FIRST} and {LAST}");
}
