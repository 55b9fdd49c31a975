//! An independent, simple model of what ZooKeeper's replicated state does.
//!
//! Written from the reference (sections 1.5 to 2.7) and for clarity alone: maps of whole paths, linear searches, values cloned
//! freely. It shares no code with zoa-tree, which it judges: where the two differ, one of them is wrong.
//!
//! Invariant: [`Model::apply`] is a function of the state and the entry; every entry gives exactly one [`Step`]. Serves G-01,
//! G-05, G-07, G-08, G-10, G-12 to G-15 and G-17, all of which compare what clients saw with what this model says.
//!
//! ```text
//!   entry --> model.rs (session, owner, zxid) --> model/write.rs, multi.rs, members.rs --> nodes + fired events
//!                                                 model/read.rs  <-- reads at this zxid
//! ```

mod access;
mod members;
mod multi;
mod node;
mod path;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use access::allows;
pub use node::Node;
pub use path::parent_of;

use crate::applied::Asked;
use crate::applied::Entry;
use crate::applied::Owner;
use crate::op::Acl;
use crate::op::Answer;
use crate::op::Event;
use crate::op::EventKind;
use crate::op::Identity;
use crate::op::Op;
use crate::op::Outcome;
use crate::op::code;
use crate::op::owner;
use members::Members;
use std::collections::BTreeMap;

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The negotiated timeout.
    pub timeout_ms: i32,
    /// The secret for re-attaching.
    pub password: Vec<u8>,
    /// Who speaks for it.
    pub owner: Owner,
}

/// A change that watches may be waiting for, with the ACL that decides who may hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// What happened and where.
    pub event: Event,
    /// The ACL of the znode concerned at that moment.
    pub acl: Vec<Acl>,
}

/// What one entry did.
#[derive(Clone, Debug)]
pub struct Step {
    /// The last zxid after it.
    pub zxid: i64,
    /// Whether that zxid is this entry's own.
    pub took_zxid: bool,
    /// What the client is told.
    pub outcome: Outcome,
    /// The changes, in the order in which watches hear of them.
    pub fired: Vec<Fired>,
    /// The session that this entry brought to its end.
    pub ended_session: Option<i64>,
}

/// Who asks and when, for one write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) session: i64,
    pub(crate) identities: &'a [Identity],
    pub(crate) time_ms: i64,
    pub(crate) zxid: i64,
}

/// The replicated state, by the model.
#[derive(Clone, Debug)]
pub struct Model {
    nodes: BTreeMap<String, Node>,
    sessions: BTreeMap<i64, Session>,
    zxid: i64,
    /// The term in which the zxid was given.
    term: u64,
    /// Values of nodes before a multi touched them, so that it can be taken back.
    undo: Option<Vec<(String, Option<Node>)>>,
    /// The servers of the ensemble; none of a server alone.
    members: Members,
}

impl Default for Model {
    fn default() -> Self {
        let mut nodes = BTreeMap::new();
        let open = Acl::open();
        let config_acl = vec![Acl::new(crate::op::perm::READ, "world", "anyone")];
        nodes.insert("/".to_owned(), Node::predefined(1, open.clone()));
        nodes.insert("/zookeeper".to_owned(), Node::predefined(2, open.clone()));
        nodes.insert("/zookeeper/quota".to_owned(), Node::predefined(0, open));
        // Its ACL is set once, at start, to the version that is given: -1.
        let config = Node {
            aversion: -1,
            ..Node::predefined(0, config_acl)
        };
        nodes.insert("/zookeeper/config".to_owned(), config);
        Self {
            nodes,
            sessions: BTreeMap::new(),
            zxid: 0,
            term: 0,
            undo: None,
            members: Members::default(),
        }
    }
}

impl Model {
    /// The zxid of the last write.
    pub fn zxid(&self) -> i64 {
        self.zxid
    }

    /// A live session.
    pub fn session(&self, id: i64) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// All live sessions.
    pub fn sessions(&self) -> impl Iterator<Item = (&i64, &Session)> {
        self.sessions.iter()
    }

