//! G-06: what a session reads after a sync is at least as new as any write that was acknowledged before the sync was asked for.
//!
//! The reads behind the sync cannot be older than its reply (G-04), so its reply's zxid is all there is to look at.

use super::Case;
use super::Violation;
use crate::clock::SimTime;
use crate::history::CallId;
use crate::op::Op;
use crate::op::hex;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let mut acknowledged: Vec<(SimTime, i64, CallId)> = Vec::new();
    let mut syncs: Vec<(SimTime, i64, CallId)> = Vec::new();
    for (id, _, call) in case.history.calls() {
        let Some((returned, zxid, Ok(_))) = call.reply() else {
            continue;
        };
        if matches!(call.op, Op::Sync { .. }) {
            syncs.push((call.invoked_at, zxid, id));
        } else if call.op.is_write() {
            acknowledged.push((returned, zxid, id));
        }
    }
    acknowledged.sort_unstable();
    syncs.sort_unstable();
    let mut acknowledged = acknowledged.into_iter().peekable();
    let mut highest: Option<(i64, CallId)> = None;
    for (invoked, zxid, sync) in syncs {
        while let Some((_, zxid, write)) =
            acknowledged.next_if(|(returned, _, _)| *returned < invoked)
        {
            highest = highest.max(Some((zxid, write)));
        }
        if let Some((newer, write)) = highest.filter(|(newer, _)| *newer > zxid) {
            let what = format!(
                "{sync}: a sync answered {} after {write} was acknowledged at {}",
                hex(zxid),
                hex(newer)
            );
            violations.push(Violation::new("G-06", what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn a_sync_behind_anothers_write_is_accepted() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        scene.sync(two);
        scene.get(two, "/a");
        scene.accepts();
    }

    #[test]
    fn a_sync_that_does_not_catch_up_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        let before = scene.zxid();
        scene.create(one, "/a");
        let sync = scene.sync(two);
        scene.tamper_zxid(sync, before);
        scene.rejects("G-06");
    }
}
