//! An open file of the real disk.
//!
//! What it is not: a buffer; every call is one system call or two.
//! Invariant: durable overwrites go through the one handle that the write mode
//! chose; reads go through the page cache, which the kernel drops for a range
//! that a direct write has changed.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

use zoa_log::BlockBuf;
use zoa_log::DiskFile;
use zoa_log::WriteMode;

use super::probe;

/// An open file.
#[derive(Debug)]
pub struct RealFile {
    buffered: File,
    /// For durable overwrites, where the file system has direct writes.
    direct: Option<File>,
}

impl RealFile {
    pub(super) fn buffered(file: File) -> Self {
        Self {
            buffered: file,
            direct: None,
        }
    }

    pub(super) fn blocks(path: &Path, mode: WriteMode) -> io::Result<Self> {
        let buffered = OpenOptions::new().read(true).write(true).open(path)?;
        let direct = match mode {
            WriteMode::Direct => Some(probe::direct_options().open(path)?),
            WriteMode::Buffered => None,
        };
        Ok(Self { buffered, direct })
    }
}

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        self.buffered.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let (mut offset, mut read) = (offset, 0);
        while let Some(rest) = buf.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.buffered.read_at(rest, offset) {
                Ok(0) => break,
                Ok(len) => {
                    read += len;
                    offset += u64::try_from(len).map_err(io::Error::other)?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.buffered.write_all_at(bytes, offset)
    }

    fn overwrite_durable(&self, offset: u64, blocks: &BlockBuf) -> io::Result<()> {
        match &self.direct {
            Some(direct) => direct.write_all_at(blocks.as_blocks(), offset),
            None => {
                self.buffered.write_all_at(blocks.as_blocks(), offset)?;
                self.buffered.sync_data()
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.buffered.sync_data()
    }
}
