//! Snapshots of the state machine as files: whole or not there.
//!
//! What it is: the envelope (identity, checksums, atomic appearance, retention)
//! around bytes that the state machine makes. What it is not: the content; the
//! log knows no znodes.
//! Invariant: a file under its final name was complete and durable before it got
//! that name (G-19), so damage in one is corruption, never an interrupted write.
//!
//! ```text
//! begin -> snap/<index>.tmp -> chunks, synced now and then -> end record
//!       -> sync -> rename to snap/<index>.snap -> sync of the directory
//! ```

mod format;
mod reader;
mod transfer;
mod writer;

pub use reader::SnapshotReader;
pub use transfer::SnapshotFile;
pub use transfer::SnapshotReceiver;
pub use writer::SnapshotWriter;

use crate::ClusterId;
use crate::Disk;
use crate::LogError;
use crate::LogIndex;
use crate::error::io_error;

/// The directory of the snapshots.
const SNAPSHOT_DIR: &str = "snap";
const SUFFIX: &str = ".snap";
const TEMP_SUFFIX: &str = ".tmp";
/// Behind the name of a snapshot that belongs to an earlier life of this server.
const ASIDE: &str = ".old";

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The last entry that is in it.
    pub index: LogIndex,
    /// The term of that entry.
    pub term: u64,
    /// The last zxid that is in it, as a number.
    pub zxid: u64,
    /// What the layer above wants to know before it loads the snapshot, such as
    /// the configuration of the ensemble; at most `SNAPSHOT_EXTRA_LEN_MAX`.
    pub extra: Vec<u8>,
}

/// The snapshots of one data directory. Cheap to clone, usable by several threads.
#[derive(Clone, Debug)]
pub struct SnapshotStore<D: Disk> {
    disk: D,
    cluster: ClusterId,
}

