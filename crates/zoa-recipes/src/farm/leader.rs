//! A farm's leader: looks at the whole farm, and moves tasks where they belong; one that is elected at a time.
//!
//! Invariant: every change begins with the check that it still leads, and is decided by what the tree says. So it may die between
//! any two, and the next one goes on.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Version;

use super::client::prepare;
use super::task::Places;
use super::task::Task;
use super::task::rank;
use super::task::split_attempt;
use crate::calls;
use crate::election::Election;
use crate::error::Error;
use crate::hold::Hold;
use crate::keeper::Ask;
use crate::keeper::Keeper;
use crate::keeper::Known;
use crate::keeper::Step;
use crate::race;

/// So many tasks are moved in one multi.
const BATCH_MAX: usize = 50;

/// The pause after a failed attempt, doubled with each, and the longest one.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// How often it looks when nothing was heard: time limits and pauses run by its clock.
const LOOK: Duration = Duration::from_millis(500);

/// How many results are kept when the configuration does not say.
const RESULTS_MAX_DEFAULT: usize = 10_000;

/// A leader of a farm, or one who stands by.
#[derive(Clone, Debug)]
pub struct FarmLeader<K> {
    keeper: K,
    places: Places,
    election: Election<K>,
}

/// A task that goes from one place to another.
struct Move {
    from: String,
    to: String,
    data: Vec<u8>,
}

/// What there is, as it was seen in one look.
struct View<F> {
    /// What is assigned to whom, and what each may have; `None` for who is gone.
    workers: BTreeMap<String, (Option<usize>, Vec<String>)>,
    queued: Vec<String>,
    failed: Vec<String>,
    watches: Vec<F>,
}

/// Since when a leader has seen something, by its clock.
type Seen = BTreeMap<String, Duration>;

impl<K: Keeper> FarmLeader<K> {
    /// A leader of the farm at this path, under a name.
    pub fn new(keeper: &K, root: &str, name: &str) -> Self {
        let places = Places::new(root);
        let election = Election::new(keeper, &places.of("leader"), name);
        Self {
            keeper: keeper.clone(),
            places,
            election,
        }
    }

    /// Stands by and leads, again and again, until the session ends or this future is dropped.
    ///
    /// # Errors
    /// Always in the end: when the session ends, or the farm cannot be read.
    pub async fn run(&self) -> Result<std::convert::Infallible, Error> {
        prepare(&self.keeper, &self.places).await?;
        loop {
            let hold = self.election.lead().await?;
            let mut seen = Seen::new();
            while self.look_and_move(&hold, &mut seen).await? {}
        }
    }

    /// One look, and what follows from it; whether it still leads.
    async fn look_and_move(&self, hold: &Hold<K>, seen: &mut Seen) -> Result<bool, Error> {
        let view = self.look().await?;
        self.forget(&view, seen);
        let mut moves = Vec::new();
        self.take_back(&view, seen, &mut moves).await?;
        self.revive(&view, seen, &mut moves).await?;
        self.assign(&view, &mut moves).await?;
        let has_moved = !moves.is_empty();
        for batch in moves.chunks(BATCH_MAX) {
            if !self.carry_out(hold, batch).await? {
                return Ok(false);
            }
        }
        self.clean_up(hold, &view).await?;
        if !has_moved {
            race::within(&self.keeper, LOOK, any(view.watches)).await;
        }
        hold.check().await
    }

    async fn look(&self) -> Result<View<K::Fired>, Error> {
        let mut view = View {
            workers: BTreeMap::new(),
            queued: Vec::new(),
            failed: Vec::new(),
            watches: Vec::new(),
        };
        // What is assigned before who is there: whoever is not there then is gone, and not new.
        let assigned = self.list("assigned", &mut view.watches).await?;
        for worker in assigned {
            let place = format!("assigned/{worker}");
            let tasks = self.list(&place, &mut view.watches).await?;
            view.workers.insert(worker, (None, tasks));
        }
        let here: BTreeSet<String> = self
            .list("workers", &mut view.watches)
            .await?
            .into_iter()
            .collect();
        for (worker, (capacity, _)) in &mut view.workers {
            if here.contains(worker) {
                *capacity = self.capacity(worker).await?;
            }
        }
        view.failed = self.list("failed", &mut view.watches).await?;
        view.queued = self.list("queue", &mut view.watches).await?;
        view.queued
            .sort_by(|one, other| rank(one).cmp(&rank(other)));
        Ok(view)
    }

    async fn list(&self, place: &str, watches: &mut Vec<K::Fired>) -> Result<Vec<String>, Error> {
        let path = self.places.of(place);
        let found = calls::children_and_watch(&self.keeper, &path).await?;
        let Some((names, fired)) = found else {
            return Ok(Vec::new());
        };
        watches.push(fired);
        Ok(names)
    }

