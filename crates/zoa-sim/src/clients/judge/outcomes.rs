//! Every request ends once, in order, and truthfully: done is what the server answered and the log holds, not applied is nowhere in
//! the log, unknown is there once at most. Serves G-26 and G-27 beside G-02 to G-04, and of G-29 that logins are repeated.

use super::Trial;
use crate::clients::Tally;
use crate::clients::ask;
use crate::clients::told::LOGIN_TAG;
use crate::clients::told::Told;
use crate::clients::told::Verdict;
use crate::clients::told::as_told;
use std::collections::BTreeMap;
use zoa_client_core::Reason;
use zoa_testkit::history::Call;
use zoa_testkit::op::Op;
use zoa_testkit::op::Outcome;
use zoa_testkit::op::code;

pub(super) fn check(trial: &mut Trial<'_>) {
    let told = told_once_and_in_order(trial);
    check_wire(trial);
    let count = u32::try_from(trial.life.asked.len()).unwrap_or(u32::MAX);
    for tag in 1..=count {
        let verdict = told.get(&tag).copied();
        if let Err((guarantee, what)) = check_one(trial, tag, verdict) {
            let asked = position(tag).and_then(|at| trial.life.asked.get(at));
            let what = format!("request {tag} ({asked:?}), told {verdict:?}: {what}");
            trial.report(guarantee, &what);
        }
    }
    check_logins(trial, &told);
}

fn position(tag: u32) -> Option<usize> {
    usize::try_from(tag.checked_sub(1)?).ok()
}

/// What was told of each tag.
fn told_once_and_in_order<'a>(trial: &mut Trial<'a>) -> BTreeMap<u32, &'a Verdict> {
    let life = trial.life;
    let mut told = BTreeMap::new();
    let (mut last, mut last_zxid) = (0, 0);
    for (_, happened) in &life.told {
        let Told::Outcome(tag, verdict) = happened else {
            continue;
        };
        if told.insert(*tag, verdict).is_some() {
            trial.report("G-26", &format!("request {tag} ended twice"));
        }
        if *tag >= LOGIN_TAG {
            continue;
        }
        if *tag < last {
            trial.report("G-27", &format!("request {tag} ended after {last}"));
        }
        last = *tag;
        if let Verdict::Done(zxid, _) = verdict {
            if *zxid < last_zxid {
                let what = format!("request {tag} shows {zxid:#x} after {last_zxid:#x}");
                trial.report("G-04", &what);
            }
            last_zxid = *zxid;
        }
    }
    told
}

/// Nothing is on the wire that the user did not ask for, and nothing twice.
fn check_wire(trial: &mut Trial<'_>) {
    let count = trial.life.asked.len();
    let mut wrong = Vec::new();
    for (tag, calls) in &trial.calls {
        let asked = position(*tag).and_then(|at| trial.life.asked.get(at));
        let is_own = *tag as usize > count
            && calls
                .iter()
                .all(|(_, call)| matches!(call.op, Op::CloseSession));
        match (asked, calls.as_slice()) {
            (Some(asked), [(_, call)]) => {
                let meant = ask::under(trial.life.chroot, &asked.op);
                if !is_sent_as(&meant, call) {
                    wrong.push(format!("{meant:?} was sent as {:?}", call.op));
                }
            }
            (None, _) if is_own => {}
            (Some(asked), many) => wrong.push(format!("{asked:?} was sent {} times", many.len())),
            (None, many) => wrong.push(format!("nobody asked for {many:?}")),
        }
    }
    for what in wrong {
        trial.report("G-26", &what);
    }
}

/// Whether the call is the request, as the server should see it.
fn is_sent_as(meant: &Op, call: &Call) -> bool {
    match (meant, &call.op) {
        // While others here need the server's watch, it is only asked whether it is there.
        (
            Op::RemoveWatches { path, kind },
            Op::CheckWatches {
                path: sent,
                kind: of,
            },
        ) => path == sent && kind == of,
        (meant, sent) => meant == sent,
    }
}

