//! Which zxid of one server means the same moment as which zxid of the other, and which session the same session.
//!
//! The servers count from different numbers (epochs, earlier sessions), so nothing is compared as it
//! stands: replies to the same request make a pair, and all else is measured from the nearest pair.

use super::fields::Value;
use super::step::ZxidPair;
use crate::random::Random;
use std::collections::BTreeMap;

/// Pairs learned so far.
#[derive(Default)]
pub(crate) struct Moments {
    pairs: BTreeMap<i64, i64>,
    last: Option<ZxidPair>,
    sessions: BTreeMap<i64, i64>,
    left_times: BTreeMap<i64, i64>,
    right_times: BTreeMap<i64, i64>,
}

impl Moments {
    /// Learns the pair of one reply; says how far each side moved when they moved differently.
    pub(crate) fn learn(&mut self, left: i64, right: i64) -> Option<(i64, i64)> {
        if left <= 0 || right <= 0 {
            return (left != right).then_some((left, right));
        }
        let moved = self.last.map(|last| (left - last.left, right - last.right));
        self.last = Some(ZxidPair { left, right });
        // The first pair holds: when one side counts on alone, the older moment is the one that stats mean.
        self.pairs.entry(left).or_insert(right);
        moved.filter(|(left, right)| left != right)
    }

    /// A pair of the recent past.
    pub(crate) fn recent(&self, random: &mut Random) -> Option<ZxidPair> {
        let back = random.below(40);
        self.pairs
            .iter()
            .rev()
            .nth(back)
            .map(|(left, right)| ZxidPair {
                left: *left,
                right: *right,
            })
    }

    /// The right server's zxid for the left server's.
    fn expected(&self, left: i64) -> i64 {
        if left <= 0 {
            return left;
        }
        match (
            self.pairs.range(..=left).next_back(),
            self.pairs.range(left..).next(),
        ) {
            (Some((near, right)), _) | (None, Some((near, right))) => right + (left - near),
            (None, None) => left,
        }
    }

    pub(crate) fn learn_session(&mut self, left: i64, right: i64) {
        self.sessions.insert(left, right);
    }

    /// Do these two values mean the same?
    pub(crate) fn same(&mut self, left: &Value, right: &Value) -> bool {
        match (left, right) {
            (Value::Zxid(left), Value::Zxid(right)) => self.expected(*left) == *right,
            (Value::Owner(left), Value::Owner(right)) => {
                self.sessions.get(left).unwrap_or(left) == right
            }
            (
                Value::Time {
                    zxid: left_zxid,
                    ms: left,
                },
                Value::Time {
                    zxid: right_zxid,
                    ms: right,
                },
            ) => {
                (*left == 0) == (*right == 0)
                    && one_time(&mut self.left_times, *left_zxid, *left)
                    && one_time(&mut self.right_times, *right_zxid, *right)
            }
            (left, right) => left == right,
        }
    }
}

/// All that one txn touched has that txn's time.
fn one_time(times: &mut BTreeMap<i64, i64>, zxid: i64, ms: i64) -> bool {
    zxid == 0 || *times.entry(zxid).or_insert(ms) == ms
}
