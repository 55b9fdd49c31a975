//! From what is left of a run to a verdict: the gathered log becomes the test kit's entries, connections get the numbers by which
//! the servers knew them, and the checkers of the simulator judge both.
//!
//! What real processes cannot tell is left unsaid, so that a checker expects less, never something else: when a server first heard
//! that an entry is committed (the leader's clock at its proposal is taken), and what a server heard of a session beside what it
//! answered.
//!
//! Invariant: a call without an answer stays one of unknown outcome; only the log resolves it.

use std::collections::BTreeMap;

use anyhow::Result;
use anyhow::ensure;
use zoa_sim::Heard;
use zoa_sim::entry_of;
use zoa_testkit::applied::Applied;
use zoa_testkit::applied::Asked;
use zoa_testkit::applied::Entry;
use zoa_testkit::applied::Owner;
use zoa_testkit::checkers;
use zoa_testkit::checkers::Case;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::CallOutcome;
use zoa_testkit::history::Connection;
use zoa_testkit::history::History;
use zoa_testkit::observed::Observed;
use zoa_testkit::observed::Span;
use zoa_testkit::op::Answer;
use zoa_testkit::op::Blob;
use zoa_testkit::op::Op;
use zoa_testkit::replay::Replayed;
use zoa_testkit::replay::replay;

use crate::run::Remains;

/// How long what was amiss may have its effect after it is over: reports that are late, timeouts that begin anew.
const MARGIN_MS: u64 = 1_000;

/// For so long a server that is cut off may answer a client whom the leader does not hear of: syncLimit, and what reports take.
const UNREPORTED_MS_MAX: u64 = 3_500;

/// For so long a server may answer before its leader knows: half a tick (G-11), and the way there.
const REPORTED_MS_MAX: u64 = 500;

/// An answer that took longer may have been heard long after it was asked.
const SOON_MS: u64 = 500;

/// Of a hundred answers, so many must have been laid beside the model, or the verdict means nothing.
const COMPARED_PERCENT_MIN: u64 = 95;

/// A guarantee that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    /// Its number in GUARANTEES.md.
    pub(crate) guarantee: String,
    pub(crate) what: String,
}

/// What is known in the end.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) history: History,
    pub(crate) applied: Applied,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) counts: Counts,
}

/// How much there was to judge.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) answered: u64,
    /// Writes answered without an error.
    pub(crate) written: u64,
    /// Writes without an answer.
    pub(crate) unknown: u64,
    pub(crate) events: u64,
    pub(crate) connections: u64,
    pub(crate) entries: u64,
    pub(crate) sessions: u64,
    pub(crate) expiries: u64,
    pub(crate) terms: u64,
    pub(crate) logs_read: u64,
    /// Answers laid beside what the model says.
    pub(crate) compared: u64,
    /// Calls found in the log.
    pub(crate) found: u64,
}

/// What is changed before judging, to show that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tampering {
    /// An acknowledged write is taken out of the log.
    LostWrite,
    /// The answer to a read shows other data.
    OtherData,
}

/// Judges a run.
///
/// # Errors
/// When the gathered log has a gap: then this harness has failed, and nothing can be said.
pub(crate) fn judge(remains: &Remains, tampering: Option<Tampering>) -> Result<Judged> {
    let gaps = remains.gathering.gaps();
    ensure!(
        gaps.is_empty(),
        "entries {gaps:?} are in none of the logs that were read: read them more often"
    );
    let applied = applied(remains, tampering)?;
    let mut history = remains.history.clone();
    if tampering == Some(Tampering::OtherData) {
        change_an_answer(&mut history);
    }
    name_owners(&mut history, &applied);
    let observed = observe(
        &history,
        &applied,
        (&remains.outages, remains.served_from),
        remains.ended_at,
    );
    let observed = Observed {
        bounds: remains.bounds,
        ..observed
    };
    let replayed = replay(&history, &applied);
    let case = Case {
        history: &history,
        applied: &applied,
        replayed: &replayed,
        observed: &observed,
    };
    let mut wrong = wrong_already(remains);
    wrong.extend(checkers::check(case).into_iter().map(|violation| Wrong {
        guarantee: violation.guarantee.to_owned(),
        what: violation.what,
    }));
    wrong.extend(expired_though_answered(&history, &replayed));
    let mut counts = count(&history, &applied);
    counts.compared = replayed.expected.len() as u64;
    counts.found = replayed.entry_of_call.len() as u64;
    ensure!(
        !wrong.is_empty() || counts.compared * 100 >= counts.answered * COMPARED_PERCENT_MIN,
        "of {} answers only {} could be laid beside the model: nothing can be said",
        counts.answered,
        counts.compared
    );
    counts.sessions = replayed.sessions.len() as u64;
    counts.logs_read = remains.gathering.read;
    Ok(Judged {
        history,
        applied,
        wrong,
        counts,
    })
}

