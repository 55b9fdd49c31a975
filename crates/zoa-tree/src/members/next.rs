//! What a reconfig makes of the member lines, or why it is refused (reference 2.9).
//!
//! ```text
//! enabled? -> an ensemble? -> the version? -> the new lines parse? -> enough participants?
//! ```
//!
//! The leader asks this before it proposes, and apply asks it again, of the lines as they then are. It does not know who is
//! connected, and not who may ask: permission is checked at apply, behind all of this, but before the one rule that the original does
//! not have: ids end at 255.

use zoa_proto::ErrorCode;
use zoa_proto::PeerId;
use zoa_proto::request::Reconfig;

use crate::members::MemberLines;
use crate::members::line;
use crate::members::line::ServerLine;
use crate::txn::Settings;

/// Why there are no next lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoNext {
    /// The request is refused whoever asks.
    Refused(ErrorCode),
    /// A server has an id that is none here. Who may not ask is told that in its place.
    IdTooHigh,
}

/// The lines after a reconfig; their version is still that of the lines before.
pub fn next(
    current: &MemberLines,
    request: &Reconfig<'_>,
    settings: Settings,
) -> Result<MemberLines, NoNext> {
    let pieces = [request.new_members, request.joining];
    let named = pieces.into_iter().flatten().flat_map(all_pieces);
    let has_id_too_high = named.into_iter().any(line::is_beyond_ids);
    let next = possible(current, request, settings).map_err(NoNext::Refused)?;
    if has_id_too_high {
        return Err(NoNext::IdTooHigh);
    }
    Ok(next.with_version(current.version()))
}

/// The same, as if servers with ids that are too high were not named.
fn possible(
    current: &MemberLines,
    request: &Reconfig<'_>,
    settings: Settings,
) -> Result<MemberLines, ErrorCode> {
    if !settings.contains(Settings::RECONFIG_ENABLED) {
        return Err(ErrorCode::ReconfigDisabled);
    }
    // A server alone has no configuration that could change.
    if current.is_empty() {
        return Err(ErrorCode::Unimplemented);
    }
    if request.config_id != -1 && request.config_id != current.version().to_wire() {
        return Err(ErrorCode::BadVersion);
    }
    let next = match request.new_members {
        Some(members) => whole(members),
        None => incremental(current, request),
    };
    let next = next.ok_or(ErrorCode::BadArguments)?;
    let participants_min = if settings.contains(Settings::STANDALONE_DISABLED) {
        1
    } else {
        2
    };
    if next.participants().count() < participants_min {
        return Err(ErrorCode::BadArguments);
    }
    Ok(next)
}

/// All servers anew, separated by commas or newlines.
fn whole(members: &str) -> Option<MemberLines> {
    let ours = all_pieces(members).filter(|piece| !line::is_beyond_ids(piece));
    let lines: Vec<&str> = ours.collect();
    MemberLines::parse(&lines.join("\n")).ok()
}

/// What stands between commas or newlines.
fn all_pieces(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '\n'])
}

/// Without those that leave, with those that join or change.
fn incremental(current: &MemberLines, request: &Reconfig<'_>) -> Option<MemberLines> {
    let mut next = current.clone();
    for leaving in pieces(request.leaving) {
        let id: i64 = leaving.parse().ok()?;
        // Who is not there may leave.
        let id = u8::try_from(id).ok();
        id.and_then(|id| next.lines.remove(&PeerId(id)));
    }
    for joining in pieces(request.joining) {
        let (key, value) = joining.split_once('=')?;
        let server = ServerLine::parse(value.trim())?;
        // The original wants all three ports of a server that joins.
        server.client.as_ref()?;
        if line::is_beyond_ids(joining) {
            continue;
        }
        let id = line::parse_id(key.trim())?;
        let others = next.iter().filter(|(other, _)| *other != id);
        if others
            .map(|(_, other)| other)
            .any(|other| share_an_address(&server, other))
        {
            return None;
        }
        next.lines.insert(id, server);
    }
    next.checked().ok()
}

fn pieces(list: Option<&str>) -> impl Iterator<Item = &str> {
    let list = list.unwrap_or_default();
    list.split(',')
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
}

/// Whether two servers would listen at the same place, by the names that are written there. Addresses that mean any machine, or
/// the own one, say nothing.
fn share_an_address(one: &ServerLine, other: &ServerLine) -> bool {
    let others: Vec<_> = places(other).collect();
    places(one).any(|place| others.contains(&place))
}

fn places(line: &ServerLine) -> impl Iterator<Item = (&str, u16)> {
    let servers = line.addresses.iter().flat_map(|address| {
        let host = address.host.as_str();
        [(host, address.quorum_port), (host, address.election_port)]
    });
    let clients = [&line.client, &line.secure_client].into_iter().flatten();
    servers
        .chain(clients.map(|client| (client.host.as_str(), client.port)))
        .filter(|(host, _)| !is_special(host))
}

fn is_special(host: &str) -> bool {
    let address: Result<core::net::IpAddr, _> = host.parse();
    address.map_or(host == "localhost", |address| {
        address.is_unspecified() || address.is_loopback()
    })
}

#[cfg(test)]
mod tests {
    use zoa_proto::ErrorCode;
    use zoa_proto::Zxid;
    use zoa_proto::request::Reconfig;

    use super::NoNext;
    use super::next;
    use crate::members::MemberLines;
    use crate::txn::Settings;

    const ENABLED: Settings = Settings::RECONFIG_ENABLED;
    const ANY: i64 = -1;

    fn current() -> MemberLines {
        let text = "server.1=a:1:2;3\nserver.2=b:1:2;3\nserver.3=c:1:2;3\nversion=7";
        MemberLines::parse(text).unwrap()
    }

