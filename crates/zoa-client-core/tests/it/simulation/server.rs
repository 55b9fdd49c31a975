//! A small model of a ZooKeeper server: one tree, sessions, the watches of each connection. It is written from the rules, for
//! this test alone; it shares nothing with the client but the protocol's types.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use zoa_proto::AddWatchMode;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::PathList;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::WatchedEvent;
use zoa_proto::WatcherType;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_event;
use zoa_proto::encode_reply;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;

#[derive(Default)]
struct Node {
    data: Vec<u8>,
    stat: Stat,
}

struct Session {
    timeout_ms: u64,
    heard_ms: u64,
}

/// The watches and the bytes of one connection.
#[derive(Default)]
pub(crate) struct Line {
    session: Option<i64>,
    input: Vec<u8>,
    pub(crate) output: Vec<u8>,
    pub(crate) closed: bool,
    data: BTreeSet<String>,
    child: BTreeSet<String>,
    persistent: BTreeSet<String>,
    recursive: BTreeSet<String>,
}

/// Something that happened to a path.
pub(crate) struct Change {
    pub(crate) zxid: u64,
    pub(crate) kind: EventKind,
    pub(crate) path: String,
}

#[derive(Default)]
pub(crate) struct Server {
    zxid: u64,
    nodes: BTreeMap<String, Node>,
    sessions: BTreeMap<i64, Session>,
    sessions_made: i64,
    pub(crate) lines: BTreeMap<u64, Line>,
    pub(crate) changes: Vec<Change>,
    /// The tags of writes that were applied, as often as they were.
    pub(crate) applied: Vec<u32>,
    pub(crate) expired: BTreeSet<i64>,
    pub(crate) closed: BTreeSet<i64>,
}

const PASSWORD: &[u8] = b"a good password!";

impl Server {
    pub(crate) fn new(chroot: &str) -> Self {
        let mut server = Self::default();
        server.nodes.insert("/".to_owned(), Node::default());
        if !chroot.is_empty() {
            server.nodes.insert(chroot.to_owned(), Node::default());
        }
        server
    }

    pub(crate) fn has_session(&self, session: i64) -> bool {
        self.sessions.contains_key(&session)
    }

    pub(crate) fn stat(&self, path: &str) -> Option<Stat> {
        self.nodes.get(path).map(|node| node.stat)
    }

