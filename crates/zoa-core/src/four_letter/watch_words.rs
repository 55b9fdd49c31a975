//! Words about watches: `wchs`, `wchc`, `wchp`.
//!
//! The original walks everything, too, and its whitelist leaves them out since they were used to burn CPU (CVE-2017-5637); here a long
//! answer is cut.

use std::collections::BTreeMap;
use std::fmt::Write;

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
    let table = core.watches.lock();
    for (path, lanes) in table.by_path().take(WORD_LINES_MAX) {
        writeln!(text, "{path}").ok();
        for lane in lanes {
            writeln!(text, "\t{}", session_of(lane)).ok();
        }
    }
    text.push('\n');
}

pub(super) fn wchc(core: &Core, text: &mut String) {
    let mut by_session: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let table = core.watches.lock();
    for (path, lanes) in table.by_path().take(WORD_LINES_MAX) {
        for lane in lanes {
            by_session
                .entry(session_of(lane))
                .or_default()
                .push(path.to_owned());
        }
    }
    drop(table);
    for (session, paths) in by_session {
        writeln!(text, "{session}").ok();
        for path in paths {
            writeln!(text, "\t{path}").ok();
        }
    }
    text.push('\n');
}

fn session_of(lane: &Lane) -> String {
    match &lane.lock().attachment {
        Attachment::Session { session, .. } => session.to_string(),
        Attachment::None | Attachment::Requested { .. } => "0x0".to_owned(),
    }
}
