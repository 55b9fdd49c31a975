//! The whole server over real sockets and a real disk.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod disk;
mod earlier;
mod hostile;
mod restart;
mod running;
mod sockets;
mod stop;