/// What was seen to be wrong without a checker.
fn wrong_already(remains: &Remains) -> Vec<Wrong> {
    let seen = remains.wrong.iter().map(|(guarantee, what)| Wrong {
        guarantee: (*guarantee).to_owned(),
        what: what.clone(),
    });
    let contradictions = remains.gathering.contradictions.iter();
    let contradictions = contradictions.map(|what| Wrong {
        guarantee: "G-18".to_owned(),
        what: what.clone(),
    });
    seen.chain(contradictions).collect()
}

/// What was committed, as the test kit has it.
fn applied(remains: &Remains, tampering: Option<Tampering>) -> Result<Applied> {
    let committed = remains.gathering.committed(remains.founders)?;
    let mut applied = Applied::default();
    let mut to_lose = match tampering {
        Some(Tampering::LostWrite) => lost(&remains.history),
        Some(Tampering::OtherData) | None => None,
    };
    for one in &committed {
        let heard = Heard {
            index: one.index.0,
            term: one.term,
            data: &one.data,
        };
        let entry = entry_of(&heard, SimTime::ZERO);
        if to_lose.as_ref() == Some(&entry.asked) {
            to_lose = None;
            continue;
        }
        let committed_at = remains.clock.of_wall_ms(entry.time_ms);
        applied.note(Entry {
            committed_at,
            ..entry
        });
    }
    Ok(applied)
}

/// Finds the number by which a server knew each connection. A session is opened once. Where one was taken over, its id and the timeout
/// that was asked for name the connection: the same timeout is asked for again thousands of connections later only, so of those
/// that could be meant it is the last.
fn name_owners(history: &mut History, applied: &Applied) {
    let mut opened: BTreeMap<i64, Owner> = BTreeMap::new();
    let mut asked: BTreeMap<(i64, i32), Vec<(SimTime, usize)>> = BTreeMap::new();
    for (id, connection) in history.iter() {
        let ask = &connection.asked;
        let same = asked.entry((ask.session, ask.timeout_ms)).or_default();
        same.push((connection.opened_at, id.0));
    }
    for entry in applied.entries() {
        if let Asked::Open { .. } = &entry.asked {
            opened.insert(entry.session, entry.owner);
        }
        if let Asked::Attach { timeout_ms, .. } = &entry.asked {
            let same = asked.get(&(entry.session, *timeout_ms));
            let could_be = same.into_iter().flatten();
            let before = could_be.filter(|(at, _)| *at <= entry.committed_at);
            if let Some((_, id)) = before.max() {
                history.set_owner(*id, entry.owner);
            }
        }
    }
    for connection in &mut history.connections {
        if connection.asked.session == 0 {
            let session = connection.session();
            connection.owner = session.and_then(|session| opened.get(&session).copied());
        }
    }
}

/// What the simulator would have seen of the servers.
fn observe(
    history: &History,
    applied: &Applied,
    (outages, served_from): (&[Span], SimTime),
    ended_at: SimTime,
) -> Observed {
    let mut observed = Observed {
        is_ensemble: true,
        served_from: vec![served_from],
        ended_at,
        ..Observed::default()
    };
    for connection in &history.connections {
        for (owner, at) in heard_on(connection) {
            observed.hear(owner, at);
        }
    }
    observed
        .heard
        .values_mut()
        .for_each(|times| times.sort_unstable());
    for entry in applied
        .entries()
        .filter(|entry| entry.asked == Asked::Expire)
    {
        let proposed = observed.expiry_proposed.entry(entry.session).or_default();
        proposed.push(entry.committed_at);
    }
    observed.outages = outages.iter().copied().map(widened).collect();
    observed.outages.extend(changes_of_term(applied));
    observed
}

/// What was answered soon was heard, and not before it was asked.
fn heard_on(connection: &Connection) -> impl Iterator<Item = (Owner, SimTime)> {
    let owner = connection.owner;
    connection.calls.iter().filter_map(move |call| {
        let (at, _, _) = call.reply()?;
        let is_soon = at.ms_since(call.invoked_at) <= SOON_MS;
        is_soon.then_some((owner?, call.invoked_at))
    })
}

fn widened(span: Span) -> Span {
    Span {
        from: span.from,
        to: span.to.after_ms(MARGIN_MS),
    }
}

/// On a busy machine a leader may change though nothing was done to it; then all sessions have their full timeout again.
fn changes_of_term(applied: &Applied) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut last: Option<&Entry> = None;
    for entry in applied.entries() {
        if let Some(before) = last.filter(|before| before.term != entry.term) {
            spans.push(widened(Span {
                from: before.committed_at,
                to: entry.committed_at,
            }));
        }
        last = Some(entry);
    }
    spans
}

