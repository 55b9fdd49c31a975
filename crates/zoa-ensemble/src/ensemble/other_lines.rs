//! When it is said that zoo.cfg names other servers than the ensemble goes by: an operator who changes zoo.cfg and restarts the servers,
//! as one does with the original where `reconfigEnabled` is false, has changed nothing.
//!
//! What it is not: the comparison ([`OtherLines`]). Invariant: it is not said of what a reconfig has changed since the start, since
//! zoo.cfg follows that, and is read at the start only.

use zoa_proto::Zxid;
use zoa_tree::Settings;

use super::Ensemble;
use crate::event::Effect;
use crate::limits::NOTICE_PERIOD_MS;
use crate::limits::OTHER_LINES_PERIOD_MS;
use crate::notice::Notice;
use crate::notice::OtherLines;

/// What was compared, and when it is again.
#[derive(Debug, Default)]
pub(super) struct LinesWatch {
    /// `None` before clients were served.
    due_ms: Option<u64>,
    /// The version of the ensemble's lines when they were first compared.
    version: Option<Zxid>,
}

impl Ensemble {
    /// Looks once this server knows what the ensemble has decided, and rarely from then on.
    pub(super) fn compare_lines(&mut self, effects: &mut Vec<Effect>) {
        let known = self.lines.as_ref().filter(|lines| !lines.is_empty());
        let Some(lines) = known.filter(|_| self.gate.serves() && !self.config.is_alone()) else {
            return;
        };
        let now_ms = self.now_ms;
        let watch = &mut self.lines_watch;
        // What was applied just before this server began to serve may not be told yet.
        let due_ms = watch.due_ms.get_or_insert(now_ms + NOTICE_PERIOD_MS);
        if now_ms < *due_ms {
            return;
        }
        *due_ms = now_ms + OTHER_LINES_PERIOD_MS;
        let is_first = watch.version.is_none();
        let version = lines.version();
        if *watch.version.get_or_insert(version) != version {
            return;
        }
        let reconfigures = self.config.settings.contains(Settings::RECONFIG_ENABLED);
        let is_mended = reconfigures && self.config.lines.version() < lines.version();
        if is_mended && !is_first {
            return;
        }
        if let Some(difference) = OtherLines::between(&self.config.lines, lines) {
            effects.push(Effect::Notice(Notice::OtherLines(difference)));
        }
    }
}
