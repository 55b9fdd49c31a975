//! G-12: the right id and password give the same session back; anything else gives "expired", never another session in silence.

use super::Case;
use super::Violation;
use super::refused::refused_that_show;
use crate::applied::Asked;
use crate::applied::Entry;
use crate::history::ConnectAnswer;
use crate::history::Connection;
use crate::history::ConnectionId;
use crate::model::Step;
use crate::op::code;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (id, connection) in case.history.iter() {
        if let Some((_, answer)) = &connection.answered
            && let Err(wrong) = check_one(case, id, connection, answer)
        {
            let what = format!(
                "connection {} asked {:?} and was told {answer:?}: {wrong}",
                id.0, connection.asked
            );
            violations.push(Violation::new("G-12", what));
        }
    }
    for shown in refused_that_show(case) {
        if shown.step.outcome == Err(code::SESSION_MOVED) {
            let what = format!(
                "{} shows the write of a connection that spoke for the session no more: {:?}",
                shown.by, shown.entry
            );
            violations.push(Violation::new("G-12", what));
        }
    }
}

fn check_one(
    case: Case<'_>,
    id: ConnectionId,
    connection: &Connection,
    answer: &ConnectAnswer,
) -> Result<(), &'static str> {
    let entry = case.replayed.attachments_of(case.history, id).next();
    if answer.session == 0 {
        return check_refusal(case, connection, answer, entry);
    }
    let Some((entry, step)) = entry else {
        return Err("no entry says so");
    };
    if step.outcome.is_err() {
        return Err("the session was over, or the password wrong");
    }
    let (Asked::Open {
        timeout_ms,
        password,
    }
    | Asked::Attach {
        timeout_ms,
        password,
    }) = &entry.asked
    else {
        return Err("the entry is no attachment");
    };
    let bounds = case.observed.bounds;
    let wanted = connection
        .asked
        .timeout_ms
        .clamp(bounds.session_timeout_ms_min, bounds.session_timeout_ms_max);
    if connection.asked.session != 0 && answer.session != connection.asked.session {
        Err("that is another session")
    } else if answer.session != entry.session {
        Err("the entry is of another session")
    } else if answer.password != *password {
        Err("that is not the session's password")
    } else if answer.timeout_ms != *timeout_ms || *timeout_ms != wanted {
        Err("that is not the negotiated timeout")
    } else {
        Ok(())
    }
}

fn check_refusal(
    case: Case<'_>,
    connection: &Connection,
    answer: &ConnectAnswer,
    entry: Option<&(Entry, Step)>,
) -> Result<(), &'static str> {
    let blank = answer.timeout_ms == 0 && answer.password.iter().all(|byte| *byte == 0);
    if !blank {
        return Err("a refusal carries nothing else");
    }
    if entry.is_some_and(|(_, step)| step.outcome.is_ok()) {
        return Err("the session lived, and the password was right");
    }
    // Without an entry there must be another reason to refuse.
    let life = case.replayed.sessions.get(&connection.asked.session);
    let over =
        life.is_none_or(|life| life.ended.is_some() || life.password != connection.asked.password);
    if entry.is_none() && !over {
        Err("refused without asking the replicated state")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn a_session_restored_and_one_refused_are_accepted() {
        let mut scene = Scene::new();
        let one = scene.connect();
        let again = scene.reconnect(one);
        scene.create(again, "/a");
        scene.reconnect_with_wrong_password(again);
        scene.close(again);
        scene.reconnect(again);
        scene.accepts();
    }

    #[test]
    fn a_new_session_in_place_of_an_expired_one_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.close(one);
        scene.reconnect_with_a_new_session(one);
        scene.rejects("G-12");
    }

    #[test]
    fn a_live_session_told_that_it_expired_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        let again = scene.reconnect(one);
        scene.tamper_refused(again);
        scene.rejects("G-12");
    }

    #[test]
    fn a_wrong_password_that_is_taken_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        let thief = scene.reconnect_with_wrong_password(one);
        scene.tamper_granted(thief, one);
        scene.rejects("G-12");
    }

    #[test]
    fn a_late_write_of_the_connection_before_that_shows_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let again = scene.reconnect(one);
        let late = scene.create(one, "/b");
        let zxid = scene.zxid_of(late);
        scene.forget_answer(late);
        let read = scene.exists(again, "/a");
        scene.accepts();
        scene.tamper_stat(read, |stat| stat.pzxid = zxid);
        scene.rejects("G-12");
    }
}
