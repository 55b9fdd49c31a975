//! What the tree promises, tried through its public face only.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected panics: that is how it fails"
)]

mod acl;
mod actions;
mod containers;
mod create;
mod cursor;
mod delete;
mod limits;
mod model;
mod multi;
mod random;
mod read;
mod reconfig;
mod sessions;
mod set_data;
mod snapshot;
mod world;
mod zxid;
