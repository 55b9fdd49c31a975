//! G-01: writes are linearizable. Replaying them in zxid order gives each reply, and that order agrees with real time.
//!
//! No search is needed, since the zxid of each reply names its place. Stats are compared by G-15.

use super::Case;
use super::Violation;
use super::stat_free::stat_free;
use crate::clock::SimTime;
use crate::history::Call;
use crate::history::CallId;
use crate::op::code;
use crate::op::hex;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    check_answers(case, violations);
    check_real_time(case, violations);
}

fn check_answers(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (id, _, call) in case.history.calls() {
        let (Some((_, zxid, seen)), Some(expected)) = (call.reply(), case.replayed.expected(id))
        else {
            continue;
        };
        if !call.op.is_proposed() {
            continue;
        }
        let wrong = if expected.outcome == Err(code::SESSION_MOVED) {
            // The connection of a former owner is closed without a word.
            Some(format!(
                "answered {seen:?} though another connection spoke for the session"
            ))
        } else if stat_free(&expected.outcome) != stat_free(seen) {
            Some(format!(
                "answered {seen:?} instead of {:?}",
                expected.outcome
            ))
        } else if expected.zxid != zxid {
            Some(format!(
                "answered with zxid {} instead of {}",
                hex(zxid),
                hex(expected.zxid)
            ))
        } else {
            None
        };
        if let Some(wrong) = wrong {
            violations.push(Violation::new(
                "G-01",
                format!("{id}: {:?} {wrong}", call.op),
            ));
        }
    }
}

/// An acknowledged write with its own zxid.
struct Write {
    id: CallId,
    invoked: SimTime,
    returned: SimTime,
    zxid: i64,
}

impl Write {
    fn of(id: CallId, call: &Call) -> Option<Self> {
        let (returned, zxid, _) = call.reply().filter(|(_, zxid, _)| *zxid > 0)?;
        call.op.is_write().then_some(Self {
            id,
            invoked: call.invoked_at,
            returned,
            zxid,
        })
    }
}

/// If A was answered before B was asked, then A's zxid is smaller than B's.
fn check_real_time(case: Case<'_>, violations: &mut Vec<Violation>) {
    let mut asked: Vec<Write> = case
        .history
        .calls()
        .filter_map(|(id, _, call)| Write::of(id, call))
        .collect();
    asked.sort_by_key(|write| write.invoked);
    let mut answered: Vec<(SimTime, i64, CallId)> = asked
        .iter()
        .map(|write| (write.returned, write.zxid, write.id))
        .collect();
    answered.sort_unstable();
    let mut answered = answered.into_iter().peekable();
    let mut highest: Option<(i64, CallId)> = None;
    for write in asked {
        while let Some((_, zxid, id)) =
            answered.next_if(|(returned, _, _)| *returned < write.invoked)
        {
            highest = highest.max(Some((zxid, id)));
        }
        if let Some((zxid, before)) = highest.filter(|(zxid, _)| *zxid >= write.zxid) {
            let what = format!(
                "{before} was answered with {} before {} was asked, which was answered with {}",
                hex(zxid),
                write.id,
                hex(write.zxid)
            );
            violations.push(Violation::new("G-01", what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::op::Answer;

    #[test]
    fn writes_of_two_clients_in_turn_are_accepted() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        scene.create(one, "/a");
        scene.set(two, "/a", "x");
        scene.create(one, "/a");
        scene.accepts();
    }

    #[test]
    fn an_answer_the_order_does_not_give_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let again = scene.create(one, "/a");
        scene.tamper_answer(again, Ok(Answer::Path("/a".to_owned())));
        scene.rejects("G-01");
    }

    #[test]
    fn a_write_ordered_before_one_that_was_answered_earlier_is_reported() {
        let mut scene = Scene::new();
        let (one, two) = (scene.connect(), scene.connect());
        let early = scene.create(one, "/a");
        let late = scene.create(two, "/b");
        scene.tamper_times(late, 900, 990);
        scene.tamper_times(early, 1000, 1010);
        scene.rejects("G-01");
    }
}
