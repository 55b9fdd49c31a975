//! Opening a data directory: lock it, see whose it is, found it or recover it.
//!
//! What it is: the frame around recovery. What it is not: the judgement of the
//! log's content; that is recovery's.
//! Invariant: a directory without metadata has never acknowledged anything, and
//! one with it has a log: all else is durable before the metadata appear.

use std::io;
use std::io::ErrorKind;

use super::Log;
use super::Recovered;
use super::recovery::Recovery;
use crate::Agreement;
use crate::BlockBuf;
use crate::Disk;
use crate::DiskFile;
use crate::HardState;
use crate::LogError;
use crate::LogIndex;
use crate::LogOptions;
use crate::Metadata;
use crate::OpenMode;
use crate::batch;
use crate::batch::LogId;
use crate::batch::Place;
use crate::batch::Salt;
use crate::batch::State;
use crate::error::io_error;
use crate::limits::BLOCK_LEN;
use crate::metadata::METADATA_FILE;
use crate::segment::FIRST;
use crate::segment::LOG_DIR;
use crate::segment::list_log;
use crate::segment::segment_name;
use crate::segment::segment_number;
use crate::segment::write_zeros;
use crate::width::u64_of;

const LOCK_FILE: &str = "lock";
/// The first segment until the metadata is there: what has only this was never founded.
const FOUNDING_FILE: &str = "log/founding.tmp";

/// A data directory that no other process can use now, whatever it holds.
#[derive(Debug)]
pub struct LockedDir<D: Disk> {
    disk: D,
    lock: D::Lock,
}

impl<D: Disk> LockedDir<D> {
    /// Locks the directory.
    ///
    /// # Errors
    /// `Locked` when another process uses it; `Io`.
    pub fn lock(disk: D) -> Result<Self, LogError> {
        let lock = disk
            .lock(LOCK_FILE)
            .map_err(|source| lock_error(&disk, source))?;
        Ok(Self { disk, lock })
    }

    /// Whose data it holds; `None` when it holds none.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`, `Io`.
    pub fn metadata(&self) -> Result<Option<Metadata>, LogError> {
        Metadata::read(&self.disk)
    }

    /// The agreement to a founding that [`LockedDir::agree`] left; `None` when there is none.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`, `Io`.
    pub fn agreement(&self) -> Result<Option<Agreement>, LogError> {
        Agreement::read(&self.disk)
    }

    /// Makes an agreement durable, in the place of an older one.
    ///
    /// # Errors
    /// `Io`.
    pub fn agree(&self, agreement: &Agreement) -> Result<(), LogError> {
        agreement.write(&self.disk)
    }

    /// Forgets the agreement, if there is one.
    ///
    /// # Errors
    /// `Io`.
    pub fn forget_agreement(&self) -> Result<(), LogError> {
        Agreement::remove(&self.disk)
    }

    /// Checks whose data it is, or founds it.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn into_log_dir(self, options: &LogOptions) -> Result<LogDir<D>, LogError> {
        let Self { disk, lock } = self;
        let stored = Metadata::read(&disk)?;
        let metadata = match stored {
            Some(metadata) => {
                metadata.check(&disk, options)?;
                finish_founding(&disk)?;
                metadata
            }
            None => found(&disk, options)?,
        };
        Ok(LogDir {
            disk,
            lock,
            metadata,
            founded: stored.is_none(),
            options: options.clone(),
        })
    }
}

/// A data directory that is locked and known to be ours; its log is not read yet.
/// Meanwhile another thread may load a snapshot.
#[derive(Debug)]
pub struct LogDir<D: Disk> {
    disk: D,
    lock: D::Lock,
    metadata: Metadata,
    founded: bool,
    options: LogOptions,
}

impl<D: Disk> LogDir<D> {
    /// Locks the directory and checks whose it is, or founds it.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn lock(disk: D, options: &LogOptions) -> Result<Self, LogError> {
        LockedDir::lock(disk)?.into_log_dir(options)
    }

    /// Whose data it is.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Forgets an agreement to a founding: this directory is what came of it.
    ///
    /// # Errors
    /// `Io`.
    pub fn forget_agreement(&self) -> Result<(), LogError> {
        Agreement::remove(&self.disk)
    }

    /// Recovers the log.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open(self) -> Result<(Log<D>, Recovered), LogError> {
        let salt = Salt::new(&self.metadata.salt);
        let recovery = Recovery::read(&self.disk, salt)?;
        let (mut log, torn_tail) = recovery.into_log(self.lock, &self.options)?;
        if !self.founded {
            // Whatever was found is durable from here on, and the batch that says
            // so also takes the place of a torn one.
            log.write_batch(&[], log.hard_state)?;
            log.unmarked = false;
        }
        let last = log.index.last();
        let recovered = Recovered {
            metadata: self.metadata,
            hard_state: log.hard_state,
            first_index: log.first_index(),
            purged_term: log.index.purged().term,
            last_index: last.index,
            last_term: last.term,
            torn_tail,
            founded: self.founded,
        };
        Ok((log, recovered))
    }
}

