//! What is behind all handles of a simulated disk: files, directories, the count of operations and the faults planned for it.
//!
//! Invariant: an operation counts itself first, and a planned fault strikes before or while it takes effect, never after.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::ErrorKind;

use zoa_log::OpenMode;
use zoa_log::WriteMode;

use super::Fault;
use super::Persistence;
use super::directory;
use super::directory::Directory;
use super::directory::InodeId;
use super::inode;
use super::inode::Inode;
use crate::rng::Rng;

const EIO: i32 = 5;

/// The state of a disk.
#[derive(Clone, Debug)]
pub(super) struct Platter {
    rng: Rng,
    /// Counts the lives of the process; handles of an earlier one are dead.
    pub(super) life: u64,
    pub(super) ops: u64,
    /// Operations that failed in a process that lived on to hear of it.
    pub(super) failures: u64,
    pub(super) faults: BTreeMap<u64, Fault>,
    /// A crash has struck; nothing answers.
    pub(super) down: bool,
    pub(super) locked: bool,
    pub(super) capacity: Option<u64>,
    changes: u64,
    inodes: BTreeMap<InodeId, Inode>,
    dirs: BTreeMap<String, Directory>,
    dirs_durable: BTreeSet<String>,
}

/// How an operation goes on after it has been counted.
enum Course {
    Normal,
    /// It is cut off in the middle, with this error.
    Broken(Fault, io::Error),
}

