//! The simulated world under test, and what it shows about the durable code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod disk_conformance;
mod durability;
