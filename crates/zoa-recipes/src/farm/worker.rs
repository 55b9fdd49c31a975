//! A farm's worker: takes what is assigned to it, and gives back results.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;

use super::client::PREPARES_MAX;
use super::client::prepare;
use super::leader::delete;
use super::task::Places;
use super::task::Task;
use super::task::check_len;
use super::task::encode_result;
use super::task::split_attempt;
use crate::calls;
use crate::error::Error;
use crate::hold::HoldState;
use crate::keeper::Ask;
use crate::keeper::Keeper;
use crate::keeper::Known;
use crate::own::Own;

/// A worker, registered for as long as its session lives. When it is dropped, what it has goes to others.
#[derive(Debug)]
pub struct FarmWorker<K: Keeper> {
    places: Places,
    id: String,
    own: Own<K>,
    /// Assigned znodes that were handed out, or that cannot be.
    handed: BTreeSet<String>,
}

impl<K: Keeper> FarmWorker<K> {
    /// Registers a worker that takes so many tasks at once.
    ///
    /// # Errors
    /// When the session ends, or the path is not usable.
    pub async fn register(keeper: &K, root: &str, capacity: usize) -> Result<Self, Error> {
        Self::register_as(keeper, root, (capacity, "")).await
    }

    /// Registers a worker that takes so many tasks at once, under a name for people.
    ///
    /// # Errors
    /// When the session ends, or the path is not usable.
    pub async fn register_as(
        keeper: &K,
        root: &str,
        (capacity, name): (usize, &str),
    ) -> Result<Self, Error> {
        let places = Places::new(root);
        let id = calls::guid(keeper);
        let own = Own::planned(keeper, places.task("workers", &id));
        let capacity = json!({ "capacity": capacity, "name": name }).to_string();
        let assigned = places.task("assigned", &id);
        loop {
            // In one multi: a leader takes whoever is assigned something and is no worker for gone.
            let steps = vec![
                calls::create_step(&assigned, b"", CreateMode::Persistent),
                calls::create_step(own.path(), capacity.as_bytes(), CreateMode::Ephemeral),
            ];
            match keeper.ask(Ask::Multi(steps)).await {
                Ok(_) => break,
                Err(failure) => match failure.at_step() {
                    // The id is new: an earlier attempt was applied.
                    Some((_, ErrorCode::NodeExists)) => break,
                    Some((_, ErrorCode::NoNode)) => prepare(keeper, &places).await?,
                    _ if calls::is_worth_repeating(&failure) => {
                        calls::pause(keeper).await;
                    }
                    _ => return Err(Error::new(own.path(), &failure)),
                },
            }
        }
        let handed = BTreeSet::new();
        Ok(Self {
            places,
            id,
            own,
            handed,
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it stands: who is lost works for nobody.
    #[must_use]
    pub fn state(&self) -> HoldState {
        self.own.state()
    }

    /// Waits for the next task. Those that were handed out go on meanwhile.
    ///
    /// # Errors
    /// When the session ends, or somebody has deleted the worker's znode.
    pub async fn next(&mut self) -> Result<Assignment<K>, Error> {
        let path = self.places.task("assigned", &self.id);
        loop {
            let found = calls::children_and_watch(self.own.keeper(), &path).await?;
            let Some((mut names, fired)) = found else {
                return Err(Error::Deleted { path });
            };
            self.handed.retain(|name| names.contains(name));
            names.sort();
            for name in names {
                if let Some(assignment) = self.take(&name).await? {
                    self.handed.insert(name);
                    return Ok(assignment);
                }
            }
            fired.await;
        }
    }

    /// An assignment that was not handed out and is still there.
    async fn take(&mut self, name: &str) -> Result<Option<Assignment<K>>, Error> {
        let Some((task, attempt)) = split_attempt(name) else {
            return Ok(None);
        };
        if self.handed.contains(name) {
            return Ok(None);
        }
        let path = self.places.assigned(&self.id, task, attempt);
        let data = match calls::data(self.own.keeper(), &path).await {
            Ok(Some((data, _))) => data,
            Ok(None) => return Ok(None),
            Err(Error::SessionEnded) => return Err(Error::SessionEnded),
            // It may not be read: the leader has to know what becomes of it.
            Err(_) => {
                self.handed.insert(name.to_owned());
                return Ok(None);
            }
        };
        let Ok(decoded) = Task::decode(&path, &data) else {
            self.handed.insert(name.to_owned());
            self.refuse((&path, task), &data).await?;
            return Ok(None);
        };
        Ok(Some(Assignment {
            keeper: self.own.keeper().clone(),
            places: self.places.clone(),
            worker: self.id.clone(),
            name: task.to_owned(),
            attempt,
            task: decoded,
            fails_with: Some("its worker dropped it".to_owned()),
        }))
    }

    /// What it cannot read has failed, as it is: perhaps another can, since whoever has assigned it could.
    async fn refuse(&self, (path, task): (&str, &str), data: &[u8]) -> Result<(), Error> {
        let failed = self.places.task("failed", task);
        match end((self.own.keeper(), &self.places), (path, &failed), data).await {
            Err(Error::SessionEnded) => Err(Error::SessionEnded),
            // If it cannot be moved, it is the leader's.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Leaves the farm; what it has goes to others.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn leave(self) -> Result<(), Error> {
        self.own.leave().await
    }
}

/// A task in a worker's hands. When it is dropped, also by a panic, its attempt fails.
#[derive(Debug)]
#[must_use = "it runs until it is done, fails or is taken away"]
pub struct Assignment<K: Keeper> {
    keeper: K,
    places: Places,
    worker: String,
    name: String,
    attempt: u64,
    task: Task,
    /// Why, if it is dropped now; `None` when it is over.
    fails_with: Option<String>,
}

/// What became of a result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Saved {
    /// It is saved, and no other will be.
    Yes,
    /// The assignment was taken away before, and nothing was saved. It may also be said of what was saved indeed: when the answer
    /// was lost, and what was saved has been moved or deleted before it was looked for.
    TakenAway,
}

impl<K: Keeper> Assignment<K> {
    /// The task's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fencing token of this attempt: higher than that of earlier ones of this task.
    #[must_use]
    pub const fn attempt(&self) -> u64 {
        self.attempt
    }

    /// What is to be worked on.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.task.payload
    }

    /// Waits until it was taken away, or has ended. Watching costs two requests.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn taken_away(&self) -> Result<(), Error> {
        let path = self.places.assigned(&self.worker, &self.name, self.attempt);
        while let Some((_, _, fired)) = calls::data_and_watch(&self.keeper, &path).await? {
            fired.await;
        }
        Ok(())
    }

    /// Saves the result.
    ///
    /// # Errors
    /// When the session ends, or the result is too long: then the attempt has failed for this reason.
    pub async fn done(mut self, result: &[u8]) -> Result<Saved, Error> {
        let path = self.places.task("done", &self.name);
        let ended = match check_len(&path, result.len()) {
            Ok(()) => {
                let data = encode_result(&self.worker, self.attempt, result);
                self.end("done", &data).await
            }
            Err(error) => Err(error),
        };
        // Dropped with an error, it fails with that.
        self.fails_with = ended.as_ref().err().map(ToString::to_string);
        ended
    }

    /// Says that this attempt failed. Of the reason the first 1,000 characters are kept.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn fail(mut self, error: &str) -> Result<Saved, Error> {
        let data = self.task.clone().with_error(error).encode();
        let ended = self.end("failed", &data).await;
        self.fails_with = None;
        ended
    }

