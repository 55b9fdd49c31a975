//! A node cache: one znode as it is, and every time it has changed.
//!
//! **Guarantee**: what it tells was true on the server, in that order, and the newest is told in the end.
//!
//! **Limits**: of changes in quick succession only the last is told. What it shows may be old while the connection is lost.

use zoa_proto::Stat;

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;

/// A znode that is followed.
///
/// ```
/// # use zoa_client::{Client, CreateMode};
/// # use zoa_recipes::NodeCache;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let mut cache = NodeCache::new(&client, "/flag");
/// assert!(cache.next().await?.is_none());
/// client.create("/flag", b"up", CreateMode::Persistent).await?;
/// assert_eq!(cache.next().await?.map(|node| node.data.as_slice()), Some(b"up".as_slice()));
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NodeCache<K: Keeper> {
    keeper: K,
    path: String,
    seen: Option<Option<Node>>,
    fired: Option<K::Fired>,
}

/// A znode as it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its data.
    pub data: Vec<u8>,
    /// Its stat.
    pub stat: Stat,
}

impl<K: Keeper> NodeCache<K> {
    /// Follows the znode at this path, which need not be there.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            seen: None,
            fired: None,
        }
    }

    /// What was told last; `None` when it was not there, or nothing was told yet.
    #[must_use]
    pub fn current(&self) -> Option<&Node> {
        self.seen.as_ref()?.as_ref()
    }

    /// Waits until it is other than what was told last, and tells it; the first time at once.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn next(&mut self) -> Result<Option<&Node>, Error> {
        loop {
            // Kept while it is awaited, so that a call that was dropped can be made again.
            if let Some(fired) = &mut self.fired {
                fired.await;
                self.fired = None;
            }
            let node = self.look().await?;
            if self.seen.as_ref() != Some(&node) {
                self.seen = Some(node);
                return Ok(self.current());
            }
        }
    }

    async fn look(&mut self) -> Result<Option<Node>, Error> {
        loop {
            if let Some((data, stat, fired)) =
                calls::data_and_watch(&self.keeper, &self.path).await?
            {
                self.fired = Some(fired);
                return Ok(Some(Node { data, stat }));
            }
            let (stat, fired) = calls::exists_and_watch(&self.keeper, &self.path).await?;
            if stat.is_none() {
                self.fired = Some(fired);
                return Ok(None);
            }
        }
    }
}
