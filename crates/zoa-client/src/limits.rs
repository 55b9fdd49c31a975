//! Every bound of this crate, by name; the bounds of requests, replies and watches are the core's
//! ([`zoa_client_core::limits`]).
//!
//! A limit that is reached has one answer, named beside it; each is hit by a test.

/// Events that wait in one watch for its owner; further ones are left out, counted, and told of by
/// [`Missed`](crate::Missed).
pub const WATCH_EVENTS_MAX: usize = 4_096;

/// Session events that wait in one listener; beyond it the oldest is left out.
pub const SESSION_EVENTS_MAX: usize = 256;

/// Notices that wait in one listener; beyond it the oldest is left out.
pub const NOTICES_MAX: usize = 64;

/// Listeners of each kind of one client; a further one hears nothing and is at its end at once.
pub const LISTENERS_MAX: usize = 1_024;

/// Name lookups of one client that may be under way: the system's resolver cannot be interrupted, so those that were given up
/// still hold a thread. At this bound a further name counts as one that does not resolve, for now.
pub const LOOKUPS_MAX: usize = 4;

/// Addresses of one name that are passed on; further ones are left out.
pub const ADDRESSES_MAX: usize = 64;

/// Bytes of the answer to the question whether a server takes writes; more are not read.
pub const PROBE_ANSWER_LEN_MAX: usize = 16;

/// Characters of a path that an error keeps without an allocation of its own; a longer one costs an allocation.
pub const PATH_INLINE_LEN_MAX: usize = 64;