    fn change<'a>(joining: Option<&'a str>, leaving: Option<&'a str>) -> Reconfig<'a> {
        Reconfig {
            joining,
            leaving,
            new_members: None,
            config_id: ANY,
        }
    }

    fn all(new_members: &str) -> Reconfig<'_> {
        Reconfig {
            joining: None,
            leaving: None,
            new_members: Some(new_members),
            config_id: ANY,
        }
    }

    const BAD: NoNext = NoNext::Refused(ErrorCode::BadArguments);

    fn ids(request: &Reconfig<'_>) -> Result<Vec<u8>, NoNext> {
        let next = next(&current(), request, ENABLED)?;
        assert_eq!(next.version(), Zxid(7));
        Ok(next.iter().map(|(id, _)| id.0).collect())
    }

    #[test]
    fn servers_join_leave_and_change() {
        let check = |joining: &str, leaving: &str, expected: &[u8]| {
            let request = change(Some(joining), Some(leaving));
            assert_eq!(ids(&request).unwrap(), expected, "{request:?}");
        };
        check("", "", &[1, 2, 3]);
        check("", "3", &[1, 2]);
        check(" server.9 = d:1:2:observer;3 ,", "3, 7,", &[1, 2, 9]);
        check("server.3=d:1:2;3", "", &[1, 2, 3]);
        check("server.2=b:1:2;4", "9", &[1, 2, 3]);
        // Who leaves first makes room for who joins.
        check("server.4=c:1:2;3", "3", &[1, 2, 4]);
        assert_eq!(ids(&change(None, None)), Ok(vec![1, 2, 3]));
    }

    #[test]
    fn all_servers_may_be_named_anew() {
        let comma = "server.2=b:1:2,server.5=e:1:2;3, version=5";
        assert_eq!(ids(&all(comma)), Ok(vec![2, 5]));
        assert_eq!(ids(&all("server.2=b:1:2\nserver.5=e:1:2")), Ok(vec![2, 5]));
        for wrong in [
            "",
            "nonsense",
            "server.1=a:1:2",
            "server.1=a,server.2=b:1:2",
        ] {
            assert_eq!(ids(&all(wrong)), Err(BAD), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for joining in [
            "server.4",
            "server.4=d:1:2",
            "server.4=d:1:2;x",
            "four=d:1:2;3",
            "server.4=a:9:1;9",
            "server.4=x:8:9;a:2",
        ] {
            let refused = ids(&change(Some(joining), None));
            assert_eq!(refused, Err(BAD), "{joining}");
        }
        let refused = ids(&change(None, Some("server.3")));
        assert_eq!(refused, Err(BAD));
    }

    #[test]
    fn ids_that_the_original_takes_are_refused_behind_all_else() {
        let check = |joining: &str, expected: NoNext| {
            let found = ids(&change(Some(joining), None));
            assert_eq!(found, Err(expected), "{joining}");
        };
        for id in ["0", "256", "999", "-3", "9223372036854775807"] {
            let line = format!("server.{id}=d:1:2:observer;3");
            check(&line, NoNext::IdTooHigh);
            let several = format!("server.1=a:1:2,{line},server.2=b:1:2");
            assert_eq!(ids(&all(&several)), Err(NoNext::IdTooHigh));
        }
        check("server.999=d:1:2", BAD);
        check("server.999=d:1:2:observer;3,nonsense", BAD);
        check("server.9223372036854775808=d:1:2;3", BAD);
        assert_eq!(ids(&change(None, Some("999, -1"))), Ok(vec![1, 2, 3]));
    }

    #[test]
    fn addresses_of_any_machine_do_not_clash() {
        let text = "server.1=127.0.0.1:1:2;3\nserver.2=localhost:1:2;3";
        let members = MemberLines::parse(text).unwrap();
        let joining = change(Some("server.3=127.0.0.1:1:2;3"), None);
        assert!(next(&members, &joining, ENABLED).is_ok());
    }

    #[test]
    fn two_must_vote_unless_one_alone_is_an_ensemble() {
        let alone = change(None, Some("2,3"));
        let observers = change(Some("server.2=b:1:2:observer;3"), Some("3"));
        let nobody = change(None, Some("1,2,3"));
        let try_in = |settings| {
            [alone, observers, nobody].map(|request| next(&current(), &request, settings).err())
        };
        assert_eq!(try_in(ENABLED), [Some(BAD); 3]);
        assert_eq!(
            try_in(ENABLED.union(Settings::STANDALONE_DISABLED)),
            [None, None, Some(BAD)]
        );
    }

    /// The order of the checks is the reference's.
    #[test]
    fn disabled_comes_first_then_standalone_then_the_version() {
        let wrong = Reconfig {
            config_id: 8,
            ..all("nonsense")
        };
        let error = |members: &MemberLines, request: &Reconfig<'_>, settings: Settings| {
            next(members, request, settings).err()
        };
        let alone = MemberLines::default();
        assert_eq!(
            error(&alone, &wrong, Settings::NONE),
            Some(NoNext::Refused(ErrorCode::ReconfigDisabled))
        );
        assert_eq!(
            error(&alone, &wrong, ENABLED),
            Some(NoNext::Refused(ErrorCode::Unimplemented))
        );
        assert_eq!(
            error(&current(), &wrong, ENABLED),
            Some(NoNext::Refused(ErrorCode::BadVersion))
        );
        let right = Reconfig {
            config_id: 7,
            ..change(None, Some("3"))
        };
        assert_eq!(error(&current(), &right, ENABLED), None);
    }
}