impl<D: Disk> SnapshotStore<D> {
    /// Opens the directory for the snapshots of `cluster`, makes it when it is
    /// not there, and removes what an interrupted snapshot has left. The log of
    /// the same server must be locked, since its lock covers this as well.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(disk: D, cluster: ClusterId) -> Result<Self, LogError> {
        let store = Self { disk, cluster };
        let describe = || store.disk.describe(SNAPSHOT_DIR);
        store
            .disk
            .create_dir(SNAPSHOT_DIR)
            .map_err(io_error("create", describe()))?;
        for name in store
            .disk
            .list(SNAPSHOT_DIR)
            .map_err(io_error("list", describe()))?
        {
            if name.ends_with(TEMP_SUFFIX) {
                store.remove(&format!("{SNAPSHOT_DIR}/{name}"))?;
            }
        }
        // An earlier process may have been killed between a rename and its sync,
        // and the log is cut for what is seen here.
        if !store.list()?.is_empty() {
            store.sync_dirs()?;
        }
        Ok(store)
    }

    /// Begins a snapshot. It appears only when it is finished.
    ///
    /// # Errors
    /// `Io`, also when the disk is full; what was begun is removed.
    pub fn begin(&self, meta: SnapshotMeta) -> Result<SnapshotWriter<D>, LogError> {
        SnapshotWriter::begin(self, meta)
    }

    /// The indexes of the finished snapshots, newest first.
    ///
    /// # Errors
    /// `Io`.
    pub fn list(&self) -> Result<Vec<LogIndex>, LogError> {
        let names = self
            .disk
            .list(SNAPSHOT_DIR)
            .map_err(io_error("list", self.disk.describe(SNAPSHOT_DIR)))?;
        let mut indexes: Vec<_> = names.iter().filter_map(|name| parse_name(name)).collect();
        indexes.sort_unstable_by(|a, b| b.cmp(a));
        Ok(indexes)
    }

    /// Opens the newest snapshot, to send it on; to start from one, see
    /// [`SnapshotStore::load_newest`].
    ///
    /// # Errors
    /// As [`SnapshotStore::read`].
    pub fn latest(&self) -> Result<Option<SnapshotReader<D>>, LogError> {
        let newest = self.list()?.first().copied();
        newest.map(|index| self.read(index)).transpose()
    }

    /// Opens a finished snapshot.
    ///
    /// # Errors
    /// `Io`; `Corrupt` when its head is damaged; `OtherCluster`.
    pub fn read(&self, index: LogIndex) -> Result<SnapshotReader<D>, LogError> {
        SnapshotReader::open(self, index)
    }

    /// Opens a finished snapshot as a file, to send it as it is.
    ///
    /// # Errors
    /// `Io`.
    pub fn open_file(&self, index: LogIndex) -> Result<SnapshotFile<D>, LogError> {
        SnapshotFile::open(self, index)
    }

    /// Begins to receive the snapshot of `index` as a file. It appears only when it is finished; what an earlier attempt has left is
    /// removed.
    ///
    /// # Errors
    /// `Io`.
    pub fn receive(&self, index: LogIndex) -> Result<SnapshotReceiver<D>, LogError> {
        SnapshotReceiver::begin(self, index)
    }

    /// Loads the newest snapshot that is whole and connects to a log that begins
    /// at `first_index`. `load` makes the state from the chunks, each checked
    /// before it is given; it may be called again for an older snapshot when a
    /// newer one turns out damaged, and must then start anew.
    ///
    /// # Errors
    /// `NoUsableSnapshot` when entries are missing between the newest whole one
    /// and the log; `Io`; what `load` fails with, unless that is `Corrupt`.
    pub fn load_newest<T>(
        &self,
        first_index: LogIndex,
        load: impl FnMut(&mut SnapshotReader<D>) -> Result<T, LogError>,
    ) -> Result<Loaded<T>, LogError> {
        self.load_ahead(load)?.connect(first_index)
    }

    /// The same, while the log is still being read, so that it is not known yet
    /// where it begins.
    ///
    /// # Errors
    /// `Io`; what `load` fails with, unless that is `Corrupt`.
    pub fn load_ahead<T>(
        &self,
        mut load: impl FnMut(&mut SnapshotReader<D>) -> Result<T, LogError>,
    ) -> Result<LoadedAhead<T>, LogError> {
        let (mut found, mut damaged) = (None, Vec::new());
        for index in self.list()? {
            match self.load(index, &mut load) {
                Ok(loaded) => {
                    found = Some(loaded);
                    break;
                }
                Err(error @ LogError::Corrupt { .. }) => damaged.push(error.to_string()),
                Err(other) => return Err(other),
            }
        }
        Ok(LoadedAhead {
            loaded: Loaded { found, damaged },
            dir: self.disk.describe(SNAPSHOT_DIR),
        })
    }

    fn load<T>(
        &self,
        index: LogIndex,
        mut load: impl FnMut(&mut SnapshotReader<D>) -> Result<T, LogError>,
    ) -> Result<(SnapshotMeta, T), LogError> {
        let mut reader = self.read(index)?;
        let state = load(&mut reader)?;
        reader.finish()?;
        Ok((reader.meta().clone(), state))
    }

    /// Removes all snapshots but the newest `retain`, at least one.
    ///
    /// # Errors
    /// `Io`.
    pub fn purge(&self, retain: usize) -> Result<(), LogError> {
        let old: Vec<_> = self.list()?.into_iter().skip(retain.max(1)).collect();
        if old.is_empty() {
            return Ok(());
        }
        // A newer one may be seen and yet not be durable, when the sync behind its
        // rename failed; it must not be what an older one is given up for.
        self.sync_dir()?;
        for index in &old {
            self.remove(&file_name(*index))?;
        }
        self.sync_dir()
    }

    /// Gives every snapshot another name, under which it is not seen any more: they are of an earlier life of this server, whose log
    /// is gone. Returns how many there were.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_aside(&self) -> Result<usize, LogError> {
        let old = self.list()?;
        for index in &old {
            self.rename_aside(*index)?;
        }
        if !old.is_empty() {
            self.sync_dir()?;
        }
        Ok(old.len())
    }

    /// The same for those of other clusters only: where this server's data go on as another one's, or were to.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_aside_others(&self) -> Result<usize, LogError> {
        let mut count = 0;
        for index in self.list()? {
            match self.read(index) {
                Err(LogError::OtherCluster { .. }) => {
                    self.rename_aside(index)?;
                    count += 1;
                }
                // What is damaged is seen when it is loaded.
                Ok(_) | Err(LogError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if count > 0 {
            self.sync_dir()?;
        }
        Ok(count)
    }

    fn rename_aside(&self, index: LogIndex) -> Result<(), LogError> {
        let name = file_name(index);
        self.disk
            .rename(&name, &format!("{name}{ASIDE}"))
            .map_err(io_error("rename", self.disk.describe(&name)))
    }

    /// Makes durable what stands in the directory, and the directory itself.
    fn sync_dirs(&self) -> Result<(), LogError> {
        self.disk
            .sync_dir("")
            .map_err(io_error("sync", self.disk.describe("")))?;
        self.sync_dir()
    }

    fn sync_dir(&self) -> Result<(), LogError> {
        let synced = self.disk.sync_dir(SNAPSHOT_DIR);
        synced.map_err(io_error("sync", self.disk.describe(SNAPSHOT_DIR)))
    }

    fn remove(&self, name: &str) -> Result<(), LogError> {
        self.disk
            .remove(name)
            .map_err(io_error("remove", self.disk.describe(name)))
    }
}

/// What [`SnapshotStore::load_newest`] has found.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The snapshot and what `load` has made of it; `None` when there is none
    /// and the log has everything from the beginning.
    pub found: Option<(SnapshotMeta, T)>,
    /// What was wrong with each newer snapshot; worth a warning.
    pub damaged: Vec<String>,
}

