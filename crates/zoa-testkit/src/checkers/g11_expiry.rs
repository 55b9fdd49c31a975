//! G-11: a session that is heard of within its timeout is not expired; one that is silent for longer is, within a tick.
//!
//! Judged by when packets reached a server's production code and when it proposed the expiry. A restart gives everyone the full
//! timeout again, and so does a change of leader; while the one server is down or paused nothing is expected of it.
//!
//! Of an ensemble, what any server hears counts as soon as the leader must have been told of it: when the server was in touch with the
//! leader for half a tick, from then on or later, without going down before. An expiry that comes too early is excused by no fault as
//! such, only by what it does:
//!
//! - what a server heard that goes down, or is not in touch with the leader until the session expires, is not held against the leader,
//!   which cannot know of it;
//! - servers that hear each other late are not in touch, since the report may take longer than half a tick;
//! - nobody has to expire in time within some seconds of a fault: many of them delay what a leader is told;
//! - nor when a leader without a quorum, or none, led meanwhile, nor when the server that the client had last came
//!   back into touch meanwhile, or did not hear the leader that heard it: it waits for answers that it owes.
//!
//! Where it cannot be seen who could speak to whom, as between real processes, nothing is expected around an outage.

use super::Case;
use super::Violation;
use crate::applied::Asked;
use crate::clock::SimTime;
use crate::history::Connection;
use crate::observed::Span;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Two looks at who leads are no further apart.
const LOOK_MS: u64 = 60;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let signs = signs_of_life(case);
    let unread = sessions_of_gluttons(case);
    for (session, proposed) in &case.observed.expiry_proposed {
        if unread.contains(session) {
            continue;
        }
        for at in proposed {
            check_not_early(case, &signs, (*session, *at), violations);
        }
    }
    for session in case.replayed.sessions.keys() {
        check_not_late(case, &signs, *session, violations);
    }
}

/// Sessions whose clients read nothing: what they send is not read either, and is no sign of life.
fn sessions_of_gluttons(case: Case<'_>) -> BTreeSet<i64> {
    let connections = case.history.connections.iter();
    let of_gluttons = connections.filter(|it| case.observed.gluttons.contains(&it.client));
    of_gluttons.filter_map(Connection::session).collect()
}

/// A packet of a session, or its attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sign {
    at: SimTime,
    /// The server that heard it; none when it stands in the log.
    server: Option<u8>,
}

type Signs = BTreeMap<i64, Vec<Sign>>;

/// When each session was heard of: packets of the connections that spoke for it, and its attachments themselves.
fn signs_of_life(case: Case<'_>) -> Signs {
    let mut signs = Signs::new();
    for (entry, step) in &case.replayed.steps {
        if matches!(entry.asked, Asked::Open { .. } | Asked::Attach { .. }) && step.outcome.is_ok()
        {
            let of_session = signs.entry(entry.session).or_default();
            of_session.push(Sign {
                at: entry.committed_at,
                server: None,
            });
            let heard = case.observed.heard.get(&entry.owner).into_iter().flatten();
            of_session.extend(heard.map(|at| Sign {
                at: *at,
                server: Some(entry.owner.server),
            }));
        }
    }
    signs.values_mut().for_each(|times| times.sort_unstable());
    signs
}

/// The timeout that held at a time: that of the last attachment before it, and at least so long before it.
fn timeout_ms(case: Case<'_>, session: i64, (at, known_after_ms): (SimTime, u64)) -> Option<u64> {
    let mut granted = case.replayed.steps.iter().rev().filter(|(entry, step)| {
        let is_known = entry.committed_at.after_ms(known_after_ms) <= at;
        entry.session == session && is_known && step.outcome.is_ok()
    });
    granted.find_map(|(entry, _)| match entry.asked {
        Asked::Open { timeout_ms, .. } | Asked::Attach { timeout_ms, .. } => {
            u64::try_from(timeout_ms).ok()
        }
        _ => None,
    })
}