    /// Ends sessions that have been silent for their timeout; says which.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Vec<i64> {
        let is_over = |session: &Session| session.heard_ms + session.timeout_ms < now_ms;
        let over: Vec<i64> = self
            .sessions
            .iter()
            .filter(|(_, session)| is_over(session))
            .map(|(id, _)| *id)
            .collect();
        for id in &over {
            self.sessions.remove(id);
            self.expired.insert(*id);
            self.zxid += 1;
            for line in self
                .lines
                .values_mut()
                .filter(|line| line.session == Some(*id))
            {
                line.closed = true;
            }
        }
        over
    }

    /// All connections break, and every session gets its full time again.
    pub(crate) fn restart(&mut self, now_ms: u64) {
        self.lines.clear();
        for session in self.sessions.values_mut() {
            session.heard_ms = now_ms;
        }
    }

    pub(crate) fn receive(&mut self, number: u64, bytes: &[u8], now_ms: u64) {
        let line = self.lines.entry(number).or_default();
        line.input.extend_from_slice(bytes);
        let input = std::mem::take(&mut line.input);
        let mut rest = input.as_slice();
        while let Some((frame, consumed)) =
            next_frame(rest, FrameLimits::default()).expect("clients send good frames")
        {
            rest = &rest[consumed..];
            if self.lines[&number].closed {
                return;
            }
            self.handle(number, frame, now_ms);
        }
        let left = rest.to_vec();
        self.line(number).input = left;
    }

    fn line(&mut self, number: u64) -> &mut Line {
        self.lines.entry(number).or_default()
    }

    fn handle(&mut self, number: u64, frame: &[u8], now_ms: u64) {
        let Some(session) = self.lines[&number].session else {
            return self.handle_connect(number, frame, now_ms);
        };
        let Some(state) = self.sessions.get_mut(&session) else {
            self.line(number).closed = true;
            return;
        };
        state.heard_ms = now_ms;
        let (header, body) = RequestHeader::decode(frame).expect("clients send good headers");
        let op = header.op().expect("clients send good opcodes");
        let request = Request::decode(op, body).expect("clients send good requests");
        let result = self.answer(number, &request);
        let header = ReplyHeader {
            xid: header.xid,
            zxid: Zxid(if header.xid == Xid::AUTH {
                0
            } else {
                self.zxid
            }),
            error: result.as_ref().err().copied(),
        };
        let output = &mut self.line(number).output;
        encode_reply(output, header, |writer| {
            if let Ok(answer) = result {
                answer.encode(writer);
            }
        });
        if matches!(request, Request::CloseSession) {
            self.sessions.remove(&session);
            self.closed.insert(session);
            self.line(number).closed = true;
        }
    }

    fn handle_connect(&mut self, number: u64, frame: &[u8], now_ms: u64) {
        let request = ConnectRequest::decode(frame).expect("clients send good connect requests");
        assert!(
            request.last_zxid_seen.0 <= self.zxid,
            "a client has seen what never was"
        );
        let mut id = request.session.0;
        if id == 0 {
            self.sessions_made += 1;
            self.zxid += 1;
            id = self.sessions_made;
            let timeout_ms = u64::try_from(request.timeout_ms).expect("a timeout");
            let heard_ms = now_ms;
            self.sessions.insert(
                id,
                Session {
                    timeout_ms,
                    heard_ms,
                },
            );
        } else {
            assert_eq!(request.password, PASSWORD, "the session's password");
        }
        let known = self.sessions.get_mut(&id).map(|session| {
            session.heard_ms = now_ms;
            session.timeout_ms
        });
        for (other, line) in &mut self.lines {
            line.closed |= line.session == Some(id) && *other != number;
        }
        let line = self.line(number);
        let response = match known {
            Some(timeout_ms) => ConnectResponse {
                protocol_version: 0,
                timeout_ms: i32::try_from(timeout_ms).expect("a timeout"),
                session: SessionId(id),
                password: PASSWORD,
                read_only: Some(false),
            },
            None => ConnectResponse::rejected(Some(false)),
        };
        line.session = known.map(|_| id);
        line.closed = known.is_none();
        response
            .encode_frame(&mut line.output)
            .expect("a short frame");
    }

    fn answer(&mut self, number: u64, request: &Request<'_>) -> Result<Answer, ErrorCode> {
        match request {
            Request::Create(body) => {
                self.create(body.path, body.data.unwrap_or_default())?;
                Ok(Answer::Path(body.path.to_owned()))
            }
            Request::SetData(body) => self.set_data(body.path, body.data.unwrap_or_default()),
            Request::Delete(body) => self.delete(body.path, tag_of_version(body.version.0)),
            Request::GetData(body) => {
                let node = self.nodes.get(body.path).ok_or(ErrorCode::NoNode)?;
                let answer = Answer::Data(node.data.clone(), node.stat);
                self.watch(number, body.path, body.watch, |line| &mut line.data);
                Ok(answer)
            }
            Request::Exists(body) => {
                self.watch(number, body.path, body.watch, |line| &mut line.data);
                let node = self.nodes.get(body.path).ok_or(ErrorCode::NoNode)?;
                Ok(Answer::Stat(node.stat))
            }
            Request::GetChildren2(body) => {
                let stat = self.stat(body.path).ok_or(ErrorCode::NoNode)?;
                self.watch(number, body.path, body.watch, |line| &mut line.child);
                Ok(Answer::Children(stat))
            }
            Request::AddWatch(body) => {
                match body.mode {
                    AddWatchMode::Persistent => {
                        self.watch(number, body.path, true, |line| &mut line.persistent)
                    }
                    AddWatchMode::PersistentRecursive => {
                        self.watch(number, body.path, true, |line| &mut line.recursive)
                    }
                }
                Ok(Answer::ErrorResponse)
            }
            Request::SetWatches(body) => {
                let lists = [body.data_watches, body.exist_watches, body.child_watches];
                self.set_watches(number, body.relative_zxid, lists);
                Ok(Answer::Empty)
            }
            Request::SetWatches2(body) => {
                let lists = [body.data_watches, body.exist_watches, body.child_watches];
                self.set_watches(number, body.relative_zxid, lists);
                for path in body.persistent_watches {
                    self.watch(number, path, true, |line| &mut line.persistent);
                }
                for path in body.persistent_recursive_watches {
                    self.watch(number, path, true, |line| &mut line.recursive);
                }
                Ok(Answer::Empty)
            }
            Request::CheckWatches(body) => {
                self.remove_watches(number, body.path, body.watcher_type, false)
            }
            Request::RemoveWatches(body) => {
                self.remove_watches(number, body.path, body.watcher_type, true)
            }
            Request::Ping | Request::Auth(_) | Request::CloseSession => Ok(Answer::Empty),
            other => panic!("the simulated client does not send {other:?}"),
        }
    }

    fn watch(
        &mut self,
        number: u64,
        path: &str,
        wanted: bool,
        table: impl Fn(&mut Line) -> &mut BTreeSet<String>,
    ) {
        if wanted {
            table(self.line(number)).insert(path.to_owned());
        }
    }

    fn remove_watches(
        &mut self,
        number: u64,
        path: &str,
        which: WatcherType,
        removes: bool,
    ) -> Result<Answer, ErrorCode> {
        let line = self.line(number);
        let tables = match which {
            WatcherType::Data => vec![&mut line.data],
            WatcherType::Children => vec![&mut line.child],
            WatcherType::Persistent => vec![&mut line.persistent],
            WatcherType::PersistentRecursive => vec![&mut line.recursive],
            WatcherType::Any => {
                vec![
                    &mut line.data,
                    &mut line.child,
                    &mut line.persistent,
                    &mut line.recursive,
                ]
            }
        };
        let mut found = false;
        for table in tables {
            found |= table.contains(path);
            if removes {
                table.remove(path);
            }
        }
        found.then_some(Answer::Empty).ok_or(ErrorCode::NoWatcher)
    }

    fn set_watches(&mut self, number: u64, seen: Zxid, [data, exist, child]: [PathList<'_>; 3]) {
        for path in data {
            match self.stat(path) {
                None => self.send(number, EventKind::NodeDeleted, path, Zxid::NONE),
                Some(stat) if stat.mzxid > seen => {
                    self.send(number, EventKind::NodeDataChanged, path, Zxid::NONE)
                }
                Some(_) => self.watch(number, path, true, |line| &mut line.data),
            }
        }
        for path in exist {
            match self.stat(path) {
                Some(_) => self.send(number, EventKind::NodeCreated, path, Zxid::NONE),
                None => self.watch(number, path, true, |line| &mut line.data),
            }
        }
        for path in child {
            match self.stat(path) {
                None => self.send(number, EventKind::NodeDeleted, path, Zxid::NONE),
                Some(stat) if stat.pzxid > seen => {
                    self.send(number, EventKind::NodeChildrenChanged, path, Zxid::NONE)
                }
                Some(_) => self.watch(number, path, true, |line| &mut line.child),
            }
        }
    }

    fn send(&mut self, number: u64, kind: EventKind, path: &str, zxid: Zxid) {
        encode_event(
            &mut self.line(number).output,
            &WatchedEvent { kind, path, zxid },
        );
    }

    /// Creates a znode whose data name it and its writer.
    pub(crate) fn create(&mut self, path: &str, data: &[u8]) -> Result<(), ErrorCode> {
        self.zxid += 1;
        let zxid = Zxid(self.zxid);
        if self.nodes.contains_key(path) {
            return Err(ErrorCode::NodeExists);
        }
        let parent = self
            .nodes
            .get_mut(parent_of(path))
            .ok_or(ErrorCode::NoNode)?;
        parent.stat.pzxid = zxid;
        let data = data.to_vec();
        self.note_applied(&data);
        let stat = Stat {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ..Stat::default()
        };
        self.nodes.insert(path.to_owned(), Node { data, stat });
        self.fire(EventKind::NodeCreated, path);
        self.fire(EventKind::NodeChildrenChanged, parent_of(path));
        Ok(())
    }

    pub(crate) fn set_data(&mut self, path: &str, data: &[u8]) -> Result<Answer, ErrorCode> {
        self.zxid += 1;
        let zxid = Zxid(self.zxid);
        let node = self.nodes.get_mut(path).ok_or(ErrorCode::NoNode)?;
        node.data = data.to_vec();
        node.stat.mzxid = zxid;
        let stat = node.stat;
        self.note_applied(data);
        self.fire(EventKind::NodeDataChanged, path);
        Ok(Answer::Stat(stat))
    }

    pub(crate) fn delete(&mut self, path: &str, tag: u32) -> Result<Answer, ErrorCode> {
        self.zxid += 1;
        let zxid = Zxid(self.zxid);
        if self
            .nodes
            .keys()
            .any(|other| other != path && parent_of(other) == path)
        {
            return Err(ErrorCode::NotEmpty);
        }
        self.nodes.remove(path).ok_or(ErrorCode::NoNode)?;
        if let Some(parent) = self.nodes.get_mut(parent_of(path)) {
            parent.stat.pzxid = zxid;
        }
        self.applied.push(tag);
        self.fire(EventKind::NodeDeleted, path);
        self.fire(EventKind::NodeChildrenChanged, parent_of(path));
        Ok(Answer::Empty)
    }

    fn note_applied(&mut self, data: &[u8]) {
        let tag = data.first_chunk::<4>().expect("data begin with a tag");
        self.applied.push(u32::from_be_bytes(*tag));
    }

    fn fire(&mut self, kind: EventKind, path: &str) {
        let zxid = self.zxid;
        self.changes.push(Change {
            zxid,
            kind,
            path: path.to_owned(),
        });
        for line in self.lines.values_mut() {
            let of_children = kind == EventKind::NodeChildrenChanged;
            let mut hears = line.persistent.contains(path);
            hears |= !of_children && line.recursive.iter().any(|above| is_below(path, above));
            hears |= !of_children && line.data.remove(path);
            hears |= matches!(
                kind,
                EventKind::NodeChildrenChanged | EventKind::NodeDeleted
            ) && line.child.remove(path);
            if hears {
                let zxid = Zxid(zxid);
                encode_event(&mut line.output, &WatchedEvent { kind, path, zxid });
            }
        }
    }
}

