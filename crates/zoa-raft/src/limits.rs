//! Every bound of this crate, by name.
//!
//! Nothing here grows with what a peer or a client sends, but only up to one of these numbers.

/// Bytes of entry data that the leader accepts before they are committed. Proposals beyond it are
/// refused, so that a disk or a quorum that stands still cannot fill the memory.
pub const UNCOMMITTED_BYTES_MAX: u64 = 256 << 20;

/// Entries that the leader accepts before they are committed.
pub const UNCOMMITTED_ENTRIES_MAX: u64 = 1 << 20;

/// Bytes of durable, handed-out entries that stay in memory for followers that lag a little. What
/// is older is read from the log.
pub const TAIL_BYTES_MAX: u64 = 64 << 20;

/// Durable, handed-out entries that stay in memory.
pub const TAIL_ENTRIES_MAX: u64 = 1 << 16;

/// Bytes of entry data in one append message; a single larger entry travels alone.
pub const APPEND_BYTES_MAX: u64 = 1 << 20;

/// Append messages on their way to one follower.
pub const APPENDS_IN_FLIGHT_MAX: usize = 64;

/// Reads of old entries from the log that may be under way; more are asked for again later.
pub const LOG_READS_MAX: usize = 16;

/// Changes of term remembered for the entries still in the log. Beyond it the oldest entries count
/// as compacted: a follower that needs them gets a snapshot.
pub const TERM_CHANGES_MAX: usize = 4096;

/// Terms that are left out where a server goes on without the others: more elections than those may have held meanwhile.
pub const TERMS_LEFT_OUT: u64 = 1 << 16;

/// Members of an ensemble, observers included (a server's id is one byte).
pub const MEMBERS_MAX: usize = 255;

/// Terms and indexes above it are taken for damage, so that arithmetic on them cannot overflow.
pub const TERM_OR_INDEX_MAX: u64 = 1 << 62;