/// The request of an acknowledged write that is unlike all others: its data say whose and which it is.
fn lost(history: &History) -> Option<Asked> {
    let mut written = history.calls().filter(|(_, _, call)| {
        matches!(call.op, Op::SetData { data: Some(_), .. })
            && call.reply().is_some_and(|(_, _, outcome)| outcome.is_ok())
    });
    let (_, _, call) = written.next()?;
    Some(Asked::Request(call.op.clone()))
}

fn change_an_answer(history: &mut History) {
    let calls = history
        .connections
        .iter_mut()
        .flat_map(|connection| &mut connection.calls);
    let outcomes = calls.map(|call| &mut call.outcome);
    for outcome in outcomes {
        if let CallOutcome::Replied {
            outcome: Ok(Answer::Data(data, _)),
            ..
        } = outcome
        {
            *data = Some(Blob(b"what nobody wrote".to_vec()));
            return;
        }
    }
}

/// Whatever was done to the servers: who was answered just now cannot have been silent for a whole timeout (G-11).
fn expired_though_answered(history: &History, replayed: &Replayed) -> Vec<Wrong> {
    let mut timeouts: BTreeMap<i64, i32> = BTreeMap::new();
    // When each was asked, and when its answer had come: only then it had been heard for certain.
    let mut answered: BTreeMap<i64, Vec<(SimTime, SimTime)>> = BTreeMap::new();
    for connection in &history.connections {
        let calls = connection.calls.iter();
        let times = calls.filter_map(|call| Some((call.invoked_at, call.reply()?.0)));
        if let Some(session) = connection.session() {
            answered.entry(session).or_default().extend(times);
        }
    }
    let mut wrong = Vec::new();
    for (entry, step) in &replayed.steps {
        if let (Asked::Open { timeout_ms, .. } | Asked::Attach { timeout_ms, .. }, true) =
            (&entry.asked, step.outcome.is_ok())
        {
            timeouts.insert(entry.session, *timeout_ms);
        }
        if entry.asked != Asked::Expire || step.ended_session.is_none() {
            continue;
        }
        let timeout_ms = timeouts
            .get(&entry.session)
            .map_or(0, |ms| u64::try_from(*ms).unwrap_or(0));
        let times = answered.get(&entry.session).map_or(&[][..], Vec::as_slice);
        if let Some(last) = heard_too_soon_before(times, entry.committed_at, timeout_ms) {
            let what = format!(
                "session {:#x} with a timeout of {timeout_ms} ms expired at {}, though it was answered at {last}",
                entry.session, entry.committed_at
            );
            wrong.push(Wrong {
                guarantee: "G-11".to_owned(),
                what,
            });
        }
    }
    wrong
}

/// When a session that expired then was heard last, if that was less than its timeout before: asked and answered at these times.
fn heard_too_soon_before(
    times: &[(SimTime, SimTime)],
    expired_at: SimTime,
    timeout_ms: u64,
) -> Option<SimTime> {
    // Who had been silent for longer than its timeout may speak again while the leader has not heard of that yet.
    let reported = |(_, at): &&(SimTime, SimTime)| at.after_ms(REPORTED_MS_MAX) <= expired_at;
    let last = times
        .iter()
        .filter(reported)
        .map(|(asked_at, _)| *asked_at)
        .max()?;
    (expired_at.ms_since(last) + UNREPORTED_MS_MAX < timeout_ms).then_some(last)
}

fn count(history: &History, applied: &Applied) -> Counts {
    let mut counts = Counts {
        connections: history.connections.len() as u64,
        entries: applied.len() as u64,
        ..Counts::default()
    };
    for (_, _, call) in history.calls() {
        counts.calls += 1;
        match call.reply() {
            Some((_, _, outcome)) => {
                counts.answered += 1;
                counts.written += u64::from(call.op.is_write() && outcome.is_ok());
            }
            None => counts.unknown += u64::from(call.op.is_write()),
        }
    }
    for connection in &history.connections {
        counts.events += (connection.received.len() as u64).saturating_sub(
            connection
                .calls
                .iter()
                .filter(|call| call.reply().is_some())
                .count() as u64,
        );
    }
    let mut term = 0;
    for entry in applied.entries() {
        counts.expiries += u64::from(entry.asked == Asked::Expire);
        counts.terms += u64::from(entry.term != term);
        term = entry.term;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SimTime {
        SimTime::from_ms(ms)
    }

    #[test]
    fn who_was_heard_within_its_timeout_and_reported_must_not_expire() {
        let times = [(at(1_000), at(1_010)), (at(8_000), at(8_010))];
        let wrong = |expired_ms| heard_too_soon_before(&times, at(expired_ms), 6_000);
        assert_eq!(wrong(9_000), Some(at(8_000)));
        assert_eq!(wrong(8_100), None, "silent for 7 s, and not reported yet");
        assert_eq!(wrong(13_000), None, "somebody may have been cut off");
        assert_eq!(wrong(2_000), Some(at(1_000)));
    }
}
