//! The task farm: clients submit tasks, an elected leader assigns them to workers, and every result is saved once.
//!
//! **Guarantee**: every accepted task ends with exactly one saved result or in the dead-letter list, whoever dies. The result of an
//! attempt that was taken away is refused. A submission that sees no room in the queue is refused.
//!
//! **Limits**: an attempt may run twice at the same time. Payload and result have 1,000,000 bytes at most each. What comes back from
//! workers may make the queue longer than its limit, and so may dead letters that are tried again. Where the limit is 2,000 or more,
//! so may each client whose last look saw the queue less than half full and whose tasks arrive when others have filled it, by 100
//! tasks at most. A worker that hangs keeps what it has as long as its session lives, unless the task has a time limit or a deadline.
//!
//! The znodes are described in `docs/formats/task-farm.md`. Nothing here remembers what the tree does not say, but since when a
//! leader has seen what it waits for; and that a new leader reads off the servers' time.

mod cleaning;
mod client;
mod config;
mod leader;
mod status;
mod task;
mod view;
mod worker;

pub use client::FarmClient;
pub use client::FarmCounts;
pub use client::Progress;
pub use config::FarmConfig;
pub use leader::FarmLeader;
pub use status::Ended;
pub use status::FarmStatus;
pub use status::WorkerStatus;
pub use task::NewTask;
pub use task::TASK_LEN_MAX;
pub use worker::Assignment;
pub use worker::FarmWorker;
pub use worker::Saved;
