//! G-11: a session that is heard of within its timeout is not expired; one that is silent for longer is, within a tick.
//!
//! Judged by when packets reached a server's production code and when it proposed the expiry. A restart gives everyone the full
//! timeout again; while a server is down or paused nothing is expected of it.

use super::Case;
use super::Violation;
use crate::applied::Asked;
use crate::clock::SimTime;
use std::collections::BTreeMap;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let signs = signs_of_life(case);
    for (session, proposed) in &case.observed.expiry_proposed {
        for at in proposed {
            check_not_early(case, &signs, (*session, *at), violations);
        }
    }
    for session in case.replayed.sessions.keys() {
        check_not_late(case, &signs, *session, violations);
    }
}

/// When each session was heard of: packets of the connections that spoke for it, and its attachments themselves.
fn signs_of_life(case: Case<'_>) -> BTreeMap<i64, Vec<SimTime>> {
    let mut signs: BTreeMap<i64, Vec<SimTime>> = BTreeMap::new();
    for (entry, step) in &case.replayed.steps {
        if matches!(entry.asked, Asked::Open { .. } | Asked::Attach { .. }) && step.outcome.is_ok()
        {
            let times = signs.entry(entry.session).or_default();
            times.push(entry.committed_at);
            times.extend(case.observed.heard.get(&entry.owner).into_iter().flatten());
        }
    }
    signs.values_mut().for_each(|times| times.sort_unstable());
    signs
}

/// The timeout that held at a time: that of the last attachment before it.
fn timeout_ms(case: Case<'_>, session: i64, at: SimTime) -> Option<u64> {
    let mut granted = case.replayed.steps.iter().rev().filter(|(entry, step)| {
        entry.session == session && entry.committed_at <= at && step.outcome.is_ok()
    });
    granted.find_map(|(entry, _)| match entry.asked {
        Asked::Open { timeout_ms, .. } | Asked::Attach { timeout_ms, .. } => {
            u64::try_from(timeout_ms).ok()
        }
        _ => None,
    })
}

/// The last sign of life, or the last moment from which a full timeout counts anew.
fn last_sign(
    case: Case<'_>,
    signs: &BTreeMap<i64, Vec<SimTime>>,
    (session, at): (i64, SimTime),
) -> SimTime {
    let times = signs.get(&session).map_or(&[][..], Vec::as_slice);
    let later = times.partition_point(|time| *time <= at);
    let heard = later
        .checked_sub(1)
        .and_then(|position| times.get(position))
        .copied();
    heard
        .max(case.observed.serves_since(at))
        .unwrap_or_default()
}

fn check_not_early(
    case: Case<'_>,
    signs: &BTreeMap<i64, Vec<SimTime>>,
    (session, at): (i64, SimTime),
    violations: &mut Vec<Violation>,
) {
    let Some(timeout_ms) = timeout_ms(case, session, at) else {
        return;
    };
    let mut sign = last_sign(case, signs, (session, at));
    if case.observed.is_ensemble {
        // A server that is cut off cannot tell the leader whom it hears, and for half a tick its report may be on its way: who has
        // been silent for the whole timeout before that may expire.
        if case.observed.outage_between(sign, at) {
            return;
        }
        let told_by = SimTime(at.0.saturating_sub(case.observed.bounds.tick_ms * 500));
        let leads_since = case.observed.serves_since(at).unwrap_or_default();
        sign = last_sign(case, signs, (session, told_by)).max(leads_since);
    }
    if at.ms_since(sign) < timeout_ms {
        let what = format!(
            "session {session:#x} with a timeout of {timeout_ms} ms, last heard of at {sign}, was to expire at {at}"
        );
        violations.push(Violation::new("G-11", what));
    }
}

fn check_not_late(
    case: Case<'_>,
    signs: &BTreeMap<i64, Vec<SimTime>>,
    session: i64,
    violations: &mut Vec<Violation>,
) {
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
    let Some(timeout_ms) = timeout_ms(case, session, until) else {
        return;
    };
    let sign = last_sign(case, signs, (session, until));
    let bounds = case.observed.bounds;
    let due = sign.after_ms(timeout_ms + bounds.tick_ms + bounds.expiry_slack_ms);
    if until > due && !case.observed.outage_between(sign, until) {
        let what = format!(
            "session {session:#x} with a timeout of {timeout_ms} ms, last heard of at {sign}, still lived at {until}"
        );
        violations.push(Violation::new("G-11", what));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn a_silent_session_that_expires_in_time_is_accepted() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.hear(one, 1000);
        scene.expire(one, 1000 + Scene::TIMEOUT_MS + 200);
        scene.accepts();
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

    #[test]
    fn in_an_ensemble_a_report_may_be_on_its_way_for_half_a_tick() {
        let expiry_after_a_sign = |before_ms| {
            let mut scene = Scene::new();
            scene.observed.is_ensemble = true;
            let one = scene.connect();
            let at = 1000 + Scene::TIMEOUT_MS + 300;
            scene.hear(one, 1000);
            scene.hear(one, at - before_ms);
            scene.expire(one, at);
            scene
        };
        expiry_after_a_sign(200).accepts();
        expiry_after_a_sign(290).rejects("G-11");
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