fn check_one(
    trial: &Trial<'_>,
    tag: u32,
    verdict: Option<&Verdict>,
) -> Result<(), (&'static str, String)> {
    let asked = position(tag).and_then(|at| trial.life.asked.get(at));
    let asked = asked.ok_or_else(|| ("G-26", "it was never asked".to_owned()))?;
    let call = trial.calls.get(&tag).and_then(|calls| calls.first());
    let entries = trial.entries.get(&tag).copied().unwrap_or(0);
    let reply = call.and_then(|(_, call)| call.reply());
    let meant = ask::under(trial.life.chroot, &asked.op);
    let fail = |what: &str| {
        Err((
            "G-26",
            format!("{what}; {entries} entries, reply {reply:?}"),
        ))
    };
    match verdict {
        None if trial.life.killed && reply.is_none() => Ok(()),
        None => fail("it never ended"),
        Some(Verdict::Done(zxid, outcome)) => {
            let Some((_, answered_zxid, answer)) = reply else {
                return fail("no reply says so");
            };
            let rooted = rooted(trial.life.chroot, outcome);
            if *zxid != answered_zxid || rooted != as_seen(trial.life.chroot, answer) {
                return fail("that is not what the server answered to it");
            }
            let is_logged = meant.is_proposed() && *outcome != Err(code::SESSION_EXPIRED);
            if is_logged && entries != 1 {
                return fail("it must have gone through the log once");
            }
            Ok(())
        }
        Some(Verdict::NotApplied(_)) if reply.is_some() => fail("its reply had arrived"),
        Some(Verdict::NotApplied(_)) if meant.is_write() && entries > 0 => fail("it is in the log"),
        Some(Verdict::NotApplied(_)) => Ok(()),
        Some(Verdict::Unknown(_)) if reply.is_some() => fail("its reply had arrived"),
        Some(Verdict::Unknown(_)) if call.is_none() => fail("not all of it was ever sent"),
        Some(Verdict::Unknown(_)) if !meant.is_write() => fail("it changes nothing"),
        Some(Verdict::Unknown(_)) if entries > 1 => fail("it was applied more than once"),
        Some(Verdict::Unknown(_)) => Ok(()),
    }
}

/// A told answer with the paths as the server has them.
fn rooted(chroot: &str, outcome: &Outcome) -> Outcome {
    outcome.clone().map(|answer| ask::rooted(chroot, answer))
}

/// What was on the wire, without what a chroot hides.
fn as_seen(chroot: &str, outcome: &Outcome) -> Outcome {
    use zoa_testkit::op::Answer;
    match as_told(outcome) {
        Ok(Answer::Ephemerals(paths)) if !chroot.is_empty() => {
            let is_ours = |path: &String| {
                let below = path.strip_prefix(chroot);
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            Ok(Answer::Ephemerals(
                paths.into_iter().filter(is_ours).collect(),
            ))
        }
        other => other,
    }
}

/// Every login ends, and stands at the head of every later connection, in order.
fn check_logins(trial: &mut Trial<'_>, told: &BTreeMap<u32, &Verdict>) {
    let life = trial.life;
    let mut wrong = Vec::new();
    for (at, (_, login)) in life.logins.iter().enumerate() {
        let tag = LOGIN_TAG + u32::try_from(at).unwrap_or(0);
        match told.get(&tag) {
            Some(Verdict::Unknown(reason)) => wrong.push(format!("{login:?} is unknown: {reason}")),
            None if !life.killed => wrong.push(format!("{login:?} never ended")),
            Some(_) | None => {}
        }
    }
    for (id, connection) in &trial.connections {
        let is_login = |op: &Op| matches!(op, Op::AddAuth { .. });
        let ops = || connection.calls.iter().map(|call| &call.op);
        let given = life.logins.iter().map(|(_, login)| login);
        let sent = ops().filter(|op| is_login(op)).count();
        let is_in_order = ops().filter(|op| is_login(op)).eq(given.take(sent));
        let first = ops().take_while(|op| is_login(op)).count();
        let older = life
            .logins
            .iter()
            .filter(|(at, _)| *at < connection.opened_at);
        let comes_later = connection.calls.len() > first && first < older.count();
        if !is_in_order || comes_later {
            wrong.push(format!(
                "connection {} lacks a login, or has it too late",
                id.0
            ));
        }
    }
    for what in wrong {
        trial.report("G-29", &what);
    }
}

pub(super) fn count(verdict: &Verdict, tally: &mut Tally) {
    let is_timeout = matches!(
        verdict,
        Verdict::NotApplied(Reason::RequestTimeout(_))
            | Verdict::Unknown(Reason::RequestTimeout(_))
    );
    tally.request_timeouts += u64::from(is_timeout);
}
