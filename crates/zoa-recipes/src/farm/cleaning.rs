//! What a farm's leader deletes: results and dead letters that are too many or too old.
//!
//! It never touches a task that has not ended. Invariant: at most a tenth more than the configuration says lies there for longer
//! than some seconds, however many tasks a farm has done in its life.

use std::time::Duration;

use zoa_proto::Stat;

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
            let surplus = self.surplus(place, count_max).await?;
            let leads = if is_time && config.keep_ms > 0 && surplus.is_empty() {
                self.delete_old((place, config.keep_ms), (leader, hold))
                    .await?
            } else {
                self.delete((place, &surplus), (leader, hold)).await?
            };
            if !leads {
                return Ok(false);
            }
        }
        if is_time {
            self.aged_at = now;
        }
        Ok(true)
    }

    /// Deletes these; whether it still leads.
    async fn delete(
        &self,
        (place, names): (&str, &[String]),
        (leader, hold): (&FarmLeader<K>, &Hold<K>),
    ) -> Result<bool, Error> {
        for batch in names.chunks(BATCH_MAX) {
            let deletes = batch
                .iter()
                .map(|name| delete(self.places.task(place, name)));
            let mut deletes: Vec<Step> = deletes.collect();
            while !deletes.is_empty() {
                match leader.change(hold, deletes.clone()).await? {
                    Changed::LeadsNoMore => return Ok(false),
                    Changed::Yes(_) | Changed::Unknown => break,
                    // Somebody else was faster, or it cannot be deleted. What is left is seen again next time.
                    Changed::No((Some(step), _)) if step < deletes.len() => {
                        deletes.remove(step);
                    }
                    Changed::No(_) => break,
                }
            }
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

    /// Deletes, of those that were submitted first, the ones that have lain there for too long; whether it still leads. Each is deleted
    /// as soon as its age is known: a dead letter may be tried again and be dead again under the same name, and as young as that.
    async fn delete_old(
        &self,
        (place, keep_ms): (&str, u64),
        (leader, hold): (&FarmLeader<K>, &Hold<K>),
    ) -> Result<bool, Error> {
        let keep_ms = i64::try_from(keep_ms).unwrap_or(i64::MAX);
        let names = self.in_order(place).await?;
        let Some((servers_now_ms, _)) = leader.read_servers_time(hold).await? else {
            return Ok(false);
        };
        let is_old = |stat: Stat| servers_now_ms.saturating_sub(stat.ctime_ms) > keep_ms;
        for batch in names.chunks(BATCH_MAX) {
            let paths: Vec<String> = batch
                .iter()
                .map(|name| self.places.task(place, name))
                .collect();
            let stats = calls::stats_of_all(&self.keeper, &paths).await?;
            let old = batch.iter().zip(stats);
            let old = old.filter(|(_, stat)| stat.is_some_and(is_old));
            let old: Vec<String> = old.map(|(name, _)| name.clone()).collect();
            // Those behind them are younger, but for a few.
            if old.is_empty() {
                break;
            }
            if !self.delete((place, &old), (leader, hold)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The names there, those with the lowest numbers first.
    async fn in_order(&self, place: &str) -> Result<Vec<String>, Error> {
        let names = calls::children(&self.keeper, &self.places.of(place)).await?;
        let mut names = names.unwrap_or_default();
        names.sort_by(|one, other| rank(one).1.cmp(rank(other).1));
        Ok(names)
    }
}
