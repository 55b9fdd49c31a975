//! The watches a client library keeps, so that it can set them again on its next connection (reference: section 2.2).

use crate::op::Event;
use crate::op::EventKind;
use crate::op::Op;
use crate::op::Outcome;
use crate::op::RearmLists;
use crate::op::code;
use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub(super) struct Rearm {
    data: BTreeSet<String>,
    exist: BTreeSet<String>,
    child: BTreeSet<String>,
    persistent: BTreeSet<String>,
    recursive: BTreeSet<String>,
}

impl Rearm {
    /// Takes note of a watch that was set or removed.
    pub(super) fn handle_reply(&mut self, op: &Op, outcome: &Outcome) {
        let list = match (op, outcome) {
            (Op::GetData { path, watch: true } | Op::Exists { path, watch: true }, Ok(_)) => {
                (&mut self.data, path)
            }
            (Op::Exists { path, watch: true }, Err(code::NO_NODE)) => (&mut self.exist, path),
            (
                Op::GetChildren {
                    path, watch: true, ..
                },
                Ok(_),
            ) => (&mut self.child, path),
            (Op::AddWatch { path, mode: 0 }, Ok(_)) => (&mut self.persistent, path),
            (Op::AddWatch { path, mode: 1 }, Ok(_)) => (&mut self.recursive, path),
            (Op::RemoveWatches { path, .. }, Ok(_)) => return self.forget(path),
            _ => return,
        };
        list.0.insert(list.1.clone());
    }

    /// One-shot watches are used up by their event.
    pub(super) fn handle_event(&mut self, event: &Event) {
        let path = event.path.as_str();
        let lists: &mut [&mut BTreeSet<String>] = match event.kind {
            EventKind::NodeCreated | EventKind::NodeDataChanged => {
                &mut [&mut self.data, &mut self.exist]
            }
            EventKind::NodeDeleted => &mut [&mut self.data, &mut self.exist, &mut self.child],
            EventKind::NodeChildrenChanged => &mut [&mut self.child],
        };
        for list in lists {
            list.remove(path);
        }
    }

    fn forget(&mut self, path: &str) {
        for list in [
            &mut self.data,
            &mut self.exist,
            &mut self.child,
            &mut self.persistent,
            &mut self.recursive,
        ] {
            list.remove(path);
        }
    }

    /// The request that sets all of them again, if there are any.
    pub(super) fn request(&self, relative_zxid: i64) -> Option<Op> {
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
        let lists = RearmLists {
            data: list(&self.data),
            exist: list(&self.exist),
            child: list(&self.child),
            persistent: list(&self.persistent),
            recursive: list(&self.recursive),
        };
        (lists != RearmLists::default()).then_some(Op::SetWatches {
            relative_zxid,
            lists,
        })
    }
}
