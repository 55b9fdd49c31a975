//! Refused writes that show all the same: a stat that any client was shown bears the zxid of a write that changed nothing.
//!
//! It judges nothing itself: G-02 reports each, G-14 those of a multi, G-12 those of a connection that spoke for the session no
//! more. Invariant: each refused entry is found once, by the first reply that shows it.

use super::Case;
use super::stat_free::stats_of;
use crate::applied::Asked;
use crate::applied::Entry;
use crate::history::CallId;
use crate::model::Step;
use crate::op::Answer;
use crate::op::SubAnswer;
use std::collections::BTreeMap;

/// A refused write, and the reply that shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) entry: &'a Entry,
    pub(super) step: &'a Step,
    pub(super) by: CallId,
}

/// All of them.
pub(super) fn refused_that_show(case: Case<'_>) -> Vec<Shown<'_>> {
    let mut refused: BTreeMap<i64, &(Entry, Step)> = BTreeMap::new();
    for entry_and_step in &case.replayed.steps {
        let (entry, step) = entry_and_step;
        if step.took_zxid && matches!(entry.asked, Asked::Request(_)) && is_refused(step) {
            refused.insert(step.zxid, entry_and_step);
        }
    }
    let mut shown = Vec::new();
    for (by, _, call) in case.history.calls() {
        let Some((_, _, outcome)) = call.reply() else {
            continue;
        };
        for stat in stats_of(outcome) {
            for zxid in [stat.czxid, stat.mzxid, stat.pzxid] {
                if let Some((entry, step)) = refused.remove(&zxid) {
                    shown.push(Shown { entry, step, by });
                }
            }
        }
    }
    shown
}

fn is_refused(step: &Step) -> bool {
    match &step.outcome {
        Err(_) => true,
        Ok(Answer::Multi(subs)) => subs
            .iter()
            .any(|sub| matches!(sub, SubAnswer::Error(error) if *error != 0)),
        Ok(_) => false,
    }
}
