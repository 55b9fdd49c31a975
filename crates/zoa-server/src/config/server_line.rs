//! The value of a `server.N` line.
//!
//! ```text
//! host:quorumPort:electionPort[:participant|observer][;[host:]clientPort][;[host:]secureClientPort]
//! ```
//!
//! Several networks of one server stand with `|` between them; an IPv6 address stands in brackets.

use crate::config::model::ListenOn;
use crate::config::model::Member;
use crate::config::model::MemberAddress;
use crate::config::model::PeerType;

/// What the error says when a line is none of this.
pub(super) const EXPECTED: &str = "host:quorumPort:electionPort, then perhaps :participant or \
                                   :observer, then perhaps ;clientPort or ;host:clientPort";

/// Reads one line; `None` if it is not one.
pub(super) fn parse(value: &str) -> Option<Member> {
    let mut parts = value.split(';').map(str::trim);
    let servers = parts.next()?;
    let client = parts.next().map(listen_on);
    let secure_client = parts.next().map(listen_on);
    if parts.next().is_some() || client == Some(None) || secure_client == Some(None) {
        return None;
    }
    let mut addresses = Vec::new();
    let mut peer_type = None;
    for address in servers.split('|') {
        let (address, named) = member_address(address.trim())?;
        addresses.push(address);
        if peer_type.is_some() && named.is_some() && named != peer_type {
            return None;
        }
        peer_type = peer_type.or(named);
    }
    Some(Member {
        addresses,
        peer_type: peer_type.unwrap_or(PeerType::Participant),
        client: client.flatten(),
        secure_client: secure_client.flatten(),
    })
}

fn member_address(text: &str) -> Option<(MemberAddress, Option<PeerType>)> {
    let (host, rest) = split_host(text)?;
    let mut parts = rest.split(':');
    let quorum_port = port(parts.next()?)?;
    let election_port = port(parts.next()?)?;
    let peer_type = match parts.next() {
        None => None,
        Some(word) => Some(peer_type(word)?),
    };
    if parts.next().is_some() {
        return None;
    }
    Some((
        MemberAddress {
            host,
            quorum_port,
            election_port,
        },
        peer_type,
    ))
}

/// `participant` or `observer`, in any case.
pub(super) fn peer_type(word: &str) -> Option<PeerType> {
    if word.eq_ignore_ascii_case("participant") {
        Some(PeerType::Participant)
    } else if word.eq_ignore_ascii_case("observer") {
        Some(PeerType::Observer)
    } else {
        None
    }
}

fn listen_on(text: &str) -> Option<ListenOn> {
    if let Some(port) = port(text) {
        return Some(ListenOn { host: None, port });
    }
    let (host, rest) = split_host(text)?;
    Some(ListenOn {
        host: Some(host),
        port: port(rest)?,
    })
}

/// The host and what is behind the colon after it.
fn split_host(text: &str) -> Option<(String, &str)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(text) => {
            let (host, rest) = text.split_once(']')?;
            (host, rest.strip_prefix(':')?)
        }
        None => text.split_once(':')?,
    };
    if host.is_empty() {
        return None;
    }
    Some((host.to_owned(), rest))
}

fn port(text: &str) -> Option<u16> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| all_digits && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, quorum_port: u16, election_port: u16) -> MemberAddress {
        MemberAddress {
            host: host.to_owned(),
            quorum_port,
            election_port,
        }
    }

    fn member(addresses: Vec<MemberAddress>) -> Member {
        let peer_type = PeerType::Participant;
        Member {
            addresses,
            peer_type,
            client: None,
            secure_client: None,
        }
    }

    fn on(host: Option<&str>, port: u16) -> Option<ListenOn> {
        Some(ListenOn {
            host: host.map(str::to_owned),
            port,
        })
    }

    #[test]
    fn the_plain_form_names_a_participant() {
        assert_eq!(
            parse("zk1:2888:3888"),
            Some(member(vec![address("zk1", 2888, 3888)]))
        );
        assert_eq!(
            parse("10.0.0.1:2888:3888:participant"),
            Some(member(vec![address("10.0.0.1", 2888, 3888)]))
        );
    }

    #[test]
    fn observers_and_client_ports_are_read() {
        let plain = || member(vec![address("zk1", 2888, 3888)]);
        let observer = Member {
            peer_type: PeerType::Observer,
            ..plain()
        };
        assert_eq!(parse("zk1:2888:3888:OBSERVER"), Some(observer));
        let client = Member {
            client: on(None, 2181),
            ..plain()
        };
        assert_eq!(parse("zk1:2888:3888;2181"), Some(client));
        let hosted = Member {
            client: on(Some("10.0.0.1"), 2181),
            ..plain()
        };
        assert_eq!(parse("zk1:2888:3888;10.0.0.1:2181"), Some(hosted));
        let both = Member {
            client: on(None, 2181),
            secure_client: on(Some("::"), 2281),
            ..plain()
        };
        assert_eq!(
            parse("zk1:2888:3888:participant;2181;[::]:2281"),
            Some(both)
        );
    }

    #[test]
    fn several_networks_and_ipv6_are_read() {
        let two = vec![address("a", 1, 2), address("::1", 3, 4)];
        assert_eq!(parse("a:1:2|[::1]:3:4"), Some(member(two.clone())));
        let observer = Member {
            peer_type: PeerType::Observer,
            ..member(two)
        };
        assert_eq!(parse("a:1:2:observer|[::1]:3:4:observer"), Some(observer));
    }

    // The original refuses these too ("does not have the form ...", "Unrecognised peertype").
    #[test]
    fn other_forms_are_refused() {
        for wrong in [
            "",
            "zk1",
            "zk1:2888",
            "zk1:2888:3888:voter",
            "zk1:2888:3888:participant:1",
            "zk1:2888:x",
            "zk1:0:3888",
            "zk1:+1:3888",
            "zk1:99999:3888",
            ":2888:3888",
            "zk1:2888:3888;",
            "zk1:2888:3888;x",
            "zk1:2888:3888;1;2;3",
            "[::1:2888:3888",
            "a:1:2:observer|b:1:2:participant",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
