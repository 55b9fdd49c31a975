//! `dump`: sessions by when they would expire, and their ephemerals.

use std::fmt::Write;

use crate::core::Core;
use crate::limits::WORD_LINES_MAX;
use crate::moment::Moment;

pub(super) fn dump(core: &Core, now: Moment, text: &mut String) {
    session_tracker(core, now, text);
    ephemerals(core, text);
    text.push_str("Connections dump:\n");
    writeln!(text, "Connections Sets (1)/({}):", core.connections_count()).ok();
}

fn session_tracker(core: &Core, now: Moment, text: &mut String) {
    let clock = core.clock.lock();
    let buckets: Vec<_> = clock
        .buckets()
        .filter(|(_, sessions)| !sessions.is_empty())
        .collect();
    text.push_str("SessionTracker dump:\n");
    writeln!(
        text,
        "Session Sets ({})/({}):",
        buckets.len(),
        clock.count()
    )
    .ok();
    for (due_ms, sessions) in buckets.into_iter().take(WORD_LINES_MAX) {
        let left_ms = i64::try_from(due_ms.saturating_sub(now.mono_ms)).unwrap_or(i64::MAX);
        writeln!(
            text,
            "{} expire at {} (in {left_ms} ms):",
            sessions.len(),
            now.wall_ms.saturating_add(left_ms)
        )
        .ok();
        for session in sessions.into_iter().take(WORD_LINES_MAX) {
            writeln!(text, "\t{session}").ok();
        }
    }
}

fn ephemerals(core: &Core, text: &mut String) {
    core.with_tree(|tree| {
        let owners: Vec<_> = tree
            .sessions()
            .filter(|session| session.ephemerals_count() > 0)
            .map(|it| it.id())
            .collect();
        text.push_str("ephemeral nodes dump:\n");
        writeln!(text, "Sessions with Ephemerals ({}):", owners.len()).ok();
        let mut lines = 0;
        for session in owners {
            writeln!(text, "{session}:").ok();
            tree.read_ephemerals(session, "", &mut |path| {
                lines += 1;
                if lines <= WORD_LINES_MAX {
                    writeln!(text, "\t{path}").ok();
                }
            });
        }
    });
}
