//! A lock: one holder at a time, served in the order of asking. kazoo's layout.
//!
//! **Guarantee**: of all holds of one path that say [`HoldState::Held`](crate::HoldState::Held) at a moment there is one at most,
//! and a later holder's [token](crate::FencingToken) is higher than an earlier one's. A release wakes one waiter. A create whose
//! outcome is unknown is found again by its GUID.
//!
//! **Limits**: not re-entrant: whoever asks twice waits for itself. Fairness ends with the session. A holder that is suspended
//! still holds, for as long as its session lives. It trusts everybody who may write below the path.

use std::time::Duration;

use crate::calls;
use crate::error::Error;
use crate::hold::Hold;
use crate::keeper::Keeper;
use crate::line;
use crate::line::LOCK;
use crate::line::Manner;
use crate::line::Place;

/// How those stand in line who exclude each other.
pub(crate) const EXCLUSIVE: Manner = Manner {
    kind: LOCK,
    waits_for: &[LOCK],
};

/// A lock on a path.
///
/// ```
/// use zoa_client::Client;
/// use zoa_recipes::{HoldState, Lock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let address = server.connect_string();
/// let client = Client::connect(&address).await?;
/// let lock = Lock::new(&client, "/locks/printer").identifier("host-7");
/// let hold = lock.acquire().await?;
/// // What is done now carries `hold.token()`, and the printer refuses lower ones.
/// assert_eq!(hold.state(), HoldState::Held);
/// assert!(lock.try_acquire().await?.is_none());
/// hold.release().await?;
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Lock<K> {
    keeper: K,
    path: String,
    identifier: Vec<u8>,
}

impl<K: Keeper> Lock<K> {
    /// The lock at this path, which is made when needed.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            identifier: Vec::new(),
        }
    }

    /// What others see of this contender in [`contenders`](Self::contenders).
    #[must_use]
    pub fn identifier(mut self, identifier: &str) -> Self {
        self.identifier = identifier.as_bytes().to_vec();
        self
    }

    /// Waits until it is held. When the future is dropped, its place in line is given up in the background.
    ///
    /// # Errors
    /// When the session ends, the path is not usable, or somebody deletes the contender's znode.
    pub async fn acquire(&self) -> Result<Hold<K>, Error> {
        let place = Place::take(&self.keeper, self.way()).await?;
        place.wait(EXCLUSIVE).await?;
        Ok(Hold::new(place))
    }

    /// Waits for so long at most; `None` when it is not held by then.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_within(&self, limit: Duration) -> Result<Option<Hold<K>>, Error> {
        let place = line::stand(&self.keeper, self.way(), limit).await?;
        Ok(place.map(Hold::new))
    }

    /// Takes it if it is free.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn try_acquire(&self) -> Result<Option<Hold<K>>, Error> {
        let place = Place::take(&self.keeper, self.way()).await?;
        if place.who_is_before(EXCLUSIVE).await?.is_none() {
            return Ok(Some(Hold::new(place)));
        }
        place.leave().await?;
        Ok(None)
    }

    /// The identifiers of holder and waiters, in their order.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn contenders(&self) -> Result<Vec<String>, Error> {
        line::identifiers(&self.keeper, (&self.path, &[LOCK])).await
    }

    /// Makes the path, so that the first contender finds it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn prepare(&self) -> Result<(), Error> {
        calls::ensure(&self.keeper, &self.path).await
    }

    fn way(&self) -> (&str, Manner, &[u8]) {
        (&self.path, EXCLUSIVE, &self.identifier)
    }
}
