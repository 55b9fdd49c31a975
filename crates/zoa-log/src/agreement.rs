//! The file by which a server remembers that it agreed to a founding which may or may not have happened.
//!
//! What it is: a short text like the metadata, closed by a checksum. What it is not: a promise of anything else, or data.
//! Invariant: it is whole or not there; it goes once the data directory it was about is there, so that an agreement never stands for a
//! database (G-19).

use crate::ClusterId;
use crate::Disk;
use crate::LogError;
use crate::error::io_error;
use crate::metadata::parse_hex;
use crate::sealed_text;

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
        let bytes = sealed_text::read(disk, FILE)?;
        let path = disk.describe(FILE);
        bytes.map(|bytes| Self::decode(&bytes, &path)).transpose()
    }

    pub(crate) fn write<D: Disk>(&self, disk: &D) -> Result<(), LogError> {
        sealed_text::write_aside(disk, TEMP, &self.encode())?;
        sealed_text::publish(disk, TEMP, FILE)
    }

    pub(crate) fn remove<D: Disk>(disk: &D) -> Result<(), LogError> {
        sealed_text::remove_if_there(disk, FILE)?;
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
        sealed_text::seal(&body)
    }

    fn decode(bytes: &[u8], path: &str) -> Result<Self, LogError> {
        let damaged = |what: &str| sealed_text::damaged(path, what);
        let mut lines = sealed_text::unseal(bytes, path)?.lines();
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
