//! The server without I/O.
//!
//! ```text
//!   bytes -> Connection -> read:  answered from the tree at once
//!                       -> write: Proposals -> (replication) -> Core::handle_committed -> outboxes -> bytes
//! ```
//!
//! It knows no sockets, no clock, no random source, no disk and no Raft: it says "propose" and hears committed bytes. The same code
//! runs under the real server's threads and in the simulator.

mod auth;
mod config;
mod connection;
mod containers;
mod core;
mod deliver;
mod ensemble;
mod four_letter;
mod hashing;
mod held;
mod lane;
pub mod limits;
mod list_room;
mod local_sessions;
mod moment;
mod pipeline;
mod propose;
mod reads;
mod replay;
mod session_clock;
mod stats;
#[cfg(test)]
mod testing;
mod watches;

pub use auth::digest_id;
pub use config::ContainerRules;
pub use config::CoreConfig;
pub use config::EnsembleGauges;
pub use config::Facts;
pub use config::Gauges;
pub use config::SessionRules;
pub use config::SuperDigest;
pub use config::WordList;
pub use connection::Connection;
pub use connection::Output;
pub use connection::Progress;
pub use connection::Turn;
pub use core::ConnectionRefused;
pub use core::Core;
pub use core::SnapshotPoint;
pub use ensemble::Role;
pub use ensemble::Serving;
pub use held::Held;
pub use held::HeldByLane;
pub use lane::ConnectionNumber;
pub use lane::Lane;
pub use moment::Moment;
pub use propose::Committed;
pub use propose::Proposals;
pub use propose::Verdict;
pub use replay::replay;
pub use stats::Counter;
pub use stats::Latency;
pub use stats::Sizes;
pub use stats::Stats;
pub use stats::Summary;
pub use zoa_tree::Touch;
