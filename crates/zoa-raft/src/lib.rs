//! Replication: the only crate that names the Raft library.
//!
//! It hands out bytes with their term and index and knows no znodes. [`RaftLoop`] is a pure function
//! of its events; the server's raft thread feeds it and carries out its effects, and so does a
//! simulator. What becomes durable, and when, is decided here; how, in `zoa-log`.

mod config;
mod election;
mod event;
pub mod limits;
mod log_view;
mod members;
mod notices;
mod outbox;
mod peer;
mod raft_loop;
mod recovery;
mod terms;

pub use config::RaftConfig;
pub use config::RaftError;
pub use event::Committed;
pub use event::LogPosition;
pub use event::RaftEffect;
pub use event::RaftEvent;
pub use event::Refusal;
pub use members::MemberChange;
pub use members::MemberHistory;
pub use members::Members;
pub use notices::NoticeLevel;
pub use notices::Notices;
pub use peer::PeerFault;
pub use raft_loop::Progress;
pub use raft_loop::RaftLoop;
pub use recovery::Recovery;
