//! The servers of an ensemble, as its `server.N` lines name them: part of the replicated state.
//!
//! ```text
//! server.1=host:quorumPort:electionPort:participant;host:clientPort
//! server.2=...
//! version=100000003
//! ```
//!
//! Only names: nothing is looked up here, and who votes in the replication is not decided by these lines alone. Invariant: what is
//! printed is read back as the same lines.

mod line;
mod next;

pub use line::ClientAddress;
pub use line::MemberRole;
pub use line::ServerAddress;
pub use line::ServerLine;
pub use next::NoNext;
pub use next::next;

use std::collections::BTreeMap;
use std::fmt;

use zoa_proto::PeerId;
use zoa_proto::Zxid;

use crate::limits::MEMBER_LINES_LEN_MAX;

/// All servers of an ensemble by their ids, and the zxid that named them. Empty: a server alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemberLines {
    lines: BTreeMap<PeerId, ServerLine>,
    version: Zxid,
}

/// Why a text does not name the servers of an ensemble.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MembersError {
    /// A line is none of `server.N=...` and `version=...`, or a server has two.
    #[error(
        "`{0}` is not the line of a server: server.N=host:quorumPort:electionPort, then perhaps :participant or :observer, then perhaps ;clientPort or ;host:clientPort"
    )]
    Line(String),
    /// The lines are longer than all servers need.
    #[error("the lines of the servers have {0} bytes; {MEMBER_LINES_LEN_MAX} are allowed")]
    TooLong(usize),
}

impl MemberLines {
    /// Reads lines of `server.N=...`, and perhaps one of `version=<hex zxid>`; empty lines mean nothing.
    ///
    /// # Errors
    /// When there is any other line, a second one of a server, or more than an ensemble needs.
    pub fn parse(text: &str) -> Result<Self, MembersError> {
        let mut members = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if members.add(line).is_none() {
                return Err(MembersError::Line(line.to_owned()));
            }
        }
        members.checked()
    }

    /// The line of a server.
    #[must_use]
    pub fn get(&self, id: PeerId) -> Option<&ServerLine> {
        self.lines.get(&id)
    }

    /// All servers, lowest id first.
    pub fn iter(&self) -> impl Iterator<Item = (PeerId, &ServerLine)> {
        self.lines.iter().map(|(id, line)| (*id, line))
    }

    /// Those that vote, lowest id first.
    pub fn participants(&self) -> impl Iterator<Item = PeerId> {
        self.iter()
            .filter(|(_, line)| line.role == MemberRole::Participant)
            .map(|(id, _)| id)
    }

    /// Whether no server is named: there is no ensemble.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many servers are named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// The zxid of the transaction that named them; 0 as founded.
    #[must_use]
    pub fn version(&self) -> Zxid {
        self.version
    }

    /// The same servers, named by another transaction.
    #[must_use]
    pub fn with_version(self, version: Zxid) -> Self {
        Self { version, ..self }
    }

    /// The lines of the servers, without the version.
    #[must_use]
    pub fn servers_text(&self) -> String {
        let lines = self
            .iter()
            .map(|(id, line)| format!("server.{}={line}\n", id.0));
        lines.collect()
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let (key, value) = line.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        if key == "version" {
            self.version = Zxid(u64::from_str_radix(value, 16).ok()?);
            return Some(());
        }
        let id = line::parse_id(key)?;
        let server = ServerLine::parse(value)?;
        self.lines.insert(id, server).is_none().then_some(())
    }

    fn checked(self) -> Result<Self, MembersError> {
        let len = self.servers_text().len();
        if len > MEMBER_LINES_LEN_MAX {
            return Err(MembersError::TooLong(len));
        }
        Ok(self)
    }
}

/// What `/zookeeper/config` says.
impl fmt::Display for MemberLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}version={:x}", self.servers_text(), self.version.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "server.1=zk1:2888:3888:participant;0.0.0.0:2181\n\
                        server.2=[::1]:2888:3888|10.0.0.2:2888:3888:observer;[::]:2181;zk2:2281\n\
                        server.10=zk3:2888:3888:participant\n\
                        version=1a0000000f";

    #[test]
    fn what_is_printed_is_what_was_read() {
        let members = MemberLines::parse(TEXT).unwrap();
        assert_eq!(members.to_string(), TEXT);
        assert_eq!(members.version(), Zxid(0x1a_0000_000f));
        assert_eq!(members.len(), 3);
        let participants: Vec<_> = members.participants().collect();
        assert_eq!(participants, [PeerId(1), PeerId(10)]);
        assert_eq!(MemberLines::default().to_string(), "version=0");
        assert!(MemberLines::parse("").unwrap().is_empty());
    }

    #[test]
    fn the_order_of_the_text_does_not_count_nor_what_is_usual() {
        let loose = "version=0\n\n server.2 = zk2:1:2 \r\nserver.1=zk1:1:2:PARTICIPANT;2181\n";
        assert_eq!(
            MemberLines::parse(loose).unwrap().to_string(),
            "server.1=zk1:1:2:participant;0.0.0.0:2181\nserver.2=zk2:1:2:participant\nversion=0"
        );
    }

    #[test]
    fn other_lines_are_named_and_refused() {
        for line in [
            "nonsense",
            "group.1=1:2",
            "server.0=a:1:2",
            "server.256=a:1:2",
            "server.x=a:1:2",
            "server.+1=a:1:2",
            "server.1=a:1",
            "server.9=a:1:2",
            "version=x",
        ] {
            let text = format!("server.9=a:1:2\n{line}");
            let expected = MembersError::Line(line.to_owned());
            assert_eq!(MemberLines::parse(&text), Err(expected));
        }
    }

    #[test]
    fn more_than_member_lines_len_max_bytes_are_refused() {
        let addresses = "a:1:2|".repeat(MEMBER_LINES_LEN_MAX / 6);
        let text = format!("server.1={addresses}b:1:2");
        assert!(matches!(
            MemberLines::parse(&text),
            Err(MembersError::TooLong(_))
        ));
    }
}
