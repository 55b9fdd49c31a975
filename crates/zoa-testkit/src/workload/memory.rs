//! What a client remembers of the tree, so that it can ask for things that exist and expect versions that are right.

use crate::history::Call;
use crate::op::Answer;
use crate::op::Op;
use crate::op::SubAnswer;
use crate::rng::Rng;
use std::collections::BTreeMap;
use std::collections::VecDeque;

/// How many names are remembered.
const NAMES_MAX: usize = 24;

/// What a client has learned from answers.
#[derive(Debug, Default)]
pub struct Memory {
    versions: BTreeMap<String, i32>,
    /// Names that the server completed, and children seen in lists.
    names: VecDeque<String>,
}

impl Memory {
    /// Learns from an answered call.
    pub fn learn(&mut self, call: &Call) {
        let Some((_, _, Ok(answer))) = call.reply() else {
            return;
        };
        match (&call.op, answer) {
            (_, Answer::Path(path)) if !matches!(call.op, Op::Sync { .. }) => self.add(path),
            (_, Answer::PathStat(path, _)) => self.add(path),
            (
                Op::GetChildren { path, .. },
                Answer::Children(names) | Answer::ChildrenStat(names, _),
            ) => {
                for name in names.iter().take(4) {
                    self.add(&format!("{}/{name}", path.trim_end_matches('/')));
                }
            }
            (Op::GetData { path, .. } | Op::Exists { path, .. } | Op::SetData { path, .. }, _) => {
                if let Answer::Data(_, stat) | Answer::Stat(stat) = answer {
                    self.versions.insert(path.clone(), stat.version);
                }
            }
            (Op::Multi(_), Answer::Multi(subs)) => {
                for sub in subs {
                    if let SubAnswer::Created(path) | SubAnswer::CreatedWithStat(path, _) = sub {
                        self.add(path);
                    }
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, path: &str) {
        if self.names.len() == NAMES_MAX {
            self.names.pop_front();
        }
        self.names.push_back(path.to_owned());
    }

    /// The version last seen of a znode.
    pub fn version_of(&self, path: &str) -> Option<i32> {
        self.versions.get(path).copied()
    }

    /// One of the names learned.
    pub fn name(&self, rng: &mut Rng) -> Option<String> {
        self.names.get(rng.index(self.names.len())).cloned()
    }
}
