//! Fewer faults for a seed that fails: those are left out, one after the other, without which the same guarantee is broken all the same.
//!
//! The rest of the run is drawn from the same seed, and changes where a fault is missing; so what is left is small, not smallest. It
//! judges nothing itself.

use crate::Options;
use crate::Plan;
use crate::Report;
use std::collections::BTreeSet;
use std::fmt;

/// A run with fewer faults that breaks what another one broke.
#[derive(Debug)]
pub struct Shrunk {
    before: usize,
    report: Option<Report>,
}

/// Leaves faults out while a guarantee that was broken stays broken.
pub fn shrink(failed: &Report) -> Shrunk {
    let before = failed.plan.len();
    let guarantees: BTreeSet<&str> = failed.violations.iter().map(|it| it.guarantee).collect();
    let mut options = Options {
        plan: Plan {
            kept: failed.options.plan.kept & mask(before),
            ..failed.options.plan
        },
        ..failed.options
    };
    let mut report = None;
    for at in (0..before.min(64)).rev() {
        let kept = options.plan.kept & !(1 << at);
        let plan = Plan {
            kept,
            ..options.plan
        };
        let fewer = Options { plan, ..options };
        let tried = crate::run(fewer);
        let mut broken = tried.violations.iter();
        if broken.any(|it| guarantees.contains(it.guarantee)) {
            options = fewer;
            report = Some(tried);
        }
    }
    Shrunk { before, report }
}

/// A bit for each of so many faults.
fn mask(count: usize) -> u64 {
    if count >= 64 {
        u64::MAX
    } else {
        (1 << count) - 1
    }
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.report {
            None => writeln!(f, "none of the {} faults can be left out", self.before),
            Some(report) => writeln!(
                f,
                "the same with {} of {} faults:\n{report}",
                report.plan.len(),
                self.before
            ),
        }
    }
}