    /// How many tasks a worker takes; `None` when it is gone.
    async fn capacity(&self, worker: &str) -> Result<Option<usize>, Error> {
        let path = self.places.task("workers", worker);
        let Some((data, _)) = calls::data(&self.keeper, &path).await? else {
            return Ok(None);
        };
        let capacity = serde_json::from_slice::<Value>(&data).ok();
        let capacity = capacity.and_then(|worker| worker.get("capacity")?.as_u64());
        Ok(Some(usize::try_from(capacity.unwrap_or(1)).unwrap_or(1)))
    }

    /// Forgets when it saw what is there no more.
    fn forget(&self, view: &View<K::Fired>, seen: &mut Seen) {
        let assigned = view.workers.values().flat_map(|(_, tasks)| tasks);
        let there: BTreeSet<&String> = assigned.chain(&view.failed).collect();
        seen.retain(|name, _| there.contains(name));
    }

    /// How long it has seen this.
    fn age(&self, name: &str, seen: &mut Seen) -> Duration {
        let now = self.keeper.now();
        let since = *seen.entry(name.to_owned()).or_insert(now);
        now.saturating_sub(since)
    }

    /// Tasks of workers that are gone or too slow.
    async fn take_back(
        &self,
        view: &View<K::Fired>,
        seen: &mut Seen,
        moves: &mut Vec<Move>,
    ) -> Result<(), Error> {
        let assigned = view.workers.iter().flat_map(|(worker, (capacity, names))| {
            let split = names
                .iter()
                .filter_map(|name| Some((name, split_attempt(name)?)));
            split.map(move |(name, split)| (worker, capacity.is_none(), name, split))
        });
        let assigned: Vec<_> = assigned.collect();
        let paths = assigned.iter();
        let paths = paths
            .map(|(worker, _, _, (task, attempt))| self.places.assigned(worker, task, *attempt));
        let found = self.read_all(paths.collect()).await?;
        for ((_, is_gone, name, (task, _)), found) in assigned.into_iter().zip(found) {
            let Some((from, found)) = found else {
                continue;
            };
            let age = self.age(name, seen);
            let is_late = found
                .time_limit_ms()
                .is_some_and(|limit| age.as_millis() > limit.into());
            let why = match (is_gone, is_late) {
                (true, _) => "the worker is gone",
                (false, true) => "the attempt took too long",
                (false, false) => continue,
            };
            moves.push(self.try_again(from, task, found.with_error(why)));
        }
        Ok(())
    }

    /// Back to the queue, or to the dead-letter list.
    fn try_again(&self, from: String, name: &str, task: Task) -> Move {
        let place = if task.is_spent() { "dead" } else { "queue" };
        Move {
            from,
            to: self.places.task(place, name),
            data: task.encode(),
        }
    }

    /// Tasks whose attempt failed, after a pause.
    async fn revive(
        &self,
        view: &View<K::Fired>,
        seen: &mut Seen,
        moves: &mut Vec<Move>,
    ) -> Result<(), Error> {
        for name in &view.failed {
            let age = self.age(name, seen);
            let from = self.places.task("failed", name);
            let Some(task) = self.read(&from).await? else {
                continue;
            };
            let doubled = u32::try_from(task.attempt().clamp(1, 16)).unwrap_or(1) - 1;
            let pause = BACKOFF_MIN.saturating_mul(1 << doubled).min(BACKOFF_MAX);
            if task.is_spent() || age >= pause {
                moves.push(self.try_again(from, name, task));
            }
        }
        Ok(())
    }

    /// Queued tasks, to the workers with the most room.
    async fn assign(&self, view: &View<K::Fired>, moves: &mut Vec<Move>) -> Result<(), Error> {
        let room = |(worker, (capacity, tasks)): (&String, &(Option<usize>, Vec<String>))| {
            let room = (*capacity)?
                .checked_sub(tasks.len())
                .filter(|room| *room > 0)?;
            Some((room, worker.clone()))
        };
        let mut free: Vec<(usize, String)> = view.workers.iter().filter_map(room).collect();
        let mut chosen = Vec::new();
        for name in &view.queued {
            free.sort();
            let Some((room, worker)) = free.last_mut().filter(|(room, _)| *room > 0) else {
                break;
            };
            *room -= 1;
            chosen.push((name, worker.clone()));
        }
        let paths = chosen
            .iter()
            .map(|(name, _)| self.places.task("queue", name));
        let found = self.read_all(paths.collect()).await?;
        for ((name, worker), found) in chosen.into_iter().zip(found) {
            let Some((from, task)) = found else {
                continue;
            };
            let task = task.begun();
            moves.push(Move {
                from,
                to: self.places.assigned(&worker, name, task.attempt()),
                data: task.encode(),
            });
        }
        Ok(())
    }

