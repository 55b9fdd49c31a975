//! A farm's client: submits tasks, follows them, cancels them.
//!
//! Invariant: a task that is looked for everywhere is looked for in the order in which it moves on, so only one that goes back to the
//! queue in just that moment can be missed; and it is looked for again before it is called unknown.

use std::time::Duration;

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Version;

use super::config::FarmConfig;
use super::task::NewTask;
use super::task::PLACES;
use super::task::Places;
use super::task::Task;
use super::task::check_len;
use super::task::split_attempt;
use crate::calls;
use crate::error::Error;
use crate::keeper::Answer;
use crate::keeper::Keeper;
use crate::keeper::Step;
use crate::race;
use crate::receipt::Applied;
use crate::receipt::Receipt;

/// So many tasks are submitted in one multi, and no more bytes than these unless one alone has them.
const BATCH_MAX: usize = 100;
pub(super) const BATCH_LEN_MAX: usize = 512 << 10;

/// Up to this limit of the queue all submissions are guarded; above it only those that see it half full: ten clients with a whole
/// batch each fit into the other half.
const ALWAYS_GUARDED_MAX: usize = 20 * BATCH_MAX;

/// So often a task is looked for in all places.
const LOOKS: usize = 3;

/// The same when it is known to have been accepted, with a pause between.
const LOOKS_FOR_ACCEPTED: usize = 10;

/// How often somebody who waits looks whether the task is still there.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// A client of a farm. Each handle does one thing at a time.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::{FarmClient, FarmLeader, FarmWorker, NewTask, Progress};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let leader = FarmLeader::new(&client, "/farm", "leader-1");
/// let leading = tokio::spawn(async move { leader.run().await });
/// let mut worker = FarmWorker::register(&client, "/farm", 2).await?;
/// let working = tokio::spawn(async move {
///     loop {
///         let assignment = worker.next().await?;
///         let upper = assignment.payload().to_ascii_uppercase();
///         assignment.done(&upper).await?;
///     }
///     # #[expect(unreachable_code, reason = "the type of the task's result")]
///     # Ok::<(), zoa_recipes::Error>(())
/// });
/// let mut farm = FarmClient::new(&client, "/farm");
/// let tasks = farm.submit(&[NewTask::new(b"one"), NewTask::new(b"two")]).await?;
/// assert_eq!(farm.wait(&tasks[0]).await?, Progress::Done(b"ONE".to_vec()));
/// assert_eq!(farm.wait(&tasks[1]).await?, Progress::Done(b"TWO".to_vec()));
/// # leading.abort();
/// # working.abort();
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FarmClient<K: Keeper> {
    pub(super) keeper: K,
    pub(super) places: Places,
    pub(super) receipt: Receipt<K>,
}

/// How far a task is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// It waits to be assigned, for the first time or again.
    Queued,
    /// A worker has it.
    Running,
    /// An attempt failed; the next one comes after a pause.
    Failed(String),
    /// Its result.
    Done(Vec<u8>),
    /// It was given up or cancelled, for this reason.
    Dead(String),
    /// There is no such task, or what came of it was deleted.
    Unknown,
}

/// How many tasks are where.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(missing_docs, reason = "each counts what it names")]
pub struct FarmCounts {
    pub workers: usize,
    pub queued: usize,
    pub running: usize,
    pub failed: usize,
    pub done: usize,
    pub dead: usize,
}

impl<K: Keeper> FarmClient<K> {
    /// A client of the farm at this path, which is made when needed.
    pub fn new(keeper: &K, root: &str) -> Self {
        let places = Places::new(root);
        let receipt = Receipt::new(keeper, &places.of("queue"));
        Self {
            keeper: keeper.clone(),
            places,
            receipt,
        }
    }

