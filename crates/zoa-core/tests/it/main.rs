//! The server core, driven from outside without a socket, a disk or a clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod ensemble;
mod handshake;
mod hostile;
mod limits;
mod local_sessions;
mod ordering;
mod watching;
mod words;
mod world;
