//! A queue in which what is urgent goes first. kazoo's layout: the [`Queue`]'s, with the priority in the name.
//!
//! **Guarantee** and **limits**: as [`Queue`]'s; of two items that were there when a handle looked the more urgent one is taken
//! first. A handle looks again after eight items at most.

use std::time::Duration;

use crate::error::Error;
use crate::keeper::Keeper;
use crate::queue::Queue;

/// The least urgent priority.
pub const PRIORITY_MAX: u16 = 999;

/// A queue with priorities on a path.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::PriorityQueue;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let mut queue = PriorityQueue::new(&client, "/jobs");
/// queue.put(b"later", 500).await?;
/// queue.put(b"now", 1).await?;
/// assert_eq!(queue.try_take().await?, Some(b"now".to_vec()));
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PriorityQueue<K: Keeper> {
    queue: Queue<K>,
}

impl<K: Keeper> PriorityQueue<K> {
    /// The queue at this path, which is made when needed.
    pub fn new(keeper: &K, path: &str) -> Self {
        let queue = Queue::new(keeper, path);
        Self { queue }
    }

    /// Puts an item; 0 is the most urgent, and what is above [`PRIORITY_MAX`] counts as that.
    ///
    /// # Errors
    /// When the session ends, or the item is too long for a znode.
    pub async fn put(&mut self, item: &[u8], priority: u16) -> Result<(), Error> {
        let priority = priority.min(PRIORITY_MAX);
        self.queue.put_with(item, priority).await
    }

    /// Takes the most urgent item if there is one.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn try_take(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.queue.try_take().await
    }

    /// Takes the most urgent item; waits for so long at most.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn take_within(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, Error> {
        self.queue.take_within(limit).await
    }
}