    /// Submits tasks, and gives their names in the same order. When this returns they are accepted, all of them. If an answer was
    /// lost and a task had ended and was deleted before it was looked for, its name comes without the number at its end.
    ///
    /// # Errors
    /// When the queue has no room for all: [`Error::Full`], and nothing is submitted, but for those that it names if others took
    /// the room meanwhile. When a payload is too long: [`Error::TooLong`], and nothing is submitted. Or the session ends: then those
    /// of the batch under way, 100 at most, are accepted or not; those of batches before it stand in [`Error::InPart`].
    pub async fn submit(&mut self, tasks: &[NewTask]) -> Result<Vec<String>, Error> {
        let queue = self.places.of("queue");
        for task in tasks {
            check_len(&queue, task.payload.len())?;
        }
        let config = FarmConfig::read(&self.keeper, &self.places).await?;
        let mut wanted = tasks.len();
        let mut names = Vec::new();
        for batch in batches(tasks) {
            match self.submit_batch(batch, (wanted, config.queue_max)).await {
                Ok(Ok(more)) => names.extend(more),
                Err(error) if names.is_empty() => return Err(error),
                Err(error) => {
                    return Err(Error::InPart {
                        accepted: names,
                        error: Box::new(error),
                    });
                }
                Ok(Err((count, count_max))) => {
                    return Err(Error::Full {
                        path: self.places.of("queue"),
                        count,
                        count_max,
                        accepted: names,
                    });
                }
            }
            wanted -= batch.len();
        }
        Ok(names)
    }

    /// Submits these if there is room for so many below the limit; else how many are queued, and how many may be.
    async fn submit_batch(
        &mut self,
        tasks: &[NewTask],
        room: (usize, usize),
    ) -> Result<Result<Vec<String>, (usize, usize)>, Error> {
        let beginning = |task: &NewTask| task.name_beginning(&calls::guid(&self.keeper));
        let beginnings: Vec<String> = tasks.iter().map(beginning).collect();
        let create = |(beginning, task): (&String, &NewTask)| {
            let path = self.places.task("queue", beginning);
            calls::create_step(&path, &task.encode(), CreateMode::PersistentSequential)
        };
        let creates: Vec<Step> = beginnings.iter().zip(tasks).map(create).collect();
        loop {
            let guard = match self.check_room(room).await? {
                Ok(guard) => guard,
                Err(full) => return Ok(Err(full)),
            };
            let is_guarded = guard.is_some();
            let steps = creates.iter().cloned().chain(guard).collect();
            match self.receipt.apply(steps).await? {
                Applied::Made(Some(answers)) => {
                    return Ok(Ok(answers.iter().filter_map(name_of).collect()));
                }
                Applied::Made(None) => return Ok(Ok(self.find_all(&beginnings).await?)),
                Applied::Refused(_, ErrorCode::NoNode) => self.prepare().await?,
                // Another client has submitted between the look and the multi.
                Applied::Refused(_, ErrorCode::BadVersion) if is_guarded => {}
                Applied::Refused(_, code) => {
                    let path = self.places.of("queue");
                    return Err(Error::Refused { path, code });
                }
            }
        }
    }

    /// Whether the queue has room for so many; if that could change with others' submissions, a step that refuses them to be
    /// submitted then. Else how many are queued, and how many may be.
    async fn check_room(
        &self,
        (wanted, count_max): (usize, usize),
    ) -> Result<Result<Option<Step>, (usize, usize)>, Error> {
        let path = self.places.of("queue");
        let stat = calls::exists(&self.keeper, &path).await?;
        let (count, version) = stat.map_or((0, Version(0)), |stat| {
            (
                usize::try_from(stat.num_children).unwrap_or(0),
                stat.version,
            )
        });
        let with_these = count.saturating_add(wanted);
        if with_these > count_max {
            return Ok(Err((count, count_max)));
        }
        let data = Vec::new();
        let guard = Step::SetData {
            path,
            data,
            version,
        };
        let is_guarded = count_max <= ALWAYS_GUARDED_MAX || with_these > count_max / 2;
        Ok(Ok(is_guarded.then_some(guard)))
    }

    async fn prepare(&self) -> Result<(), Error> {
        prepare(&self.keeper, &self.places).await
    }

    /// The names of tasks that were accepted, in this order. One that is found nowhere has ended and was deleted.
    async fn find_all(&self, beginnings: &[String]) -> Result<Vec<String>, Error> {
        let mut names: Vec<Option<String>> = vec![None; beginnings.len()];
        for _ in 0..LOOKS_FOR_ACCEPTED {
            let all = self.all_names().await?;
            for (name, beginning) in names.iter_mut().zip(beginnings) {
                let found = || all.iter().find(|other| other.starts_with(beginning));
                *name = name.take().or_else(|| found().cloned());
            }
            if names.iter().all(Option::is_some) {
                break;
            }
            calls::pause(&self.keeper).await;
        }
        let names = names.into_iter().zip(beginnings);
        let names = names.map(|(name, beginning)| name.unwrap_or_else(|| beginning.clone()));
        Ok(names.collect())
    }

