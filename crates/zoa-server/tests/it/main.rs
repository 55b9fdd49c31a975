//! The whole server over real sockets and a real disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod disk;
mod hostile;
mod restart;
mod running;