/// What [`SnapshotStore::load_ahead`] has found; it serves only together with a
/// log that goes on behind it.
#[derive(Debug)]
pub struct LoadedAhead<T> {
    loaded: Loaded<T>,
    /// The directory, for errors.
    dir: String,
}

impl<T> LoadedAhead<T> {
    /// What was found, if no entry is missing before a log that begins at
    /// `first_index`.
    ///
    /// # Errors
    /// `NoUsableSnapshot`.
    pub fn connect(self, first_index: LogIndex) -> Result<Loaded<T>, LogError> {
        let Loaded { found, mut damaged } = self.loaded;
        let what = match &found {
            Some((meta, _)) if first_index <= meta.index.next() => {
                return Ok(Loaded { found, damaged });
            }
            // The log has every entry there ever was: nothing is lost.
            None if first_index == LogIndex(1) => return Ok(Loaded { found, damaged }),
            Some((meta, _)) => format!("the newest whole snapshot is of entry {}", meta.index),
            None if damaged.is_empty() => "there is no snapshot at all".to_owned(),
            None => "there is no older one".to_owned(),
        };
        damaged.push(what);
        Err(LogError::NoUsableSnapshot {
            file: self.dir,
            first: first_index,
            what: damaged.join("; "),
        })
    }
}

fn file_name(index: LogIndex) -> String {
    format!("{SNAPSHOT_DIR}/{:016x}{SUFFIX}", index.0)
}

fn temp_name(index: LogIndex) -> String {
    format!("{SNAPSHOT_DIR}/{:016x}{TEMP_SUFFIX}", index.0)
}

fn parse_name(name: &str) -> Option<LogIndex> {
    let index = LogIndex(u64::from_str_radix(name.strip_suffix(SUFFIX)?, 16).ok()?);
    file_name(index)
        .ends_with(&format!("/{name}"))
        .then_some(index)
}
