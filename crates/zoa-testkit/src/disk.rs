//! A disk that loses what was not synced, tears writes, flips bits, fails and fills up: `zoa_log::Disk` in memory.
//!
//! What it is: the fault model of the durable code, as strict as POSIX allows, not as kind as one file system is: unsynced
//! writes are lost each for itself, sector by sector; so is each change of a directory; a write in flight may leave any mixture
//! of old and new; after a failed sync the data is still seen and will never be durable. What it is not: a model of time.
//!
//! Invariant: exactly what a successful `overwrite_durable`, `sync` or `sync_dir` has covered survives every
//! [`SimDisk::power_cut`]; everything else is up to [`Persistence`] and the seed. Serves G-19 and G-20.
//!
//! Every operation is counted. A test runs a scenario once to learn the count, then again for each count with a [`Fault`] there.

mod directory;
mod inode;
mod platter;
mod sim_file;

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use zoa_log::Disk;
use zoa_log::OpenMode;
use zoa_log::WriteMode;

use self::platter::Platter;
pub use self::sim_file::SimFile;

/// What becomes of everything that was not durable when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// All of it is lost.
    Nothing,
    /// All of it made it.
    All,
    /// Each sector and each directory change for itself, by the seed; some sectors torn at a byte.
    Subset,
    /// All but the last change made it; of that, the bytes up to one chosen by the seed.
    TornLast,
}

impl Persistence {
    /// All variants, for exhaustive tests.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::All, Self::Subset, Self::TornLast];
}

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with "input/output error"; what it wrote until then is up to the seed.
    Eio,
    /// The operation fails with "no space left", having done nothing.
    Enospc,
    /// The power goes, or the process is killed, in the middle of it. Nothing answers any more until [`SimDisk::power_cut`] or
    /// [`SimDisk::kill`].
    Crash,
}

/// A simulated data directory. Clones are the same directory, as seen by one life of a process.
#[derive(Clone, Debug)]
pub struct SimDisk {
    platter: Arc<Mutex<Platter>>,
    /// Which life of the process this handle belongs to.
    life: u64,
    write_mode: WriteMode,
}

impl SimDisk {
    /// An empty disk; `seed` decides everything that is left to chance.
    pub fn new(seed: u64) -> Self {
        Self {
            platter: Arc::new(Mutex::new(Platter::new(seed))),
            life: 0,
            write_mode: WriteMode::Direct,
        }
    }

    /// The same disk with another kind of durable overwrite.
    #[must_use]
    pub fn with_write_mode(mut self, write_mode: WriteMode) -> Self {
        self.write_mode = write_mode;
        self
    }

    /// Bounds the sum of the files' lengths, in bytes; beyond it writes fail with "no space left".
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.platter().capacity = capacity;
    }

    /// Lets `fault` happen at the operation of that number; the first has 1.
    pub fn fault_at(&self, op: u64, fault: Fault) {
        self.platter().faults.insert(op, fault);
    }

    /// Operations so far.
    pub fn ops(&self) -> u64 {
        self.platter().ops
    }

    /// Operations that have failed for a fault or for want of room, over all lives; those that the power cut off are not counted.
    pub fn failures(&self) -> u64 {
        self.platter().failures
    }

    /// Whether a [`Fault::Crash`] has struck and nothing answers.
    pub fn is_down(&self) -> bool {
        let platter = self.platter();
        platter.down || platter.life != self.life
    }

    /// Cuts the power and brings the disk back; handles of before are dead. Planned faults are forgotten.
    #[must_use]
    pub fn power_cut(&self, persistence: Persistence) -> Self {
        self.platter().power_cut(persistence);
        self.revived()
    }

    /// Kills the process: the page cache and what is in it live on; handles of before are dead. Planned faults are forgotten.
    #[must_use]
    pub fn kill(&self) -> Self {
        self.platter().end_life();
        self.revived()
    }

    /// The bytes of a file as a reader sees them; `None` when there is none.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.platter().inode(name).map(|inode| inode.now.clone())
    }

    /// The full names of all files, as a reader sees them.
    pub fn files(&self) -> Vec<String> {
        self.platter().names()
    }

    /// Changes bytes behind everybody's back, durably: a flipped bit, a misdirected write.
    ///
    /// # Panics
    /// When the file does not reach that far: the test aims at nothing.
    pub fn damage(&self, name: &str, offset: u64, bytes: &[u8]) {
        self.platter().damage(name, offset, bytes);
    }

    /// Flips the bits of `mask` in one byte, durably.
    ///
    /// # Panics
    /// As [`SimDisk::damage`].
    pub fn flip(&self, name: &str, offset: u64, mask: u8) {
        let byte = self
            .bytes(name)
            .and_then(|bytes| bytes.get(usize::try_from(offset).ok()?).copied());
        let byte = byte.expect("the test names a byte of a file");
        self.damage(name, offset, &[byte ^ mask]);
    }

    /// A second disk with the same files, all of them durable, and a seed of its own.
    #[must_use]
    pub fn copy(&self, seed: u64) -> Self {
        let platter = Arc::new(Mutex::new(self.platter().copy(seed)));
        Self {
            platter,
            life: 0,
            write_mode: self.write_mode,
        }
    }

    /// A second disk in exactly the same state, what is not durable included: to try several futures of one past.
    #[must_use]
    pub fn fork(&self) -> Self {
        let platter = Arc::new(Mutex::new(self.platter().clone()));
        Self {
            platter,
            life: self.life,
            write_mode: self.write_mode,
        }
    }

    fn revived(&self) -> Self {
        Self {
            platter: Arc::clone(&self.platter),
            life: self.platter().life,
            write_mode: self.write_mode,
        }
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        // A test thread that panicked has left the files as they were between two operations.
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds the directory until it is dropped.
#[derive(Debug)]
pub struct SimLock {
    platter: Arc<Mutex<Platter>>,
    life: u64,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut platter = self.platter.lock().unwrap_or_else(PoisonError::into_inner);
        if platter.life == self.life {
            platter.locked = false;
        }
    }
}

impl Disk for SimDisk {
    type File = SimFile;
    type Lock = SimLock;

    fn open(&self, name: &str, mode: OpenMode) -> io::Result<SimFile> {
        let inode = self.platter().open(self.life, name, mode)?;
        Ok(SimFile {
            disk: self.clone(),
            inode,
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.platter().rename(self.life, from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.platter().remove(self.life, name)
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.platter().create_dir(self.life, dir)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.platter().list(self.life, dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.platter().sync_dir(self.life, dir)
    }

    fn lock(&self, _name: &str) -> io::Result<SimLock> {
        self.platter().lock(self.life)?;
        Ok(SimLock {
            platter: Arc::clone(&self.platter),
            life: self.life,
        })
    }

    fn write_mode(&self) -> WriteMode {
        self.write_mode
    }

    fn describe(&self, name: &str) -> String {
        format!("sim:/{name}")
    }
}