/// The last sign of life that counts, or the last moment from which a full timeout counts anew.
fn last_sign(
    case: Case<'_>,
    signs: &Signs,
    (session, at): (i64, SimTime),
    counts: impl Fn(&Sign) -> bool,
) -> SimTime {
    let times = signs.get(&session).map_or(&[][..], Vec::as_slice);
    let later = times.partition_point(|sign| sign.at <= at);
    let before = times.get(..later).unwrap_or_default();
    let heard = before.iter().rev().find(|sign| counts(sign));
    heard
        .map(|sign| sign.at)
        .max(case.observed.serves_since(at))
        .unwrap_or_default()
}

/// Whether whoever lets sessions expire must have known of a sign by then.
fn is_known(case: Case<'_>, sign: &Sign, by: SimTime) -> bool {
    if !case.observed.is_ensemble {
        return true;
    }
    let takes_ms = known_after_ms(case);
    match sign.server.filter(|_| case.observed.contact.is_some()) {
        None => sign.at.after_ms(takes_ms) <= by,
        Some(server) => case.observed.was_told(server, (sign.at, by), takes_ms),
    }
}

/// How long it may take until the leader knows what stands in the log, or was heard of by a server that is in touch with it.
fn known_after_ms(case: Case<'_>) -> u64 {
    if case.observed.is_ensemble {
        case.observed.bounds.tick_ms / 2
    } else {
        0
    }
}

fn check_not_early(
    case: Case<'_>,
    signs: &Signs,
    (session, at): (i64, SimTime),
    violations: &mut Vec<Violation>,
) {
    // Of an attachment that the leader need not know yet neither the sign of life counts nor the timeout.
    let known = timeout_ms(case, session, (at, known_after_ms(case)));
    let Some(timeout_ms) = known.or_else(|| timeout_ms(case, session, (at, 0))) else {
        return;
    };
    let is_unseen = case.observed.is_ensemble && case.observed.contact.is_none();
    let heard = last_sign(case, signs, (session, at), |_| true);
    if is_unseen && case.observed.outage_between(heard, at) {
        return;
    }
    let sign = last_sign(case, signs, (session, at), |sign| is_known(case, sign, at));
    if at.ms_since(sign) < timeout_ms {
        let what = format!(
            "session {session:#x} with a timeout of {timeout_ms} ms, last heard of at {sign}, was to expire at {at}"
        );
        violations.push(Violation::new("G-11", what));
    }
}

fn check_not_late(case: Case<'_>, signs: &Signs, session: i64, violations: &mut Vec<Violation>) {
    let Some(life) = case.replayed.sessions.get(&session) else {
        return;
    };
    let proposed = case
        .observed
        .expiry_proposed
        .get(&session)
        .and_then(|times| times.first())
        .copied();
    let until = [
        life.ended.map(|end| end.at),
        proposed,
        Some(case.observed.ended_at),
    ];
    let Some(until) = until.into_iter().flatten().min() else {
        return;
    };
    // A restart gives everyone the full timeout again, so what was late before it has to be seen before it.
    let restarts = case.observed.outages.iter().map(|outage| outage.from);
    let restarts = restarts.filter(|at| *at < until && !case.observed.is_ensemble);
    for at in restarts.chain([until]) {
        check_not_late_at(case, signs, (session, at), violations);
    }
}

/// Whether a session that lives until then should have ended before.
fn check_not_late_at(
    case: Case<'_>,
    signs: &Signs,
    (session, until): (i64, SimTime),
    violations: &mut Vec<Violation>,
) {
    let Some(timeout_ms) = timeout_ms(case, session, (until, 0)) else {
        return;
    };
    let sign = last_sign(case, signs, (session, until), |_| true);
    let bounds = case.observed.bounds;
    let due = sign.after_ms(timeout_ms + bounds.tick_ms + bounds.expiry_slack_ms);
    let may_be_owed = || may_be_owed_an_answer(case, session, (sign, until));
    let is_disturbed = || case.observed.is_ensemble && case.observed.disturbed_between(sign, until);
    if until > due && looks_at_clocks(case, (sign, until)) && !is_disturbed() && !may_be_owed() {
        let what = format!(
            "session {session:#x} with a timeout of {timeout_ms} ms, last heard of at {sign}, still lived at {until}"
        );
        violations.push(Violation::new("G-11", what));
    }
}

