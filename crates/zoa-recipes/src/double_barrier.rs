//! A double barrier: nobody begins before all are there, nobody goes on before all have left. kazoo's layout.
//!
//! ```text
//! /barrier/3b7a...      a member: an ephemeral
//! /barrier/ready        all were there; nobody waits at the entrance any more
//! ```
//!
//! **Guarantee**: [`enter`](DoubleBarrier::enter) returns only when so many members have been there at once, and
//! [`Entered::leave`] only when none is there any more.
//!
//! **Limits**: one round a path: who enters again while others still leave the round before gets through. A member whose
//! session ends has left.

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::own::Own;

const READY: &str = "ready";

/// A double barrier on a path.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::DoubleBarrier;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let barrier = DoubleBarrier::new(&client, "/round-1", 2);
/// let (one, other) = tokio::try_join!(barrier.enter("a"), barrier.enter("b"))?;
/// tokio::try_join!(one.leave(), other.leave())?;
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DoubleBarrier<K> {
    keeper: K,
    path: String,
    count: usize,
}

impl<K: Keeper> DoubleBarrier<K> {
    /// The barrier at this path, for so many members.
    pub fn new(keeper: &K, path: &str, count: usize) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            count,
        }
    }

    /// Waits until so many are there. When the future is dropped, this member leaves.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn enter(&self, identifier: &str) -> Result<Entered<K>, Error> {
        let path = format!("{}/{}", self.path, calls::guid(&self.keeper));
        let own = Own::create(&self.keeper, path, identifier.as_bytes()).await?;
        let ready = format!("{}/{READY}", self.path);
        loop {
            let (stat, fired) = calls::exists_and_watch(&self.keeper, &ready).await?;
            if stat.is_some() {
                break;
            }
            if members(&self.keeper, &self.path).await?.len() >= self.count {
                calls::ensure(&self.keeper, &ready).await?;
                break;
            }
            fired.await;
        }
        // The answer may be old: while it was on its way the session may have expired, and the others have left.
        calls::be_sure(&self.keeper).await?;
        let parent = self.path.clone();
        Ok(Entered { own, parent })
    }
}

/// The members that are there.
async fn members<K: Keeper>(keeper: &K, path: &str) -> Result<Vec<String>, Error> {
    let mut names = calls::children(keeper, path).await?.unwrap_or_default();
    names.retain(|name| name != READY);
    Ok(names)
}

/// A member that is through the first barrier.
#[derive(Debug)]
#[must_use = "dropping it leaves without waiting for the others"]
pub struct Entered<K: Keeper> {
    own: Own<K>,
    parent: String,
}

impl<K: Keeper> Entered<K> {
    /// Leaves, and waits until all have left.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn leave(self) -> Result<(), Error> {
        let keeper = self.own.keeper().clone();
        self.own.leave().await?;
        loop {
            let names = members(&keeper, &self.parent).await?;
            // All wait for the same one, so each departure but the last few wakes nobody.
            let Some(lowest) = names.iter().min() else {
                break;
            };
            let path = format!("{}/{lowest}", self.parent);
            if let Some((_, _, fired)) = calls::data_and_watch(&keeper, &path).await? {
                fired.await;
            }
        }
        calls::delete(&keeper, &format!("{}/{READY}", self.parent)).await?;
        Ok(())
    }
}
