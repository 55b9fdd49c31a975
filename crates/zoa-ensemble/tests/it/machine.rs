//! The replicated state of these tests: who the servers are, and every write that was applied.

use bytes::Bytes;
use zoa_ensemble::Versions;
use zoa_proto::OpCode;
use zoa_proto::jute::Reader;
use zoa_proto::request::Reconfig;
use zoa_raft::Committed;
use zoa_tree::MemberLines;
use zoa_tree::Txn;
use zoa_tree::TxnOp;
use zoa_tree::next_members;

use crate::world::words_of;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) lines: MemberLines,
    /// By which rules it goes; 0 is the first, never raised.
    pub(crate) semantics: u32,
    pub(crate) applied: Vec<(u64, u64, Bytes)>,
}

impl Machine {
    /// Applies an entry; returns what it says to a change of members.
    pub(crate) fn apply(&mut self, entry: &Committed) -> bool {
        let newest = self.applied.last().map_or(0, |(index, _, _)| *index);
        assert!(entry.index.0 > newest, "applied once, in order");
        let accepted = self.apply_lines(&entry.data);
        let applied = (entry.index.0, entry.term, entry.data.clone());
        self.applied.push(applied);
        accepted
    }

    fn apply_lines(&mut self, data: &[u8]) -> bool {
        let Ok(txn) = Txn::decode(data) else {
            return true;
        };
        match txn.op {
            TxnOp::FoundMembers { lines } => {
                if self.lines.is_empty() {
                    self.lines = MemberLines::parse(lines).expect("a leader sends lines");
                }
                true
            }
            TxnOp::RaiseSemantics { version } => {
                self.semantics = version.max(self.semantics);
                true
            }
            TxnOp::Request {
                op: OpCode::Reconfig,
                body,
            } => {
                let request = Reconfig::decode(&mut Reader::new(body));
                let request = request.expect("the tests write reconfigs that are");
                let next = next_members(&self.lines, &request, txn.settings);
                let accepted = next.is_ok();
                self.lines = next.unwrap_or_else(|_| self.lines.clone());
                accepted
            }
            _ => true,
        }
    }

    /// By which rules transactions are applied.
    pub(crate) fn semantics(&self) -> u32 {
        self.semantics.max(Versions::FIRST.semantics)
    }

    /// The last entry: a snapshot stands there.
    pub(crate) fn position(&self) -> Option<(u64, u64)> {
        self.applied.last().map(|(index, term, _)| (*index, *term))
    }

    /// What clients wrote, in order.
    pub(crate) fn writes(&self) -> Vec<String> {
        let data = self.applied.iter().map(|(_, _, data)| data);
        data.filter_map(|data| words_of(data)).collect()
    }
}
