//! Connect strings: `host:port,host:port/chroot`, parsed once, with errors that say what to write instead.
//!
//! The port is 2181 when left out; IPv6 addresses stand in brackets. Names are not resolved here, nor is one judged beyond its
//! characters: that is done at every connect.

use core::net::IpAddr;
use std::fmt;

use zoa_proto::Path;
use zoa_proto::PathError;

use crate::limits::HOSTS_MAX;

/// The port of a ZooKeeper server when none is written.
pub const PORT_DEFAULT: u16 = 2181;

/// Why a text is not a connect string.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectStringError {
    /// Nothing before the chroot, or nothing between two commas.
    #[error("a host is missing in the connect string; write host:port,host:port/chroot")]
    HostMissing,
    /// Not a number from 1 to 65535 after the colon.
    #[error("{0:?} is not a port; a port is a number from 1 to 65535")]
    InvalidPort(String),
    /// Blanks, control characters or stray brackets in a host.
    #[error("{0:?} is not a host name or address")]
    InvalidHost(String),
    /// Several colons without brackets: the port cannot be told from the address.
    #[error("{0:?} looks like an IPv6 address; write it in brackets, as [::1]:2181")]
    BracketsMissing(String),
    /// In brackets, but not an IPv6 address.
    #[error("{0:?} is not an IPv6 address")]
    InvalidIpv6(String),
    /// The chroot is not a legal path.
    #[error("the chroot {chroot:?} is not a path: {error}")]
    InvalidChroot {
        /// What stands from the first slash on.
        chroot: String,
        /// What is wrong with it.
        error: PathError,
    },
    /// More hosts than [`HOSTS_MAX`].
    #[error("{0} hosts in the connect string, at most {HOSTS_MAX} are allowed")]
    TooManyHosts(usize),
}

/// One server to connect to, by name or address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Host {
    /// The name, or an address as text without brackets.
    pub name: String,
    /// The TCP port.
    pub port: u16,
}

impl Host {
    /// The address, when the name is one: there is nothing to resolve then.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.name.parse().ok()
    }

    fn parse(text: &str) -> Result<Self, ConnectStringError> {
        if text.is_empty() {
            return Err(ConnectStringError::HostMissing);
        }
        match text.strip_prefix('[') {
            Some(rest) => Self::parse_brackets(text, rest),
            None => Self::parse_plain(text),
        }
    }

    fn parse_brackets(text: &str, rest: &str) -> Result<Self, ConnectStringError> {
        let invalid = || ConnectStringError::InvalidIpv6(text.to_owned());
        let (name, port) = rest.split_once(']').ok_or_else(invalid)?;
        // A zone (fe80::1%eth0) is for the resolver to understand.
        let address = name.split('%').next().unwrap_or_default();
        if address.parse::<core::net::Ipv6Addr>().is_err() {
            return Err(invalid());
        }
        let port = match port {
            "" => PORT_DEFAULT,
            _ => parse_port(port.strip_prefix(':').ok_or_else(invalid)?)?,
        };
        Ok(Self {
            name: name.to_owned(),
            port,
        })
    }

    fn parse_plain(text: &str) -> Result<Self, ConnectStringError> {
        let (name, port) = match text.split_once(':') {
            None => (text, PORT_DEFAULT),
            Some((_, port)) if port.contains(':') => {
                return Err(ConnectStringError::BracketsMissing(text.to_owned()));
            }
            Some((name, port)) => (name, parse_port(port)?),
        };
        if name.is_empty() {
            return Err(ConnectStringError::HostMissing);
        }
        let is_stray = |character: char| {
            character.is_whitespace() || character.is_control() || "[]@?#".contains(character)
        };
        if name.contains(is_stray) {
            return Err(ConnectStringError::InvalidHost(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

fn parse_port(text: &str) -> Result<u16, ConnectStringError> {
    match text.parse() {
        Ok(port) if port != 0 && !text.starts_with('+') => Ok(port),
        _ => Err(ConnectStringError::InvalidPort(text.to_owned())),
    }
}

/// A parsed connect string: at least one host, and the chroot.
///
/// ```
/// use zoa_client_core::ConnectString;
/// let parsed = ConnectString::parse("zk1,[::1]:2182/app")?;
/// assert_eq!(parsed.to_string(), "zk1:2181,[::1]:2182/app");
/// # Ok::<(), zoa_client_core::ConnectStringError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectString {
    hosts: Vec<Host>,
    chroot: String,
}

impl ConnectString {
    /// Reads a connect string; blanks around a host are ignored.
    ///
    /// # Errors
    /// When a host, a port or the chroot is not one; the error says which.
    pub fn parse(text: &str) -> Result<Self, ConnectStringError> {
        let (hosts, chroot) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, ""),
        };
        let count = hosts.split(',').count();
        if count > HOSTS_MAX {
            return Err(ConnectStringError::TooManyHosts(count));
        }
        let hosts = hosts
            .split(',')
            .map(str::trim)
            .map(Host::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            hosts,
            chroot: parse_chroot(chroot.trim_end())?,
        })
    }

    /// The hosts, in the order they were written.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The path under which the client sees everything; empty for none.
    #[must_use]
    pub fn chroot(&self) -> &str {
        &self.chroot
    }
}

