//! A farm seen from outside: who leads, who works on what, how much is where; and what has ended, to be read and put away.
//!
//! Invariant: looking changes nothing. It is no snapshot: what moves while it looks is seen twice or not at all.

use serde_json::Value;
use zoa_proto::CreateMode;
use zoa_proto::Stat;

use super::client::FarmClient;
use super::client::FarmCounts;
use super::config::FarmConfig;
use super::task::Task;
use super::worker::capacity_and_name;
use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::line;
use crate::line::LOCK;

/// A farm at a glance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FarmStatus {
    /// The names of those who stand as leaders; the first one leads.
    pub leaders: Vec<String>,
    /// Those who work, and those who are gone and whose tasks nobody has taken back yet.
    pub workers: Vec<WorkerStatus>,
    /// How many tasks are where.
    pub counts: FarmCounts,
    /// What people have set.
    pub config: FarmConfig,
}

/// A worker, seen from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerStatus {
    /// Its id, new for each session.
    pub id: String,
    /// Its name for people; empty when it has none.
    pub name: String,
    /// How much it takes at once; `None` when it is gone.
    pub capacity: Option<usize>,
    /// The tasks that it has, each with its attempt behind a dot.
    pub running: Vec<String>,
}

/// A task that has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Its name.
    pub task: String,
    /// The result, or the payload of a dead letter.
    pub payload: Vec<u8>,
    /// The number of its last attempt.
    pub attempt: u64,
    /// The id of the worker whose result it is; empty for a dead letter.
    pub worker: String,
    /// Why it was given up; empty for a result.
    pub error: String,
    /// When it ended, in milliseconds since 1970 by the servers' clock.
    pub at_ms: i64,
}

impl<K: Keeper> FarmClient<K> {
    /// The whole farm at a glance, with a few requests and one for each worker.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn status(&self) -> Result<FarmStatus, Error> {
        let (keeper, places) = (&self.keeper, &self.places);
        let path = places.of("leader");
        let leaders = line::identifiers(keeper, (&path, &[LOCK])).await?;
        let mut running = std::collections::BTreeMap::<String, Vec<String>>::new();
        for (worker, task, attempt) in self.running().await? {
            running
                .entry(worker)
                .or_default()
                .push(format!("{task}.{attempt}"));
        }
        let ids = calls::children(keeper, &places.of("workers")).await?;
        let ids = ids.unwrap_or_default();
        let paths: Vec<String> = ids.iter().map(|id| places.task("workers", id)).collect();
        let mut workers = Vec::new();
        for (id, found) in ids
            .into_iter()
            .zip(calls::data_of_all(keeper, &paths).await?)
        {
            let (capacity, name) = found.map_or((None, String::new()), |(data, _)| {
                let (capacity, name) = capacity_and_name(&data);
                (Some(capacity), name)
            });
            workers.push(WorkerStatus {
                running: running.remove(&id).unwrap_or_default(),
                id,
                name,
                capacity,
            });
        }
        workers.extend(running.into_iter().map(|(id, running)| WorkerStatus {
            id,
            name: String::new(),
            capacity: None,
            running,
        }));
        workers.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Ok(FarmStatus {
            leaders,
            workers,
            counts: self.counts().await?,
            config: FarmConfig::read(keeper, places).await?,
        })
    }

    /// The results of these tasks, for those that are done and not cleaned up, in no other order.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn results(&self, tasks: &[String]) -> Result<Vec<Ended>, Error> {
        self.read_ended("done", tasks).await
    }

    /// The dead letters among these tasks, in no other order.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn dead_letters(&self, tasks: &[String]) -> Result<Vec<Ended>, Error> {
        self.read_ended("dead", tasks).await
    }

    async fn read_ended(&self, place: &str, tasks: &[String]) -> Result<Vec<Ended>, Error> {
        let path = |task: &String| self.places.task(place, task);
        let paths: Vec<String> = tasks.iter().map(path).collect();
        let found = calls::data_of_all(&self.keeper, &paths).await?;
        let ended = tasks.iter().zip(&paths).zip(found);
        let ended = ended.filter_map(|((task, path), found)| Some(ended_of(task, path, found?)));
        Ok(ended.collect())
    }

    /// Deletes the result or the dead letter of a task; whether there was one. If an answer was lost there may have been none.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn forget(&self, task: &str) -> Result<bool, Error> {
        let mut was_there = false;
        // In both: of the first it may not be known whether it was there.
        for place in ["done", "dead"] {
            let path = self.places.task(place, task);
            was_there |= calls::delete(&self.keeper, &path).await?;
        }
        Ok(was_there)
    }

    /// Puts a dead letter back into the queue, under its old name, as a task that is submitted now and may be begun as often as at
    /// first; whether there was one. Its attempts are numbered on. It may make the queue longer than its limit.
    ///
    /// # Errors
    /// When the session ends, or the server refuses to move it.
    pub async fn revive(&mut self, task: &str) -> Result<bool, Error> {
        let path = self.places.task("dead", task);
        let Some((data, stat)) = calls::data(&self.keeper, &path).await? else {
            return Ok(false);
        };
        let renewed = Task::decode(&path, &data)?.renewed(stat.czxid).encode();
        let to = self.places.task("queue", task);
        let steps = [
            super::leader::delete(path.clone()),
            calls::create_step(&to, &renewed, CreateMode::Persistent),
        ];
        self.relocate(&path, steps).await
    }
}

fn ended_of(task: &str, path: &str, (data, stat): (Vec<u8>, Stat)) -> Ended {
    let found = Task::salvage(path, &data);
    let worker = found.field("worker").and_then(Value::as_str);
    Ended {
        task: task.to_owned(),
        attempt: found.attempt(),
        worker: worker.unwrap_or_default().to_owned(),
        error: found.error(),
        at_ms: stat.ctime_ms,
        payload: found.payload,
    }
}
