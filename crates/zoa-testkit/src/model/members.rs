//! The servers of the ensemble: what the first leader wrote down, and what reconfigs make of it (reference: section 2.9).
//!
//! Which of them vote in the replication, and whether enough of them are there, is not known here: a refusal for such a reason comes
//! as an entry of its own. Invariant: the lines are those of the last reconfig that succeeded, whatever anybody wrote into the znode.
//! Serves G-23.
//!
//! ```text
//!   an ensemble? -> the expected version? -> readable, and two that vote? -> WRITE on /zookeeper/config -> ids of one byte?
//! ```

use super::Asker;
use super::Fired;
use super::Model;
use super::Node;
use super::Step;
use super::access;
use crate::applied::Entry;
use crate::op::Answer;
use crate::op::Blob;
use crate::op::EventKind;
use crate::op::Outcome;
use crate::op::code;
use crate::op::perm;
use std::collections::BTreeMap;

/// Where the lines can be read.
const CONFIG: &str = "/zookeeper/config";

/// Of the address that means any of the machine's; such addresses never clash.
const ANY_HOST: &str = "0.0.0.0";

/// The servers by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    lines: BTreeMap<u8, Line>,
    version: i64,
}

/// What stands behind `server.N=`. One address a server: these clients name no more.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    host: String,
    quorum_port: u16,
    election_port: u16,
    is_observer: bool,
    client: Option<(String, u16)>,
}

/// What a reconfig asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) joining: Option<&'a str>,
    pub(super) leaving: Option<&'a str>,
    pub(super) new_members: Option<&'a str>,
    pub(super) config_id: i64,
}

impl Model {
    /// The first time, the servers stand in the configuration from here on, with version 0; nobody hears of it.
    pub(super) fn found_members(&mut self, entry: &Entry, lines: &str) -> Step {
        if !self.members.lines.is_empty() {
            return self.step(false, Err(code::NODE_EXISTS), Vec::new());
        }
        let Some(lines) = parse_all(lines).filter(|lines| !lines.is_empty()) else {
            return self.step(false, Err(code::BAD_ARGUMENTS), Vec::new());
        };
        self.set_members(Members { lines, version: 0 }, entry.time_ms);
        self.step(false, Ok(Answer::Done), Vec::new())
    }

    /// Gives the servers new lines, and says so to whoever watches them.
    pub(super) fn reconfig(
        &mut self,
        asker: Asker<'_>,
        wanted: Change<'_>,
        fired: &mut Vec<Fired>,
    ) -> Outcome {
        if self.members.lines.is_empty() {
            return Err(code::UNIMPLEMENTED);
        }
        if wanted.config_id != -1 && wanted.config_id != self.members.version {
            return Err(code::BAD_VERSION);
        }
        let lines = match wanted.new_members {
            Some(all) => parse_all(&all.replace(',', "\n")),
            None => self.with_change(wanted),
        };
        let lines = lines.ok_or(code::BAD_ARGUMENTS)?;
        if lines.values().filter(|line| !line.is_observer).count() < 2 {
            return Err(code::BAD_ARGUMENTS);
        }
        let node = self.node(CONFIG).ok_or(code::NO_NODE)?;
        if !access::allows(&node.acl, perm::WRITE, asker.identities) {
            return Err(code::NO_AUTH);
        }
        // The original takes any number; only who may ask is told that ids end here.
        let named = [wanted.joining, wanted.new_members].into_iter().flatten();
        if named
            .flat_map(|list| list.split([',', '\n']))
            .any(is_beyond_ids)
        {
            return Err(code::BAD_ARGUMENTS);
        }
        let event = (EventKind::NodeDataChanged, CONFIG, asker.zxid);
        Self::fire(fired, event, &node.acl.clone());
        let version = asker.zxid;
        self.set_members(Members { lines, version }, asker.time_ms);
        let node = self.node(CONFIG).ok_or(code::NO_NODE)?;
        Ok(Answer::Data(node.data.clone(), node.stat()))
    }

    fn set_members(&mut self, members: Members, time_ms: i64) {
        let text = members.text();
        self.change(CONFIG, |node: &mut Node| {
            node.data = Some(Blob(text.into_bytes()));
            node.version = -1;
            node.mzxid = members.version;
            node.mtime = time_ms;
        });
        self.members = members;
    }

