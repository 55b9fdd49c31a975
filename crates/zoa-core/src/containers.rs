//! Containers and znodes with a time to live that nobody uses go, a few at a time.
//!
//! ```text
//!   every check interval: look at all of them, in steps -> paths -> proposals, no more than so many a minute
//! ```
//!
//! Only the leader does, by its clock, as the original's ContainerManager; whether they are still unused is decided when the proposal is
//! applied (`zoa-tree`).

use std::collections::VecDeque;

use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_tree::Identities;
use zoa_tree::Owner;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use crate::core::Core;
use crate::ensemble::Serving;
use crate::limits::CONTAINERS_PER_STEP;
use crate::limits::UNUSED_MAX;
use crate::moment::Moment;
use crate::propose::Proposals;

const MINUTE_MS: u64 = 60_000;

/// What was found, and how fast it may go.
#[derive(Debug, Default)]
pub(crate) struct Reaper {
    /// When all are looked at next.
    check_ms: Option<u64>,
    /// The next number to look at, while they are being looked at.
    next: Option<u32>,
    unused: VecDeque<String>,
    /// Up to when deletions are paid for: each takes its share of a minute.
    paid_ms: u64,
}

impl Core {
    /// Proposes what is due of the deletions; one step of looking at a time.
    pub(crate) fn propose_reaping(&self, now: Moment, proposals: &mut Proposals) {
        let mut reaper = self.reaper.lock();
        if !self.clock.lock().is_running() || self.serving() != Serving::Full {
            *reaper = Reaper::default();
            return;
        }
        let rules = self.config.containers;
        let interval_ms = u64::from(rules.check_interval_ms.max(1));
        let check_ms = *reaper
            .check_ms
            .get_or_insert_with(|| now.mono_ms.saturating_add(interval_ms));
        if now.mono_ms >= check_ms && reaper.next.is_none() && reaper.unused.is_empty() {
            reaper.check_ms = Some(now.mono_ms.saturating_add(interval_ms));
            reaper.next = Some(0);
        }
        self.find_unused(&mut reaper, now);
        let share_ms = MINUTE_MS / u64::from(rules.per_minute_max.clamp(1, 60_000));
        // What was not used of the past is not saved up, but for the time between two calls.
        reaper.paid_ms = reaper.paid_ms.max(now.mono_ms.saturating_sub(1_000));
        while reaper.paid_ms + share_ms <= now.mono_ms {
            let Some(path) = reaper.unused.pop_front() else {
                return;
            };
            reaper.paid_ms += share_ms;
            self.propose_reap(&path, now, proposals);
        }
    }

    fn find_unused(&self, reaper: &mut Reaper, now: Moment) {
        let Some(from) = reaper.next else { return };
        if reaper.unused.len() >= UNUSED_MAX {
            return;
        }
        let unused = &mut reaper.unused;
        let rule = (now.wall_ms, self.config.containers.never_used_ms_max);
        reaper.next =
            self.tree
                .read()
                .read_unused((from, CONTAINERS_PER_STEP), rule, &mut |path| {
                    unused.push_back(path.to_owned())
                });
    }

    fn propose_reap(&self, path: &str, now: Moment, proposals: &mut Proposals) {
        proposals.push(&Txn {
            session: SessionId::NONE,
            owner: Owner {
                server: self.config.server,
                connection: 0,
            },
            xid: Xid(0),
            time_ms: now.wall_ms,
            settings: self.config.settings,
            identities: Identities::NONE,
            op: TxnOp::Reap {
                path,
                never_used_ms_max: self.config.containers.never_used_ms_max,
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing;
    use crate::testing::NOW;

    fn at(ms: u64) -> Moment {
        Moment {
            mono_ms: NOW.mono_ms + ms,
            wall_ms: NOW.wall_ms + i64::try_from(ms).unwrap(),
        }
    }

    /// A server with this many containers, each of which has had a child.
    fn with_containers(count: usize) -> Arc<Core> {
        let core = testing::core();
        let paths: Vec<String> = (0..count).map(|number| format!("/c{number:05}")).collect();
        testing::create_used_containers(&core, &paths);
        core
    }

    fn proposed(core: &Core, ms: u64) -> usize {
        let mut proposals = Proposals::default();
        core.handle_tick(at(ms), &mut proposals);
        let is_reap = |bytes: &bytes::Bytes| {
            let txn = Txn::decode(bytes).expect("the core reads what it wrote");
            matches!(txn.op, TxnOp::Reap { .. })
        };
        proposals
            .take()
            .iter()
            .filter(|bytes| is_reap(bytes))
            .count()
    }

    /// The session of the tests is silent here; it is about containers only.
    #[test]
    fn unused_ones_go_after_the_interval_and_no_faster_than_they_may() {
        let core = with_containers(2_500);
        let interval_ms = u64::from(core.config.containers.check_interval_ms);
        assert_eq!(proposed(&core, 0), 0);
        assert_eq!(proposed(&core, interval_ms - 1), 0);
        let mut first_second = 0;
        for ms in (0..1_000).step_by(100) {
            first_second += proposed(&core, interval_ms + ms);
        }
        // 10,000 a minute is one each 6 ms; a second's worth may be saved up.
        assert!((165..=340).contains(&first_second), "{first_second}");
        let mut rest = 0;
        for ms in (1_000..20_000).step_by(100) {
            rest += proposed(&core, interval_ms + ms);
        }
        assert_eq!(first_second + rest, 2_500);
    }

    #[test]
    fn only_a_leader_that_serves_looks() {
        let core = with_containers(3);
        let interval_ms = u64::from(core.config.containers.check_interval_ms);
        core.set_leading(false, NOW);
        proposed(&core, 0);
        assert_eq!(proposed(&core, 2 * interval_ms), 0);
        core.set_leading(true, at(2 * interval_ms));
        core.set_serving(Serving::No);
        assert_eq!(proposed(&core, 3 * interval_ms), 0);
        core.set_serving(Serving::Full);
        assert_eq!(
            proposed(&core, 3 * interval_ms),
            0,
            "its own interval first"
        );
        assert_eq!(proposed(&core, 4 * interval_ms), 3);
    }

    #[test]
    fn the_search_goes_in_steps_and_waits_when_unused_max_are_found() {
        let core = with_containers(CONTAINERS_PER_STEP + 5);
        let mut reaper = Reaper {
            next: Some(0),
            ..Reaper::default()
        };
        core.find_unused(&mut reaper, NOW);
        assert_eq!(reaper.unused.len(), CONTAINERS_PER_STEP);
        let waiting = std::mem::take(&mut reaper.unused);
        reaper.unused = (0..UNUSED_MAX).map(|_| String::new()).collect();
        core.find_unused(&mut reaper, NOW);
        assert_eq!(reaper.unused.len(), UNUSED_MAX);
        reaper.unused = waiting;
        core.find_unused(&mut reaper, NOW);
        assert_eq!(reaper.unused.len(), CONTAINERS_PER_STEP + 5);
        assert_eq!(reaper.next, None);
    }
}
