//! The client protocol: bytes to typed messages and back.
//!
//! ```text
//! socket bytes -> frame::next_frame -> RequestHeader -> Request   (borrowed from the frame)
//! Reply, WatchedEvent, ConnectResponse -> the connection's Vec<u8> (length patched in place)
//! ```
//!
//! It is *not* a server or a client: it keeps no connection state, reads no clock and does no
//! I/O. It does not judge requests either, beyond what their bytes say: whether a path is legal
//! or a version matches is decided where the request is applied.
//!
//! Invariant: hostile bytes never panic and never make it allocate. Decoded messages borrow
//! from the frame; a vector is validated once, its count checked against the bytes that are
//! left, and is then walked in place.
//!
//! Debug output of the messages shows no session password, authentication token or digest (G-25).

#![deny(clippy::as_conversions)]

mod acl;
mod connect;
mod create_mode;
mod decode_error;
mod error_code;
mod event;
mod four_letter;
pub mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod header;
mod ids;
pub mod jute;
pub mod limits;
pub mod multi;
mod op_code;
mod path;
pub mod reply;
pub mod request;
mod stat;
pub mod vector;
mod watch;
mod zxid;

pub use acl::Acl;
pub use acl::AclList;
pub use acl::AclRef;
pub use acl::Acls;
pub use acl::Perms;
pub use connect::ConnectRequest;
pub use connect::ConnectResponse;
pub use create_mode::CreateFlags;
pub use create_mode::CreateMode;
pub use decode_error::DecodeError;
pub use error_code::ErrorCode;
pub use event::EventKind;
pub use event::EventType;
pub use event::KeeperState;
pub use event::WatchedEvent;
pub use event::encode_event;
pub use four_letter::FourLetterWord;
pub use four_letter::Opening;
pub use header::ReplyHeader;
pub use header::RequestHeader;
pub use ids::PeerId;
pub use ids::SessionId;
pub use ids::Version;
pub use ids::Xid;
pub use multi::MultiOp;
pub use multi::MultiOps;
pub use multi::MultiResult;
pub use multi::MultiResults;
pub use op_code::OpCode;
pub use path::Path;
pub use path::PathError;
pub use path::SequentialPath;
pub use reply::Reply;
pub use reply::encode_reply;
pub use request::Request;
pub use request::encode_request;
pub use stat::Stat;
pub use vector::PathList;
pub use vector::Ustrings;
pub use vector::Vector;
pub use vector::VectorItem;
pub use watch::AddWatchMode;
pub use watch::WatcherType;
pub use zxid::Zxid;
