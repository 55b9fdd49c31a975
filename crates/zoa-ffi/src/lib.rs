//! libzookeeper: the C library of ZooKeeper's users, on the client core of this project.
//!
//! ```text
//! C caller -> lifecycle, async_calls, sync_calls, multi     names, arguments and codes as the original's
//!                  |  ask, submit
//!                  |
//!               Handle ---- State { Client<Tag>, socket }    one lock, held only by code of ours
//!                  |                     ^
//!        I/O thread (or the caller's loop in st)             reads, connects, keeps time: `driver`
//!                  |
//!        completion thread -> the caller's functions         one queue, in the order of the wire: `callbacks`
//! ```
//!
//! It is *not* a client of its own: what is sent, believed and told is decided in `zoa-client-core`. It is a C ABI and a driver.
//!
//! Invariants: no function of the caller's runs under a lock of ours. A `zhandle_t *` is a number that is looked up, never an
//! address that is followed, so a closed, wild or inherited handle is an error code. Every pointer a caller gives is used within
//! the call that gave it, but for functions and their contexts, which are only handed back. No panic leaves the library: it becomes
//! `ZSYSTEMERROR`. What was accepted is answered once (G-02, G-03).
//!
//! The feature `single-threaded` makes libzookeeper_st: the same without threads and without synchronous calls.

#![allow(
    unsafe_code,
    reason = "a C ABI is made of raw pointers; every block says why it is sound"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract of each function is the C header's: include/zookeeper"
)]
#![cfg_attr(
    feature = "single-threaded",
    allow(dead_code, reason = "callers who wait are of libzookeeper_mt only")
)]

pub mod abi;
mod arguments;
mod ask;
pub mod async_calls;
mod callbacks;
mod clock;
pub mod codes;
pub mod constants;
mod driver;
mod events;
mod handle;
mod hosts;
pub mod jute;
pub mod lifecycle;
pub mod limits;
pub mod log;
pub mod multi;
mod registry;
pub mod servers;
#[cfg(feature = "single-threaded")]
pub mod st;
mod submit;
#[cfg(not(feature = "single-threaded"))]
pub mod sync_calls;
mod tag;
#[cfg(not(feature = "single-threaded"))]
mod threads;
pub mod unserved;
mod watchers;
pub mod watches;
