//! Differences from the original that are meant, each with its reason. Everything else fails the run.

use super::compare::Difference;

/// Why this difference is meant; `None` when it is not.
pub(crate) fn reason(difference: &Difference) -> Option<&'static str> {
    ALLOWED
        .iter()
        .find(|allowed| (allowed.when)(difference))
        .map(|allowed| allowed.reason)
}

struct Allowed {
    when: fn(&Difference) -> bool,
    reason: &'static str,
}

const ALLOWED: &[Allowed] = &[];
