//! The bounds of the log and the snapshots, each with its reason.
//!
//! What it is not: tunables of an operator; those are in [`crate::LogOptions`].
//! Invariant: every buffer and table of this crate is bounded by a number here.

/// Length of a block in bytes: the unit and the alignment of every log write.
/// 4096 is the block of today's file systems and the physical sector of today's
/// disks; direct I/O is aligned to it.
pub const BLOCK_LEN: usize = 4096;

/// Longest batch in bytes, header included, unless one entry alone is longer.
/// Bounds the write buffer and what a read of one entry must fetch.
pub const BATCH_LEN_MAX: usize = 1 << 20;

/// Longest data of one entry in bytes. Longer ones are refused before anything is written.
pub const ENTRY_LEN_MAX: usize = 64 << 20;

/// Free segments that are kept for reuse in any case.
pub const FREE_SEGMENTS_MIN: usize = 2;

/// Free segments that are kept for reuse at most. In between, as many are kept
/// as the last snapshot freed: that is what will be written until the next one,
/// and zeroing new ones costs more than the space.
pub const FREE_SEGMENTS_MAX: usize = 64;

/// Bytes of a new segment that are zeroed by one preparation step, so that a
/// step delays the batch behind it by about one write.
pub const PREPARE_STEP_LEN: usize = 512 << 10;

/// Zeros that are held in memory to be written, in bytes: few, since what a
/// starting server has used and given up stays with it for a while.
pub const ZEROS_LEN: usize = 64 << 10;

/// Capacity in bytes that the write buffer keeps while the log is idle.
pub const IDLE_BUFFER_LEN: usize = 64 << 10;

/// Bytes read at once while recovering: a batch that is longer comes alone.
pub const SCAN_LEN: usize = 256 << 10;

/// Bytes that a read of many entries fetches at once; they stay in memory as
/// long as one of these entries does.
pub const READ_LEN: u64 = 1 << 20;

/// Length of a full snapshot chunk in bytes.
pub const SNAPSHOT_CHUNK_LEN: usize = 256 << 10;

/// A snapshot being written is synced each time this many bytes were added, so
/// that no write of the log waits behind more of it.
pub const SNAPSHOT_SYNC_LEN: u64 = 1 << 20;

/// Longest `extra` of a snapshot in bytes.
pub const SNAPSHOT_EXTRA_LEN_MAX: usize = 1 << 20;

/// Longest metadata file in bytes that is looked at.
pub const METADATA_LEN_MAX: usize = 4096;
