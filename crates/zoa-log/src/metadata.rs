//! The file that says whose data a directory holds.
//!
//! What it is: a short text of `key value` lines that people can read, closed
//! by a checksum. What it is not: settings; nothing in it is meant to be edited.
//! Invariant: it is there exactly when the log it belongs to is, so that an
//! empty directory and a lost file are never taken for each other (G-19).

use std::fmt;

use crate::Disk;
use crate::LogError;
use crate::LogOptions;
use crate::options::Founding;
use crate::sealed_text;

/// Name of the file in the data directory.
pub(crate) const METADATA_FILE: &str = "metadata";
/// It is written under this name first.
const METADATA_TEMP: &str = "metadata.tmp";
/// The newest format of all files that this program reads, and the one it writes.
const FORMAT: u32 = 1;
const TITLE: &str = "zoarium data directory";

/// The identity of a cluster: 16 bytes that its founding drew at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClusterId(pub [u8; 16]);

impl fmt::Display for ClusterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Whose data a directory holds. Has no `Debug`: the salt is secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// The format of the files of the directory.
    pub format: u32,
    /// The cluster.
    pub cluster: ClusterId,
    /// The server in it (myid).
    pub node: u64,
    /// How often this server began anew with an empty disk, from 1.
    pub incarnation: u64,
    /// Enters the checksums of the log; see [`Founding::salt`].
    pub(crate) salt: [u8; 16],
}

impl fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            format,
            cluster,
            node,
            incarnation,
            salt: _,
        } = self;
        write!(
            formatter,
            "Metadata {{ format: {format}, cluster: {cluster}, node: {node}, incarnation: {incarnation} }}"
        )
    }
}

impl Metadata {
    /// The metadata of a new data directory.
    pub(crate) fn founded(node: u64, founding: &Founding) -> Self {
        Self {
            format: FORMAT,
            cluster: founding.cluster,
            node,
            incarnation: 1,
            salt: founding.salt,
        }
    }

    /// Reads and checks the file; `None` when there is none.
    pub(crate) fn read<D: Disk>(disk: &D) -> Result<Option<Self>, LogError> {
        let bytes = sealed_text::read(disk, METADATA_FILE)?;
        let path = disk.describe(METADATA_FILE);
        bytes.map(|bytes| Self::decode(&bytes, path)).transpose()
    }

    /// Writes the file under another name; that name is not synced yet.
    pub(crate) fn write_aside<D: Disk>(&self, disk: &D) -> Result<(), LogError> {
        sealed_text::write_aside(disk, METADATA_TEMP, &self.encode())
    }

    /// Gives the file its name, so that after a power cut either all of it is there or none.
    pub(crate) fn publish<D: Disk>(&self, disk: &D) -> Result<(), LogError> {
        sealed_text::publish(disk, METADATA_TEMP, METADATA_FILE)
    }

    /// Puts another cluster in the place of the one that stands in the file.
    pub(crate) fn change_cluster<D: Disk>(disk: &D, cluster: ClusterId) -> Result<(), LogError> {
        let stored = Self::read(disk)?;
        let missing = || sealed_text::damaged(&disk.describe(METADATA_FILE), "the file is missing");
        let metadata = Self {
            cluster,
            ..stored.ok_or_else(missing)?
        };
        metadata.write_aside(disk)?;
        metadata.publish(disk)
    }

    /// Refuses the data of another cluster or server.
    pub(crate) fn check<D: Disk>(&self, disk: &D, options: &LogOptions) -> Result<(), LogError> {
        let file = || disk.describe(METADATA_FILE);
        if let Some(expected) = options.cluster.filter(|&expected| expected != self.cluster) {
            return Err(LogError::OtherCluster {
                file: file(),
                found: self.cluster.to_string(),
                expected: expected.to_string(),
            });
        }
        if self.node != options.node {
            return Err(LogError::OtherNode {
                file: file(),
                found: self.node,
                expected: options.node,
            });
        }
        Ok(())
    }

    fn encode(&self) -> String {
        let Self {
            format,
            cluster,
            node,
            incarnation,
            salt,
        } = self;
        let salt = ClusterId(*salt);
        let body = format!(
            "{TITLE}\nformat {format}\ncluster {cluster}\nnode {node}\nincarnation {incarnation}\nsalt {salt}\n"
        );
        sealed_text::seal(&body)
    }

    fn decode(bytes: &[u8], file: String) -> Result<Self, LogError> {
        let damaged = |what: &str| sealed_text::damaged(&file, what);
        let mut lines = sealed_text::unseal(bytes, &file)?.lines();
        if lines.next() != Some(TITLE) {
            return Err(damaged("not a metadata file"));
        }
        let mut value = |key: &str| -> Result<&str, LogError> {
            let line = lines.next().and_then(|line| line.split_once(' '));
            line.filter(|(name, _)| *name == key)
                .map(|(_, value)| value)
                .ok_or_else(|| damaged(&format!("the line `{key}` is missing")))
        };
        let format: u32 = value("format")?
            .parse()
            .map_err(|_| damaged("the format is no number"))?;
        if format > FORMAT {
            return Err(LogError::NewerFormat {
                file: file.clone(),
                found: format,
                supported: FORMAT,
            });
        }
        Ok(Self {
            format,
            cluster: value("cluster")
                .map(parse_hex)?
                .map(ClusterId)
                .ok_or_else(|| damaged("bad cluster id"))?,
            node: value("node")?
                .parse()
                .map_err(|_| damaged("the node is no number"))?,
            incarnation: value("incarnation")?
                .parse()
                .map_err(|_| damaged("the incarnation is no number"))?,
            salt: value("salt")
                .map(parse_hex)?
                .ok_or_else(|| damaged("bad salt"))?,
        })
    }
}

/// 32 hexadecimal digits as 16 bytes.
pub(crate) fn parse_hex(digits: &str) -> Option<[u8; 16]> {
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}
