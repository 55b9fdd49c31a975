//! A lock that many readers share, or one writer has. kazoo's layout.
//!
//! **Guarantee**: of all holds that say that they are held either all are readers' or there is one. Served in the order of asking:
//! a reader waits for the writers before it, a writer for everybody before it, so neither starves. Writers' tokens rise.
//!
//! **Limits**: no upgrade from reader to writer. Readers that wait for one writer are woken together.

use std::time::Duration;

use crate::error::Error;
use crate::hold::Hold;
use crate::keeper::Keeper;
use crate::line;
use crate::line::LOCK;
use crate::line::Manner;
use crate::line::READ_LOCK;

const READER: Manner = Manner {
    kind: READ_LOCK,
    waits_for: &[LOCK],
};

const WRITER: Manner = Manner {
    kind: LOCK,
    waits_for: &[LOCK, READ_LOCK],
};

/// A read-write lock on a path.
///
/// ```
/// # use std::time::Duration;
/// # use zoa_client::Client;
/// # use zoa_recipes::RwLock;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let lock = RwLock::new(&client, "/prices");
/// let (one, other) = (lock.read().await?, lock.read().await?);
/// assert!(lock.write_within(Duration::from_millis(20)).await?.is_none());
/// one.release().await?;
/// other.release().await?;
/// lock.write().await?.release().await?;
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RwLock<K> {
    keeper: K,
    path: String,
}

impl<K: Keeper> RwLock<K> {
    /// The lock at this path, which is made when needed.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
        }
    }

    /// Waits until it is held for reading.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn read(&self) -> Result<Hold<K>, Error> {
        self.hold(READER).await
    }

    /// Waits until it is held for writing.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn write(&self) -> Result<Hold<K>, Error> {
        self.hold(WRITER).await
    }

    /// Waits for so long at most to hold it for reading.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn read_within(&self, limit: Duration) -> Result<Option<Hold<K>>, Error> {
        let place = line::stand(&self.keeper, (&self.path, READER, b""), limit).await?;
        Ok(place.map(Hold::new))
    }

    /// Waits for so long at most to hold it for writing.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn write_within(&self, limit: Duration) -> Result<Option<Hold<K>>, Error> {
        let place = line::stand(&self.keeper, (&self.path, WRITER, b""), limit).await?;
        Ok(place.map(Hold::new))
    }

    async fn hold(&self, manner: Manner) -> Result<Hold<K>, Error> {
        let place = line::Place::take(&self.keeper, (&self.path, manner, b"")).await?;
        place.wait(manner).await?;
        Ok(Hold::new(place))
    }
}
