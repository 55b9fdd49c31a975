//! What can go wrong with the data on disk, each with what a human needs to act.
//!
//! What it is not: an error of a client; a `LogError` is the disk's or the operator's.
//! Invariant: every message names the file, what is wrong, and what to do.

use std::io;

use crate::LogIndex;

/// An error of the log, the snapshots or the metadata.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Bytes that were durable are no longer what was written (G-19).
    #[error(
        "{file}: damaged at byte {offset}: {what}. This data was already acknowledged, so it is not cut away. \
         Repair this server from its peers or restore the data directory from a backup; do not delete single files"
    )]
    Corrupt {
        /// The damaged file, or the directory that misses one.
        file: String,
        /// Where in the file, in bytes.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// The operating system refused an operation.
    #[error("{file}: cannot {operation}: {source}")]
    Io {
        /// The file or directory.
        file: String,
        /// What was tried, as a verb.
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// An earlier operation failed, and nothing was acknowledged since (G-20).
    #[error(
        "the log stopped after an earlier failure and acknowledges nothing more until the server is restarted: {cause}"
    )]
    Poisoned {
        /// The first failure.
        cause: String,
    },
    /// A running server holds the data directory.
    #[error(
        "{file}: the data directory is in use by another running server{holder}. Stop that server, or give this one a data directory of its own"
    )]
    Locked {
        /// The lock file.
        file: String,
        /// Who, when known, as `" (process 123)"`; else empty.
        holder: String,
    },
    /// The data belongs to another cluster.
    #[error(
        "{file}: the data directory belongs to cluster {found}, this server to cluster {expected}. Check dataDir, or start with an empty one"
    )]
    OtherCluster {
        /// The metadata file.
        file: String,
        /// The cluster in the file.
        found: String,
        /// The cluster asked for.
        expected: String,
    },
    /// The data belongs to another server of the ensemble.
    #[error(
        "{file}: the data directory belongs to server {found}, this is server {expected}. Check dataDir and the file myid"
    )]
    OtherNode {
        /// The metadata file.
        file: String,
        /// The server in the file.
        found: u64,
        /// The server asked for.
        expected: u64,
    },
    /// A newer program wrote the data.
    #[error(
        "{file}: written in format {found} by a newer Zoarium; this one reads formats up to {supported}. Start the newer program, or restore a backup made before the upgrade"
    )]
    NewerFormat {
        /// The metadata file.
        file: String,
        /// The format in the file.
        found: u32,
        /// The newest format this program reads.
        supported: u32,
    },
    /// The directory has no data, and the caller did not allow to found it.
    #[error(
        "{file}: no such file: this data directory is empty, and starting a new cluster in it was not asked for"
    )]
    NotFounded {
        /// The metadata file that is missing.
        file: String,
    },
    /// The log no longer reaches back that far.
    #[error("entry {asked} was replaced by a snapshot; the log begins at {first}")]
    Compacted {
        /// The first index asked for.
        asked: LogIndex,
        /// The first index there is.
        first: LogIndex,
    },
    /// One entry is longer than the log can take.
    #[error("an entry of {len} bytes is longer than the {max} bytes the log takes")]
    EntryTooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest allowed, in bytes.
        max: usize,
    },
    /// No snapshot that is whole connects to the log.
    #[error(
        "{file}: no usable snapshot: the log begins at entry {first}, but {what}. Repair this server from its peers or restore a backup"
    )]
    NoUsableSnapshot {
        /// The snapshot directory.
        file: String,
        /// The first entry of the log.
        first: LogIndex,
        /// What was wrong with each one that was looked at.
        what: String,
    },
}

/// Adds the file and the operation to what the operating system said.
pub(crate) fn io_error(
    operation: &'static str,
    file: String,
) -> impl FnOnce(io::Error) -> LogError {
    move |source| LogError::Io {
        file,
        operation,
        source,
    }
}
