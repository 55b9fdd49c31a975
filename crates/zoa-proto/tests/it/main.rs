//! The crate seen from outside: bytes derived from the protocol's description, bytes captured
//! from the original, round trips of random messages, and hostile bytes.

// clippy.toml lets tests index; here stand functions that tests call, too.
#![allow(clippy::indexing_slicing)]

mod allocation;
mod derived;
mod framing;
mod golden;
mod hostile;
mod messages;
mod numbers;
mod redaction;
mod round_trip;
