//! What a tree does, once more and as simply as can be: a map from paths to znodes.
//!
//! It shares no code with the crate: it validates paths, fixes ACLs up, counts children and undoes
//! a failed multi in its own slow way (it keeps a copy of everything). Only the words for results
//! are those of `world`.

use std::collections::BTreeMap;

use zoa_proto::ErrorCode;
use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Zxid;
use zoa_tree::Owner;

use crate::world::Done;
use crate::world::DoneInMulti;

/// An entry of an ACL.
pub(crate) type Entry = (u32, String, String);

/// A write.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Create {
        path: String,
        data: Option<Vec<u8>>,
        acl: Vec<Entry>,
        flags: i32,
        how: How,
    },
    Delete {
        path: String,
        version: i32,
    },
    SetData {
        path: String,
        data: Option<Vec<u8>>,
        version: i32,
    },
    SetAcl {
        path: String,
        acl: Vec<Entry>,
        version: i32,
    },
    /// Only inside a multi.
    Check {
        path: String,
        version: i32,
    },
    Multi(Vec<Self>),
}

/// By which operation a znode is created.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    Create,
    Create2,
    Container,
    /// With a time to live in milliseconds.
    Ttl(i64),
}

/// Anything that is applied.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Open {
        timeout_ms: i32,
    },
    Attach {
        timeout_ms: i32,
        password: Vec<u8>,
    },
    Close,
    Expire,
    Write(Write),
    Refuse,
    Sync,
    /// The leader wants this one to go.
    Reap(String),
}

/// The leader's rule for containers that never had children.
pub(crate) const NEVER_USED_MS_MAX: u32 = 40;

/// The conditions under which it is applied.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) session: SessionId,
    pub(crate) owner: Owner,
    pub(crate) time_ms: i64,
    pub(crate) term: u64,
    pub(crate) identities: Vec<(String, String)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ModelNode {
    pub(crate) data: Option<Vec<u8>>,
    pub(crate) acl: Vec<Entry>,
    stat: Stat,
    creates: i32,
    how: How,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ModelSession {
    pub(crate) timeout_ms: i32,
    pub(crate) owner: Owner,
    password: Vec<u8>,
}

/// The whole state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Model {
    pub(crate) nodes: BTreeMap<String, ModelNode>,
    pub(crate) sessions: BTreeMap<SessionId, ModelSession>,
    pub(crate) zxid: Zxid,
    term: u64,
}

type Answer<T> = Result<T, ErrorCode>;

/// One write on its way.
struct Step<'c> {
    conditions: &'c Conditions,
    zxid: Zxid,
    triggers: Vec<String>,
}

