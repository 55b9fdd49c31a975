//! One `server.N` line.
//!
//! ```text
//! host:quorumPort:electionPort[|host:quorumPort:electionPort...][:participant|:observer][;[host:]clientPort[;[host:]secureClientPort]]
//! ```
//!
//! It looks nothing up: a host is a name or an address, as it was written. An IPv6 address stands in brackets.

use std::fmt;

use zoa_proto::PeerId;

/// Longest host in bytes, as DNS has it.
const HOST_LEN_MAX: usize = 255;

/// Any address of the machine, as the original prints it when a line names none.
const ANY_HOST: &str = "0.0.0.0";

/// What the line of one server says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerLine {
    /// Where the other servers find it, by each of its networks; at least one.
    pub addresses: Vec<ServerAddress>,
    /// Whether it votes.
    pub role: MemberRole,
    /// Where it takes clients, if the line says so.
    pub client: Option<ClientAddress>,
    /// Where it takes clients with TLS, if the line says so.
    pub secure_client: Option<ClientAddress>,
}

/// `host:quorumPort:electionPort`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerAddress {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port for replication.
    pub quorum_port: u16,
    /// The port that the original elects on.
    pub election_port: u16,
}

/// `host:port`, where clients connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientAddress {
    /// A name or an address, without brackets; `0.0.0.0` where the line names none.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Whether a server votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberRole {
    /// It does.
    Participant,
    /// It follows only.
    Observer,
}

impl ServerLine {
    /// Reads what stands behind `server.N=`; `None` if it is no such line.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split(';').map(str::trim);
        let servers = parts.next()?;
        let client = parts.next().map(ClientAddress::parse);
        let secure_client = parts.next().map(ClientAddress::parse);
        if parts.next().is_some() || client == Some(None) || secure_client == Some(None) {
            return None;
        }
        let (mut addresses, mut role) = (Vec::new(), None);
        for address in servers.split('|') {
            let (address, named) = server_address(address.trim())?;
            addresses.push(address);
            if role.is_some() && named.is_some() && named != role {
                return None;
            }
            role = role.or(named);
        }
        Some(Self {
            addresses,
            role: role.unwrap_or(MemberRole::Participant),
            client: client.flatten(),
            secure_client: secure_client.flatten(),
        })
    }
}

impl fmt::Display for ServerLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses.iter().enumerate() {
            let separator = if index == 0 { "" } else { "|" };
            let (quorum, election) = (address.quorum_port, address.election_port);
            write!(f, "{separator}{}:{quorum}:{election}", Host(&address.host))?;
        }
        write!(f, ":{}", self.role)?;
        for client in [&self.client, &self.secure_client].into_iter().flatten() {
            write!(f, ";{}:{}", Host(&client.host), client.port)?;
        }
        Ok(())
    }
}

impl fmt::Display for MemberRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Participant => "participant",
            Self::Observer => "observer",
        })
    }
}

impl ClientAddress {
    fn parse(text: &str) -> Option<Self> {
        if let Some(port) = parse_port(text) {
            let host = ANY_HOST.to_owned();
            return Some(Self { host, port });
        }
        let (host, rest) = split_host(text)?;
        Some(Self {
            host,
            port: parse_port(rest)?,
        })
    }
}

/// A host as it stands in a line.
struct Host<'a>(&'a str);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(self.0)
        }
    }
}

/// The id in `server.N`.
pub(super) fn parse_id(key: &str) -> Option<PeerId> {
    parse_number(key.strip_prefix("server.")?)
}

/// An id by itself, 1 to 255.
pub(super) fn parse_number(text: &str) -> Option<PeerId> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|id| all_digits && *id != 0);
    id.map(PeerId)
}

/// Whether a piece of a reconfig names a server by an id that the original would take and that is none here.
pub(super) fn is_beyond_ids(piece: &str) -> bool {
    let Some((key, value)) = piece.split_once('=') else {
        return false;
    };
    let number = key.trim().strip_prefix("server.");
    let id: Option<i64> = number.and_then(|number| number.parse().ok());
    let is_ours = |id: i64| (1..=i64::from(u8::MAX)).contains(&id);
    id.is_some_and(|id| !is_ours(id)) && ServerLine::parse(value.trim()).is_some()
}

fn server_address(text: &str) -> Option<(ServerAddress, Option<MemberRole>)> {
    let (host, rest) = split_host(text)?;
    let mut parts = rest.split(':');
    let quorum_port = parse_port(parts.next()?)?;
    let election_port = parse_port(parts.next()?)?;
    let role = match parts.next() {
        None => None,
        Some(word) if word.eq_ignore_ascii_case("participant") => Some(MemberRole::Participant),
        Some(word) if word.eq_ignore_ascii_case("observer") => Some(MemberRole::Observer),
        Some(_) => return None,
    };
    if parts.next().is_some() {
        return None;
    }
    Some((
        ServerAddress {
            host,
            quorum_port,
            election_port,
        },
        role,
    ))
}

/// The host, without brackets, and what is behind the colon after it.
fn split_host(text: &str) -> Option<(String, &str)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(text) => {
            let (host, rest) = text.split_once(']')?;
            (host, rest.strip_prefix(':')?)
        }
        None => text.split_once(':')?,
    };
    // Nothing that would end the host where it is printed, or break its line.
    let is_legal = |character: char| character.is_ascii_graphic() && !"[]|;,=".contains(character);
    if host.is_empty() || host.len() > HOST_LEN_MAX || !host.chars().all(is_legal) {
        return None;
    }
    Some((host.to_owned(), rest))
}

fn parse_port(text: &str) -> Option<u16> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| all_digits && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::ServerLine;

    #[test]
    fn lines_are_printed_in_full() {
        let check = |line: &str, printed: &str| {
            let parsed = ServerLine::parse(line).unwrap();
            assert_eq!(parsed.to_string(), printed, "{line}");
            assert_eq!(ServerLine::parse(printed), Some(parsed), "{line}");
        };
        check("zk1:2888:3888", "zk1:2888:3888:participant");
        check("zk1:1:2:OBSERVER;5", "zk1:1:2:observer;0.0.0.0:5");
        check(
            "a:1:2:observer|[::1]:3:4;[::]:5;b:6",
            "a:1:2|[::1]:3:4:observer;[::]:5;b:6",
        );
    }

    #[test]
    fn other_forms_are_no_lines() {
        let long = format!("{}:1:2", "h".repeat(256));
        for line in [
            "",
            "zk1",
            "zk1:2888",
            "zk1:2888:3888:voter",
            "zk1:2888:3888:observer:1",
            "zk1:0:3888",
            "zk1:+1:3888",
            "zk1:70000:3888",
            ":2888:3888",
            "z k:2888:3888",
            "z\n:2888:3888",
            "zk1:2888:3888;",
            "zk1:2888:3888;1;2;3",
            "[::1:2888:3888",
            "a:1:2:observer|b:1:2:participant",
            long.as_str(),
        ] {
            assert_eq!(ServerLine::parse(line), None, "{line}");
        }
    }
}
