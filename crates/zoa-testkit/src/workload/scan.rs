//! The last look: a client that reads the whole tree once everything is calm, so that what is there at the end is compared too.

use crate::history::Call;
use crate::op::Answer;
use crate::op::Op;
use std::collections::VecDeque;

/// A walk over the tree by ordinary reads.
#[derive(Debug)]
pub struct Scan {
    due: VecDeque<String>,
    asked: usize,
    answered: usize,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            due: VecDeque::from(["/".to_owned()]),
            asked: 0,
            answered: 0,
        }
    }
}

impl Scan {
    /// The next reads to send.
    pub fn next_reads(&mut self) -> Vec<Op> {
        let Some(path) = self.due.pop_front() else {
            return Vec::new();
        };
        let ops = vec![
            Op::GetChildren {
                path: path.clone(),
                watch: false,
                with_stat: true,
            },
            Op::GetData {
                path: path.clone(),
                watch: false,
            },
            Op::GetAcl { path },
        ];
        self.asked += ops.len();
        ops
    }

    /// Learns from an answered read.
    pub fn learn(&mut self, call: &Call) {
        if call.reply().is_none() {
            return;
        }
        self.answered += 1;
        if let (Op::GetChildren { path, .. }, Some((_, _, Ok(Answer::ChildrenStat(names, _))))) =
            (&call.op, call.reply())
        {
            self.due.extend(
                names
                    .iter()
                    .map(|name| format!("{}/{name}", path.trim_end_matches('/'))),
            );
        }
    }

    /// Whether all was read.
    pub fn is_done(&self) -> bool {
        self.due.is_empty() && self.answered >= self.asked
    }
}
