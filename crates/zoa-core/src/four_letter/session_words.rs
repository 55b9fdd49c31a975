//! `dump`: sessions by when they would expire, and their ephemerals.

use ::core::net::SocketAddr;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering;

use zoa_proto::SessionId;

use crate::core::Core;
use crate::ensemble::Role;
use crate::lane::Attachment;
use crate::limits::EPHEMERALS_PER_STEP;
use crate::limits::WORD_LINES_MAX;
use crate::moment::Moment;

pub(super) fn dump(core: &Core, now: Moment, text: &mut String) {
    text.push_str("SessionTracker dump:\n");
    // Only the leader knows when a session would expire.
    match core.role() {
        Role::Standalone | Role::Leader => session_tracker(core, now, text),
        Role::Looking | Role::Follower | Role::Observer => sessions_of_learner(core, text),
    }
    ephemerals(core, text);
    connections(core, now, text);
}

/// Connections by when they would be ended for being silent: as late as their sessions, or soon while they have none.
fn connections(core: &Core, now: Moment, text: &mut String) {
    let tick_ms = u64::from(core.config.tick_ms.max(1));
    let mut buckets: BTreeMap<u64, Vec<(SocketAddr, SessionId)>> = BTreeMap::new();
    let lanes = core.lanes_now();
    for lane in &lanes {
        let state = lane.lock();
        let (session, due_ms) = match &state.attachment {
            Attachment::Session {
                session,
                timeout_ms,
                pulse,
            } => {
                let timeout_ms = u64::try_from(*timeout_ms).unwrap_or(0);
                (*session, pulse.load(Ordering::Relaxed) + timeout_ms)
            }
            Attachment::None | Attachment::Requested { .. } => (SessionId::NONE, now.mono_ms),
        };
        let due_ms = (due_ms / tick_ms + 1) * tick_ms;
        let bucket = buckets.entry(due_ms).or_default();
        bucket.push((lane.peer(), session));
    }
    text.push_str("Connections dump:\n");
    let (sets, count) = (buckets.len(), lanes.len());
    writeln!(text, "Connections Sets ({sets})/({count}):").ok();
    let mut lines_left = WORD_LINES_MAX;
    for (due_ms, mut connections) in buckets {
        connections.sort_unstable();
        let at = date_of(due_ms, now);
        writeln!(text, "{} expire at {at}:", connections.len()).ok();
        for (peer, session) in connections.into_iter().take(lines_left) {
            writeln!(text, "\tip: /{peer} sessionId: {session}").ok();
            lines_left -= 1;
        }
    }
}

/// A time of the monotonic clock as the original prints it.
fn date_of(mono_ms: u64, now: Moment) -> String {
    let left_ms = i64::try_from(mono_ms.saturating_sub(now.mono_ms)).unwrap_or(i64::MAX);
    java_date(now.wall_ms.saturating_add(left_ms))
}

fn session_tracker(core: &Core, now: Moment, text: &mut String) {
    let (count, buckets) = {
        let clock = core.clock.lock();
        let buckets: Vec<(u64, Vec<SessionId>)> = clock
            .buckets()
            .filter(|(_, sessions)| !sessions.is_empty())
            .collect();
        (clock.count(), buckets)
    };
    writeln!(text, "Session Sets ({})/({count}):", buckets.len()).ok();
    let mut lines_left = WORD_LINES_MAX;
    for (due_ms, sessions) in buckets {
        let at = date_of(due_ms, now);
        writeln!(text, "{} expire at {at}:", sessions.len()).ok();
        for session in sessions.into_iter().take(lines_left) {
            writeln!(text, "\t{session}").ok();
            lines_left -= 1;
        }
    }
}

fn sessions_of_learner(core: &Core, text: &mut String) {
    let (count, mut sessions) = core.with_tree(|tree| {
        let sessions = tree.sessions().take(WORD_LINES_MAX);
        let shown: Vec<_> = sessions
            .map(|session| (session.id(), session.timeout_ms()))
            .collect();
        (tree.sessions_count(), shown)
    });
    sessions.sort_unstable();
    writeln!(text, "Global Sessions({count}):").ok();
    for (session, timeout_ms) in sessions {
        writeln!(text, "{session}\t{timeout_ms}ms").ok();
    }
}

/// The tree is held for a few ephemerals at a time; of a session whose ephemerals change meanwhile one may be missing.
fn ephemerals(core: &Core, text: &mut String) {
    let owners: Vec<SessionId> = core.with_tree(|tree| {
        let owns = tree
            .sessions()
            .filter(|session| session.ephemerals_count() > 0);
        owns.map(|session| session.id()).collect()
    });
    text.push_str("ephemeral nodes dump:\n");
    writeln!(text, "Sessions with Ephemerals ({}):", owners.len()).ok();
    let mut lines_left = WORD_LINES_MAX;
    for session in owners {
        if lines_left == 0 {
            return;
        }
        writeln!(text, "{session}:").ok();
        let mut from = Some(0);
        while let Some(at) = from {
            core.with_tree(|tree| {
                let step = tree.read_ephemerals_step(
                    (session, ""),
                    (at, EPHEMERALS_PER_STEP),
                    &mut |path| {
                        if lines_left > 0 {
                            lines_left -= 1;
                            writeln!(text, "\t{path}").ok();
                        }
                    },
                );
                from = step.next.filter(|_| lines_left > 0);
            });
        }
    }
}

/// A time as Java prints it, in UTC: `Sun Nov 22 12:23:53 UTC 2026`.
fn java_date(wall_ms: i64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = wall_ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let name = |names: &[&'static str], index: i64| {
        let index = usize::try_from(index).unwrap_or(0);
        names.get(index).copied().unwrap_or_default()
    };
    let weekday = name(&WEEKDAYS, days.rem_euclid(7));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let month = name(&MONTHS, month - 1);
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}")
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of the year 0, so that the leap day is a year's last.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_java() {
        let check = |wall_ms: i64, expected: &str| assert_eq!(java_date(wall_ms), expected);
        check(0, "Thu Jan 01 00:00:00 UTC 1970");
        check(1_700_000_000_000, "Tue Nov 14 22:13:20 UTC 2023");
        check(951_782_400_000, "Tue Feb 29 00:00:00 UTC 2000");
        check(4_107_542_399_999, "Sun Feb 28 23:59:59 UTC 2100");
        check(-1, "Wed Dec 31 23:59:59 UTC 1969");
    }
}
