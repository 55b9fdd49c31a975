//! G-22: one client cannot take the others down. What a server holds in memory for those who send much, or do not read, stays below the
//! limit that has a name; and while nothing is amiss, who reads its answers has them soon, whatever the others do.
//!
//! The amounts are those that production code itself counts, looked at after each turn of a connection, of the thread that applies and of
//! the one that replicates; a turn is the smallest step in which they change. The time that a server computes is none in simulation: that
//! nobody is kept from the processor for long is measured elsewhere.

use super::Case;
use super::Violation;
use crate::clock::SimTime;
use crate::history::Call;
use crate::history::ClientId;
use crate::history::Connection;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    check_amounts(case, violations);
    check_answers(case, violations);
}

fn check_amounts(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (what, most) in case.observed.holdings.iter() {
        if most.amount > most.limit {
            let what = format!(
                "server {} held {} of {what} at {}; the limit is {}",
                most.server, most.amount, most.at, most.limit
            );
            violations.push(Violation::new("G-22", what));
        }
    }
}

fn check_answers(case: Case<'_>, violations: &mut Vec<Violation>) {
    if case.observed.answer_ms_max == 0 {
        return;
    }
    let honest = |connection: &Connection| !case.observed.gluttons.contains(&connection.client);
    for (id, connection) in case.history.iter().filter(|(_, it)| honest(it)) {
        let mut calls = connection.calls.iter();
        let Some(call) = calls.find(|call| is_left_waiting(case, connection, call)) else {
            continue;
        };
        let what = format!(
            "client {} was not answered by {} what it asked at {} on connection {}, and nothing was amiss",
            connection.client.0,
            call.invoked_at.after_ms(case.observed.answer_ms_max),
            call.invoked_at,
            id.0
        );
        violations.push(Violation::new("G-22", what));
    }
}

/// Whether a call had no answer in time though its connection stood all the while, had never been slow, and nothing was amiss.
fn is_left_waiting(case: Case<'_>, connection: &Connection, call: &Call) -> bool {
    let sent = call.invoked_at;
    let due = sent.after_ms(case.observed.answer_ms_max);
    let is_late = call.reply().is_none_or(|(at, _, _)| at > due);
    let was_open = connection.answered.as_ref();
    let was_open = was_open.is_some_and(|(at, _)| *at <= sent);
    let stands = connection.ended_at.is_none_or(|at| at > due);
    is_late
        && was_open
        && stands
        && due < case.observed.ended_at
        && !case.observed.disturbed_between(sent, due)
        && !case.observed.slowed_between(connection.opened_at, due)
        && reads_between(case, connection.client, (sent, due))
}

/// Whether the client took in what came.
fn reads_between(case: Case<'_>, client: ClientId, (from, to): (SimTime, SimTime)) -> bool {
    let mut unread = case.observed.unread.get(&client).into_iter().flatten();
    !unread.any(|span| span.meets(from, to))
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::clock::SimTime;
    use crate::history::ClientId;
    use crate::observed::Most;
    use crate::observed::Span;

    fn held(amounts: &[u64]) -> Scene {
        let mut scene = Scene::new();
        scene.connect();
        for amount in amounts {
            let most = Most {
                amount: *amount,
                limit: 100,
                server: 1,
                at: scene.now(),
            };
            scene.observed.holdings.note("bytes of events", most);
        }
        scene
    }

    #[test]
    fn what_stays_below_its_limit_is_accepted_and_what_exceeds_it_reported() {
        held(&[0, 100, 20]).accepts();
        held(&[0, 101, 20]).rejects("G-22");
    }

    /// A client that asks at 1 s, and is answered after so long.
    fn answered_after(ms: u64) -> Scene {
        let mut scene = Scene::new();
        scene.observed.answer_ms_max = 500;
        let one = scene.connect();
        let call = scene.create(one, "/a");
        scene.tamper_times(call, 1_000, 1_000 + ms);
        scene.end_at(3_000);
        scene
    }

    fn span(from_ms: u64, to_ms: u64) -> Span {
        Span {
            from: SimTime::from_ms(from_ms),
            to: SimTime::from_ms(to_ms),
        }
    }

    #[test]
    fn who_is_answered_soon_is_served_and_who_waits_while_nothing_is_amiss_is_not() {
        answered_after(500).accepts();
        answered_after(501).rejects("G-22");
        let mut amiss = answered_after(501);
        amiss.observed.disturbed.push(span(1_200, 1_300));
        amiss.accepts();
        let mut slow = answered_after(501);
        slow.observed.slowed.push(span(0, 100));
        slow.accepts();
    }

    #[test]
    fn who_reads_nothing_need_not_be_answered() {
        let mut scene = answered_after(501);
        scene.observed.gluttons.push(ClientId(0));
        scene.accepts();
        let mut pauses = answered_after(501);
        pauses
            .observed
            .unread
            .insert(ClientId(0), vec![span(900, 1_400)]);
        pauses.accepts();
    }
}
