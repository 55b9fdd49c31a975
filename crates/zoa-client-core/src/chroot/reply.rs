//! The paths of replies: the chroot comes off.
//!
//! Single paths are shortened where they lie in the frame; lists are written again, for clients with a chroot only.

use zoa_proto::MultiResult;
use zoa_proto::MultiResults;
use zoa_proto::OpCode;
use zoa_proto::PathList;
use zoa_proto::Reply;

use super::Chroot;

impl Chroot {
    /// The reply as the user is to see it; `None` when a path in it is not under the chroot, which no server may answer.
    pub(crate) fn strip_reply<'r>(
        &self,
        op: OpCode,
        reply: Reply<'r>,
        scratch: &'r mut Vec<u8>,
    ) -> Option<Reply<'r>> {
        if self.is_none() {
            return Some(reply);
        }
        Some(match reply {
            Reply::Path(path) => Reply::Path(self.strip(path)?),
            Reply::PathAndStat { path, stat } => Reply::PathAndStat {
                path: self.strip(path)?,
                stat,
            },
            // The prefix of getEphemerals is text: with `/app` come those under `/apple`, which are not ours to see.
            Reply::Children(paths) if op == OpCode::GetEphemerals => {
                let ours = paths.iter().filter_map(|path| self.strip(path));
                Reply::Children(PathList::collect_into(ours, scratch))
            }
            Reply::Multi(results) => Reply::Multi(self.strip_results(&results, scratch)?),
            Reply::Empty
            | Reply::Stat(_)
            | Reply::Data { .. }
            | Reply::Acl { .. }
            | Reply::Children(_)
            | Reply::ChildrenAndStat { .. }
            | Reply::Count(_)
            | Reply::ErrorResponse(_)
            | Reply::WhoAmI(_)
            | Reply::Sasl(_) => reply,
        })
    }

    fn strip_results<'r>(
        &self,
        results: &MultiResults<'r>,
        scratch: &'r mut Vec<u8>,
    ) -> Option<MultiResults<'r>> {
        let is_ours = |result: MultiResult<'_>| match result {
            MultiResult::Created { path, .. } => self.strip(path).is_some(),
            _ => true,
        };
        if !results.iter().all(is_ours) {
            return None;
        }
        let stripped = results.iter().map(|result| match result {
            MultiResult::Created { path, stat } => MultiResult::Created {
                path: self.strip(path).unwrap_or(path),
                stat,
            },
            _ => result,
        });
        Some(MultiResults::collect_into(stripped, scratch))
    }
}

#[cfg(test)]
mod tests {
    use crate::chroot::Chroot;
    use zoa_proto::MultiResult;
    use zoa_proto::MultiResults;
    use zoa_proto::OpCode;
    use zoa_proto::PathList;
    use zoa_proto::Reply;
    use zoa_proto::Stat;

    #[test]
    fn the_chroot_comes_off_every_reply_with_paths() {
        let chroot = Chroot::new("/app");
        let stat = Stat::default();
        let created = |path| Reply::PathAndStat { path, stat };
        let mut scratch = Vec::new();
        let stripped =
            chroot.strip_reply(OpCode::Create2, created("/app/a-0000000001"), &mut scratch);
        assert_eq!(stripped, Some(created("/a-0000000001")));
        let stripped = chroot.strip_reply(OpCode::Sync, Reply::Path("/app"), &mut scratch);
        assert_eq!(stripped, Some(Reply::Path("/")));
        let stripped = chroot.strip_reply(OpCode::Create, Reply::Path("/other"), &mut scratch);
        assert_eq!(stripped, None);
    }

    #[test]
    fn ephemerals_of_others_are_left_out_and_names_of_children_are_left_alone() {
        let chroot = Chroot::new("/app");
        let (mut from, mut to) = (Vec::new(), Vec::new());
        let paths = PathList::collect_into(["/app/a", "/apple", "/app"], &mut from);
        let stripped = chroot.strip_reply(OpCode::GetEphemerals, Reply::Children(paths), &mut to);
        let Some(Reply::Children(left)) = stripped else {
            panic!("a list is due, not {stripped:?}");
        };
        assert_eq!(left.iter().collect::<Vec<_>>(), ["/a", "/"]);
        let mut to = Vec::new();
        let stripped = chroot.strip_reply(OpCode::GetChildren, Reply::Children(paths), &mut to);
        assert_eq!(stripped, Some(Reply::Children(paths)));
    }

    #[test]
    fn results_of_a_multi_are_stripped_one_by_one() {
        let chroot = Chroot::new("/app");
        let results = |path| {
            [
                MultiResult::Created { path, stat: None },
                MultiResult::Deleted,
            ]
        };
        let (mut from, mut to, mut due) = (Vec::new(), Vec::new(), Vec::new());
        let reply = Reply::Multi(MultiResults::collect_into(results("/app/x"), &mut from));
        let stripped = chroot.strip_reply(OpCode::Multi, reply, &mut to);
        assert_eq!(
            stripped,
            Some(Reply::Multi(MultiResults::collect_into(
                results("/x"),
                &mut due
            )))
        );
        let (mut from, mut to) = (Vec::new(), Vec::new());
        let reply = Reply::Multi(MultiResults::collect_into(results("/x"), &mut from));
        assert_eq!(chroot.strip_reply(OpCode::Multi, reply, &mut to), None);
    }
}
