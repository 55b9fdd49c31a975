//! create, delete, setData, setACL and check, each with the original's order of checks (PrepRequestProcessor).
//!
//! Invariant: a refused operation changes nothing and fires nothing.

use super::Asker;
use super::Fired;
use super::Model;
use super::Node;
use super::access;
use super::members::Change;
use super::node::next_version;
use super::path;
use crate::op::Acl;
use crate::op::Answer;
use crate::op::Blob;
use crate::op::EventKind;
use crate::op::Op;
use crate::op::Outcome;
use crate::op::code;
use crate::op::flag;
use crate::op::owner;
use crate::op::perm;

/// The longest time to live: it shares its eight bytes with the mark of its kind and two bytes that are kept free.
const TTL_MS_MAX: i64 = (1 << 40) - 1;

impl Model {
    /// One write outside or inside of a multi.
    pub(super) fn write_one(
        &mut self,
        asker: Asker<'_>,
        op: &Op,
        fired: &mut Vec<Fired>,
    ) -> Outcome {
        match op {
            Op::Create {
                path,
                data,
                acl,
                flags,
                with_stat,
            } => {
                let (sequential, ephemeral) = kind_of(*flags)?;
                let wanted = Wanted {
                    path,
                    data,
                    acl,
                    sequential,
                    owner: if ephemeral { asker.session } else { 0 },
                };
                let created = self.create(asker, wanted, fired)?;
                let stat = self.node(&created).map(Node::stat).unwrap_or_default();
                Ok(if *with_stat {
                    Answer::PathStat(created, stat)
                } else {
                    Answer::Path(created)
                })
            }
            Op::CreateContainer {
                path,
                data,
                acl,
                flags,
            } => self.create_container(asker, (path, data, acl, *flags), fired),
            Op::CreateTtl {
                path,
                data,
                acl,
                flags,
                ttl_ms,
            } => self.create_ttl(asker, (path, data, acl, *flags), (*ttl_ms, fired)),
            Op::Reconfig {
                joining,
                leaving,
                new_members,
                config_id,
            } => {
                let wanted = Change {
                    joining: joining.as_deref(),
                    leaving: leaving.as_deref(),
                    new_members: new_members.as_deref(),
                    config_id: *config_id,
                };
                self.reconfig(asker, wanted, fired)
            }
            Op::Delete { path, version } => self.delete(asker, (path, *version), fired),
            Op::SetData {
                path,
                data,
                version,
            } => self.set_data(asker, (path, data, *version), fired),
            Op::SetAcl { path, acl, version } => self.set_acl(asker, (path, acl, *version)),
            Op::Check { path, version } => self.check(asker, (path, *version)),
            _ => Err(code::UNIMPLEMENTED),
        }
    }

    fn create(
        &mut self,
        asker: Asker<'_>,
        wanted: Wanted<'_>,
        fired: &mut Vec<Fired>,
    ) -> Result<String, i32> {
        let parent_path = path::parent_of(wanted.path).filter(|_| !wanted.path.contains('\0'));
        let parent_path = parent_path.ok_or(code::BAD_ARGUMENTS)?.to_owned();
        let acl = access::settle(wanted.acl, asker.identities)?;
        let parent = self.node(&parent_path).ok_or(code::NO_NODE)?;
        if !access::allows(&parent.acl, perm::CREATE, asker.identities) {
            return Err(code::NO_AUTH);
        }
        let full_path = if wanted.sequential {
            format!("{}{:010}", wanted.path, parent.creates)
        } else {
            wanted.path.to_owned()
        };
        if !path::is_valid(&full_path) {
            return Err(code::BAD_ARGUMENTS);
        }
        if self.node(&full_path).is_some() {
            return Err(code::NODE_EXISTS);
        }
        if owner::is_session(parent.ephemeral_owner) {
            return Err(code::NO_CHILDREN_FOR_EPHEMERALS);
        }
        self.add_node(
            asker,
            (&parent_path, &full_path),
            (wanted.data.clone(), acl, wanted.owner),
            fired,
        );
        Ok(full_path)
    }

