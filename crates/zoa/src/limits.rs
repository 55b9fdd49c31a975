//! Every bound of the program itself, by name. Those of the server are in the crates that serve; what a benchmark does is bounded by what
//! it is told.

/// Bytes of one log file; two of them are kept.
pub(crate) const LOG_FILE_LEN_MAX: u64 = 16 << 20;

/// Files that the server itself may have open beside its connections: segments, snapshots, locks, logs, what the runtime needs, and some
/// in reserve.
pub(crate) const FILES_RESERVED: u64 = 64;

/// Characters of a command's stderr that are kept as the reason of its failure.
pub(crate) const ERROR_LEN_MAX: usize = 500;
