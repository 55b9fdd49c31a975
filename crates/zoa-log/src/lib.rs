//! The durable log and the snapshots, over `trait Disk`.
//!
//! What it is: everything a server must find again after a power cut: the
//! replicated log with the votes ([`Log`]), the snapshots of the state machine
//! ([`SnapshotStore`]) and the file that says whose data this is ([`Metadata`]).
//! What it is not: it knows no znodes (entries and snapshots are bytes), no
//! Raft rules, and it touches no file by itself: all I/O goes through [`Disk`].
//! Invariant: what was acknowledged is found again, in order and unchanged, or
//! opening is refused with an error that names the file (G-19); after the first
//! failed operation nothing is ever acknowledged again (G-20).
//!
//! ```text
//! LogInput -> LogLoop -> Log -> batch -> one block-aligned durable write -> Disk
//!                                 \-> where each batch stands (for read)
//! ```
//!
//! The formats stand byte by byte in `docs/formats/log.md`.

mod agreement;
mod batch;
mod batch_index;
mod block_buf;
mod disk;
mod entry;
mod error;
pub mod limits;
mod log;
mod log_loop;
mod metadata;
mod options;
mod sealed_text;
mod segment;
mod snapshot;
#[cfg(feature = "testing")]
pub mod testing;
mod width;

pub use agreement::Agreement;
pub use block_buf::BlockBuf;
pub use disk::Disk;
pub use disk::DiskFile;
pub use disk::OpenMode;
pub use disk::WriteMode;
pub use entry::Entry;
pub use entry::EntryKind;
pub use entry::HardState;
pub use entry::LogIndex;
pub use entry::Persist;
pub use error::LogError;
pub use log::LockedDir;
pub use log::Log;
pub use log::LogDir;
pub use log::Recovered;
pub use log::TornTail;
pub use log_loop::LogInput;
pub use log_loop::LogLoop;
pub use log_loop::LogOutput;
pub use metadata::ClusterId;
pub use metadata::Metadata;
pub use options::Founding;
pub use options::LogOptions;
pub use snapshot::Loaded;
pub use snapshot::LoadedAhead;
pub use snapshot::SnapshotFile;
pub use snapshot::SnapshotMeta;
pub use snapshot::SnapshotReader;
pub use snapshot::SnapshotReceiver;
pub use snapshot::SnapshotStore;
pub use snapshot::SnapshotWriter;
