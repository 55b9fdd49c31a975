//! A barrier: while its znode is there everybody waits. kazoo's and Curator's layout.
//!
//! **Guarantee**: nobody who began to wait after it was set gets through before it is removed.
//!
//! **Limits**: it is persistent, and stays when whoever set it dies. Who waits is told that it was removed, even if it was set again.

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;

/// A barrier on a path.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::Barrier;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let barrier = Barrier::new(&client, "/maintenance");
/// barrier.set().await?;
/// assert!(barrier.remove().await?);
/// barrier.wait().await?;
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Barrier<K> {
    keeper: K,
    path: String,
}

impl<K: Keeper> Barrier<K> {
    /// The barrier at this path.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
        }
    }

    /// Sets it; it may be set already.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn set(&self) -> Result<(), Error> {
        calls::ensure(&self.keeper, &self.path).await
    }

    /// Removes it; whether it was set.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn remove(&self) -> Result<bool, Error> {
        calls::delete(&self.keeper, &self.path).await
    }

    /// Waits until it is removed; at once when it is not set.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn wait(&self) -> Result<(), Error> {
        // A server of an ensemble may not know yet that it was set, and whoever goes through by its word goes early.
        let mut is_fresh = false;
        loop {
            match calls::data_and_watch(&self.keeper, &self.path).await? {
                Some((_, _, fired)) => fired.await,
                None if is_fresh => return Ok(()),
                None => calls::sync(&self.keeper, &self.path).await?,
            }
            is_fresh = true;
        }
    }
}

#[cfg(test)]
mod tests;
