//! A shared value: bytes that everybody reads, and changes only as they were when it looked. Curator's layout.
//!
//! **Guarantee**: [`try_set`](SharedValue::try_set) takes effect only on the value it was given the version of, and says truly
//! whether it did, also when the answer was lost.
//!
//! **Limits**: who waits for a change is told the newest value, and may not see those between.

use zoa_proto::ErrorCode;
use zoa_proto::Version;

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::keeper::Step;
use crate::receipt::Applied;
use crate::receipt::Receipt;

/// A value and its version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Versioned {
    /// The value.
    pub value: Vec<u8>,
    /// How often it was set.
    pub version: Version,
}

/// A shared value on a path. Each handle does one thing at a time.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::SharedValue;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let mut value = SharedValue::new(&client, "/motto");
/// let seen = value.get().await?;
/// assert!(value.try_set(b"one at a time", seen.version).await?);
/// assert!(!value.try_set(b"too late", seen.version).await?);
/// assert_eq!(value.changed(seen.version).await?.value, b"one at a time");
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SharedValue<K: Keeper> {
    keeper: K,
    path: String,
    receipt: Receipt<K>,
}

impl<K: Keeper> SharedValue<K> {
    /// The value at this path, which is made when needed: empty.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            receipt: Receipt::new(keeper, path),
        }
    }

    /// The value as the server knows it.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn get(&self) -> Result<Versioned, Error> {
        loop {
            if let Some((value, stat)) = calls::data(&self.keeper, &self.path).await? {
                let version = stat.version;
                return Ok(Versioned { value, version });
            }
            calls::ensure(&self.keeper, &self.path).await?;
        }
    }

    /// Sets it if it still has this version; whether it did.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn try_set(&mut self, value: &[u8], version: Version) -> Result<bool, Error> {
        let set = Step::SetData {
            path: self.path.clone(),
            data: value.to_vec(),
            version,
        };
        match self.receipt.apply(vec![set]).await? {
            Applied::Made(_) => Ok(true),
            Applied::Refused(_, ErrorCode::BadVersion) => Ok(false),
            Applied::Refused(_, code) => {
                let path = self.path.clone();
                Err(Error::Refused { path, code })
            }
        }
    }

    /// Waits until it has another version than this one.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn changed(&self, from: Version) -> Result<Versioned, Error> {
        loop {
            let found = calls::data_and_watch(&self.keeper, &self.path).await?;
            let Some((value, stat, fired)) = found else {
                calls::ensure(&self.keeper, &self.path).await?;
                continue;
            };
            if stat.version != from {
                let version = stat.version;
                return Ok(Versioned { value, version });
            }
            fired.await;
        }
    }
}
