//! What a leader sees of its farm in one look, and what it remembers of earlier looks: since when it has seen what, and how long
//! that may last.
//!
//! It decides nothing. Invariant: who is assigned something was listed before those who are there, so whoever is not among the
//! latter is gone, and not new.
//!
//! **Time.** What comes while it leads is timed by its own clock from when it sees it. What was there when it began is older: by
//! the servers' time now, less the time at which they made it. A deadline is a servers' time by itself.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use zoa_proto::Stat;

use super::task::Places;
use super::task::Task;
use super::task::has_deadline;
use super::task::rank;
use super::task::split_attempt;
use super::worker::capacity_and_name;
use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;

/// The pause after a failed attempt, doubled with each, and the longest one.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// The pause after a move that was not possible, or a task that may not be read.
const REST: Duration = Duration::from_secs(10);

/// So many queued tasks are read for their deadlines in one look.
const DEADLINES_READ_MAX: usize = 500;

/// So many tasks are read at once: each may have a megabyte.
const READ_MAX: usize = 50;

/// What there is, as it was seen in one look.
pub(super) struct View<F> {
    /// What is assigned to whom, and what each may have; `None` for who is gone.
    pub(super) workers: BTreeMap<String, (Option<usize>, Vec<String>)>,
    /// In the order in which they are assigned.
    pub(super) queued: Vec<String>,
    pub(super) failed: Vec<String>,
    pub(super) watches: Vec<F>,
}

/// A task that lies somewhere and may not lie there for ever.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// By the leader's clock.
    since: Duration,
    /// How old it was then.
    age: Duration,
    /// After how long it has to be moved: its time limit, or the pause after its failure.
    limit: Option<Duration>,
    /// When it is given up, by the servers' time.
    deadline_at_ms: Option<i64>,
    /// Whether it can be read as one.
    is_task: bool,
}

/// What a leader remembers from look to look.
#[derive(Debug)]
pub(super) struct Memory {
    /// The servers' time, and when it was that by the leader's clock.
    servers: (i64, Duration),
    /// Of what lies in `queue`, `failed` and `assigned`, by its place and name.
    sights: BTreeMap<String, Sight>,
    /// What could not be read or moved, and until when that is not tried again.
    resting: BTreeMap<String, Duration>,
    /// How much each worker takes, which never changes.
    capacities: BTreeMap<String, usize>,
    has_looked: bool,
}

/// Why a task may not stay where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Its time limit or its pause is over.
    Limit,
    /// It is given up.
    Deadline,
    /// It cannot be read.
    NoTask,
}

impl Memory {
    /// Of a leader that has just begun, with the servers' time.
    pub(super) const fn new(servers: (i64, Duration)) -> Self {
        Self {
            servers,
            sights: BTreeMap::new(),
            resting: BTreeMap::new(),
            capacities: BTreeMap::new(),
            has_looked: false,
        }
    }

    fn servers_now_ms(&self, now: Duration) -> i64 {
        let (time_ms, at) = self.servers;
        time_ms.saturating_add(millis(now.saturating_sub(at)))
    }

    fn sight(&mut self, key: &str, (task, ctime_ms): (&Task, i64), now: Duration) {
        let is_failed = key.starts_with("failed/");
        let age_ms = if self.has_looked {
            0
        } else {
            self.servers_now_ms(now).saturating_sub(ctime_ms)
        };
        let sight = Sight {
            since: now,
            age: Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)),
            limit: if is_failed {
                Some(pause_after(task))
            } else {
                task.time_limit_ms().map(Duration::from_millis)
            }
            .filter(|_| !key.starts_with("queue/")),
            deadline_at_ms: task.deadline_at_ms(ctime_ms),
            is_task: true,
        };
        self.sights.insert(key.to_owned(), sight);
    }

    /// It could not be read or moved; that is not tried again for a while.
    pub(super) fn let_rest(&mut self, key: &str, now: Duration) {
        self.resting.insert(key.to_owned(), now + REST);
    }

    /// How long it is not to be moved from now on.
    pub(super) fn rest(&self, key: &str, now: Duration) -> Option<Duration> {
        let rest = self.resting.get(key)?.saturating_sub(now);
        Some(rest).filter(|rest| !rest.is_zero())
    }

    /// Whether a task may not stay at this place, and why.
    pub(super) fn due(&self, key: &str, now: Duration) -> Option<Due> {
        let sight = self.sights.get(key)?;
        if !sight.is_task {
            return Some(Due::NoTask);
        }
        let is_over = |at: i64| at <= self.servers_now_ms(now);
        if sight.deadline_at_ms.is_some_and(is_over) {
            return Some(Due::Deadline);
        }
        let age = sight.age + now.saturating_sub(sight.since);
        sight.limit.filter(|limit| age >= *limit)?;
        Some(Due::Limit)
    }

    /// How long it takes until the next of them is due.
    pub(super) fn next_due(&self, now: Duration) -> Option<Duration> {
        let lefts = self.sights.iter().flat_map(|(key, sight)| {
            if let Some(rest) = self.rest(key, now) {
                return [Some(rest), None];
            }
            if !sight.is_task {
                return [Some(Duration::ZERO), None];
            }
            let age = sight.age + now.saturating_sub(sight.since);
            let limit = sight.limit.map(|limit| limit.saturating_sub(age));
            let deadline = sight.deadline_at_ms.map(|at| {
                let left_ms = at.saturating_sub(self.servers_now_ms(now));
                Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
            });
            [limit, deadline]
        });
        lefts.flatten().min()
    }

    /// The servers' time was read again.
    pub(super) const fn set_servers_time(&mut self, servers: (i64, Duration)) {
        self.servers = servers;
    }

    /// Whether there are deadlines, and the servers' time was not read for so long.
    pub(super) fn wants_servers_time(&self, now: Duration, after: Duration) -> bool {
        let is_old = now.saturating_sub(self.servers.1) > after;
        let mut sights = self.sights.values();
        is_old && sights.any(|sight| sight.deadline_at_ms.is_some())
    }
}

