//! Words about watches: `wchs`, `wchc`, `wchp`.
//!
//! The original walks everything, too, and its whitelist leaves them out since they were used to burn CPU (CVE-2017-5637); here a long
//! answer is cut.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use zoa_proto::SessionId;

use crate::core::Core;
use crate::lane::Attachment;
use crate::lane::Lane;
use crate::limits::WORD_LINES_MAX;

pub(super) fn wchs(core: &Core, text: &mut String) {
    let counts = core.watches.lock().counts();
    writeln!(
        text,
        "{} connections watching {} paths",
        counts.connections, counts.paths
    )
    .ok();
    writeln!(text, "Total watches:{}", counts.watches).ok();
}

pub(super) fn wchp(core: &Core, text: &mut String) {
    for (path, lanes) in listed(core) {
        writeln!(text, "{path}").ok();
        for lane in lanes {
            writeln!(text, "\t{}", session_of(&lane)).ok();
        }
    }
    text.push('\n');
}

pub(super) fn wchc(core: &Core, text: &mut String) {
    let mut by_session: BTreeMap<SessionId, Vec<Arc<str>>> = BTreeMap::new();
    for (path, lanes) in listed(core) {
        for lane in lanes {
            let session = session_of(&lane);
            let paths = by_session.entry(session).or_default();
            paths.push(Arc::clone(&path));
        }
    }
    for (session, paths) in by_session {
        writeln!(text, "{session}").ok();
        for path in paths {
            writeln!(text, "\t{path}").ok();
        }
    }
    text.push('\n');
}

/// Taken out under the lock, which every event waits for, and written down without it.
fn listed(core: &Core) -> Vec<(Arc<str>, Vec<Arc<Lane>>)> {
    core.watches.lock().list(WORD_LINES_MAX)
}

fn session_of(lane: &Lane) -> SessionId {
    match &lane.lock().attachment {
        Attachment::Session { session, .. } => *session,
        Attachment::None | Attachment::Requested { .. } => SessionId::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use crate::watches::Kinds;

    #[test]
    fn a_very_long_answer_is_cut() {
        let core = testing::core();
        let lane = testing::lane(1);
        let mut watches = core.watches.lock();
        for number in 0..WORD_LINES_MAX / 2 + 10 {
            let path = format!("/{number}");
            watches
                .add(&lane, &path, Kinds::DATA)
                .expect("there is room");
        }
        drop(watches);
        let mut text = String::new();
        wchp(&core, &mut text);
        assert_eq!(text.lines().count(), WORD_LINES_MAX + 1);
        text.clear();
        wchc(&core, &mut text);
        assert_eq!(text.lines().count(), WORD_LINES_MAX / 2 + 2);
    }
}
