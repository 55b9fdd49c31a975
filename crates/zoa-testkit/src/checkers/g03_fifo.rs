//! G-03: a client's requests take effect and are answered in the order in which it sent them, and none takes effect when an
//! earlier one of the same connection was dropped.

use super::Case;
use super::Violation;
use crate::history::CallId;
use crate::history::Connection;
use crate::history::ConnectionId;
use crate::history::Received;
use crate::op::Op;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (id, connection) in case.history.iter() {
        check_replies(id, connection, violations);
        check_entries(case, id, connection, violations);
    }
}

/// Replies come in the order of the calls. Authentication is the exception: the original answers it ahead of the pipeline.
fn check_replies(id: ConnectionId, connection: &Connection, violations: &mut Vec<Violation>) {
    let mut last = None;
    for (_, message) in &connection.received {
        let Received::Reply(position) = message else {
            continue;
        };
        let is_auth = matches!(
            connection.calls.get(*position).map(|call| &call.op),
            Some(Op::AddAuth { .. })
        );
        if is_auth {
            continue;
        }
        if last.is_some_and(|last| last >= *position) {
            let what = format!(
                "connection {}: call {position} was answered after call {last:?}",
                id.0
            );
            violations.push(Violation::new("G-03", what));
        }
        last = last.max(Some(*position));
    }
}

/// The entries of a connection are those of a prefix of its writes, in their order.
fn check_entries(
    case: Case<'_>,
    id: ConnectionId,
    connection: &Connection,
    violations: &mut Vec<Violation>,
) {
    let mut last = None;
    let mut dropped = None;
    for (position, call) in connection.calls.iter().enumerate() {
        if !call.op.is_proposed() {
            continue;
        }
        let call_id = CallId {
            connection: id,
            position,
        };
        let Some(entry) = case.replayed.entry_of_call.get(&call_id) else {
            // Refused before it was proposed: it was answered, and that is all that happens to it.
            if call.reply().is_none() {
                dropped = dropped.or(Some(position));
            }
            continue;
        };
        if last.is_some_and(|last| last >= *entry) {
            violations.push(Violation::new(
                "G-03",
                format!("{call_id} stands in the log before an earlier call"),
            ));
        }
        if let Some(dropped) = dropped {
            let what = format!("{call_id} took effect though call {dropped} before it was dropped");
            violations.push(Violation::new("G-03", what));
        }
        last = last.max(Some(*entry));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn a_connection_that_breaks_loses_the_end_of_its_pipeline() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        scene.send_unanswered(one, "/b");
        scene.send_unanswered(one, "/c");
        scene.accepts();
    }

    #[test]
    fn a_write_behind_a_dropped_one_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.send_unanswered(one, "/a");
        scene.create(one, "/b");
        scene.rejects("G-03");
    }

    #[test]
    fn replies_out_of_order_are_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        scene.exists(one, "/a");
        scene.swap_last_messages(one);
        scene.rejects("G-03");
    }

    #[test]
    fn entries_out_of_order_are_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        let first = scene.create(one, "/a");
        let second = scene.create(one, "/b");
        scene.swap_calls(first, second);
        scene.rejects("G-03");
    }
}