    /// Whatever kind the flags name, it is a container; they say whether it is numbered.
    fn create_container(
        &mut self,
        asker: Asker<'_>,
        (path, data, acl, flags): (&str, &Option<Blob>, &[Acl], i32),
        fired: &mut Vec<Fired>,
    ) -> Outcome {
        let wanted = Wanted {
            path,
            data,
            acl,
            sequential: kind_of(flags)?.0,
            owner: owner::CONTAINER,
        };
        self.create_with_stat(asker, wanted, fired)
    }

    fn create_ttl(
        &mut self,
        asker: Asker<'_>,
        (path, data, acl, flags): (&str, &Option<Blob>, &[Acl], i32),
        (ttl_ms, fired): (i64, &mut Vec<Fired>),
    ) -> Outcome {
        let sequential = match flags {
            flag::PERSISTENT_WITH_TTL => false,
            flag::PERSISTENT_SEQUENTIAL_WITH_TTL => true,
            _ => return Err(code::BAD_ARGUMENTS),
        };
        if !(1..=TTL_MS_MAX).contains(&ttl_ms) {
            return Err(code::BAD_ARGUMENTS);
        }
        let wanted = Wanted {
            path,
            data,
            acl,
            sequential,
            owner: owner::TTL | ttl_ms,
        };
        self.create_with_stat(asker, wanted, fired)
    }

    fn create_with_stat(
        &mut self,
        asker: Asker<'_>,
        wanted: Wanted<'_>,
        fired: &mut Vec<Fired>,
    ) -> Outcome {
        let created = self.create(asker, wanted, fired)?;
        let stat = self.node(&created).map(Node::stat).unwrap_or_default();
        Ok(Answer::PathStat(created, stat))
    }

    fn add_node(
        &mut self,
        asker: Asker<'_>,
        (parent_path, full_path): (&str, &str),
        (data, acl, ephemeral_owner): (Option<Blob>, Vec<Acl>, i64),
        fired: &mut Vec<Fired>,
    ) {
        Self::fire(fired, (EventKind::NodeCreated, full_path, asker.zxid), &acl);
        let node = Node {
            data,
            czxid: asker.zxid,
            mzxid: asker.zxid,
            pzxid: asker.zxid,
            ctime: asker.time_ms,
            mtime: asker.time_ms,
            ephemeral_owner,
            ..Node::predefined(0, acl)
        };
        self.put(full_path, Some(node));
        self.change(parent_path, |parent| {
            // The counter stays at its end, as the original's does: later numbers repeat and are refused.
            parent.creates = parent.creates.saturating_add(1);
            parent.pzxid = asker.zxid;
            parent.num_children += 1;
        });
        let parent_acl = self
            .node(parent_path)
            .map(|parent| parent.acl.clone())
            .unwrap_or_default();
        Self::fire(
            fired,
            (EventKind::NodeChildrenChanged, parent_path, asker.zxid),
            &parent_acl,
        );
    }

    fn delete(
        &mut self,
        asker: Asker<'_>,
        (path, version): (&str, i32),
        fired: &mut Vec<Fired>,
    ) -> Outcome {
        let parent_path =
            path::parent_of(path).filter(|_| !path.contains('\0') && !path::is_special(path));
        let parent = self
            .node(parent_path.ok_or(code::BAD_ARGUMENTS)?)
            .ok_or(code::NO_NODE)?;
        if !access::allows(&parent.acl, perm::DELETE, asker.identities) {
            return Err(code::NO_AUTH);
        }
        let node = self.node(path).ok_or(code::NO_NODE)?;
        next_version(node.version, version).ok_or(code::BAD_VERSION)?;
        if node.num_children != 0 {
            return Err(code::NOT_EMPTY);
        }
        self.remove_node(path, asker.zxid, fired);
        Ok(Answer::Done)
    }

