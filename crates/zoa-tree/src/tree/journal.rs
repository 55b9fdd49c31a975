//! All or nothing: how to take back what a multi has done so far (G-14).
//!
//! Each change notes how to undo it; undoing goes backwards, so that each step finds the tree as
//! it was just after its change. It is not the durable log.
//!
//! Invariant: after `roll_back` the tree is what it was at `begin_journal`: digest, counts, lists,
//! the order of siblings, what cursors list and what an open snapshot holds.

use zoa_proto::Zxid;

use crate::node::NodeId;
use crate::node::OldData;
use crate::node::StoredStat;
use crate::tree::Totals;
use crate::tree::Tree;

/// What a running multi has done.
#[derive(Debug)]
pub(crate) struct Journal {
    totals: Totals,
    done: Vec<Undo>,
}

/// How to undo one change.
#[derive(Debug)]
pub(crate) enum Undo {
    Created {
        node: NodeId,
        parent_cversion: i32,
        parent_pzxid: Zxid,
    },
    Deleted {
        node: NodeId,
        parent_pzxid: Zxid,
        pzxid: Zxid,
        is_listed: bool,
    },
    DataSet {
        node: NodeId,
        old: OldData,
        stat: StoredStat,
        version: i32,
    },
}

impl Tree {
    /// From here on changes can be taken back.
    pub(crate) fn begin_journal(&mut self, changes: usize) {
        assert!(self.journal.is_none(), "a multi does not hold a multi");
        self.journal = Some(Journal {
            totals: self.totals,
            done: Vec::with_capacity(changes),
        });
    }

    /// Notes how to undo a change, if somebody may want to.
    pub(crate) fn note(&mut self, undo: Undo) {
        if let Some(journal) = &mut self.journal {
            journal.done.push(undo);
        }
    }

    /// The changes stay; what was deleted lets go of what it holds.
    pub(crate) fn commit(&mut self) {
        for undo in self.end_journal().done {
            match undo {
                Undo::Deleted { node, .. } => self.release(node),
                Undo::Created { .. } | Undo::DataSet { .. } => {}
            }
        }
    }

    /// Takes every change back.
    pub(crate) fn roll_back(&mut self) {
        let journal = self.end_journal();
        for undo in journal.done.into_iter().rev() {
            match undo {
                Undo::Created {
                    node,
                    parent_cversion,
                    parent_pzxid,
                } => {
                    let parent = self.node(node).parent;
                    self.leave(node);
                    self.unlink(node);
                    self.release(node);
                    let parent = self.node_mut(parent);
                    parent.versions.cversion = parent_cversion;
                    parent.stat.pzxid = parent_pzxid;
                }
                Undo::Deleted {
                    node,
                    parent_pzxid,
                    pzxid,
                    is_listed,
                } => {
                    self.revive(node, is_listed);
                    let node = self.node_mut(node);
                    node.stat.pzxid = pzxid;
                    let parent = node.parent;
                    self.node_mut(parent).stat.pzxid = parent_pzxid;
                }
                Undo::DataSet {
                    node,
                    old,
                    stat,
                    version,
                } => {
                    let node = self.node_mut(node);
                    node.put_back(old);
                    node.stat = stat;
                    node.versions.version = version;
                }
            }
        }
        self.totals = journal.totals;
    }

    fn revive(&mut self, id: NodeId, is_listed: bool) {
        if is_listed {
            self.open_families
                .take_back_deleted(self.node(id).parent, id);
        } else {
            self.relink(id);
        }
        self.node_mut(id).set_live(true);
        self.enter_index(id);
        self.count_in(id);
    }

    fn end_journal(&mut self) -> Journal {
        self.journal.take().expect("a multi that ends has begun")
    }
}
