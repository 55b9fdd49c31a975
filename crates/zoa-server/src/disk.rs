//! The real disk: a data directory on a file system.
//!
//! What it is: `zoa_log::Disk` over `std::fs`. What it is not: a cache, or a
//! judge of errors; what the operating system says goes up unchanged.
//! Invariant: what a durable call has covered when it returned `Ok` is on the
//! medium, as far as the operating system and the disk tell the truth (G-19).
//!
//! Durable overwrites are direct writes (`O_DIRECT|O_DSYNC`) where the file
//! system has them: one system call, no page cache, no journal, and a far
//! shorter tail than appending with `fdatasync`. Where it has not, they are a
//! write and an `fdatasync`. A trial write at start decides, and
//! [`RealDisk::write_mode`](zoa_log::Disk::write_mode) says which.

mod lock;
mod probe;
mod real_file;

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use zoa_log::Disk;
use zoa_log::OpenMode;
use zoa_log::WriteMode;

pub use self::lock::DirLock;
pub use self::real_file::RealFile;

/// A data directory on a real file system. Clones are the same directory.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: Arc<Path>,
    write_mode: WriteMode,
}

impl RealDisk {
    /// Opens the directory, making it when it is not there, and tries which
    /// kind of durable write it offers.
    ///
    /// # Errors
    /// As the operating system reports them: no permission, disk full, ...
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        let write_mode = probe::write_mode(&root)?;
        Ok(Self {
            root: root.into(),
            write_mode,
        })
    }

    /// Opens the directory with write and `fdatasync`, without a trial of more: for
    /// snapshots, which overwrite nothing; and to compare the two kinds.
    ///
    /// # Errors
    /// As [`RealDisk::open`].
    pub fn open_buffered(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self {
            root: root.into(),
            write_mode: WriteMode::Buffered,
        })
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() {
            self.root.to_path_buf()
        } else {
            self.root.join(name)
        }
    }
}

impl Disk for RealDisk {
    type File = RealFile;
    type Lock = DirLock;

    fn open(&self, name: &str, mode: OpenMode) -> io::Result<RealFile> {
        let path = self.path(name);
        match mode {
            OpenMode::Read => File::open(path).map(RealFile::buffered),
            OpenMode::Create => OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(path)
                .map(RealFile::buffered),
            OpenMode::Blocks => RealFile::blocks(&path, self.write_mode),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        match fs::create_dir(self.path(dir)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            outcome => outcome,
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(dir)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A name that is not text is none of ours.
            if let (Ok(name), true) = (
                entry.file_name().into_string(),
                entry.file_type()?.is_file(),
            ) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.path(dir))?.sync_all()
    }

    fn lock(&self, name: &str) -> io::Result<DirLock> {
        DirLock::take(&self.path(name))
    }

    fn write_mode(&self) -> WriteMode {
        self.write_mode
    }

    fn describe(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}