    /// Takes a znode out, for whatever reason, and fires what its watches and its parent's hear.
    pub(super) fn remove_node(&mut self, path: &str, zxid: i64, fired: &mut Vec<Fired>) {
        let acl = self
            .node(path)
            .map(|node| node.acl.clone())
            .unwrap_or_default();
        self.put(path, None);
        let parent_path = path::parent_of(path).unwrap_or("/").to_owned();
        self.change(&parent_path, |parent| {
            parent.pzxid = zxid;
            parent.num_children -= 1;
        });
        let parent_acl = self
            .node(&parent_path)
            .map(|parent| parent.acl.clone())
            .unwrap_or_default();
        Self::fire(fired, (EventKind::NodeDeleted, path, zxid), &acl);
        Self::fire(
            fired,
            (EventKind::NodeChildrenChanged, &parent_path, zxid),
            &parent_acl,
        );
    }

    fn set_data(
        &mut self,
        asker: Asker<'_>,
        (path, data, version): (&str, &Option<Blob>, i32),
        fired: &mut Vec<Fired>,
    ) -> Outcome {
        if !path::is_valid(path) {
            return Err(code::BAD_ARGUMENTS);
        }
        let node = self.node(path).ok_or(code::NO_NODE)?;
        if !access::allows(&node.acl, perm::WRITE, asker.identities) {
            return Err(code::NO_AUTH);
        }
        let next = next_version(node.version, version).ok_or(code::BAD_VERSION)?;
        Self::fire(
            fired,
            (EventKind::NodeDataChanged, path, asker.zxid),
            &node.acl.clone(),
        );
        self.change(path, |node| {
            node.data.clone_from(data);
            node.version = next;
            node.mzxid = asker.zxid;
            node.mtime = asker.time_ms;
        });
        Ok(Answer::Stat(
            self.node(path).map(Node::stat).unwrap_or_default(),
        ))
    }

    fn set_acl(&mut self, asker: Asker<'_>, (path, acl, version): (&str, &[Acl], i32)) -> Outcome {
        if !path::is_valid(path) {
            return Err(code::BAD_ARGUMENTS);
        }
        let acl = access::settle(acl, asker.identities)?;
        let node = self.node(path).ok_or(code::NO_NODE)?;
        if !access::allows(&node.acl, perm::ADMIN, asker.identities) {
            return Err(code::NO_AUTH);
        }
        let next = next_version(node.aversion, version).ok_or(code::BAD_VERSION)?;
        self.change(path, |node| {
            node.acl = acl;
            node.aversion = next;
        });
        Ok(Answer::Stat(
            self.node(path).map(Node::stat).unwrap_or_default(),
        ))
    }

    fn check(&self, asker: Asker<'_>, (path, version): (&str, i32)) -> Outcome {
        if !path::is_valid(path) {
            return Err(code::BAD_ARGUMENTS);
        }
        let node = self.node(path).ok_or(code::NO_NODE)?;
        if !access::allows(&node.acl, perm::READ, asker.identities) {
            return Err(code::NO_AUTH);
        }
        next_version(node.version, version).ok_or(code::BAD_VERSION)?;
        Ok(Answer::Done)
    }

    pub(super) fn change(&mut self, path: &str, change: impl FnOnce(&mut Node)) {
        let Some(mut node) = self.node(path).cloned() else {
            return;
        };
        change(&mut node);
        self.put(path, Some(node));
    }

    /// The one way in which nodes change, so that a multi can take everything back.
    fn put(&mut self, path: &str, node: Option<Node>) {
        let before = match node {
            Some(node) => self.nodes.insert(path.to_owned(), node),
            None => self.nodes.remove(path),
        };
        if let Some(undo) = &mut self.undo {
            undo.push((path.to_owned(), before));
        }
    }
}

/// What a create asks for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    path: &'a str,
    data: &'a Option<Blob>,
    acl: &'a [Acl],
    sequential: bool,
    owner: i64,
}

/// Whether the flags say sequential and ephemeral. Plain create takes the flag of a container for that of a znode that stays.
fn kind_of(flags: i32) -> Result<(bool, bool), i32> {
    match flags {
        flag::PERSISTENT | flag::CONTAINER => Ok((false, false)),
        flag::EPHEMERAL => Ok((false, true)),
        flag::PERSISTENT_SEQUENTIAL => Ok((true, false)),
        flag::EPHEMERAL_SEQUENTIAL => Ok((true, true)),
        _ => Err(code::BAD_ARGUMENTS),
    }
}
