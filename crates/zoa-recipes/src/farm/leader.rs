//! A farm's leader: looks at the whole farm, and moves tasks where they belong; one that is elected at a time.
//!
//! Invariant: every change begins with the check that it still leads, and is decided by what the tree says. So it may die between
//! any two, and the next one goes on.

use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Stat;
use zoa_proto::Version;

use super::cleaning::Cleaning;
use super::client::batch_len;
use super::client::prepare;
use super::task::Places;
use super::task::Task;
use super::task::split_attempt;
use super::view;
use super::view::Due;
use super::view::Memory;
use super::view::View;
use super::view::key_of;
use crate::calls;
use crate::election::Election;
use crate::error::Error;
use crate::hold::Hold;
use crate::keeper::Answer;
use crate::keeper::Ask;
use crate::keeper::Keeper;
use crate::keeper::Known;
use crate::keeper::Step;
use crate::race;

/// So many tasks are moved in one multi, and read at once: each may have a megabyte.
const BATCH_MAX: usize = 50;

/// How often it looks when nothing was heard and nothing is due.
const LOOK: Duration = Duration::from_secs(2);

/// How old the servers' time may be that it goes by.
const SERVERS_TIME_MAX: Duration = Duration::from_secs(60);

/// A leader of a farm, or one who stands by.
#[derive(Clone, Debug)]
pub struct FarmLeader<K> {
    keeper: K,
    places: Places,
    election: Election<K>,
}

/// A task that is to be moved, before it is read.
struct Errand<'v> {
    /// Place and name, as the memory has them.
    key: String,
    name: &'v str,
    what: What,
}

/// What is to become of a task.
enum What {
    SendOn(Why),
    AssignTo(String),
}

