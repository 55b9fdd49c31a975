//! A configuration that is watched: parsed, and the last good value kept when a bad one is written.
//!
//! **Guarantee**: [`current`](Settings::current) is the newest value told that could be parsed. A value that cannot be parsed is
//! told as such and changes nothing.
//!
//! **Limits**: [`NodeCache`]'s: of changes in quick succession only the last is told.

use crate::error::Error;
use crate::keeper::Keeper;
use crate::node_cache::NodeCache;

/// Makes a value of what a znode holds, or says what is wrong with it.
type Parse<T> = Box<dyn Fn(&[u8]) -> Result<T, String> + Send + Sync>;

/// A typed configuration in one znode.
///
/// ```
/// # use zoa_client::{Client, CreateMode, Version};
/// # use zoa_recipes::{Change, Settings};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// client.create("/threads", b"8", CreateMode::Persistent).await?;
/// let mut threads = Settings::new(&client, "/threads", |bytes| {
///     String::from_utf8_lossy(bytes).parse::<u16>().map_err(|error| error.to_string())
/// });
/// assert_eq!(threads.changed().await?, Change::Good);
/// client.set_data("/threads", b"many", Version::ANY).await?;
/// assert!(matches!(threads.changed().await?, Change::Bad(_)));
/// assert_eq!(threads.current(), Some(&8));
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
pub struct Settings<K: Keeper, T> {
    cache: NodeCache<K>,
    parse: Parse<T>,
    good: Option<T>,
}

/// How a configuration has changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// There is a new value.
    Good,
    /// What was written is no value, for this reason; the one before stays.
    Bad(String),
    /// The znode is not there; the value before stays.
    Missing,
}

impl<K: Keeper, T: std::fmt::Debug> std::fmt::Debug for Settings<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Settings");
        shown.field("good", &self.good).finish_non_exhaustive()
    }
}

impl<K: Keeper, T> Settings<K, T> {
    /// Follows the configuration at this path.
    pub fn new(
        keeper: &K,
        path: &str,
        parse: impl Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            cache: NodeCache::new(keeper, path),
            parse: Box::new(parse),
            good: None,
        }
    }

    /// The last good value.
    #[must_use]
    pub const fn current(&self) -> Option<&T> {
        self.good.as_ref()
    }

    /// Waits until something else is written there, and tells how good it is; the first time at once.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn changed(&mut self) -> Result<Change, Error> {
        let Some(node) = self.cache.next().await? else {
            return Ok(Change::Missing);
        };
        match (self.parse)(&node.data) {
            Ok(value) => {
                self.good = Some(value);
                Ok(Change::Good)
            }
            Err(what) => Ok(Change::Bad(what)),
        }
    }
}
