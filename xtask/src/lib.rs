//! The project's own tooling: everything `cargo xtask` does, as a library so that it can be tested.
//!
//! It is not part of what ships, and it is not a place for checks that a compiler, clippy or an
//! ordinary test can make. Each command of the program is one module here; `tidy` is the one with
//! rules in it.
//!
//! ```text
//! main -> suite -> step -> tidy, cargo ..., scripts, sim       cargo xtask test
//!      -> demo, dist, bench, bench_client, nightly, museum, php              each callable alone
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks on its terminal"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "it measures steps and waits for other programs, by the clock"
)]

pub mod bench;
pub mod bench_client;
pub mod chaos;
pub mod demo;
pub mod disk_space;
pub mod dist;
pub mod ffi;
pub mod install;
mod local_server;
pub mod museum;
pub mod nightly;
pub mod php;
mod ports;
pub mod prefix;
pub mod program;
mod recipe_interop;
pub mod recipes;
pub mod scripts;
pub mod source;
pub mod step;
pub mod suite;
pub mod tidy;
pub mod workspace;