    async fn all_names(&self) -> Result<Vec<String>, Error> {
        let queued = calls::children(&self.keeper, &self.places.of("queue")).await?;
        let mut all = queued.unwrap_or_default();
        let running = self.running().await?;
        all.extend(running.into_iter().map(|(_, task, _)| task));
        for place in ["failed", "done", "dead"] {
            let names = calls::children(&self.keeper, &self.places.of(place)).await?;
            all.extend(names.unwrap_or_default());
        }
        Ok(all)
    }

    /// Worker, task and attempt of all that run.
    pub(super) async fn running(&self) -> Result<Vec<(String, String, u64)>, Error> {
        let workers = calls::children(&self.keeper, &self.places.of("assigned")).await?;
        let mut running = Vec::new();
        for worker in workers.unwrap_or_default() {
            let path = self.places.task("assigned", &worker);
            for name in calls::children(&self.keeper, &path)
                .await?
                .unwrap_or_default()
            {
                if let Some((task, attempt)) = split_attempt(&name) {
                    running.push((worker.clone(), task.to_owned(), attempt));
                }
            }
        }
        Ok(running)
    }

    /// How far a task is.
    ///
    /// # Errors
    /// When the session ends, or a znode of the task cannot be read.
    pub async fn progress(&self, task: &str) -> Result<Progress, Error> {
        if let Some(end) = self.end_of(task).await? {
            return Ok(end);
        }
        for _ in 0..LOOKS {
            if self.read("queue", task).await?.is_some() {
                return Ok(Progress::Queued);
            }
            let running = self.running().await?;
            if running.iter().any(|(_, name, _)| name == task) {
                return Ok(Progress::Running);
            }
            if let Some(found) = self.read("failed", task).await? {
                return Ok(Progress::Failed(found.error()));
            }
            if let Some(end) = self.end_of(task).await? {
                return Ok(end);
            }
        }
        Ok(Progress::Unknown)
    }

    async fn read(&self, place: &str, task: &str) -> Result<Option<Task>, Error> {
        let path = self.places.task(place, task);
        let found = calls::data(&self.keeper, &path).await?;
        found
            .map(|(data, _)| Task::decode(&path, &data))
            .transpose()
    }

    /// The end of a task, if it has come.
    async fn end_of(&self, task: &str) -> Result<Option<Progress>, Error> {
        if let Some(done) = self.read("done", task).await? {
            return Ok(Some(Progress::Done(done.payload)));
        }
        let dead = self.read("dead", task).await?;
        Ok(dead.map(|dead| Progress::Dead(dead.error())))
    }

    /// Waits until a task is done or given up; or, which it finds out within some seconds, is no more: [`Progress::Unknown`].
    ///
    /// # Errors
    /// When the session ends.
    pub async fn wait(&self, task: &str) -> Result<Progress, Error> {
        loop {
            let (done, dead) = (
                self.places.task("done", task),
                self.places.task("dead", task),
            );
            let (_, done) = calls::exists_and_watch(&self.keeper, &done).await?;
            let (_, dead) = calls::exists_and_watch(&self.keeper, &dead).await?;
            if let Some(end) = self.end_of(task).await? {
                return Ok(end);
            }
            let ended = race::race(done, dead);
            let heard = race::within(&self.keeper, LOOK_AFTER, ended).await;
            if heard.is_none() && self.progress(task).await? == Progress::Unknown {
                return Ok(Progress::Unknown);
            }
        }
    }

    /// Cancels a task, wherever it is; whether it is in the dead-letter list now. One that runs may run on, but its result is refused.
    ///
    /// # Errors
    /// When the session ends, or the server refuses to move it.
    pub async fn cancel(&mut self, task: &str) -> Result<bool, Error> {
        loop {
            let mut places = vec![
                self.places.task("queue", task),
                self.places.task("failed", task),
            ];
            let running = self.running().await?;
            let running = running.iter().filter(|(_, name, _)| name == task);
            places.extend(
                running.map(|(worker, name, attempt)| self.places.assigned(worker, name, *attempt)),
            );
            for path in places {
                if self.bury(&path, task).await? {
                    return Ok(true);
                }
            }
            match self.progress(task).await? {
                Progress::Dead(_) => return Ok(true),
                Progress::Done(_) | Progress::Unknown => return Ok(false),
                Progress::Queued | Progress::Running | Progress::Failed(_) => {
                    calls::pause(&self.keeper).await;
                }
            }
        }
    }