/// The place and name under which a task is remembered.
pub(super) fn key_of(place: &str, name: &str) -> String {
    format!("{place}/{name}")
}

/// How long a task waits after a failure.
fn pause_after(task: &Task) -> Duration {
    if task.is_spent() {
        return Duration::ZERO;
    }
    let doubled = u32::try_from(task.attempts_counted().clamp(1, 16)).unwrap_or(1) - 1;
    BACKOFF_MIN.saturating_mul(1 << doubled).min(BACKOFF_MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Looks at the whole farm, and reads what was not seen before.
pub(super) async fn look<K: Keeper>(
    (keeper, places): (&K, &Places),
    memory: &mut Memory,
) -> Result<View<K::Fired>, Error> {
    let (mut watches, mut lists) = list(keeper, vec![places.of("assigned")]).await?;
    let assigned = last_of(&mut lists)?;
    // The lists come in this order: what is assigned before who is there.
    let mut paths: Vec<String> = assigned
        .iter()
        .map(|worker| places.task("assigned", worker))
        .collect();
    paths.extend(["workers", "failed", "queue"].map(|place| places.of(place)));
    let (more, mut lists) = list(keeper, paths).await?;
    watches.extend(more);
    let mut queued = last_of(&mut lists)?;
    queued.sort_by(|one, other| rank(one).cmp(&rank(other)));
    let failed = last_of(&mut lists)?;
    let here: BTreeSet<String> = last_of(&mut lists)?.into_iter().collect();
    memory.read_capacities((keeper, places), &here).await?;
    let capacity = |worker: &String| memory.capacities.get(worker).copied();
    let workers = assigned.into_iter().zip(lists);
    // One whose tasks may not be listed gets no others.
    let workers = workers.filter_map(|(worker, tasks)| {
        let capacity = capacity(&worker);
        Some((worker, (capacity, tasks.ok()?)))
    });
    let view = View {
        workers: workers.collect(),
        queued,
        failed,
        watches,
    };
    memory.read_new((keeper, places), &view).await?;
    Ok(view)
}

/// The names at a path, or why they may not be read.
type Names = Result<Vec<String>, Error>;

/// The names at these paths, and watches on them.
async fn list<K: Keeper>(
    keeper: &K,
    paths: Vec<String>,
) -> Result<(Vec<K::Fired>, Vec<Names>), Error> {
    let (mut watches, mut lists) = (Vec::new(), Vec::new());
    for found in calls::children_of_each_and_watch(keeper, &paths).await? {
        lists.push(found.map(|found| {
            let (names, watch) = found.unzip();
            watches.extend(watch);
            names.unwrap_or_default()
        }));
    }
    Ok((watches, lists))
}

fn last_of(lists: &mut Vec<Names>) -> Names {
    lists.pop().unwrap_or_else(|| Ok(Vec::new()))
}

impl Memory {
    /// Reads how much those take who were not there before, and forgets who is gone.
    async fn read_capacities<K: Keeper>(
        &mut self,
        (keeper, places): (&K, &Places),
        here: &BTreeSet<String>,
    ) -> Result<(), Error> {
        self.capacities.retain(|worker, _| here.contains(worker));
        let new = here
            .iter()
            .filter(|worker| !self.capacities.contains_key(*worker));
        let new: Vec<String> = new.cloned().collect();
        let paths: Vec<String> = new.iter().map(|one| places.task("workers", one)).collect();
        let found = calls::data_of_each(keeper, &paths).await?;
        for (worker, found) in new.into_iter().zip(found) {
            let capacity = match found {
                Ok(Some((data, _))) => capacity_and_name(&data).0,
                // One that has gone since stays without.
                Ok(None) => continue,
                // It may not be read: it is there, but nobody knows what for.
                Err(_) => 0,
            };
            self.capacities.insert(worker, capacity);
        }
        Ok(())
    }

    /// Reads the tasks whose time runs and that were not seen before, and forgets those that lie there no more.
    async fn read_new<K: Keeper>(
        &mut self,
        (keeper, places): (&K, &Places),
        view: &View<K::Fired>,
    ) -> Result<(), Error> {
        let running = view.workers.iter().flat_map(|(worker, (_, names))| {
            let key = move |name| key_of("assigned", &format!("{worker}/{name}"));
            names.iter().map(key)
        });
        let failed = view.failed.iter().map(|name| key_of("failed", name));
        let queued = view.queued.iter().filter(|name| has_deadline(name));
        let queued = queued.map(|name| key_of("queue", name));
        let there: BTreeSet<String> = running.chain(failed).collect();
        let queued: BTreeSet<String> = queued.collect();
        self.sights
            .retain(|key, _| there.contains(key) || queued.contains(key));
        let now = keeper.now();
        let is_new =
            |key: &&String| !self.sights.contains_key(*key) && self.rest(key, now).is_none();
        let some_queued = queued.iter().filter(is_new).take(DEADLINES_READ_MAX);
        let new = there.iter().filter(is_new).chain(some_queued);
        let new: Vec<String> = new.cloned().collect();
        self.resting.retain(|_, until| *until > now);
        for some in new.chunks(READ_MAX) {
            let paths: Vec<String> = some.iter().map(|key| places.of(key)).collect();
            let found = calls::data_of_each(keeper, &paths).await?;
            let now = keeper.now();
            for ((key, path), found) in some.iter().zip(&paths).zip(found) {
                match found {
                    Ok(Some((data, stat))) => self.read((key, path), (&data, &stat), now),
                    Ok(None) => {}
                    Err(_) => self.let_rest(key, now),
                }
            }
        }
        self.has_looked = true;
        Ok(())
    }

    /// Remembers what lies there.
    fn read(&mut self, (key, path): (&str, &str), (data, stat): (&[u8], &Stat), now: Duration) {
        let decoded = Task::decode(path, data);
        let has_attempt = !key.starts_with("assigned/") || split_attempt(key).is_some();
        let is_task = decoded.is_ok() && has_attempt;
        let task = decoded.unwrap_or_else(|_| Task::salvage(path, data));
        self.sight(key, (&task, stat.ctime_ms), now);
        if let Some(sight) = self.sights.get_mut(key) {
            sight.is_task = is_task;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::task::NewTask;
    use super::super::task::Task;
    use super::Due;
    use super::Memory;
    use super::REST;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn task() -> Task {
        let task = NewTask {
            time_limit_ms: 300,
            deadline_ms: 1_000,
            ..NewTask::new(b"")
        };
        Task::decode("/t", &task.encode()).expect("it was just written")
    }

    #[test]
    fn what_was_there_before_the_leader_is_older_than_what_came_since() {
        // The servers' time is 5,000 when the leader's clock says 70 ms.
        let mut memory = Memory::new((5_000, ms(70)));
        memory.sight("assigned/w/t.1", (&task(), 4_800), ms(80));
        memory.has_looked = true;
        memory.sight("assigned/w/u.1", (&task(), 4_800), ms(80));
        assert_eq!(memory.due("assigned/w/t.1", ms(160)), None);
        assert_eq!(memory.next_due(ms(160)), Some(ms(10)));
        assert_eq!(memory.due("assigned/w/t.1", ms(170)), Some(Due::Limit));
        assert_eq!(memory.due("assigned/w/u.1", ms(379)), None);
        assert_eq!(memory.due("assigned/w/u.1", ms(380)), Some(Due::Limit));
    }

    #[test]
    fn a_deadline_is_due_wherever_the_task_lies_and_a_limit_only_where_it_runs() {
        let mut memory = Memory::new((5_000, ms(0)));
        memory.has_looked = true;
        memory.sight("queue/t", (&task(), 4_500), ms(0));
        assert_eq!(memory.due("queue/t", ms(499)), None);
        assert_eq!(memory.due("queue/t", ms(500)), Some(Due::Deadline));
        memory.sight("failed/t", (&task().begun().begun(), 4_500), ms(0));
        assert_eq!(memory.due("failed/t", ms(199)), None);
        assert_eq!(memory.due("failed/t", ms(200)), Some(Due::Limit));
        assert_eq!(memory.due("failed/t", ms(500)), Some(Due::Deadline));
    }

    #[test]
    fn what_could_not_be_moved_rests_and_keeps_nobody_awake() {
        let mut memory = Memory::new((5_000, ms(0)));
        memory.sight("failed/t", (&task().begun(), 4_000), ms(0));
        assert_eq!(memory.next_due(ms(0)), Some(ms(0)));
        memory.let_rest("failed/t", ms(0));
        assert_eq!(memory.rest("failed/t", ms(1)), Some(REST - ms(1)));
        assert_eq!(memory.next_due(ms(1)), Some(REST - ms(1)));
        assert_eq!(memory.rest("failed/t", REST), None);
        assert_eq!(memory.next_due(REST), Some(ms(0)));
    }

    #[test]
    fn a_servers_clock_that_goes_back_makes_nothing_younger_than_it_was_seen() {
        let mut memory = Memory::new((5_000, ms(0)));
        memory.sight("failed/t", (&task().begun(), 9_000), ms(0));
        assert_eq!(memory.due("failed/t", ms(100)), Some(Due::Limit));
    }
}
