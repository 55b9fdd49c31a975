//! A queue: what is put in is taken out once, in its order. kazoo's layout.
//!
//! ```text
//! /queue/entry-100-0000000007             an item; the lowest name is taken first
//! /queue-__receipts__/5e0c...             a handle's receipts
//! ```
//!
//! **Guarantee**: an item that was put is there once, and is taken by one handle at most, also when answers are lost. What one
//! handle puts is taken in that order.
//!
//! **Limits**: who takes an item and dies before it is done with it takes it along; the task farm is for work that must not be
//! lost. A handle whose session ends in the middle does not hear what became of its last request. The list of all items is read
//! for every few taken: keep queues below some ten thousand items. kazoo's own clients may put an item twice.

use std::time::Duration;

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Version;

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::keeper::Step;
use crate::race;
use crate::receipt::Applied;
use crate::receipt::Receipt;

/// The priority of what is put without one.
pub(crate) const PRIORITY_DEFAULT: u16 = 100;

/// So many names of a listing are used before the next one.
const LISTED_MAX: usize = 8;

/// A queue on a path. Each handle does one thing at a time.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::Queue;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let mut queue = Queue::new(&client, "/jobs");
/// queue.put(b"first").await?;
/// queue.put(b"second").await?;
/// assert_eq!(queue.take().await?, b"first");
/// assert_eq!(queue.try_take().await?, Some(b"second".to_vec()));
/// assert_eq!(queue.try_take().await?, None);
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Queue<K: Keeper> {
    keeper: K,
    path: String,
    receipt: Receipt<K>,
    /// Names from the last listing, the last one first.
    listed: Vec<String>,
}

impl<K: Keeper> Queue<K> {
    /// The queue at this path, which is made when needed.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            receipt: Receipt::new(keeper, path),
            listed: Vec::new(),
        }
    }

    /// Puts an item behind all others.
    ///
    /// # Errors
    /// When the session ends, or the item is too long for a znode.
    pub async fn put(&mut self, item: &[u8]) -> Result<(), Error> {
        self.put_with(item, PRIORITY_DEFAULT).await
    }

    pub(crate) async fn put_with(&mut self, item: &[u8], priority: u16) -> Result<(), Error> {
        let path = format!("{}/entry-{priority:03}-", self.path);
        loop {
            let create = calls::create_step(&path, item, CreateMode::PersistentSequential);
            match self.receipt.apply(vec![create]).await? {
                Applied::Made(_) => return Ok(()),
                Applied::Refused(_, ErrorCode::NoNode) => {
                    calls::ensure(&self.keeper, &self.path).await?;
                }
                Applied::Refused(_, code) => return Err(Error::Refused { path, code }),
            }
        }
    }

    /// Takes the first item; waits until there is one. An item that is being taken when this is dropped may be gone:
    /// [`take_within`](Self::take_within) waits for a while and loses none.
    ///
    /// # Errors
    /// When the session ends, or an item cannot be deleted.
    pub async fn take(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            if let Some(item) = self.take_listed().await? {
                return Ok(item);
            }
            match calls::children_and_watch(&self.keeper, &self.path).await? {
                None => calls::ensure(&self.keeper, &self.path).await?,
                Some((names, fired)) if !self.note(&names) => fired.await,
                Some(_) => {}
            }
        }
    }

    /// Takes the first item; waits for so long at most. An item that is being taken when the time is over is taken still.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn take_within(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, Error> {
        let until = self.keeper.now().saturating_add(limit);
        loop {
            if let Some(item) = self.try_take().await? {
                return Ok(Some(item));
            }
            let left = until.saturating_sub(self.keeper.now());
            if left.is_zero() {
                return Ok(None);
            }
            match calls::children_and_watch(&self.keeper, &self.path).await? {
                None => calls::ensure(&self.keeper, &self.path).await?,
                // Only the waiting may be given up; a take that is under way must not be.
                Some((names, fired)) if !self.note(&names) => {
                    race::within(&self.keeper, left, fired).await;
                }
                Some(_) => {}
            }
        }
    }

    /// Takes the first item if there is one.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn try_take(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(item) = self.take_listed().await? {
            return Ok(Some(item));
        }
        let names = calls::children(&self.keeper, &self.path).await?;
        self.note(&names.unwrap_or_default());
        self.take_listed().await
    }

    /// How many items there are.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn len(&self) -> Result<usize, Error> {
        let names = calls::children(&self.keeper, &self.path).await?;
        Ok(names.map_or(0, |names| names.len()))
    }

    /// Whether there is no item.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len().await? == 0)
    }

    /// Keeps the first names of a listing; whether there are any.
    fn note(&mut self, names: &[String]) -> bool {
        let items = names.iter().filter(|name| name.starts_with("entry-"));
        let mut items: Vec<String> = items.cloned().collect();
        items.sort();
        // Few, so that an item of a higher priority does not wait long.
        items.truncate(LISTED_MAX);
        items.reverse();
        self.listed = items;
        !self.listed.is_empty()
    }

    /// Takes the first of the names listed that is still there.
    async fn take_listed(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while let Some(name) = self.listed.last() {
            let path = format!("{}/{name}", self.path);
            if let Some((item, _)) = calls::data(&self.keeper, &path).await? {
                let delete = Step::Delete {
                    path: path.clone(),
                    version: Version::ANY,
                };
                match self.receipt.apply(vec![delete]).await? {
                    Applied::Made(_) => {
                        self.listed.pop();
                        return Ok(Some(item));
                    }
                    // Another one was faster.
                    Applied::Refused(_, ErrorCode::NoNode) => {}
                    Applied::Refused(_, code) => return Err(Error::Refused { path, code }),
                }
            }
            self.listed.pop();
        }
        Ok(None)
    }
}
