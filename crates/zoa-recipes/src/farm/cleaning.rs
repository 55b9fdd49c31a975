//! What a farm's leader deletes: results and dead letters that are too many or too old.
//!
//! It never touches a task that has not ended. Invariant: at most a tenth more than the configuration says lies there for longer
//! than some seconds, however many tasks a farm has done in its life.

use std::time::Duration;

use super::config::FarmConfig;
use super::leader::Changed;
use super::leader::FarmLeader;
use super::leader::delete;
use super::task::Places;
use super::task::rank;
use crate::calls;
use crate::error::Error;
use crate::hold::Hold;
use crate::keeper::Keeper;
use crate::keeper::Step;

/// How often it counts, and how often it looks for what is old.
const COUNT: Duration = Duration::from_secs(1);
const LOOK_FOR_OLD: Duration = Duration::from_secs(5);

/// So many are deleted in one multi, and looked at for their age at once.
const BATCH_MAX: usize = 100;

/// See the module.
#[derive(Debug)]
pub(super) struct Cleaning<K> {
    keeper: K,
    places: Places,
    counted_at: Duration,
    aged_at: Duration,
}

impl<K: Keeper> Cleaning<K> {
    pub(super) fn new(keeper: &K, places: &Places) -> Self {
        let now = keeper.now();
        Self {
            keeper: keeper.clone(),
            places: places.clone(),
            counted_at: now,
            aged_at: now,
        }
    }

    /// Does what has to be done by now; whether this one still leads.
    pub(super) async fn work(
        &mut self,
        leader: &FarmLeader<K>,
        hold: &Hold<K>,
    ) -> Result<bool, Error> {
        let now = self.keeper.now();
        if now.saturating_sub(self.counted_at) < COUNT {
            return Ok(true);
        }
        self.counted_at = now;
        let config = FarmConfig::read(&self.keeper, &self.places).await?;
        let is_time = now.saturating_sub(self.aged_at) >= LOOK_FOR_OLD;
        for (place, count_max) in [("done", config.results_max), ("dead", config.dead_max)] {
            let mut names = self.surplus(place, count_max).await?;
            if is_time && config.keep_ms > 0 && names.is_empty() {
                names = self.old(place, (config.keep_ms, leader, hold)).await?;
            }
            for batch in names.chunks(BATCH_MAX) {
                let deletes = batch
                    .iter()
                    .map(|name| delete(self.places.task(place, name)));
                let deletes: Vec<Step> = deletes.collect();
                match leader.change(hold, deletes.clone()).await? {
                    Changed::LeadsNoMore => return Ok(false),
                    Changed::Yes(_) | Changed::Unknown => {}
                    // Somebody else did some of it, or one of them cannot be deleted.
                    Changed::No(_) => {
                        for delete in deletes {
                            // What is left is seen again next time.
                            leader.change(hold, vec![delete]).await?;
                        }
                    }
                }
            }
        }
        if is_time {
            self.aged_at = now;
        }
        Ok(true)
    }

    /// The names that are too many, once they are a tenth too many: the lists are long.
    async fn surplus(&self, place: &str, count_max: usize) -> Result<Vec<String>, Error> {
        let stat = calls::exists(&self.keeper, &self.places.of(place)).await?;
        let count = stat.map_or(0, |stat| usize::try_from(stat.num_children).unwrap_or(0));
        if count <= count_max.saturating_add(count_max / 10) {
            return Ok(Vec::new());
        }
        let mut names = self.in_order(place).await?;
        names.truncate(names.len().saturating_sub(count_max));
        Ok(names)
    }

    /// Of those that were submitted first, the ones that have lain there for too long.
    async fn old(
        &self,
        place: &str,
        (keep_ms, leader, hold): (u64, &FarmLeader<K>, &Hold<K>),
    ) -> Result<Vec<String>, Error> {
        let keep_ms = i64::try_from(keep_ms).unwrap_or(i64::MAX);
        let names = self.in_order(place).await?;
        let mut old = Vec::new();
        let Some((servers_now_ms, _)) = leader.read_servers_time(hold).await? else {
            return Ok(old);
        };
        for batch in names.chunks(BATCH_MAX) {
            let paths: Vec<String> = batch
                .iter()
                .map(|name| self.places.task(place, name))
                .collect();
            let stats = calls::stats_of_all(&self.keeper, &paths).await?;
            let found = batch.iter().zip(stats).filter(|(_, stat)| {
                stat.is_some_and(|stat| servers_now_ms.saturating_sub(stat.ctime_ms) > keep_ms)
            });
            let before = old.len();
            old.extend(found.map(|(name, _)| name.clone()));
            // Those behind them are younger, but for a few.
            if old.len() == before {
                break;
            }
        }
        Ok(old)
    }

    /// The names there, those with the lowest numbers first.
    async fn in_order(&self, place: &str) -> Result<Vec<String>, Error> {
        let names = calls::children(&self.keeper, &self.places.of(place)).await?;
        let mut names = names.unwrap_or_default();
        names.sort_by(|one, other| rank(one).1.cmp(rank(other).1));
        Ok(names)
    }
}