impl Model {
    pub(crate) fn new() -> Self {
        let mut model = Self {
            nodes: BTreeMap::new(),
            sessions: BTreeMap::new(),
            zxid: Zxid::ZERO,
            term: 0,
        };
        for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
            let is_config = path.ends_with("config");
            let stat = Stat {
                aversion: Version(if is_config { -1 } else { 0 }),
                ..Stat::default()
            };
            let perms = if is_config { 1 } else { 31 };
            let acl = vec![(perms, "world".to_owned(), "anyone".to_owned())];
            let data = Some(Vec::new());
            let node = ModelNode {
                data,
                acl,
                stat,
                creates: 0,
                how: How::Create,
            };
            model.nodes.insert(path.to_owned(), node);
        }
        model
    }

    pub(crate) fn stat(&self, path: &str) -> Stat {
        let node = &self.nodes[path];
        let children = i32::try_from(self.children(path).len()).unwrap();
        Stat {
            num_children: children,
            cversion: Version(2 * node.creates - children),
            data_length: i32::try_from(node.data.as_ref().map_or(0, Vec::len)).unwrap(),
            ..node.stat
        }
    }

    /// The names of the children, sorted.
    pub(crate) fn children(&self, path: &str) -> Vec<String> {
        let start = if path == "/" {
            "/".to_owned()
        } else {
            format!("{path}/")
        };
        let below = self.nodes.keys().filter_map(|key| key.strip_prefix(&start));
        let direct = below.filter(|rest| !rest.is_empty() && !rest.contains('/'));
        direct.map(str::to_owned).collect()
    }

    pub(crate) fn ephemerals(&self, session: SessionId) -> Vec<String> {
        let theirs = self.nodes.iter();
        let theirs = theirs.filter(|(_, node)| node.stat.ephemeral_owner == session);
        theirs.map(|(path, _)| path.clone()).collect()
    }

    pub(crate) fn apply(
        &mut self,
        conditions: &Conditions,
        op: &Op,
    ) -> (Zxid, Answer<Done>, Vec<String>) {
        if !matches!(op, Op::Attach { .. } | Op::Sync) {
            let epoch = self.zxid.epoch();
            self.zxid = if conditions.term > self.term {
                Zxid::new(epoch + 1, 1)
            } else {
                Zxid::new(epoch, self.zxid.counter() + 1)
            };
            self.term = conditions.term;
        }
        let zxid = self.zxid;
        let mut step = Step {
            conditions,
            zxid,
            triggers: Vec::new(),
        };
        let result = self.apply_op(&mut step, op);
        (zxid, result, step.triggers)
    }

    fn apply_op(&mut self, step: &mut Step<'_>, op: &Op) -> Answer<Done> {
        let Conditions { session, owner, .. } = *step.conditions;
        let known = self.sessions.get(&session).cloned();
        match op {
            Op::Open { timeout_ms } => {
                if known.is_some() {
                    return Err(ErrorCode::SystemError);
                }
                let password = password_of(session);
                let opened = ModelSession {
                    timeout_ms: *timeout_ms,
                    owner,
                    password,
                };
                self.sessions.insert(session, opened);
                Ok(Done::Opened(*timeout_ms))
            }
            Op::Attach {
                timeout_ms,
                password,
            } => {
                let mut held = known.ok_or(ErrorCode::SessionExpired)?;
                if held.password != *password {
                    return Err(ErrorCode::SessionExpired);
                }
                let previous = Some(held.owner).filter(|before| *before != owner);
                (held.owner, held.timeout_ms) = (owner, *timeout_ms);
                self.sessions.insert(session, held);
                Ok(Done::Attached(*timeout_ms, previous))
            }
            Op::Expire | Op::Close => {
                let held = known.ok_or(ErrorCode::SessionExpired)?;
                if matches!(op, Op::Close) && held.owner != owner {
                    return Err(ErrorCode::SessionMoved);
                }
                for path in self.ephemerals(session) {
                    self.remove(step, &path);
                }
                self.sessions.remove(&session);
                Ok(Done::Closed(held.owner))
            }
            Op::Reap(path) => self.reap(step, path),
            Op::Write(_) | Op::Refuse | Op::Sync => {
                let held = known.ok_or(ErrorCode::SessionExpired)?;
                if held.owner != owner {
                    return Err(ErrorCode::SessionMoved);
                }
                match op {
                    Op::Write(write) => self.write(step, write),
                    Op::Refuse => Err(ErrorCode::ThrottledOp),
                    _ => Ok(Done::Synced),
                }
            }
        }
    }

    fn write(&mut self, step: &mut Step<'_>, write: &Write) -> Answer<Done> {
        match write {
            Write::Create {
                path,
                data,
                acl,
                flags,
                how,
            } => {
                let path = self.create(step, (path, data, acl), (*flags, *how))?;
                let stat = (*how != How::Create).then(|| self.stat(&path));
                Ok(Done::Created(path, stat))
            }
            Write::Delete { path, version } => {
                let parent = parent_key(path)?;
                if ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"].contains(&&**path) {
                    return Err(ErrorCode::BadArguments);
                }
                let parent = self.nodes.get(&parent).ok_or(ErrorCode::NoNode)?;
                check_acl(&parent.acl, 8, step)?;
                let node = self.nodes.get(path).ok_or(ErrorCode::NoNode)?;
                check_version(node.stat.version, *version)?;
                if !self.children(path).is_empty() {
                    return Err(ErrorCode::NotEmpty);
                }
                self.remove(step, path);
                Ok(Done::Deleted)
            }
            Write::SetData {
                path,
                data,
                version,
            } => {
                check_path(path)?;
                let node = self.nodes.get_mut(path).ok_or(ErrorCode::NoNode)?;
                check_acl(&node.acl, 2, step)?;
                check_version(node.stat.version, *version)?;
                node.data.clone_from(data);
                node.stat.version.0 += 1;
                (node.stat.mzxid, node.stat.mtime_ms) = (step.zxid, step.conditions.time_ms);
                step.triggers.push(format!("NodeDataChanged {path}"));
                Ok(Done::DataSet(self.stat(path)))
            }
            Write::SetAcl { path, acl, version } => {
                check_path(path)?;
                let acl = fix_up(acl, step)?;
                let node = self.nodes.get_mut(path).ok_or(ErrorCode::NoNode)?;
                check_acl(&node.acl, 16, step)?;
                check_version(node.stat.aversion, *version)?;
                node.acl = acl;
                node.stat.aversion.0 += 1;
                Ok(Done::AclSet(self.stat(path)))
            }
            Write::Check { path, version } => {
                check_path(path)?;
                let node = self.nodes.get(path).ok_or(ErrorCode::NoNode)?;
                check_acl(&node.acl, 1, step)?;
                check_version(node.stat.version, *version)?;
                Ok(Done::Synced)
            }
            Write::Multi(writes) => Ok(Done::Multi(self.multi(step, writes))),
        }
    }

    fn multi(&mut self, step: &mut Step<'_>, writes: &[Write]) -> Vec<DoneInMulti> {
        let before = self.clone();
        let mut results = Vec::new();
        for write in writes {
            match self.write(step, &by_flag(write)) {
                Ok(done) => results.push(in_multi(done)),
                Err(error) => {
                    *self = before;
                    step.triggers.clear();
                    let mut errors = vec![DoneInMulti::Error(None); results.len()];
                    errors.push(DoneInMulti::Error(Some(error)));
                    let after = DoneInMulti::Error(Some(ErrorCode::RuntimeInconsistency));
                    errors.resize(writes.len(), after);
                    return errors;
                }
            }
        }
        results
    }

    fn create(
        &mut self,
        step: &mut Step<'_>,
        (path, data, acl): (&str, &Option<Vec<u8>>, &[Entry]),
        (flags, how): (i32, How),
    ) -> Answer<String> {
        let is_legal = match how {
            How::Create | How::Create2 => (0..=4).contains(&flags),
            How::Container => (0..=4).contains(&flags),
            How::Ttl(ttl_ms) => (5..=6).contains(&flags) && ttl_ms > 0 && ttl_ms < 1 << 40,
        };
        if !is_legal {
            return Err(ErrorCode::BadArguments);
        }
        let parent_path = parent_key(path)?;
        let acl = fix_up(acl, step)?;
        let parent = self.nodes.get_mut(&parent_path).ok_or(ErrorCode::NoNode)?;
        check_acl(&parent.acl, 4, step)?;
        let mut path = path.to_owned();
        if [2, 3, 6].contains(&flags) {
            path.push_str(&format!("{:010}", parent.creates));
        }
        check_path(&path)?;
        if self.nodes.contains_key(&path) {
            return Err(ErrorCode::NodeExists);
        }
        let parent = self.nodes.get_mut(&parent_path).expect("found above");
        if parent.stat.ephemeral_owner != SessionId::NONE {
            return Err(ErrorCode::NoChildrenForEphemerals);
        }
        parent.creates += 1;
        parent.stat.pzxid = step.zxid;
        let is_ephemeral = flags & 1 != 0 && matches!(how, How::Create | How::Create2);
        let owner = if is_ephemeral {
            step.conditions.session
        } else {
            SessionId::NONE
        };
        let stat = Stat {
            czxid: step.zxid,
            mzxid: step.zxid,
            pzxid: step.zxid,
            ctime_ms: step.conditions.time_ms,
            mtime_ms: step.conditions.time_ms,
            ephemeral_owner: owner,
            ..Stat::default()
        };
        let node = ModelNode {
            data: data.clone(),
            acl,
            stat,
            creates: 0,
            how,
        };
        self.nodes.insert(path.clone(), node);
        step.triggers.push(format!("NodeCreated {path}"));
        step.triggers
            .push(format!("NodeChildrenChanged {parent_path}"));
        Ok(path)
    }

    fn reap(&mut self, step: &mut Step<'_>, path: &str) -> Answer<Done> {
        parent_key(path)?;
        let node = self.nodes.get(path).filter(|_| path != "/");
        let node = node.ok_or(ErrorCode::NoNode)?;
        if !self.children(path).is_empty() {
            return Err(ErrorCode::NotEmpty);
        }
        let unchanged_ms = step.conditions.time_ms - node.stat.mtime_ms;
        let is_due = match node.how {
            How::Create | How::Create2 => false,
            How::Container => node.creates > 0 || unchanged_ms > i64::from(NEVER_USED_MS_MAX),
            How::Ttl(ttl_ms) => unchanged_ms > ttl_ms,
        };
        if !is_due {
            return Err(ErrorCode::BadVersion);
        }
        self.remove(step, path);
        Ok(Done::Deleted)
    }

    /// The paths that a leader would find unused.
    pub(crate) fn unused(&self, time_ms: i64) -> Vec<String> {
        let is_due = |(path, node): &(&String, &ModelNode)| {
            let unchanged_ms = time_ms - node.stat.mtime_ms;
            self.children(path).is_empty()
                && match node.how {
                    How::Create | How::Create2 => false,
                    How::Container => {
                        node.creates > 0 || unchanged_ms > i64::from(NEVER_USED_MS_MAX)
                    }
                    How::Ttl(ttl_ms) => unchanged_ms > ttl_ms,
                }
        };
        let unused = self.nodes.iter().filter(is_due);
        unused.map(|(path, _)| path.clone()).collect()
    }

    fn remove(&mut self, step: &mut Step<'_>, path: &str) {
        self.nodes.remove(path).expect("it was found");
        let parent = parent_key(path).expect("it has one");
        self.nodes.get_mut(&parent).expect("it has one").stat.pzxid = step.zxid;
        step.triggers.push(format!("NodeDeleted {path}"));
        step.triggers.push(format!("NodeChildrenChanged {parent}"));
    }
}