/// A task that goes from one place to another.
struct Move {
    /// Place and name, as the memory has them.
    key: String,
    from: String,
    to: String,
    data: Vec<u8>,
}

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
    /// Always in the end: when the session ends, or the farm cannot be read, or its clock not be set.
    pub async fn run(&self) -> Result<std::convert::Infallible, Error> {
        prepare(&self.keeper, &self.places).await?;
        loop {
            let hold = match self.election.lead().await {
                // Somebody has deleted its place in line: it takes another.
                Err(Error::Deleted { .. }) => {
                    calls::pause(&self.keeper).await;
                    continue;
                }
                hold => hold?,
            };
            self.lead(&hold).await?;
            // Its znode may still be there: somebody has written to it, and nothing is done under it any more.
            hold.release().await?;
        }
    }

    /// Leads for as long as it can.
    async fn lead(&self, hold: &Hold<K>) -> Result<(), Error> {
        let Some(servers) = self.read_servers_time(hold).await? else {
            return Ok(());
        };
        let mut memory = Memory::new(servers);
        let mut cleaning = Cleaning::new(&self.keeper, &self.places);
        while self.look_and_move(hold, &mut memory).await? {
            if !cleaning.work(self, hold).await? {
                break;
            }
        }
        Ok(())
    }

    /// The servers' time, and when it was that by this one's clock; `None` when it leads no more.
    pub(super) async fn read_servers_time(
        &self,
        hold: &Hold<K>,
    ) -> Result<Option<(i64, Duration)>, Error> {
        loop {
            let path = self.places.of("clock");
            let set = Step::SetData {
                path: path.clone(),
                data: Vec::new(),
                version: Version::ANY,
            };
            match self.change(hold, vec![set]).await? {
                Changed::Yes(Answer::Multi(answers)) => {
                    if let Some(Answer::Set(stat)) = answers.last() {
                        return Ok(Some((stat.mtime_ms, self.keeper.now())));
                    }
                }
                Changed::LeadsNoMore => return Ok(None),
                Changed::No((_, ErrorCode::NoNode)) => prepare(&self.keeper, &self.places).await?,
                Changed::No((_, code)) => return Err(Error::Refused { path, code }),
                Changed::Yes(_) | Changed::Unknown => {}
            }
            calls::pause(&self.keeper).await;
        }
    }

    /// One look, and what follows from it; whether it still leads.
    async fn look_and_move(&self, hold: &Hold<K>, memory: &mut Memory) -> Result<bool, Error> {
        let view = view::look((&self.keeper, &self.places), memory).await?;
        if memory.wants_servers_time(self.keeper.now(), SERVERS_TIME_MAX) {
            let Some(servers) = self.read_servers_time(hold).await? else {
                return Ok(false);
            };
            memory.set_servers_time(servers);
        }
        let now = self.keeper.now();
        let mut errands = overdue(&view, memory, now);
        errands.extend(assignments(&view, memory, now));
        let mut has_moved = false;
        for some in errands.chunks(BATCH_MAX) {
            let moves = self.read(some, memory).await?;
            let mut rest = moves.as_slice();
            while !rest.is_empty() {
                let count = batch_len(rest.iter().map(|one| one.data.len()), BATCH_MAX);
                let (batch, others) = rest.split_at(count);
                let Some(moved) = self.carry_out(hold, batch, memory).await? else {
                    return Ok(false);
                };
                has_moved |= moved;
                rest = others;
            }
        }
        if !self.bury_the_gone(hold, &view).await? {
            return Ok(false);
        }
        if !has_moved {
            let due = memory.next_due(self.keeper.now()).unwrap_or(LOOK);
            let limit = due.clamp(Duration::from_millis(1), LOOK);
            race::within(&self.keeper, limit, any(view.watches)).await;
        }
        hold.check().await
    }

    /// Back to the queue, or to the dead-letter list.
    fn send_on(&self, (key, name): (&str, &str), task: Task, why: Why) -> Move {
        let task = match why {
            Why::WorkerGone => task.with_error("the worker is gone"),
            Why::TooLong => task.with_error("the attempt took too long"),
            Why::NoTask if task.error().is_empty() => task.with_error("no attempt is in its name"),
            // What was no task when it was read says so by itself.
            Why::Spent if task.error().is_empty() => task.with_error("no attempt is left"),
            Why::PauseOver | Why::NoTask | Why::Spent => task,
            Why::Deadline => {
                let before = task.error();
                let before = Some(before).filter(|before| !before.is_empty());
                let before = before.map_or(String::new(), |before| format!("; before: {before}"));
                task.with_error(&format!("the deadline has passed{before}"))
            }
        };
        let is_over = matches!(why, Why::Deadline | Why::NoTask) || task.is_spent();
        let place = if is_over { "dead" } else { "queue" };
        Move {
            key: key.to_owned(),
            from: self.places.of(key),
            to: self.places.task(place, name),
            data: task.encode(),
        }
    }

    /// Where these go, as they are now. Those that may not be read are left where they are for a while.
    async fn read(&self, errands: &[Errand<'_>], memory: &mut Memory) -> Result<Vec<Move>, Error> {
        let paths = errands.iter().map(|errand| self.places.of(&errand.key));
        let paths: Vec<String> = paths.collect();
        let found = calls::data_of_each(&self.keeper, &paths).await?;
        let now = self.keeper.now();
        let mut moves = Vec::new();
        for ((errand, path), found) in errands.iter().zip(&paths).zip(found) {
            match found {
                Ok(Some((data, stat))) => {
                    moves.push(self.move_of(errand, (Task::salvage(path, &data), stat)));
                }
                Ok(None) => {}
                Err(_) => memory.let_rest(&errand.key, now),
            }
        }
        Ok(moves)
    }

    fn move_of(&self, Errand { key, name, what }: &Errand<'_>, (task, stat): (Task, Stat)) -> Move {
        let submitted = |task: Task| task.submitted(stat.ctime_ms);
        match what {
            What::SendOn(why) => self.send_on((key, name), submitted(task), *why),
            What::AssignTo(_) if task.is_spent() => self.send_on((key, name), task, Why::Spent),
            What::AssignTo(worker) => {
                let task = submitted(task).numbered_on(stat.czxid).begun();
                Move {
                    key: key.clone(),
                    from: self.places.of(key),
                    to: self.places.assigned(worker, name, task.attempt()),
                    data: task.encode(),
                }
            }
        }
    }

    /// Makes these moves together, or one by one when one of them is not possible any more; whether anything may have moved, or
    /// `None` when it leads no more.
    async fn carry_out(
        &self,
        hold: &Hold<K>,
        moves: &[Move],
        memory: &mut Memory,
    ) -> Result<Option<bool>, Error> {
        let steps = moves.iter().flat_map(Move::steps).collect();
        match self.change(hold, steps).await? {
            Changed::Yes(_) | Changed::Unknown => return Ok(Some(true)),
            Changed::LeadsNoMore => return Ok(None),
            Changed::No(_) => {}
        }
        let mut has_moved = false;
        for one in moves {
            match self.change(hold, one.steps().to_vec()).await? {
                Changed::Yes(_) | Changed::Unknown => has_moved = true,
                Changed::LeadsNoMore => return Ok(None),
                // Somebody else has moved it.
                Changed::No((Some(0), ErrorCode::NoNode)) => {}
                Changed::No(why) => match self.give_up(hold, one, why).await? {
                    Changed::Yes(_) | Changed::Unknown => has_moved = true,
                    Changed::LeadsNoMore => return Ok(None),
                    Changed::No(_) => memory.let_rest(&one.key, self.keeper.now()),
                },
            }
        }
        Ok(Some(has_moved))
    }

    /// A task that cannot be moved where it belongs, though there is such a place, becomes a dead letter, with its payload if that fits.
    async fn give_up(
        &self,
        hold: &Hold<K>,
        one: &Move,
        why: (Option<usize>, ErrorCode),
    ) -> Result<Changed, Error> {
        match why {
            // Somebody has deleted the place where it is to go; or it is a worker's, who is gone.
            (Some(1), ErrorCode::NoNode) => {
                prepare(&self.keeper, &self.places).await?;
                return self.change(hold, one.steps().to_vec()).await;
            }
            // It cannot be taken from where it is: that may change.
            (Some(0), _) => return Ok(Changed::No(why)),
            _ => {}
        }
        let name = one.key.rsplit('/').next().unwrap_or_default();
        let name = split_attempt(name).map_or(name, |(task, _)| task);
        let task = Task::salvage(&one.from, &one.data);
        let what = format!("it could not be moved to {}: {}", one.to, why.1);
        let len = task.payload.len();
        let emptied = format!("{what}; {len} bytes of payload did not fit, and are lost");
        let emptied = task.clone().emptied().with_error(&emptied);
        let mut changed = Changed::No(why);
        for task in [task.with_error(&what), emptied] {
            let dead = Move {
                key: one.key.clone(),
                from: one.from.clone(),
                to: self.places.task("dead", name),
                data: task.encode(),
            };
            changed = self.change(hold, dead.steps().to_vec()).await?;
            // A shorter one would be refused as well.
            if !matches!(changed, Changed::No((None, _))) {
                break;
            }
        }
        Ok(changed)
    }

    /// Changes something if it still leads. What became of it is seen at the next look.
    pub(super) async fn change(
        &self,
        hold: &Hold<K>,
        mut steps: Vec<Step>,
    ) -> Result<Changed, Error> {
        steps.insert(0, hold.fence());
        match self.keeper.ask(Ask::Multi(steps)).await {
            Ok(answer) => Ok(Changed::Yes(answer)),
            Err(failure) => match (failure.known, failure.at_step()) {
                // Whatever the fence is refused for, it would be for ever.
                (_, Some((0, _))) => Ok(Changed::LeadsNoMore),
                (Known::Refused | Known::Rejected, at) => {
                    let step = at.and_then(|(step, _)| step.checked_sub(1));
                    Ok(Changed::No((step, failure.code)))
                }
                (Known::NotApplied | Known::Unknown, _) => Ok(Changed::Unknown),
                (Known::Ended, _) => Err(Error::new(&hold.path(), &failure)),
            },
        }
    }

    /// Empty znodes of workers that are gone; whether it still leads.
    async fn bury_the_gone(&self, hold: &Hold<K>, view: &View<K::Fired>) -> Result<bool, Error> {
        let gone = view.workers.iter();
        let gone = gone.filter(|(_, (capacity, tasks))| capacity.is_none() && tasks.is_empty());
        for (worker, _) in gone {
            let delete = delete(self.places.task("assigned", worker));
            if matches!(self.change(hold, vec![delete]).await?, Changed::LeadsNoMore) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Why a task is sent on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Why {
    WorkerGone,
    TooLong,
    PauseOver,
    Deadline,
    NoTask,
    Spent,
}

/// Tasks that may not stay where they are.
fn overdue<'v, F>(view: &'v View<F>, memory: &Memory, now: Duration) -> Vec<Errand<'v>> {
    let mut due = Vec::new();
    for (worker, (capacity, names)) in &view.workers {
        for name in names {
            let key = key_of("assigned", &format!("{worker}/{name}"));
            let why = match (capacity, memory.due(&key, now)) {
                (_, Some(Due::NoTask)) => Why::NoTask,
                (None, _) => Why::WorkerGone,
                (Some(_), Some(Due::Limit)) => Why::TooLong,
                (Some(_), Some(Due::Deadline)) => Why::Deadline,
                (Some(_), None) => continue,
            };
            let name = split_attempt(name).map_or(name.as_str(), |(task, _)| task);
            let what = What::SendOn(why);
            due.push(Errand { key, name, what });
        }
    }
    for (place, names) in [("failed", &view.failed), ("queue", &view.queued)] {
        due.extend(names.iter().filter_map(|name| {
            let key = key_of(place, name);
            let what = What::SendOn(match memory.due(&key, now)? {
                Due::Limit => Why::PauseOver,
                Due::Deadline => Why::Deadline,
                Due::NoTask => Why::NoTask,
            });
            Some(Errand { key, name, what })
        }));
    }
    due.retain(|errand| memory.rest(&errand.key, now).is_none());
    due
}

/// Queued tasks, to the workers with the most room.
fn assignments<'v, F>(view: &'v View<F>, memory: &Memory, now: Duration) -> Vec<Errand<'v>> {
    let room = |(worker, (capacity, tasks)): (&String, &(Option<usize>, Vec<String>))| {
        let room = (*capacity)?
            .checked_sub(tasks.len())
            .filter(|room| *room > 0)?;
        Some((room, worker.clone()))
    };
    let mut free: BinaryHeap<(usize, String)> = view.workers.iter().filter_map(room).collect();
    let mut chosen = Vec::new();
    for name in &view.queued {
        let key = key_of("queue", name);
        if memory.due(&key, now).is_some() || memory.rest(&key, now).is_some() {
            continue;
        }
        let Some((room, worker)) = free.pop() else {
            break;
        };
        let what = What::AssignTo(worker.clone());
        chosen.push(Errand { key, name, what });
        if room > 1 {
            free.push((room - 1, worker));
        }
    }
    chosen
}

/// What became of a change.
pub(super) enum Changed {
    Yes(Answer),
    /// Which of its steps was refused, unless it was the whole, and why.
    No((Option<usize>, ErrorCode)),
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

pub(super) const fn delete(path: String) -> Step {
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