/// Whether a server that spoke for the session came into touch with the leader meanwhile, or did not hear it: it may have owed an answer
/// until then, whether or not the client was still there, and who is owed one is not called silent.
fn may_be_owed_an_answer(case: Case<'_>, session: i64, (from, to): (SimTime, SimTime)) -> bool {
    let Some(contact) = &case.observed.contact else {
        return false;
    };
    let attached = case.replayed.steps.iter().filter(|(entry, _)| {
        let attaches = matches!(entry.asked, Asked::Open { .. } | Asked::Attach { .. });
        entry.session == session && attaches
    });
    let servers: BTreeSet<u8> = attached.map(|(entry, _)| entry.owner.server).collect();
    let stretches = |of: &BTreeMap<u8, Vec<Span>>| -> Vec<Span> {
        let of_servers = servers.iter().filter_map(|it| of.get(it));
        of_servers.flatten().copied().collect()
    };
    let came_back = |it: &Span| from.after_ms(LOOK_MS) < it.from && it.from <= to;
    let was_deaf = |it: &Span| it.from <= to && from <= it.to;
    stretches(&contact.in_touch).iter().any(came_back)
        || stretches(&contact.deaf).iter().any(was_deaf)
}

/// Whether one and the same server let sessions expire all the time.
fn looks_at_clocks(case: Case<'_>, (from, to): (SimTime, SimTime)) -> bool {
    let contact = case.observed.contact.as_ref();
    let Some(contact) = contact.filter(|_| case.observed.is_ensemble) else {
        return !case.observed.outage_between(from, to);
    };
    let covers =
        |span: &Span| span.from <= from.after_ms(LOOK_MS) && to <= span.to.after_ms(LOOK_MS);
    contact.led.iter().any(covers)
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::clock::SimTime;
    use crate::history::ConnectionId;
    use crate::observed::Program;
    use crate::observed::Span;

    fn spans(of_ms: &[(u64, u64)]) -> Vec<Span> {
        let span = |(from, to): &(u64, u64)| Span {
            from: SimTime::from_ms(*from),
            to: SimTime::from_ms(*to),
        };
        of_ms.iter().map(span).collect()
    }

    /// An ensemble whose server 1 was in touch with the leader in these stretches.
    fn in_touch(of_ms: &[(u64, u64)]) -> Scene {
        let mut scene = Scene::new();
        scene.observed.is_ensemble = true;
        let contact = scene.observed.contact.get_or_insert_default();
        contact.in_touch.insert(1, spans(of_ms));
        scene
    }

    /// A session that was heard of last at 3 s by server 1, and expires as if it had been at 1 s.
    fn expired_as_if_silent(mut scene: Scene) -> Scene {
        let one = scene.connect();
        scene.hear(one, 1000);
        scene.hear(one, 3000);
        scene.expire(one, 1000 + Scene::TIMEOUT_MS + 300);
        scene
    }

    #[test]
    fn what_a_server_heard_that_was_cut_off_until_the_end_is_not_known() {
        expired_as_if_silent(in_touch(&[(0, 2900)])).accepts();
        expired_as_if_silent(in_touch(&[(0, 2900), (5200, 9000)])).accepts();
    }

    #[test]
    fn what_a_server_heard_that_was_cut_off_and_came_back_is_known() {
        expired_as_if_silent(in_touch(&[(0, 2900), (4000, 9000)])).rejects("G-11");
    }

    #[test]
    fn what_a_server_heard_that_went_down_before_it_could_tell_is_not_known() {
        let mut scene = in_touch(&[(0, 3100), (4000, 9000)]);
        scene.observed.upgrade.programs.push(Program {
            server: 1,
            at: SimTime::from_ms(3500),
            knows: 1,
        });
        expired_as_if_silent(scene).accepts();
    }

    #[test]
    fn who_may_have_been_owed_an_answer_by_a_server_that_was_cut_off_may_live_on() {
        let mut scene = in_touch(&[(0, 2_000), (6_000, 20_000)]);
        let contact = scene.observed.contact.get_or_insert_default();
        contact.led = spans(&[(0, 20_000)]);
        let one = scene.connect();
        scene.hear(one, 1000);
        scene.end_at(1000 + 3 * Scene::TIMEOUT_MS);
        scene.accepts();
    }

    #[test]
    fn who_may_have_been_owed_an_answer_by_a_server_that_did_not_hear_the_leader_may_live_on() {
        let lives_on = |deaf: &[(u64, u64)]| {
            let mut scene = in_touch(&[(0, 20_000)]);
            let contact = scene.observed.contact.get_or_insert_default();
            contact.led = spans(&[(0, 20_000)]);
            contact.deaf.insert(1, spans(deaf));
            let one = scene.connect();
            scene.hear(one, 1000);
            scene.end_at(1000 + 3 * Scene::TIMEOUT_MS);
            scene
        };
        lives_on(&[(500, 2000)]).accepts();
        lives_on(&[(100, 500)]).rejects("G-11");
    }

    #[test]
    fn a_silent_session_lives_on_only_where_nobody_led_all_the_time() {
        let lives_on = |led: &[(u64, u64)]| {
            let mut scene = in_touch(&[(0, 20_000)]);
            let contact = scene.observed.contact.get_or_insert_default();
            contact.led = spans(led);
            let one = scene.connect();
            scene.hear(one, 1000);
            scene.end_at(1000 + 3 * Scene::TIMEOUT_MS);
            scene
        };
        lives_on(&[(0, 20_000)]).rejects("G-11");
        lives_on(&[(0, 4_000), (4_500, 20_000)]).accepts();
    }

    #[test]
    fn a_silent_session_that_expires_in_time_is_accepted() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.hear(one, 1000);
        scene.expire(one, 1000 + Scene::TIMEOUT_MS + 200);
        scene.accepts();
    }

    #[test]
    fn a_silent_session_that_a_restart_finds_alive_is_reported() {
        let found_by_a_restart = |silent_ms| {
            let mut scene = Scene::new();
            let one = scene.connect();
            scene.hear(one, 1000);
            scene.outage(1000 + silent_ms, 1500 + silent_ms);
            scene.expire(one, 1600 + silent_ms + Scene::TIMEOUT_MS);
            scene
        };
        found_by_a_restart(Scene::TIMEOUT_MS).accepts();
        found_by_a_restart(2 * Scene::TIMEOUT_MS).rejects("G-11");
    }

    #[test]
    fn a_session_expired_although_it_was_heard_of_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.hear(one, 1000);
        scene.hear(one, 3000);
        scene.expire(one, 1000 + Scene::TIMEOUT_MS + 200);
        scene.rejects("G-11");
    }

    /// What happens right before an expiry counts against it once it was half a tick ago.
    #[track_caller]
    fn counts_after_half_a_tick(happens: impl Fn(&mut Scene, ConnectionId, u64)) {
        let expiry_after = |before_ms| {
            let mut scene = in_touch(&[(0, 10_000)]);
            let one = scene.connect();
            let at = 1000 + Scene::TIMEOUT_MS + 300;
            scene.hear(one, 1000);
            happens(&mut scene, one, at - before_ms);
            scene.expire(one, at);
            scene
        };
        expiry_after(200).accepts();
        expiry_after(290).rejects("G-11");
    }

    #[test]
    fn in_an_ensemble_a_report_may_be_on_its_way_for_half_a_tick() {
        counts_after_half_a_tick(Scene::hear);
    }

    #[test]
    fn a_longer_timeout_holds_once_the_leader_must_know_of_it() {
        counts_after_half_a_tick(|scene, one, at_ms| scene.reconnect_for(one, (8_000, at_ms)));
    }

    #[test]
    fn a_silent_session_that_lives_on_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.hear(one, 1000);
        scene.end_at(1000 + 3 * Scene::TIMEOUT_MS);
        scene.rejects("G-11");
    }

    #[test]
    fn nothing_is_expected_of_a_server_that_is_down() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.hear(one, 1000);
        scene.outage(1500, 1000 + 3 * Scene::TIMEOUT_MS);
        scene.end_at(1000 + 3 * Scene::TIMEOUT_MS);
        scene.accepts();
    }
}
