//! The task farm: clients submit tasks, an elected leader assigns them to workers, and every result is saved once.
//!
//! **Guarantee**: every accepted task ends with exactly one saved result or in the dead-letter list, whoever dies. The result of an
//! attempt that was taken away is refused.
//!
//! **Limits**: an attempt may run twice at the same time. Task and result must fit into a znode each (1 MB). The limit of the
//! queue is looked at before a batch is put, so clients that put at the same time may exceed it together.
//!
//! The znodes are described in `docs/formats/task-farm.md`. Nothing here remembers what the tree does not say, but when a leader
//! first saw what it waits for.

mod client;
mod leader;
mod task;
mod worker;

pub use client::FarmClient;
pub use client::FarmCounts;
pub use client::Progress;
pub use leader::FarmLeader;
pub use task::NewTask;
pub use worker::Assignment;
pub use worker::FarmWorker;
pub use worker::Saved;