/// In a multi the flag of a container makes plain create one.
fn by_flag(write: &Write) -> Write {
    let mut write = write.clone();
    if let Write::Create {
        flags: 4,
        how: how @ How::Create,
        ..
    } = &mut write
    {
        *how = How::Container;
    }
    write
}

fn in_multi(done: Done) -> DoneInMulti {
    match done {
        Done::Created(path, stat) => DoneInMulti::Created(path, stat),
        Done::Deleted => DoneInMulti::Deleted,
        Done::DataSet(stat) => DoneInMulti::DataSet(stat),
        Done::Synced => DoneInMulti::Checked,
        other => panic!("not in a multi: {other:?}"),
    }
}

/// The password that this session's opening gave.
pub(crate) fn password_of(session: SessionId) -> Vec<u8> {
    session.0.to_be_bytes().repeat(2)
}

/// Where the parent would be; for a path with two slashes at its start it is nowhere to be found.
fn parent_key(path: &str) -> Answer<String> {
    if path.contains('\0') {
        return Err(ErrorCode::BadArguments);
    }
    match path.rfind('/') {
        None => Err(ErrorCode::BadArguments),
        Some(0) => Ok("/".to_owned()),
        Some(slash) => Ok(path[..slash].to_owned()),
    }
}

fn check_path(path: &str) -> Answer<()> {
    let is_bad = |character: char| {
        let code = u32::from(character);
        code < 32
            || (127..160).contains(&code)
            || (0xd800..0xf900).contains(&code)
            || code >= 0xfff0
    };
    let is_good_name = |name: &str| !["", ".", ".."].contains(&name);
    let is_good = path == "/"
        || path
            .strip_prefix('/')
            .is_some_and(|names| names.split('/').all(is_good_name));
    if is_good && !path.contains(is_bad) {
        Ok(())
    } else {
        Err(ErrorCode::BadArguments)
    }
}

