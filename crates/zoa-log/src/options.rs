//! What opening a log needs to know.
//!
//! What it is not: configuration text; the server parses zoo.cfg and fills this in.

use crate::ClusterId;
use crate::LogIndex;

/// Random bytes and the identity for a data directory that is still empty.
#[derive(Clone, Copy, Debug)]
pub struct Founding {
    /// The identity of the cluster: 16 bytes from a secure random source, the same on all its servers.
    pub cluster: ClusterId,
    /// Bytes from a secure random source that no client can know. They enter
    /// every checksum of the log, so that nobody can write data that looks like a
    /// batch of ours to a recovery that searches for one.
    pub salt: [u8; 16],
}

/// How to open a log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The id of this server (myid; 1 standalone). Data of another is refused.
    pub node: u64,
    /// The cluster, when it is known from elsewhere. Data of another is refused.
    pub cluster: Option<ClusterId>,
    /// Set when an empty directory may become a new data directory.
    pub founding: Option<Founding>,
    /// Where the log of a new data directory begins behind: index and term. Index 0 means that it holds everything there ever was;
    /// otherwise a snapshot of that place must be durable before.
    pub begins_behind: (LogIndex, u64),
    /// Length of a data segment in bytes. Small ones cost nothing at rotation
    /// (no sync of their own) and keep recovery's search for lost batches short.
    pub segment_len: u64,
    /// Length of the very first segment in bytes: it is written while the
    /// starting server waits.
    pub first_segment_len: u64,
    /// Entries kept up to a snapshot's index, for slow followers.
    pub tail_entries: u64,
    /// Bytes that these may take on disk; beyond it fewer are kept. A start reads all that is kept.
    pub tail_len: u64,
}

impl LogOptions {
    /// The defaults for server `node`, for a directory that must exist.
    pub fn new(node: u64) -> Self {
        Self {
            node,
            cluster: None,
            founding: None,
            begins_behind: (LogIndex(0), 0),
            segment_len: 8 << 20,
            first_segment_len: 256 << 10,
            tail_entries: 10_000,
            tail_len: 8 << 20,
        }
    }
}
