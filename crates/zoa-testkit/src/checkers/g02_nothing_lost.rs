//! G-02: no acknowledged write is lost, no refused write becomes visible, and nothing is there that nobody wrote.
//!
//! The witness is the sequence of committed entries; that it is also what clients read is the work of G-01 and G-05.

use super::Case;
use super::Violation;
use super::refused::refused_that_show;
use crate::applied::Asked;
use crate::history::Call;
use crate::op::Op;
use crate::op::code;
use crate::replay::StreamFaultKind;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let mut report = |what: String| violations.push(Violation::new("G-02", what));
    for change in case.applied.rewritten() {
        report(format!(
            "index {} was {:?} once and {:?} later",
            change.before.index, change.before, change.after
        ));
    }
    for entry in case.applied.vanished() {
        report(format!("entry {} is gone: {entry:?}", entry.index));
    }
    for (id, connection, call) in case.history.calls() {
        if call.op.is_proposed() && needs_entry(call) && case.replayed.step_of(id).is_none() {
            report(format!(
                "{id}: {:?} xid {} was answered and is not in the log",
                call.op, call.xid
            ));
        }
        if let Some((entry, _)) = case.replayed.step_of(id)
            && (!carries(&entry.asked, &call.op)
                || connection
                    .session()
                    .is_some_and(|session| session != entry.session))
        {
            report(format!(
                "{id}: {:?} stands as {:?} in the log",
                call.op, entry.asked
            ));
        }
    }
    for shown in refused_that_show(case) {
        report(format!(
            "entry {} was refused with {:?}, and {} shows its zxid: {:?}",
            shown.entry.index, shown.step.outcome, shown.by, shown.entry
        ));
    }
    for position in &case.replayed.phantoms {
        if let Some((entry, _)) = case.replayed.steps.get(*position) {
            report(format!(
                "entry {} was sent by nobody, or twice: {entry:?}",
                entry.index
            ));
        }
    }
    for entry in case.applied.entries() {
        if let Asked::Unreadable(why) = &entry.asked {
            report(format!("entry {} cannot be read: {why}", entry.index));
        }
    }
    for fault in case.replayed.faults(StreamFaultKind::ZxidUnknown) {
        report(format!(
            "connection {} message {}: {}",
            fault.connection.0, fault.position, fault.what
        ));
    }
}

/// A reply implies an entry, but for requests refused before they were proposed.
fn needs_entry(call: &Call) -> bool {
    match call.reply() {
        None | Some((_, _, Err(code::MARSHALLING | code::UNIMPLEMENTED))) => false,
        Some(_) => true,
    }
}

fn carries(asked: &Asked, op: &Op) -> bool {
    match asked {
        Asked::Request(in_log) => in_log == op,
        Asked::Sync => matches!(op, Op::Sync { .. }),
        Asked::Close => matches!(op, Op::CloseSession),
        Asked::Refuse(_) => true,
        Asked::Open { .. }
        | Asked::Attach { .. }
        | Asked::Expire
        | Asked::FoundMembers(_)
        | Asked::RaiseSemantics(_)
        | Asked::Reap { .. }
        | Asked::Unreadable(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn a_write_without_an_answer_may_be_in_the_log_or_not() {
        let mut scene = Scene::new();
        let one = scene.connect();
        let kept = scene.create(one, "/a");
        let lost = scene.create(one, "/b");
        scene.forget_answer(kept);
        scene.forget_answer(lost);
        scene.drop_last_entry();
        scene.accepts();
    }

    #[test]
    fn an_acknowledged_write_that_is_gone_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        scene.drop_last_entry();
        scene.rejects("G-02");
    }

    #[test]
    fn a_committed_entry_that_changes_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        scene.rewrite_last_entry("/other");
        scene.rejects("G-02");
    }

    #[test]
    fn a_committed_entry_that_a_later_life_passes_over_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let before = scene.last_index();
        let unanswered = scene.create(one, "/b");
        scene.forget_answer(unanswered);
        scene.applied.note_neighbours((before, before + 1));
        scene.accepts();
        scene.applied.note_neighbours((before, before + 2));
        scene.rejects("G-02");
    }

    #[test]
    fn a_refused_write_that_shows_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let refused = scene.create(one, "/a");
        let read = scene.exists(one, "/a");
        scene.accepts();
        let zxid = scene.zxid_of(refused);
        scene.tamper_stat(read, |stat| stat.mzxid = zxid);
        scene.rejects("G-02");
    }

    #[test]
    fn a_write_that_nobody_sent_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        let call = scene.create(one, "/a");
        scene.forget_call(call);
        scene.rejects("G-02");
    }
}