    async fn end(&self, place: &str, data: &[u8]) -> Result<Saved, Error> {
        let (from, to) = self.way(place);
        end((&self.keeper, &self.places), (&from, &to), data).await
    }

    fn way(&self, place: &str) -> (String, String) {
        let from = self.places.assigned(&self.worker, &self.name, self.attempt);
        (from, self.places.task(place, &self.name))
    }
}

impl<K: Keeper> Drop for Assignment<K> {
    fn drop(&mut self) {
        let Some(error) = self.fails_with.take() else {
            return;
        };
        let data = self.task.clone().with_error(&error).encode();
        let (keeper, places) = (self.keeper.clone(), self.places.clone());
        let (from, to) = self.way("failed");
        self.keeper.detach(async move {
            // Nobody is left to hear of it, and when the session has ended the leader takes the task back.
            let _ = end((&keeper, &places), (&from, &to), &data).await;
        });
    }
}

/// Ends an attempt: moves it from where it is assigned.
async fn end<K: Keeper>(
    (keeper, places): (&K, &Places),
    (from, to): (&str, &str),
    data: &[u8],
) -> Result<Saved, Error> {
    let mut may_be_done = false;
    let mut prepared = 0;
    loop {
        let steps = vec![
            delete(from.to_owned()),
            calls::create_step(to, data, CreateMode::Persistent),
        ];
        match keeper.ask(Ask::Multi(steps)).await {
            Ok(_) => return Ok(Saved::Yes),
            Err(failure) if failure.at_step() == Some((0, ErrorCode::NoNode)) => {
                let is_ours = may_be_done && is_there(keeper, to, data).await?;
                return Ok(if is_ours {
                    Saved::Yes
                } else {
                    Saved::TakenAway
                });
            }
            // Somebody has deleted the place where it is to go.
            Err(failure)
                if failure.at_step() == Some((1, ErrorCode::NoNode)) && prepared < PREPARES_MAX =>
            {
                prepare(keeper, places).await?;
                prepared += 1;
            }
            Err(failure) if calls::is_worth_repeating(&failure) => {
                may_be_done |= failure.known == Known::Unknown;
                calls::pause(keeper).await;
            }
            Err(failure) => return Err(Error::new(to, &failure)),
        }
    }
}

/// Whether this worker's own words are there; each attempt's differ.
async fn is_there<K: Keeper>(keeper: &K, path: &str, data: &[u8]) -> Result<bool, Error> {
    let found = calls::data(keeper, path).await?;
    Ok(found.is_some_and(|(there, _)| there == data))
}

/// What the data of a worker's znode say.
pub(super) fn capacity_and_name(data: &[u8]) -> (usize, String) {
    let worker = serde_json::from_slice::<Value>(data).unwrap_or_default();
    let capacity = worker.get("capacity").and_then(Value::as_u64).unwrap_or(1);
    let name = worker.get("name").and_then(Value::as_str);
    (
        usize::try_from(capacity).unwrap_or(usize::MAX),
        name.unwrap_or_default().to_owned(),
    )
}