    /// Those that leave go first, so that who joins may have their addresses.
    fn with_change(&self, wanted: Change<'_>) -> Option<BTreeMap<u8, Line>> {
        let mut lines = self.members.lines.clone();
        for leaving in pieces(wanted.leaving) {
            // Who is not there may leave.
            let id: i64 = leaving.parse().ok()?;
            lines.retain(|other, _| i64::from(*other) != id);
        }
        for joining in pieces(wanted.joining) {
            let (id, line) = parse_line(joining)?;
            line.client.as_ref()?;
            let Some(id) = id else { continue };
            let mut others = lines.iter().filter(|(other, _)| **other != id);
            if others.any(|(_, other)| line.clashes_with(other)) {
                return None;
            }
            lines.insert(id, line);
        }
        Some(lines)
    }
}

impl Members {
    /// What `/zookeeper/config` says.
    fn text(&self) -> String {
        let mut text = String::new();
        for (id, line) in &self.lines {
            let Line {
                host,
                quorum_port,
                election_port,
                ..
            } = line;
            let role = if line.is_observer {
                "observer"
            } else {
                "participant"
            };
            text += &format!("server.{id}={host}:{quorum_port}:{election_port}:{role}");
            if let Some((host, port)) = &line.client {
                text += &format!(";{host}:{port}");
            }
            text += "\n";
        }
        text + &format!("version={:x}", self.version)
    }
}

impl Line {
    fn places(&self) -> Vec<(&str, u16)> {
        let host = self.host.as_str();
        let mut places = vec![(host, self.quorum_port), (host, self.election_port)];
        let client = self.client.iter();
        places.extend(client.map(|(host, port)| (host.as_str(), *port)));
        places.retain(|(host, _)| *host != ANY_HOST);
        places
    }

    fn clashes_with(&self, other: &Self) -> bool {
        let others = other.places();
        self.places().iter().any(|place| others.contains(place))
    }
}

/// Lines of servers, and one of a version, which counts for nothing; nothing when there is any other, or a server stands twice.
fn parse_all(text: &str) -> Option<BTreeMap<u8, Line>> {
    let mut lines = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(version) = line.strip_prefix("version=") {
            u64::from_str_radix(version, 16).ok()?;
            continue;
        }
        let (id, line) = parse_line(line)?;
        if id.is_some_and(|id| lines.insert(id, line).is_some()) {
            return None;
        }
    }
    Some(lines)
}

/// Whether a piece is the line of a server whose id is none here.
fn is_beyond_ids(piece: &str) -> bool {
    parse_line(piece.trim()).is_some_and(|(id, _)| id.is_none())
}

/// A line and its id, when it is one that a server can have here.
fn parse_line(line: &str) -> Option<(Option<u8>, Line)> {
    let (key, value) = line.split_once('=')?;
    let id: i64 = key.trim().strip_prefix("server.")?.parse().ok()?;
    let id = u8::try_from(id).ok().filter(|id| *id != 0);
    let (server, client) = match value.trim().split_once(';') {
        None => (value.trim(), None),
        Some((server, client)) => (server, Some(parse_client(client)?)),
    };
    let mut parts = server.split(':');
    let host = parts.next().filter(|host| !host.is_empty())?.to_owned();
    let (quorum_port, election_port) = (parse_port(parts.next()?)?, parse_port(parts.next()?)?);
    let is_observer = match parts.next() {
        None | Some("participant") => false,
        Some("observer") => true,
        Some(_) => return None,
    };
    let line = Line {
        host,
        quorum_port,
        election_port,
        is_observer,
        client,
    };
    parts.next().is_none().then_some((id, line))
}

fn parse_client(text: &str) -> Option<(String, u16)> {
    match text.split_once(':') {
        None => Some((ANY_HOST.to_owned(), parse_port(text)?)),
        Some((host, port)) => Some((host.to_owned(), parse_port(port)?)),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

fn pieces(list: Option<&str>) -> impl Iterator<Item = &str> {
    let pieces = list.unwrap_or_default().split(',').map(str::trim);
    pieces.filter(|piece| !piece.is_empty())
}