    async fn bury(&mut self, path: &str, task: &str) -> Result<bool, Error> {
        let Some((data, _)) = calls::data(&self.keeper, path).await? else {
            return Ok(false);
        };
        let dead = Task::salvage(path, &data).with_error("cancelled").encode();
        let delete = Step::Delete {
            path: path.to_owned(),
            version: Version::ANY,
        };
        let dead_path = self.places.task("dead", task);
        let create = calls::create_step(&dead_path, &dead, CreateMode::Persistent);
        self.relocate(path, [delete, create]).await
    }

    /// Moves a task from this path: deletes it there, and creates it elsewhere. `false` when it is there no more, or already where it is
    /// to go.
    pub(super) async fn relocate(&mut self, from: &str, steps: [Step; 2]) -> Result<bool, Error> {
        let mut prepared = 0;
        loop {
            match self.receipt.apply(steps.to_vec()).await? {
                Applied::Made(_) => return Ok(true),
                // Somebody has deleted the place where it is to go.
                Applied::Refused(1, ErrorCode::NoNode) if prepared < PREPARES_MAX => {
                    self.prepare().await?;
                    prepared += 1;
                }
                Applied::Refused(0, ErrorCode::NoNode)
                | Applied::Refused(_, ErrorCode::NodeExists) => return Ok(false),
                Applied::Refused(_, code) => {
                    let path = from.to_owned();
                    return Err(Error::Refused { path, code });
                }
            }
        }
    }

    /// How many tasks are where.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn counts(&self) -> Result<FarmCounts, Error> {
        let mut counts = [0; 5];
        for (count, place) in counts
            .iter_mut()
            .zip(["workers", "queue", "failed", "done", "dead"])
        {
            let stat = calls::exists(&self.keeper, &self.places.of(place)).await?;
            *count = stat.map_or(0, |stat| usize::try_from(stat.num_children).unwrap_or(0));
        }
        let [workers, queued, failed, done, dead] = counts;
        let running = self.running().await?.len();
        Ok(FarmCounts {
            workers,
            queued,
            running,
            failed,
            done,
            dead,
        })
    }

    /// The names of the tasks that are done, and of those in the dead-letter list.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn ended(&self) -> Result<(Vec<String>, Vec<String>), Error> {
        let done = calls::children(&self.keeper, &self.places.of("done")).await?;
        let dead = calls::children(&self.keeper, &self.places.of("dead")).await?;
        Ok((done.unwrap_or_default(), dead.unwrap_or_default()))
    }
}

/// Parts of at most so many tasks and bytes.
fn batches(tasks: &[NewTask]) -> impl Iterator<Item = &[NewTask]> {
    let mut rest = tasks;
    std::iter::from_fn(move || {
        let lens = rest.iter().map(|task| task.payload.len());
        let count = batch_len(lens, BATCH_MAX);
        let (batch, others) = rest.split_at_checked(count)?;
        rest = others;
        (!batch.is_empty()).then_some(batch)
    })
}

/// How many of things of these lengths go into one multi: at least one, if there is one.
pub(super) fn batch_len(lens: impl Iterator<Item = usize>, count_max: usize) -> usize {
    let mut sum = 0_usize;
    let fits = |(count, len): &(usize, usize)| {
        sum = sum.saturating_add(*len);
        *count == 0 || sum <= BATCH_LEN_MAX
    };
    lens.take(count_max).enumerate().take_while(fits).count()
}

/// So often places that somebody has deleted are made again for one change.
pub(super) const PREPARES_MAX: u32 = 3;

/// Makes the places of a farm.
pub(super) async fn prepare<K: Keeper>(keeper: &K, places: &Places) -> Result<(), Error> {
    for place in PLACES {
        calls::ensure(keeper, &places.of(place)).await?;
    }
    Ok(())
}

fn name_of(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Created { path, .. } => path.rsplit('/').next().map(str::to_owned),
        Answer::Done
        | Answer::Set(_)
        | Answer::Exists(_)
        | Answer::Data(..)
        | Answer::Children(..)
        | Answer::Multi(_) => None,
    }
}