    /// The tasks at these paths, in the same order; `None` for those that are not there any more.
    async fn read_all(&self, paths: Vec<String>) -> Result<Vec<Option<(String, Task)>>, Error> {
        let found = calls::data_of_all(&self.keeper, &paths).await?;
        let tasks = paths.into_iter().zip(found).map(|(path, data)| {
            let task = data.map(|data| Task::decode(&path, &data)).transpose()?;
            Ok(task.map(|task| (path, task)))
        });
        tasks.collect()
    }

    async fn read(&self, path: &str) -> Result<Option<Task>, Error> {
        let found = calls::data(&self.keeper, path).await?;
        found.map(|(data, _)| Task::decode(path, &data)).transpose()
    }

    /// Makes these moves together, or one by one when one of them is not possible any more; whether it still leads.
    async fn carry_out(&self, hold: &Hold<K>, moves: &[Move]) -> Result<bool, Error> {
        let steps = moves.iter().flat_map(Move::steps).collect();
        match self.change(hold, steps).await? {
            Changed::Yes | Changed::Unknown => return Ok(true),
            Changed::LeadsNoMore => return Ok(false),
            Changed::No => {}
        }
        for one in moves {
            if let Changed::LeadsNoMore = self.change(hold, one.steps().to_vec()).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Changes something if it still leads. What became of it is seen at the next look.
    async fn change(&self, hold: &Hold<K>, mut steps: Vec<Step>) -> Result<Changed, Error> {
        steps.insert(0, hold.fence());
        match self.keeper.ask(Ask::Multi(steps)).await {
            Ok(_) => Ok(Changed::Yes),
            Err(failure) => match (failure.known, failure.at_step()) {
                (_, Some((0, ErrorCode::NoNode))) => Ok(Changed::LeadsNoMore),
                (Known::Refused, _) => Ok(Changed::No),
                (Known::NotApplied | Known::Unknown, _) => Ok(Changed::Unknown),
                (Known::Ended | Known::Rejected, _) => Err(Error::new(&hold.path(), &failure)),
            },
        }
    }

    /// Empty znodes of workers that are gone, and results beyond those that are kept.
    async fn clean_up(&self, hold: &Hold<K>, view: &View<K::Fired>) -> Result<(), Error> {
        let gone = view.workers.iter();
        let gone = gone.filter(|(_, (capacity, tasks))| capacity.is_none() && tasks.is_empty());
        for (worker, _) in gone {
            let delete = delete(self.places.task("assigned", worker));
            self.change(hold, vec![delete]).await?;
        }
        let path = self.places.of("done");
        let stat = calls::exists(&self.keeper, &path).await?;
        let count = stat.map_or(0, |stat| usize::try_from(stat.num_children).unwrap_or(0));
        let count_max = self.results_max().await?;
        if count > count_max {
            let mut names = calls::children(&self.keeper, &path)
                .await?
                .unwrap_or_default();
            names.sort_by(|one, other| rank(one).1.cmp(rank(other).1));
            let surplus = names.len().saturating_sub(count_max).min(BATCH_MAX);
            let deletes = names.iter().take(surplus);
            let deletes = deletes.map(|name| delete(self.places.task("done", name)));
            self.change(hold, deletes.collect()).await?;
        }
        Ok(())
    }

    async fn results_max(&self) -> Result<usize, Error> {
        let found = calls::data(&self.keeper, &self.places.of("config")).await?;
        let config = found.and_then(|(data, _)| serde_json::from_slice::<Value>(&data).ok());
        let count = config.and_then(|config| config.get("results_max")?.as_u64());
        Ok(count.map_or(RESULTS_MAX_DEFAULT, |count| {
            usize::try_from(count).unwrap_or(usize::MAX)
        }))
    }
}

/// What became of a change.
enum Changed {
    Yes,
    No,
    Unknown,
    LeadsNoMore,
}

impl Move {
    fn steps(&self) -> [Step; 2] {
        [
            delete(self.from.clone()),
            calls::create_step(&self.to, &self.data, CreateMode::Persistent),
        ]
    }
}

const fn delete(path: String) -> Step {
    Step::Delete {
        path,
        version: Version::ANY,
    }
}

/// Waits for the first of these.
async fn any<F: Future<Output = ()> + Unpin>(mut watches: Vec<F>) {
    poll_fn(|context| {
        let mut ready = watches
            .iter_mut()
            .map(|watch| Pin::new(watch).poll(context));
        // All are polled, so that each wakes this task.
        match ready.any(|one| one.is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