impl Platter {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            life: 0,
            ops: 0,
            failures: 0,
            faults: BTreeMap::new(),
            down: false,
            locked: false,
            capacity: None,
            changes: 0,
            inodes: BTreeMap::new(),
            dirs: BTreeMap::from([(String::new(), Directory::default())]),
            dirs_durable: BTreeSet::from([String::new()]),
        }
    }

    /// The same files on another disk, durable there.
    pub(super) fn copy(&self, seed: u64) -> Self {
        let inodes = self
            .inodes
            .iter()
            .map(|(id, inode)| (*id, Inode::durable(inode.now.clone())));
        let dirs = self
            .dirs
            .iter()
            .map(|(dir, entries)| (dir.clone(), Directory::durable(entries.now.clone())));
        Self {
            inodes: inodes.collect(),
            dirs: dirs.collect(),
            dirs_durable: self.dirs.keys().cloned().collect(),
            capacity: self.capacity,
            changes: self.changes,
            ..Self::new(seed)
        }
    }

    pub(super) fn open(&mut self, life: u64, name: &str, mode: OpenMode) -> io::Result<InodeId> {
        let course = self.count(life)?;
        let (dir, file) = split(name);
        let number = self.next_change();
        let there = self.directory(dir)?.now.get(file).copied();
        match mode {
            OpenMode::Read | OpenMode::Blocks => {
                course.finish()?;
                there.ok_or_else(|| ErrorKind::NotFound.into())
            }
            OpenMode::Create => {
                if there.is_some() {
                    return Err(ErrorKind::AlreadyExists.into());
                }
                course.before_effect()?;
                self.inodes.insert(number, Inode::default());
                self.directory(dir)?
                    .change(number, directory::Change::Link(file.to_owned(), number));
                course.finish()?;
                Ok(number)
            }
        }
    }

    pub(super) fn rename(&mut self, life: u64, from: &str, to: &str) -> io::Result<()> {
        let course = self.count(life)?;
        let ((dir, old), (to_dir, new)) = (split(from), split(to));
        assert_eq!(dir, to_dir, "the durable code renames within one directory");
        let number = self.next_change();
        let entries = self.directory(dir)?;
        let inode = entries.now.get(old).copied().ok_or(ErrorKind::NotFound)?;
        course.before_effect()?;
        entries.change(
            number,
            directory::Change::Rename(old.to_owned(), new.to_owned(), inode),
        );
        course.finish()
    }

    pub(super) fn remove(&mut self, life: u64, name: &str) -> io::Result<()> {
        let course = self.count(life)?;
        let (dir, file) = split(name);
        let number = self.next_change();
        let entries = self.directory(dir)?;
        if !entries.now.contains_key(file) {
            return Err(ErrorKind::NotFound.into());
        }
        course.before_effect()?;
        entries.change(number, directory::Change::Unlink(file.to_owned()));
        course.finish()
    }

    pub(super) fn create_dir(&mut self, life: u64, dir: &str) -> io::Result<()> {
        let course = self.count(life)?;
        course.before_effect()?;
        self.dirs.entry(dir.to_owned()).or_default();
        course.finish()
    }

    pub(super) fn list(&mut self, life: u64, dir: &str) -> io::Result<Vec<String>> {
        self.count(life)?.finish()?;
        Ok(self
            .dirs
            .get(dir)
            .map(|entries| entries.now.keys().cloned().collect())
            .unwrap_or_default())
    }

    pub(super) fn sync_dir(&mut self, life: u64, dir: &str) -> io::Result<()> {
        let course = self.count(life)?;
        let entries = self.dirs.get_mut(dir).ok_or(ErrorKind::NotFound)?;
        // When it fails, nothing is lost for good, unlike with the pages of a file: a directory is in the file system's
        // journal, and where that fails, every later operation does too.
        if matches!(course, Course::Normal) {
            entries.sync();
            if dir.is_empty() {
                self.dirs_durable.extend(self.dirs.keys().cloned());
            }
        }
        course.finish()
    }

    pub(super) fn lock(&mut self, life: u64) -> io::Result<()> {
        self.count(life)?.finish()?;
        if self.locked {
            return Err(io::Error::new(ErrorKind::WouldBlock, "process 1"));
        }
        self.locked = true;
        Ok(())
    }

    pub(super) fn len(&mut self, life: u64, id: InodeId) -> io::Result<u64> {
        self.count(life)?.finish()?;
        Ok(wide(
            self.inodes.get(&id).ok_or(ErrorKind::NotFound)?.now.len(),
        ))
    }

    pub(super) fn read(
        &mut self,
        life: u64,
        id: InodeId,
        offset: u64,
        buf: &mut [u8],
    ) -> io::Result<usize> {
        self.count(life)?.finish()?;
        let now = &self.inodes.get(&id).ok_or(ErrorKind::NotFound)?.now;
        let rest = now.get(narrow(offset)..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    pub(super) fn write(
        &mut self,
        life: u64,
        id: InodeId,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let course = self.count(life)?;
        let change = self.change(offset, bytes);
        self.check_room(id, &change)?;
        course.before_effect()?;
        self.inodes
            .get_mut(&id)
            .ok_or(ErrorKind::NotFound)?
            .write(change);
        course.finish()
    }

    pub(super) fn overwrite(
        &mut self,
        at: (u64, WriteMode),
        id: InodeId,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let (life, mode) = at;
        if mode == WriteMode::Buffered {
            self.write(life, id, offset, bytes)?;
            return self.sync(life, id);
        }
        let course = self.count(life)?;
        let change = self.change(offset, bytes);
        let rng = &mut self.rng;
        let inode = self.inodes.get_mut(&id).ok_or(ErrorKind::NotFound)?;
        assert!(
            change.offset + bytes.len() <= inode.now.len(),
            "a durable overwrite stays inside the file"
        );
        match &course {
            Course::Normal => inode.write_through(change.offset, bytes),
            Course::Broken(Fault::Eio, _) => inode.write_through_in_part(&change, rng),
            Course::Broken(Fault::Enospc, _) => {}
            Course::Broken(Fault::Crash, _) => inode.write(change),
        }
        course.finish()
    }

    pub(super) fn sync(&mut self, life: u64, id: InodeId) -> io::Result<()> {
        let course = self.count(life)?;
        let rng = &mut self.rng;
        let inode = self.inodes.get_mut(&id).ok_or(ErrorKind::NotFound)?;
        match &course {
            Course::Normal => inode.sync(),
            Course::Broken(Fault::Eio | Fault::Enospc, _) => inode.fail_sync(rng),
            Course::Broken(Fault::Crash, _) => {}
        }
        course.finish()
    }

    pub(super) fn power_cut(&mut self, persistence: Persistence) {
        let newest_write = self.inodes.values().filter_map(Inode::last_pending).max();
        let last = newest_write.max(self.dirs.values().filter_map(Directory::last_pending).max());
        for inode in self.inodes.values_mut() {
            inode.power_cut(persistence, last, &mut self.rng);
        }
        for directory in self.dirs.values_mut() {
            directory.power_cut(persistence, last, &mut self.rng);
        }
        let (durable, rng) = (&mut self.dirs_durable, &mut self.rng);
        self.dirs.retain(|dir, _| {
            durable.contains(dir)
                || match persistence {
                    Persistence::Nothing => false,
                    Persistence::All | Persistence::TornLast => true,
                    Persistence::Subset => rng.percent(50),
                }
        });
        durable.extend(self.dirs.keys().cloned());
        let linked: BTreeSet<_> = self
            .dirs
            .values()
            .flat_map(|directory| directory.now.values().copied())
            .collect();
        self.inodes.retain(|id, _| linked.contains(id));
        self.end_life();
    }

    pub(super) fn end_life(&mut self) {
        self.life += 1;
        self.down = false;
        self.locked = false;
        self.faults.clear();
    }

    pub(super) fn inode(&self, name: &str) -> Option<&Inode> {
        let (dir, file) = split(name);
        self.inodes.get(self.dirs.get(dir)?.now.get(file)?)
    }

    pub(super) fn names(&self) -> Vec<String> {
        let full = |dir: &str, name: &String| {
            if dir.is_empty() {
                name.clone()
            } else {
                format!("{dir}/{name}")
            }
        };
        self.dirs
            .iter()
            .flat_map(|(dir, entries)| entries.now.keys().map(|name| full(dir, name)))
            .collect()
    }

    pub(super) fn damage(&mut self, name: &str, offset: u64, bytes: &[u8]) {
        let (dir, file) = split(name);
        let id = self.dirs.get(dir).and_then(|entries| entries.now.get(file));
        let inode = id
            .and_then(|id| self.inodes.get_mut(id))
            .expect("the test names a file");
        assert!(
            narrow(offset) + bytes.len() <= inode.now.len(),
            "the test names bytes of the file"
        );
        inode.write_through(narrow(offset), bytes);
    }

    /// Counts an operation and says how it goes on.
    fn count(&mut self, life: u64) -> io::Result<Course> {
        if self.down || life != self.life {
            return Err(power_is_off());
        }
        self.ops += 1;
        let fault = self.faults.remove(&self.ops);
        self.failures += u64::from(matches!(fault, Some(Fault::Eio | Fault::Enospc)));
        Ok(match fault {
            None => Course::Normal,
            Some(Fault::Eio) => Course::Broken(Fault::Eio, io::Error::from_raw_os_error(EIO)),
            Some(Fault::Enospc) => Course::Broken(Fault::Enospc, ErrorKind::StorageFull.into()),
            Some(Fault::Crash) => {
                self.down = true;
                Course::Broken(Fault::Crash, power_is_off())
            }
        })
    }

    fn next_change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    fn change(&mut self, offset: u64, bytes: &[u8]) -> inode::Change {
        inode::Change {
            number: self.next_change(),
            offset: narrow(offset),
            bytes: bytes.to_vec(),
        }
    }

    fn directory(&mut self, dir: &str) -> io::Result<&mut Directory> {
        self.dirs
            .get_mut(dir)
            .ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn check_room(&mut self, id: InodeId, change: &inode::Change) -> io::Result<()> {
        let Some(capacity) = self.capacity else {
            return Ok(());
        };
        let linked = self
            .dirs
            .values()
            .flat_map(|directory| directory.now.values());
        let used: usize = linked
            .filter_map(|id| self.inodes.get(id))
            .map(|inode| inode.now.len())
            .sum();
        let len = self.inodes.get(&id).map_or(0, |inode| inode.now.len());
        let growth = (change.offset + change.bytes.len()).saturating_sub(len);
        if growth > 0 && wide(used + growth) > capacity {
            self.failures += 1;
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl Course {
    /// For operations that do nothing when they fail, and are under way when the power goes.
    fn before_effect(&self) -> io::Result<()> {
        match self {
            Self::Normal | Self::Broken(Fault::Crash, _) => Ok(()),
            Self::Broken(Fault::Eio, _) => Err(io::Error::from_raw_os_error(EIO)),
            Self::Broken(Fault::Enospc, _) => Err(ErrorKind::StorageFull.into()),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Normal => Ok(()),
            Self::Broken(_, error) => Err(error),
        }
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

/// The directory and the name in it.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn narrow(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