    /// The znode at this path.
    pub fn node(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// The path by which readers mean a znode: the original keeps the root under the empty name as well.
    pub(crate) fn read_path(path: &str) -> &str {
        if path.is_empty() { "/" } else { path }
    }

    /// All znodes in the order of their paths.
    pub fn nodes(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.nodes.iter()
    }

    /// Applies one committed entry.
    pub fn apply(&mut self, entry: &Entry) -> Step {
        match &entry.asked {
            Asked::Open {
                timeout_ms,
                password,
            } => self.open_session(entry, *timeout_ms, password),
            Asked::Attach {
                timeout_ms,
                password,
            } => self.attach_session(entry, *timeout_ms, password),
            Asked::Close => self.close_session(entry),
            Asked::Expire => self.end_session(entry),
            Asked::Request(op) => self.write(entry, op),
            Asked::Refuse(error) => {
                self.take_zxid(entry.term);
                let outcome = self.check_speaker(entry).and(Err(*error));
                self.step(true, outcome, Vec::new())
            }
            Asked::Sync => {
                let outcome = self.check_speaker(entry).map(|()| Answer::Done);
                self.step(false, outcome, Vec::new())
            }
            Asked::FoundMembers(lines) => self.found_members(entry, lines),
            // What clients see is the same under all rules so far.
            Asked::RaiseSemantics(_) => self.step(false, Ok(Answer::Done), Vec::new()),
            Asked::Reap {
                path,
                never_used_ms_max,
            } => self.reap(entry, path, *never_used_ms_max),
            Asked::Unreadable(_) => self.step(false, Err(code::MARSHALLING), Vec::new()),
        }
    }

    fn step(&self, took_zxid: bool, outcome: Outcome, fired: Vec<Fired>) -> Step {
        Step {
            zxid: self.zxid,
            took_zxid,
            outcome,
            fired,
            ended_session: None,
        }
    }

    /// The epoch goes up with the term, and when the counter is used up; otherwise the counter does.
    fn take_zxid(&mut self, term: u64) {
        let (epoch, counter) = (self.zxid >> 32, self.zxid & 0xffff_ffff);
        let new_term = term > self.term;
        self.term = self.term.max(term);
        self.zxid = if new_term || counter == 0xffff_ffff {
            ((epoch + 1) << 32) | 1
        } else {
            self.zxid + 1
        };
    }

    /// A session must live, and the connection that asks must be the one that speaks for it now.
    fn check_speaker(&self, entry: &Entry) -> Result<(), i32> {
        let session = self
            .sessions
            .get(&entry.session)
            .ok_or(code::SESSION_EXPIRED)?;
        if session.owner == entry.owner {
            Ok(())
        } else {
            Err(code::SESSION_MOVED)
        }
    }

    /// What the leader takes for unused goes if it is so when it is applied; the number is used up either way.
    fn reap(&mut self, entry: &Entry, path: &str, never_used_ms_max: u32) -> Step {
        self.take_zxid(entry.term);
        let mut fired = Vec::new();
        let outcome = self.check_unused(entry.time_ms, path, never_used_ms_max);
        if outcome.is_ok() {
            self.remove_node(path, self.zxid, &mut fired);
        }
        self.step(true, outcome.map(|()| Answer::Done), fired)
    }

    /// A container that had children, or was never used for too long; a znode that was not changed for its time to live. Neither
    /// while it has children (reference: section 2.3).
    fn check_unused(&self, time_ms: i64, path: &str, never_used_ms_max: u32) -> Result<(), i32> {
        let node = self.nodes.get(path).ok_or(code::NO_NODE)?;
        if node.num_children > 0 {
            return Err(code::NOT_EMPTY);
        }
        let unchanged_ms = time_ms - node.mtime;
        let is_due = if node.ephemeral_owner == owner::CONTAINER {
            let never_used_ms_max = i64::from(never_used_ms_max);
            let was_used = node.stat().cversion > 0;
            was_used || (never_used_ms_max > 0 && unchanged_ms > never_used_ms_max)
        } else if node.ephemeral_owner & owner::TTL == owner::TTL {
            unchanged_ms > node.ephemeral_owner & !owner::TTL
        } else {
            false
        };
        is_due.then_some(()).ok_or(code::BAD_VERSION)
    }

    fn open_session(&mut self, entry: &Entry, timeout_ms: i32, password: &[u8]) -> Step {
        self.take_zxid(entry.term);
        let session = Session {
            timeout_ms,
            password: password.to_vec(),
            owner: entry.owner,
        };
        self.sessions.insert(entry.session, session);
        self.step(true, Ok(Answer::Done), Vec::new())
    }

    fn attach_session(&mut self, entry: &Entry, timeout_ms: i32, password: &[u8]) -> Step {
        let outcome = match self.sessions.get_mut(&entry.session) {
            Some(session) if session.password == password => {
                session.owner = entry.owner;
                session.timeout_ms = timeout_ms;
                Ok(Answer::Done)
            }
            Some(_) | None => Err(code::SESSION_EXPIRED),
        };
        self.step(false, outcome, Vec::new())
    }

    fn close_session(&mut self, entry: &Entry) -> Step {
        match self.check_speaker(entry) {
            Ok(()) => self.end_session(entry),
            Err(error) => {
                self.take_zxid(entry.term);
                self.step(true, Err(error), Vec::new())
            }
        }
    }

    /// The session and its ephemerals go in one zxid; ephemerals have no children, so their order is free.
    fn end_session(&mut self, entry: &Entry) -> Step {
        self.take_zxid(entry.term);
        if self.sessions.remove(&entry.session).is_none() {
            return self.step(true, Err(code::SESSION_EXPIRED), Vec::new());
        }
        let mut fired = Vec::new();
        for path in self.ephemerals_of(entry.session) {
            self.remove_node(&path, self.zxid, &mut fired);
        }
        Step {
            ended_session: Some(entry.session),
            ..self.step(true, Ok(Answer::Done), fired)
        }
    }

    fn write(&mut self, entry: &Entry, op: &Op) -> Step {
        self.take_zxid(entry.term);
        if let Err(error) = self.check_speaker(entry) {
            return self.step(true, Err(error), Vec::new());
        }
        let asker = Asker {
            session: entry.session,
            identities: &entry.identities,
            time_ms: entry.time_ms,
            zxid: self.zxid,
        };
        let mut fired = Vec::new();
        let outcome = match op {
            Op::Multi(ops) => Ok(Answer::Multi(self.multi(asker, ops, &mut fired))),
            single => self.write_one(asker, single, &mut fired),
        };
        self.step(true, outcome, fired)
    }

    /// The names of a znode's children, sorted.
    pub fn children_of(&self, path: &str) -> Vec<String> {
        let names = self.below(path).filter(|name| !name.contains('/'));
        names.map(str::to_owned).collect()
    }

    /// The paths below a znode, each without the znode's own.
    pub(crate) fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        let prefix = if path == "/" {
            "/".to_owned()
        } else {
            format!("{path}/")
        };
        let from = prefix.clone();
        let candidates = self.nodes.range(from..).map(|(other, _)| other.as_str());
        candidates
            .map_while(move |other| other.strip_prefix(prefix.as_str()))
            .filter(|rest| !rest.is_empty())
    }

    /// The paths of a session's ephemerals, sorted.
    pub fn ephemerals_of(&self, session: i64) -> Vec<String> {
        let owned = self
            .nodes
            .iter()
            .filter(|(_, node)| node.ephemeral_owner == session);
        if session == 0 {
            Vec::new()
        } else {
            owned.map(|(path, _)| path.clone()).collect()
        }
    }

    fn fire(fired: &mut Vec<Fired>, event: (EventKind, &str, i64), acl: &[Acl]) {
        let (kind, path, zxid) = event;
        fired.push(Fired {
            event: Event {
                zxid,
                kind,
                path: path.to_owned(),
            },
            acl: acl.to_vec(),
        });
    }
}