fn lock_error<D: Disk>(disk: &D, source: io::Error) -> LogError {
    let file = disk.describe(LOCK_FILE);
    if source.kind() == ErrorKind::WouldBlock {
        let holder = source
            .get_ref()
            .map(|who| format!(" ({who})"))
            .unwrap_or_default();
        return LogError::Locked { file, holder };
    }
    LogError::Io {
        file,
        operation: "lock",
        source,
    }
}

/// Makes a new data directory. The metadata is the last thing to appear, so that
/// a directory without it has never acknowledged anything.
fn found<D: Disk>(disk: &D, options: &LogOptions) -> Result<Metadata, LogError> {
    let names = list_log(disk)?;
    if names.iter().any(|name| segment_number(name).is_some()) {
        return Err(LogError::Corrupt {
            file: disk.describe(METADATA_FILE),
            offset: 0,
            what: format!(
                "the file is missing, but {} holds a log",
                disk.describe(LOG_DIR)
            ),
        });
    }
    let Some(founding) = &options.founding else {
        return Err(LogError::NotFounded {
            file: disk.describe(METADATA_FILE),
        });
    };
    disk.create_dir(LOG_DIR)
        .map_err(io_error("create", disk.describe(LOG_DIR)))?;
    if names.iter().any(|name| is_founding(name)) {
        disk.remove(FOUNDING_FILE)
            .map_err(io_error("remove", disk.describe(FOUNDING_FILE)))?;
    }
    let metadata = Metadata::founded(options.node, founding);
    metadata.write_aside(disk)?;
    write_first_segment(disk, options, Salt::new(&metadata.salt))?;
    sync_dirs(disk)?;
    metadata.publish(disk)?;
    // Not synced: under either name it is found again.
    name_first_segment(disk)?;
    Ok(metadata)
}

fn write_first_segment<D: Disk>(
    disk: &D,
    options: &LogOptions,
    salt: Salt,
) -> Result<(), LogError> {
    let mut buf = BlockBuf::with_capacity(BLOCK_LEN);
    let place = Place {
        incarnation: FIRST,
        offset: 0,
        sequence: FIRST,
    };
    let (index, term) = options.begins_behind;
    let hard_state = HardState {
        term,
        vote: 0,
        commit: index.0,
    };
    let state = State {
        hard_state,
        purged: LogId { index, term },
        first_live: FIRST,
    };
    batch::begin(&mut buf);
    batch::seal(&mut buf, salt, place, state, (LogIndex(0), 0));
    let path = || disk.describe(FOUNDING_FILE);
    let file = disk
        .open(FOUNDING_FILE, OpenMode::Create)
        .map_err(io_error("create", path()))?;
    let begun = u64_of(buf.len());
    let len = options
        .first_segment_len
        .next_multiple_of(u64_of(BLOCK_LEN));
    file.write_at(0, buf.as_slice())
        .and_then(|()| write_zeros(&file, begun, len.saturating_sub(begun)))
        .map_err(io_error("write", path()))?;
    file.sync().map_err(io_error("sync", path()))
}

/// Goes on where a power cut or a kill may have ended the founding.
fn finish_founding<D: Disk>(disk: &D) -> Result<(), LogError> {
    let names = list_log(disk)?;
    if names.iter().any(|name| is_founding(name)) {
        name_first_segment(disk)?;
    }
    // Not only now: an earlier process may have been killed between a change of
    // the directory and its sync.
    sync_dirs(disk)
}

fn name_first_segment<D: Disk>(disk: &D) -> Result<(), LogError> {
    let first = segment_name(FIRST);
    disk.rename(FOUNDING_FILE, &first)
        .map_err(io_error("create", disk.describe(&first)))
}

fn sync_dirs<D: Disk>(disk: &D) -> Result<(), LogError> {
    disk.sync_dir("")
        .map_err(io_error("sync", disk.describe("")))?;
    disk.sync_dir(LOG_DIR)
        .map_err(io_error("sync", disk.describe(LOG_DIR)))
}

/// Whether a name in the log directory is that of the founding file.
fn is_founding(name: &str) -> bool {
    FOUNDING_FILE.rsplit('/').next() == Some(name)
}
