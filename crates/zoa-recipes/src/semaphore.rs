//! A semaphore: so many leases at a time, and no more. kazoo's layout.
//!
//! ```text
//! /semaphore                    data: the number of leases, as text
//! /semaphore/9c1f...            a lease: an ephemeral; kazoo's has its holder's identifier, ours is empty
//! /semaphore-__lock__           whoever wants a lease waits here; the first in line waits for a lease
//! ```
//!
//! **Guarantee**: of all leases that say that they are held there are never more than the number. Served in the order of asking.
//! A lease is made together with the check that the lock is still held.
//!
//! **Limits**: all users must name the same number; another one is refused. kazoo's own clients make their leases without that check.

use std::time::Duration;

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;

use crate::calls;
use crate::error::Error;
use crate::hold::Hold;
use crate::hold::HoldState;
use crate::keeper::Ask;
use crate::keeper::Keeper;
use crate::lock::Lock;
use crate::own::Own;
use crate::race;

/// A semaphore on a path.
///
/// ```
/// # use std::time::Duration;
/// # use zoa_client::Client;
/// # use zoa_recipes::Semaphore;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let downloads = Semaphore::new(&client, "/downloads", 2);
/// let (one, other) = (downloads.acquire().await?, downloads.acquire().await?);
/// assert!(downloads.acquire_within(Duration::from_millis(20)).await?.is_none());
/// one.release().await?;
/// downloads.acquire().await?.release().await?;
/// other.release().await?;
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Semaphore<K> {
    keeper: K,
    path: String,
    lease_count: usize,
    lock: Lock<K>,
}

impl<K: Keeper> Semaphore<K> {
    /// The semaphore at this path, with so many leases.
    pub fn new(keeper: &K, path: &str, lease_count: usize) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            lease_count,
            lock: Lock::new(keeper, &format!("{path}-__lock__")),
        }
    }

    /// Waits for a lease.
    ///
    /// # Errors
    /// When the session ends, the semaphore has another number of leases, or the server refuses to make it.
    pub async fn acquire(&self) -> Result<Lease<K>, Error> {
        self.prepare().await?;
        loop {
            let hold = self.lock.acquire().await?;
            let lease = self.wait_for_lease(&hold).await?;
            hold.release().await?;
            if let Some(lease) = lease {
                // The last answers may be old, and the session have expired since.
                calls::be_sure(&self.keeper).await?;
                return Ok(lease);
            }
        }
    }

    /// Waits for a lease for so long at most.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_within(&self, limit: Duration) -> Result<Option<Lease<K>>, Error> {
        let acquiring = self.acquire();
        race::within(&self.keeper, limit, acquiring)
            .await
            .transpose()
    }

    /// Makes the semaphore, or reads how many leases it has.
    async fn prepare(&self) -> Result<(), Error> {
        let wanted = self.lease_count.to_string();
        loop {
            if let Some((data, _)) = calls::data(&self.keeper, &self.path).await? {
                let text = String::from_utf8_lossy(&data).into_owned();
                // As kazoo does: what is no number is somebody else's.
                return match text.parse::<usize>() {
                    Ok(count) if count != self.lease_count => Err(Error::content(
                        &self.path,
                        format!("{count} leases, not {wanted}"),
                    )),
                    Ok(_) | Err(_) => Ok(()),
                };
            }
            calls::ensure(&self.keeper, calls::parent_of(&self.path)).await?;
            let create = calls::create_step(&self.path, wanted.as_bytes(), CreateMode::Persistent);
            // What became of it is seen in the next turn, unless it is refused for good.
            match calls::change(&self.keeper, create).await {
                Ok(_) => {}
                Err(failure)
                    if failure.is(ErrorCode::NodeExists) || failure.is(ErrorCode::NoNode) => {}
                Err(failure) if calls::is_worth_repeating(&failure) => {
                    calls::pause(&self.keeper).await;
                }
                Err(failure) => return Err(Error::new(&self.path, &failure)),
            }
        }
    }

    /// With the lock held: waits until there is room, and makes a lease; `None` when the lock was lost.
    async fn wait_for_lease(&self, hold: &Hold<K>) -> Result<Option<Lease<K>>, Error> {
        loop {
            let found = calls::children_and_watch(&self.keeper, &self.path).await?;
            let Some((names, fired)) = found else {
                self.prepare().await?;
                continue;
            };
            if names.len() < self.lease_count {
                return self.make_lease(hold).await;
            }
            fired.await;
        }
    }

    async fn make_lease(&self, hold: &Hold<K>) -> Result<Option<Lease<K>>, Error> {
        let path = format!("{}/{}", self.path, calls::guid(&self.keeper));
        let own = Own::planned(&self.keeper, path);
        let create = calls::create_step(own.path(), b"", CreateMode::Ephemeral);
        loop {
            let multi = Ask::Multi(vec![hold.fence(), create.clone()]);
            match self.keeper.ask(multi).await {
                Ok(_) => break,
                Err(failure) if failure.at_step() == Some((1, ErrorCode::NodeExists)) => break,
                Err(failure) if failure.at_step() == Some((0, ErrorCode::NoNode)) => {
                    return Ok(None);
                }
                Err(failure) if calls::is_worth_repeating(&failure) => {
                    calls::pause(&self.keeper).await;
                }
                Err(failure) => return Err(Error::new(own.path(), &failure)),
            }
        }
        Ok(Some(Lease { own }))
    }
}

/// One of a semaphore's leases. When it is dropped it is given back in the background, as far as the client still runs.
#[derive(Debug)]
#[must_use = "dropping it gives it back"]
pub struct Lease<K: Keeper> {
    own: Own<K>,
}

impl<K: Keeper> Lease<K> {
    /// How it stands, as far as the session tells.
    #[must_use]
    pub fn state(&self) -> HoldState {
        self.own.state()
    }

    /// The znode that stands for it.
    #[must_use]
    pub fn path(&self) -> &str {
        self.own.path()
    }

    /// Gives it back; returns when it is gone.
    ///
    /// # Errors
    /// When the session has ended, which takes it along sooner or later, or the server refuses to delete its znode.
    pub async fn release(self) -> Result<(), Error> {
        self.own.leave().await
    }
}
