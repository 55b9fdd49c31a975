//! The file by which a server remembers that it agreed to a founding which may or may not have happened.
//!
//! What it is: a short text like the metadata, closed by a checksum. What it is not: a promise of anything else, or data.
//! Invariant: it is whole or not there; it goes once the data directory it was about is there, so that an agreement never stands for a
//! database (G-19).

use crate::ClusterId;
use crate::Disk;
use crate::DiskFile;
use crate::LogError;
use crate::OpenMode;
use crate::error::io_error;
use crate::limits::METADATA_LEN_MAX;
use crate::metadata::parse_hex;

const FILE: &str = "agreement";
const TEMP: &str = "agreement.tmp";
const FORMAT: u32 = 1;
const TITLE: &str = "zoarium founding agreement";

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The cluster that is to be founded.
    pub cluster: ClusterId,
    /// The servers (myid) that will vote.
    pub participants: Vec<u8>,
    /// The servers that will not.
    pub observers: Vec<u8>,
}

impl Agreement {
    pub(crate) fn read<D: Disk>(disk: &D) -> Result<Option<Self>, LogError> {
        if !is_there(disk, FILE)? {
            return Ok(None);
        }
        let path = disk.describe(FILE);
        let file = disk
            .open(FILE, OpenMode::Read)
            .map_err(io_error("open", path.clone()))?;
        let mut bytes = vec![0; METADATA_LEN_MAX];
        let len = file
            .read_at(0, &mut bytes)
            .map_err(io_error("read", path.clone()))?;
        bytes.truncate(len);
        Self::decode(&bytes, &path).map(Some)
    }

    pub(crate) fn write<D: Disk>(&self, disk: &D) -> Result<(), LogError> {
        remove_if_there(disk, TEMP)?;
        let path = disk.describe(TEMP);
        let file = disk
            .open(TEMP, OpenMode::Create)
            .map_err(io_error("create", path.clone()))?;
        file.write_at(0, self.encode().as_bytes())
            .map_err(io_error("write", path.clone()))?;
        file.sync().map_err(io_error("sync", path))?;
        disk.rename(TEMP, FILE)
            .map_err(io_error("create", disk.describe(FILE)))?;
        disk.sync_dir("")
            .map_err(io_error("sync", disk.describe("")))
    }

    pub(crate) fn remove<D: Disk>(disk: &D) -> Result<(), LogError> {
        remove_if_there(disk, FILE)?;
        disk.sync_dir("")
            .map_err(io_error("sync", disk.describe("")))
    }

    fn encode(&self) -> String {
        let ids = |ids: &[u8]| ids.iter().map(|id| format!(" {id}")).collect::<String>();
        let body = format!(
            "{TITLE}\nformat {FORMAT}\ncluster {}\nparticipants{}\nobservers{}\n",
            self.cluster,
            ids(&self.participants),
            ids(&self.observers)
        );
        let crc = crc32c::crc32c(body.as_bytes());
        format!("{body}crc32c {crc:08x}\n")
    }

    fn decode(bytes: &[u8], path: &str) -> Result<Self, LogError> {
        let damaged = |what: &str| LogError::Corrupt {
            file: path.to_owned(),
            offset: 0,
            what: what.to_owned(),
        };
        let text = str::from_utf8(bytes).map_err(|_| damaged("not text"))?;
        let body_len = text
            .rfind("crc32c ")
            .ok_or_else(|| damaged("no checksum"))?;
        let (body, crc) = text.split_at(body_len);
        if crc != format!("crc32c {:08x}\n", crc32c::crc32c(body.as_bytes())) {
            return Err(damaged("the checksum does not match"));
        }
        let mut lines = body.lines();
        if lines.next() != Some(TITLE) {
            return Err(damaged("not an agreement"));
        }
        let mut values = |key: &str| -> Result<&str, LogError> {
            let line = lines.next().and_then(|line| line.strip_prefix(key));
            line.ok_or_else(|| damaged(&format!("the line `{key}` is missing")))
        };
        let format: u32 = values("format ")?
            .parse()
            .map_err(|_| damaged("the format is no number"))?;
        if format > FORMAT {
            return Err(LogError::NewerFormat {
                file: path.to_owned(),
                found: format,
                supported: FORMAT,
            });
        }
        let ids = |text: &str| -> Result<Vec<u8>, LogError> {
            let ids = text.split_whitespace().map(str::parse);
            ids.collect::<Result<_, _>>()
                .map_err(|_| damaged("the id of a server is no number"))
        };
        Ok(Self {
            cluster: values("cluster ")
                .map(parse_hex)?
                .map(ClusterId)
                .ok_or_else(|| damaged("bad cluster id"))?,
            participants: ids(values("participants")?)?,
            observers: ids(values("observers")?)?,
        })
    }
}

fn is_there<D: Disk>(disk: &D, name: &str) -> Result<bool, LogError> {
    let names = disk.list("").map_err(io_error("list", disk.describe("")))?;
    Ok(names.iter().any(|there| there == name))
}

fn remove_if_there<D: Disk>(disk: &D, name: &str) -> Result<(), LogError> {
    if is_there(disk, name)? {
        disk.remove(name)
            .map_err(io_error("remove", disk.describe(name)))?;
    }
    Ok(())
}
