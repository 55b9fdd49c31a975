//! Since when something lasts that is measured when it ends: the search for a leader, and the time in which no client is served.
//!
//! All times are milliseconds of the monotonic clock.

use zoa_core::Stats;
use zoa_ensemble::Role;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Spells {
    leads: bool,
    looking_ms: Option<u64>,
    /// Only after this server has served.
    unavailable_ms: Option<u64>,
}

impl Spells {
    pub(super) fn be(&mut self, role: Role, stats: &Stats, now_ms: u64) {
        self.leads = role == Role::Leader;
        if role == Role::Looking {
            stats.looked_for_leader.add(1);
            self.looking_ms.get_or_insert(now_ms);
        } else if let Some(since_ms) = self.looking_ms.take() {
            stats.election_time.record(now_ms.saturating_sub(since_ms));
        }
    }

    pub(super) fn serve(&mut self, serves: bool, stats: &Stats, now_ms: u64) {
        if !serves {
            self.unavailable_ms = Some(now_ms);
            return;
        }
        let Some(since_ms) = self.unavailable_ms.take() else {
            return;
        };
        let took_ms = now_ms.saturating_sub(since_ms);
        stats.unavailable_time.record(took_ms);
        if self.leads {
            stats.leader_unavailable_time.record(took_ms);
        }
    }
}