impl fmt::Display for ConnectString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, host) in self.hosts.iter().enumerate() {
            let comma = if count == 0 { "" } else { "," };
            write!(f, "{comma}{host}")?;
        }
        f.write_str(&self.chroot)
    }
}

/// `/` is no chroot, as in the original.
fn parse_chroot(chroot: &str) -> Result<String, ConnectStringError> {
    if matches!(chroot, "" | "/") {
        return Ok(String::new());
    }
    match Path::parse(chroot) {
        Ok(_) => Ok(chroot.to_owned()),
        Err(error) => Err(ConnectStringError::InvalidChroot {
            chroot: chroot.to_owned(),
            error,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::ConnectString;
    use super::ConnectStringError as E;
    use crate::limits::HOSTS_MAX;

    #[track_caller]
    fn check(text: &str, written: &str) {
        let shown = ConnectString::parse(text).map(|parsed| parsed.to_string());
        assert_eq!(shown.as_deref(), Ok(written), "{text:?}");
    }

    #[track_caller]
    fn check_error(text: &str, error: &E) {
        assert_eq!(ConnectString::parse(text).as_ref(), Err(error), "{text:?}");
    }

    #[test]
    fn hosts_ports_and_chroot_are_told_apart() {
        check("localhost", "localhost:2181");
        check("a:1,b:2 , c", "a:1,b:2,c:2181");
        check("a:1/x/y", "a:1/x/y");
        check("a/", "a:2181");
        check("127.0.0.1:65535", "127.0.0.1:65535");
        check("[::1],[fe80::1%eth0]:3/z", "[::1]:2181,[fe80::1%eth0]:3/z");
    }

    #[test]
    fn what_is_no_connect_string_is_refused_with_the_reason() {
        for text in ["", "/chroot", "a,,b", "a,", ":2181"] {
            check_error(text, &E::HostMissing);
        }
        for port in ["", "0", "65536", "x", "-1", "+1", "2 181"] {
            check_error(&format!("a:{port},b"), &E::InvalidPort(port.to_owned()));
        }
        check_error("::1", &E::BracketsMissing("::1".to_owned()));
        check_error("[::1", &E::InvalidIpv6("[::1".to_owned()));
        check_error("[::1]2181", &E::InvalidIpv6("[::1]2181".to_owned()));
        check_error("[zk]:1", &E::InvalidIpv6("[zk]:1".to_owned()));
        check_error("a b:1", &E::InvalidHost("a b".to_owned()));
        let chroot = ConnectString::parse("a/x//y").unwrap_err();
        assert!(
            chroot.to_string().contains("\"/x//y\" is not a path"),
            "{chroot}"
        );
    }

    #[test]
    fn more_hosts_than_the_limit_are_refused() {
        let list = |count: usize| vec!["h"; count].join(",");
        assert!(ConnectString::parse(&list(HOSTS_MAX)).is_ok());
        check_error(&list(HOSTS_MAX + 1), &E::TooManyHosts(HOSTS_MAX + 1));
    }
}
