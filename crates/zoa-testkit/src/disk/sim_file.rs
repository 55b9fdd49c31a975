//! An open file of the simulated disk.
//!
//! Invariant: after the end of the life that opened it, every operation fails.

use std::io;

use zoa_log::BlockBuf;
use zoa_log::DiskFile;

use super::SimDisk;
use super::directory::InodeId;

/// An open file.
#[derive(Debug)]
pub struct SimFile {
    pub(super) disk: SimDisk,
    pub(super) inode: InodeId,
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.disk.platter().len(self.disk.life, self.inode)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.disk
            .platter()
            .read(self.disk.life, self.inode, offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk
            .platter()
            .write(self.disk.life, self.inode, offset, bytes)
    }

    fn overwrite_durable(&self, offset: u64, blocks: &BlockBuf) -> io::Result<()> {
        let at = (self.disk.life, self.disk.write_mode);
        self.disk
            .platter()
            .overwrite(at, self.inode, offset, blocks.as_blocks())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.platter().sync(self.disk.life, self.inode)
    }
}
