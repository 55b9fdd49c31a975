//! The project's own tooling: everything `cargo xtask` does, as a library so that it can be tested.
//!
//! It is not part of what ships, and it is not a place for checks that a compiler, clippy or an ordinary
//! test can make. Each command of the program is one module here; `tidy` is the one with rules in it.
//!
//! ```text
//! main -> suite -> step -> tidy, licences, scripts, cargo ...     the two commands of the README
//!      -> demo, dist, bench, nightly                              each callable alone
//! ```

pub mod source;
pub mod tidy;
