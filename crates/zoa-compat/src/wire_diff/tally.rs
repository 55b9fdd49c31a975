//! How often each pair of operation and error came up, and which pairs must.
//!
//! Counted from the left server, the reference: a pair that it cannot produce is not asked for.

use crate::wire::Cursor;
use crate::wire::ReplyHeader;
use crate::wire::op;
use std::collections::BTreeMap;

/// Counts by operation and error. Results inside a multi count as `multi.create` and so on.
#[derive(Default)]
pub(crate) struct Tally {
    pairs: BTreeMap<(String, i32), usize>,
    replies: usize,
    good: usize,
}

impl Tally {
    /// Counts one operation that has no reply of its own, by what came of it.
    pub(crate) fn count_outcome(&mut self, what: &str, good: bool) {
        self.replies += 1;
        self.good += usize::from(good);
        *self.pairs.entry((what.to_owned(), 0)).or_default() += 1;
    }

    /// Counts a reply and, for a multi, what it holds. `kinds` are the operations inside.
    pub(crate) fn count_reply(&mut self, answered: i32, kinds: &[i32], frame: &[u8]) {
        let Some((header, body)) = ReplyHeader::read(frame) else {
            return;
        };
        let failed_inside = self.count_results(answered, kinds, body);
        self.replies += 1;
        self.good += usize::from(header.error == 0 && !failed_inside);
        *self
            .pairs
            .entry((op::name(answered), header.error))
            .or_default() += 1;
    }

    fn count_results(&mut self, answered: i32, kinds: &[i32], body: &[u8]) -> bool {
        if !matches!(answered, op::MULTI | op::MULTI_READ) {
            return false;
        }
        let errors = result_errors(kinds, body);
        for (kind, error) in kinds.iter().zip(&errors) {
            let name = format!("{}.{}", op::name(answered), op::name(*kind));
            *self.pairs.entry((name, *error)).or_default() += 1;
        }
        answered == op::MULTI && errors.iter().any(|error| *error != 0)
    }

    /// The share of operations that succeeded, in percent.
    pub(crate) fn good_percent(&self) -> usize {
        self.good * 100 / self.replies.max(1)
    }

    pub(crate) fn replies(&self) -> usize {
        self.replies
    }

    /// The pairs asked for that came up less often than `least`.
    pub(crate) fn missing(&self, least: usize) -> Vec<String> {
        REACHABLE
            .iter()
            .flat_map(|(name, errors)| errors.iter().map(move |error| (*name, *error)))
            .filter_map(|(name, error)| {
                let count = self
                    .pairs
                    .get(&(name.to_owned(), error))
                    .copied()
                    .unwrap_or(0);
                (count < least).then(|| format!("{name} {error}: {count} times"))
            })
            .collect()
    }

    /// The table, a line for each operation.
    pub(crate) fn table(&self) -> String {
        let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ((name, error), count) in &self.pairs {
            lines
                .entry(name)
                .or_default()
                .push(format!("{error}: {count}"));
        }
        lines
            .iter()
            .map(|(name, cells)| format!("  {name:<28} {}\n", cells.join("   ")))
            .collect()
    }
}

/// The error of each result in a multi's reply. Lengths of the bodies follow from the types.
fn result_errors(kinds: &[i32], body: &[u8]) -> Vec<i32> {
    let mut cursor = Cursor::new(body);
    let mut errors = Vec::new();
    for _ in kinds {
        let Some((kind, error)) = result_head(&mut cursor) else {
            break;
        };
        if super::fields::skip_result(kind, &mut cursor).is_none() {
            break;
        }
        errors.push(error);
    }
    errors
}

fn result_head(cursor: &mut Cursor<'_>) -> Option<(i32, i32)> {
    let (kind, _done, error) = (cursor.int()?, cursor.byte()?, cursor.int()?);
    Some((kind, error))
}

/// The pairs that must come up. Errors are ZooKeeper's numbers; 0 is success.
const REACHABLE: &[(&str, &[i32])] = &[
    ("create", &[0, -5, -8, -101, -102, -108, -110, -114]),
    ("create2", &[0, -5, -8, -101, -102, -108, -110, -114]),
    (
        "createContainer",
        &[0, -5, -8, -101, -102, -108, -110, -114],
    ),
    ("createTTL", &[0, -5, -8, -101, -102, -108, -110, -114]),
    ("deleteContainer", &[0, -5, -101, -103, -111]),
    ("delete", &[0, -5, -8, -101, -102, -103, -111]),
    ("exists", &[0, -5, -8, -101, -102]),
    ("getData", &[0, -5, -101, -102]),
    ("setData", &[0, -5, -8, -101, -102, -103]),
    ("getACL", &[0, -5, -101, -102]),
    ("setACL", &[0, -5, -8, -101, -102, -103, -114]),
    ("getChildren", &[0, -5, -101, -102]),
    ("getChildren2", &[0, -5, -101, -102]),
    ("sync", &[0, -5]),
    ("ping", &[0]),
    ("check", &[-6]),
    ("multi", &[0, -5]),
    ("multi.create", &[0, -2, -8, -101, -102, -108, -110, -114]),
    ("multi.create2", &[0, -2, -8, -101, -102, -108, -110, -114]),
    ("multi.createContainer", &[0, -2]),
    ("multi.createTTL", &[0, -2, -8]),
    ("multi.delete", &[0, -2, -8, -101, -102, -103, -111]),
    ("multi.setData", &[0, -2, -8, -101, -102, -103]),
    ("multi.check", &[0, -2, -101, -102, -103]),
    ("multiRead", &[0, -5]),
    ("multiRead.getData", &[0, -101, -102]),
    ("multiRead.getChildren", &[0, -101, -102]),
    ("auth", &[0, -115]),
    ("setWatches", &[0, -5]),
    ("setWatches2", &[0, -5]),
    ("addWatch", &[0, -5]),
    ("checkWatches", &[0, -5, -121]),
    ("removeWatches", &[0, -5, -121]),
    ("getEphemerals", &[0, -5]),
    ("getAllChildrenNumber", &[0, -5, -101, -102]),
    ("whoAmI", &[0]),
    ("closeSession", &[0]),
    ("op9999", &[-6]),
];
