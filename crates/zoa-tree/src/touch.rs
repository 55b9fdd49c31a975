//! What one server tells another of the sessions that it hears from.
//!
//! It is not replicated: it only keeps the leader's session clock from taking somebody for silent who
//! speaks to another server (G-11).

use zoa_proto::SessionId;

/// A session was heard of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Touch {
    /// Which.
    pub session: SessionId,
    /// How long ago, in milliseconds, when this was said.
    pub age_ms: u32,
}