/// What the model answers; owned, for a tree that changes.
pub(crate) enum Answer {
    Empty,
    Path(String),
    Stat(Stat),
    Data(Vec<u8>, Stat),
    Children(Stat),
    ErrorResponse,
}

impl Answer {
    fn encode(&self, writer: &mut zoa_proto::jute::Writer<'_>) {
        let reply = match self {
            Self::Empty => Reply::Empty,
            Self::Path(path) => Reply::Path(path),
            Self::Stat(stat) => Reply::Stat(*stat),
            Self::Data(data, stat) => Reply::Data {
                data: Some(data),
                stat: *stat,
            },
            Self::Children(stat) => Reply::ChildrenAndStat {
                children: PathList::empty(),
                stat: *stat,
            },
            Self::ErrorResponse => Reply::ErrorResponse(None),
        };
        reply.encode(writer);
    }
}

/// A delete names its writer in the version, which the model does not judge.
pub(crate) fn version_of_tag(tag: u32) -> i32 {
    -2 - i32::try_from(tag).expect("a small tag")
}

fn tag_of_version(version: i32) -> u32 {
    u32::try_from(-2 - version).expect("a version made of a tag")
}

pub(crate) fn parent_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// Whether a path is the other one or below it.
pub(crate) fn is_below(path: &str, above: &str) -> bool {
    above == "/"
        || path
            .strip_prefix(above)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
