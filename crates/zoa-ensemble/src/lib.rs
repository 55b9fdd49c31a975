//! One server's place among its peers, as a pure state machine: events in, effects out.
//!
//! ```text
//!  core --Propose--> Ensemble { raft, forwarding, founding, joining, membership, touches, serving } --Commit--> core
//!                       |  ^
//!             Send      v  | LinkUp, Received, LinkDown        (the links are the driver's)
//! ```
//!
//! It is *not* a driver: it opens no socket and no file, reads no clock and draws no random number; the
//! server's replication thread, the simulator and the tests carry out its effects. It knows no znodes.
//!
//! Invariants: no server votes before it is a member by a founding that all configured servers took part
//! in, or by an entry of a running quorum; a write of a connection is never sent on when an earlier one
//! of that connection may have been dropped (G-03); a frame that no correct server writes never reaches
//! the replication. Serves G-03, G-11, G-18, G-23.

mod config;
mod ensemble;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod hello;
mod identity;
pub mod limits;
mod message;
mod node_id;
mod notice;
mod snapshot_offer;
mod versions;

pub use config::EnsembleConfig;
pub use config::EnsembleError;
pub use config::Founders;
pub use config::Prepared;
pub use config::Start;
pub use ensemble::Ensemble;
pub use ensemble::Held;
pub use ensemble::PeerStatus;
pub use event::CutReason;
pub use event::Direction;
pub use event::Effect;
pub use event::Event;
pub use event::LinkId;
pub use event::PeerAddresses;
pub use event::Role;
pub use event::Step;
pub use hello::Hello;
pub use hello::HelloError;
pub use hello::HelloState;
pub use hello::Purpose;
pub use hello::answer::HelloRefusal;
pub use hello::answer::decode_answer;
pub use hello::answer::encode_answer;
pub use hello::judge::judge;
pub use identity::Identity;
pub use message::Forward;
pub use message::Leading;
pub use message::PeerMessage;
pub use message::PeerMessageError;
pub use message::StreamPlace;
pub use node_id::NodeId;
pub use notice::Notice;
pub use notice::NoticeLevel;
pub use notice::OtherLines;
pub use snapshot_offer::is_snapshot_offer;
pub use versions::Versions;