fn check_version(version: Version, expected: i32) -> Answer<()> {
    if expected == -1 || version.0 == expected {
        Ok(())
    } else {
        Err(ErrorCode::BadVersion)
    }
}

fn check_acl(acl: &[Entry], wanted: u32, step: &Step<'_>) -> Answer<()> {
    let identities = &step.conditions.identities;
    let is_held = |scheme: &str, id: &str| {
        identities
            .iter()
            .any(|(held, as_id)| match (scheme, held.as_str()) {
                ("digest", "digest") => id == as_id,
                // The only network in these tests.
                ("ip", "ip") => id == "10.0.0.0/8" && as_id.starts_with("10."),
                _ => false,
            })
    };
    let is_allowed = identities.iter().any(|(scheme, _)| scheme == "super")
        || acl.iter().any(|(perms, scheme, id)| {
            perms & wanted != 0 && ((scheme == "world" && id == "anyone") || is_held(scheme, id))
        });
    if is_allowed {
        Ok(())
    } else {
        Err(ErrorCode::NoAuth)
    }
}

fn fix_up(asked: &[Entry], step: &Step<'_>) -> Answer<Vec<Entry>> {
    let mut unique: Vec<&Entry> = Vec::new();
    for entry in asked {
        if !unique.contains(&entry) {
            unique.push(entry);
        }
    }
    let mut fixed = Vec::new();
    for (perms, scheme, id) in unique {
        let before = fixed.len();
        match scheme.as_str() {
            "auth" => {
                let proved = step.conditions.identities.iter();
                let proved = proved.filter(|(scheme, _)| scheme == "digest");
                fixed.extend(proved.map(|(scheme, id)| (*perms, scheme.clone(), id.clone())));
            }
            "world" if id == "anyone" => fixed.push((*perms, scheme.clone(), id.clone())),
            "digest" if id.contains(':') => fixed.push((*perms, scheme.clone(), id.clone())),
            "ip" if id == "10.0.0.0/8" => fixed.push((*perms, scheme.clone(), id.clone())),
            _ => {}
        }
        if fixed.len() == before {
            return Err(ErrorCode::InvalidAcl);
        }
    }
    if fixed.is_empty() {
        Err(ErrorCode::InvalidAcl)
    } else {
        Ok(fixed)
    }
}

/// The connections that tests speak through.
pub(crate) const fn owner(number: u64) -> Owner {
    Owner {
        server: PeerId(1),
        connection: number,
    }
}
