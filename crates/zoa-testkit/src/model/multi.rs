//! multi: all sub-operations or none (G-14), with the original's error vector (reference: section 1.7).

use super::Asker;
use super::Fired;
use super::Model;
use crate::op::Answer;
use crate::op::Op;
use crate::op::SubAnswer;
use crate::op::code;

impl Model {
    /// Applies the sub-operations in order, each on the effects of those before it; takes all back when one is refused.
    pub(super) fn multi(
        &mut self,
        asker: Asker<'_>,
        ops: &[Op],
        fired: &mut Vec<Fired>,
    ) -> Vec<SubAnswer> {
        self.undo = Some(Vec::new());
        let mut answers = Vec::new();
        let mut failed = None;
        for (position, op) in ops.iter().enumerate() {
            match self.write_one(asker, op, fired) {
                Ok(answer) => answers.push(sub_answer(op, answer)),
                Err(error) => {
                    failed = Some((position, error));
                    break;
                }
            }
        }
        let undo = self.undo.take().unwrap_or_default();
        let Some((failed, error)) = failed else {
            return answers;
        };
        self.take_back(undo);
        fired.clear();
        let errors = (0..ops.len()).map(|position| match position.cmp(&failed) {
            std::cmp::Ordering::Less => SubAnswer::Error(0),
            std::cmp::Ordering::Equal => SubAnswer::Error(error),
            std::cmp::Ordering::Greater => SubAnswer::Error(code::RUNTIME_INCONSISTENCY),
        });
        errors.collect()
    }

    fn take_back(&mut self, undo: Vec<(String, Option<super::Node>)>) {
        for (path, before) in undo.into_iter().rev() {
            match before {
                Some(node) => self.nodes.insert(path, node),
                None => self.nodes.remove(&path),
            };
        }
    }
}

fn sub_answer(op: &Op, answer: Answer) -> SubAnswer {
    match (op, answer) {
        (_, Answer::Path(path)) => SubAnswer::Created(path),
        (_, Answer::PathStat(path, stat)) => SubAnswer::CreatedWithStat(path, stat),
        (_, Answer::Stat(stat)) => SubAnswer::DataSet(stat),
        (Op::Check { .. }, _) => SubAnswer::Checked,
        (_, _) => SubAnswer::Deleted,
    }
}
