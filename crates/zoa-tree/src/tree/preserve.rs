//! Before something changes, an open snapshot keeps what it was.
//!
//! A snapshot walks the slots while writers go on. Whoever is about to change a znode or a session
//! that the walk has not reached writes its record first, once; the walk then passes over it.
//!
//! Invariant: each znode and session of the tree at the snapshot's zxid is written exactly once, by
//! the walk or from here, as it was then; none that came later is.

use zoa_proto::SessionId;

use crate::node::NodeId;
use crate::snapshot::record;
use crate::tree::Tree;

impl Tree {
    /// To be called before a znode's stat, data, ACL or life changes.
    #[inline]
    pub(crate) fn preserve(&mut self, id: NodeId) {
        if self.snapshot.is_some() {
            self.preserve_node(id);
        }
    }

    fn preserve_node(&mut self, id: NodeId) {
        let Some(open) = &mut self.snapshot else {
            return;
        };
        let node = self.nodes.at_mut(id.0);
        if node.snapshot == open.number() || open.has_node(id) {
            return;
        }
        assert!(node.is_live(), "what is deleted does not change");
        node.snapshot = open.number();
        let acl = node.acl;
        let is_new_acl = self.acls.mark(acl, open.number());
        let lifetime = self.lifetime(id);
        let Some(open) = &mut self.snapshot else {
            return;
        };
        let out = open.preserved_mut();
        if is_new_acl {
            record::encode_acl(out, acl, self.acls.handle(acl));
        }
        record::encode_node(out, id, self.nodes.at(id.0), lifetime);
    }

    /// To be called before a session changes or goes.
    pub(crate) fn preserve_session(&mut self, id: SessionId) {
        let Some(open) = &mut self.snapshot else {
            return;
        };
        let Some(number) = self.sessions.number(id) else {
            return;
        };
        let session = self.sessions.at_mut(number);
        if session.snapshot == open.number() || open.has_session(number) {
            return;
        }
        session.snapshot = open.number();
        record::encode_session(open.preserved_mut(), session);
    }
}
