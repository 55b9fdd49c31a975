//! Reads of the model, as of the last applied entry. They register no watches: that is `replay/stream.rs`.

use super::Model;
use super::access;
use crate::op::Answer;
use crate::op::Identity;
use crate::op::Op;
use crate::op::Outcome;
use crate::op::SubAnswer;
use crate::op::code;
use crate::op::perm;

impl Model {
    /// What a read is told now; `None` for operations that are no reads of the tree.
    pub fn read(&self, op: &Op, session: i64, identities: &[Identity]) -> Option<Outcome> {
        let readable = |path: &str, perms: i32| {
            let node = self.node(Self::read_path(path)).ok_or(code::NO_NODE)?;
            if access::allows(&node.acl, perms, identities) {
                Ok(node)
            } else {
                Err(code::NO_AUTH)
            }
        };
        let outcome = match op {
            Op::GetData { path, .. } => {
                readable(path, perm::READ).map(|node| Answer::Data(node.data.clone(), node.stat()))
            }
            Op::Exists { path, .. } if path.contains('\0') => Err(code::BAD_ARGUMENTS),
            Op::Exists { path, .. } => {
                readable(path, perm::READ).map(|node| Answer::Stat(node.stat()))
            }
            Op::GetAcl { path } => readable(path, perm::READ | perm::ADMIN).map(|node| {
                let plain = access::allows(&node.acl, perm::ADMIN, identities);
                let list = if plain {
                    node.acl.clone()
                } else {
                    access::masked(&node.acl)
                };
                Answer::Acl(list, node.stat())
            }),
            Op::GetChildren {
                path, with_stat, ..
            } => readable(path, perm::READ).map(|node| {
                let names = self.children_of(Self::read_path(path));
                if *with_stat {
                    Answer::ChildrenStat(names, node.stat())
                } else {
                    Answer::Children(names)
                }
            }),
            Op::CountDescendants { path } => readable(path, perm::READ)
                .map(|_| Answer::Count(self.count_below(Self::read_path(path)))),
            Op::GetEphemerals { prefix } => {
                let mut paths = self.ephemerals_of(session);
                paths.retain(|path| path.starts_with(prefix.as_str()));
                Ok(Answer::Ephemerals(paths))
            }
            Op::WhoAmI => Ok(Answer::Identities(access::shown(identities))),
            Op::MultiRead(ops) => Ok(Answer::Multi(
                ops.iter()
                    .map(|op| self.sub_read(op, session, identities))
                    .collect(),
            )),
            _ => return None,
        };
        Some(outcome)
    }

    fn sub_read(&self, op: &Op, session: i64, identities: &[Identity]) -> SubAnswer {
        match self.read(op, session, identities) {
            Some(Ok(Answer::Data(data, stat))) => SubAnswer::Data(data, stat),
            Some(Ok(Answer::Children(names))) => SubAnswer::Children(names),
            Some(Err(error)) => SubAnswer::Error(error),
            Some(Ok(_)) | None => SubAnswer::Error(code::MARSHALLING),
        }
    }

    fn count_below(&self, path: &str) -> i32 {
        i32::try_from(self.below(path).count()).unwrap_or(i32::MAX)
    }
}
