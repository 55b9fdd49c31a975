//! Short text files closed by a checksum: what says whose data a directory holds.
//!
//! What it is not: their content, which `metadata.rs` and `agreement.rs` know. Invariant: a file gets its name only when all of it is
//! durable, so that after a power cut either all of it is there or none; damage is found by the checksum (G-19).

use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::OpenMode;
use crate::error::io_error;
use crate::limits::METADATA_LEN_MAX;

/// All of the file, if it is there.
pub(crate) fn read<D: Disk>(disk: &D, name: &str) -> Result<Option<Vec<u8>>, LogError> {
    if !is_there(disk, name)? {
        return Ok(None);
    }
    let path = disk.describe(name);
    let file = disk
        .open(name, OpenMode::Read)
        .map_err(io_error("open", path.clone()))?;
    let mut bytes = vec![0; METADATA_LEN_MAX];
    let len = file
        .read_at(0, &mut bytes)
        .map_err(io_error("read", path))?;
    bytes.truncate(len);
    Ok(Some(bytes))
}

/// Writes a file that may be left over from an earlier try; its name is not synced yet.
pub(crate) fn write_aside<D: Disk>(disk: &D, temp: &str, text: &str) -> Result<(), LogError> {
    remove_if_there(disk, temp)?;
    let path = disk.describe(temp);
    let file = disk
        .open(temp, OpenMode::Create)
        .map_err(io_error("create", path.clone()))?;
    file.write_at(0, text.as_bytes())
        .map_err(io_error("write", path.clone()))?;
    file.sync().map_err(io_error("sync", path))
}

/// Gives a file that was written aside its name.
pub(crate) fn publish<D: Disk>(disk: &D, temp: &str, name: &str) -> Result<(), LogError> {
    disk.rename(temp, name)
        .map_err(io_error("create", disk.describe(name)))?;
    disk.sync_dir("")
        .map_err(io_error("sync", disk.describe("")))
}

pub(crate) fn remove_if_there<D: Disk>(disk: &D, name: &str) -> Result<(), LogError> {
    if is_there(disk, name)? {
        disk.remove(name)
            .map_err(io_error("remove", disk.describe(name)))?;
    }
    Ok(())
}

fn is_there<D: Disk>(disk: &D, name: &str) -> Result<bool, LogError> {
    let names = disk.list("").map_err(io_error("list", disk.describe("")))?;
    Ok(names.iter().any(|there| there == name))
}

/// The body with its checksum behind it.
pub(crate) fn seal(body: &str) -> String {
    let crc = crc32c::crc32c(body.as_bytes());
    format!("{body}crc32c {crc:08x}\n")
}

/// The body, its checksum found right.
///
/// Every later format keeps the title, the second and the last line, so that a damaged file is never taken for one of a newer program.
pub(crate) fn unseal<'b>(bytes: &'b [u8], file: &str) -> Result<&'b str, LogError> {
    let text = str::from_utf8(bytes).map_err(|_| damaged(file, "not text"))?;
    let body_len = text
        .rfind("crc32c ")
        .ok_or_else(|| damaged(file, "no checksum"))?;
    let (body, crc) = text.split_at(body_len);
    if crc != format!("crc32c {:08x}\n", crc32c::crc32c(body.as_bytes())) {
        return Err(damaged(file, "the checksum does not match"));
    }
    Ok(body)
}

pub(crate) fn damaged(file: &str, what: &str) -> LogError {
    LogError::Corrupt {
        file: file.to_owned(),
        offset: 0,
        what: what.to_owned(),
    }
}
