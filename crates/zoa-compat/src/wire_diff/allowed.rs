//! Differences from the original that are meant, each with its reason. Everything else fails the run.
//!
//! An entry names the generator's label, the operation and the field, so that it hides nothing else.

use super::compare::Difference;

/// Why this difference is meant; `None` when it is not. `label` is what the generator meant by the step.
pub(crate) fn reason(label: &str, difference: &Difference) -> Option<&'static str> {
    ALLOWED
        .iter()
        .find(|allowed| allowed.covers(label, difference))
        .map(|allowed| allowed.reason)
}

/// One meant difference.
struct Allowed {
    /// The step was made to be this.
    label: &'static str,
    /// Any of these operations.
    ops: &'static [&'static str],
    /// Any of these fields.
    fields: &'static [&'static str],
    reason: &'static str,
}

impl Allowed {
    fn covers(&self, label: &str, difference: &Difference) -> bool {
        self.label == label
            && self.ops.contains(&difference.what.as_str())
            && self.fields.contains(&difference.field.as_str())
    }
}

const ALLOWED: &[Allowed] = &[Allowed {
    label: "null path",
    ops: &[
        "sync",
        "setData",
        "setACL",
        "addWatch",
        "checkWatches",
        "removeWatches",
    ],
    fields: &["err", "zxid moved by"],
    reason: "a null path is a malformed body here (MARSHALLINGERROR); the reference takes some of them as a path",
}];
