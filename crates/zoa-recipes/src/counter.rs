//! A counter: a number that everybody adds to. kazoo's layout: the number as text.
//!
//! **Guarantee**: each [`add`](Counter::add) that returned is in the number once, also when answers were lost; one that was cut off
//! by the end of its session is in it once or not at all.
//!
//! **Limits**: every addition is one write of the same znode, and those that come at the same time try again: some hundred a
//! second in all, not more. kazoo's own clients may add twice when an answer is lost.

use zoa_proto::ErrorCode;

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::keeper::Step;
use crate::receipt::Applied;
use crate::receipt::Receipt;

/// A counter on a path. Each handle does one thing at a time.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::Counter;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let mut visits = Counter::new(&client, "/visits");
/// assert_eq!(visits.add(2).await?, 2);
/// assert_eq!(visits.add(-1).await?, 1);
/// assert_eq!(visits.get().await?, 1);
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Counter<K: Keeper> {
    keeper: K,
    path: String,
    receipt: Receipt<K>,
}

impl<K: Keeper> Counter<K> {
    /// The counter at this path; one that is not there counts as 0, and is made when needed.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            receipt: Receipt::new(keeper, path),
        }
    }

    /// The number, as the server knows it.
    ///
    /// # Errors
    /// When the session ends, or the znode holds no number.
    pub async fn get(&self) -> Result<i64, Error> {
        match calls::data(&self.keeper, &self.path).await? {
            Some((data, _)) => self.number(&data),
            None => Ok(0),
        }
    }

    /// Adds to it, and tells the number that this made.
    ///
    /// # Errors
    /// When the session ends, or the znode holds no number, or none that has room for more.
    pub async fn add(&mut self, by: i64) -> Result<i64, Error> {
        loop {
            let Some((data, stat)) = calls::data(&self.keeper, &self.path).await? else {
                calls::ensure(&self.keeper, &self.path).await?;
                continue;
            };
            let sum = self.number(&data)?.checked_add(by);
            let sum = sum
                .ok_or_else(|| Error::content(&self.path, "a number that has no room for more"))?;
            let set = Step::SetData {
                path: self.path.clone(),
                data: sum.to_string().into_bytes(),
                version: stat.version,
            };
            match self.receipt.apply(vec![set]).await? {
                Applied::Made(_) => return Ok(sum),
                Applied::Refused(_, ErrorCode::BadVersion | ErrorCode::NoNode) => {}
                Applied::Refused(_, code) => {
                    let path = self.path.clone();
                    return Err(Error::Refused { path, code });
                }
            }
        }
    }

    fn number(&self, data: &[u8]) -> Result<i64, Error> {
        if data.is_empty() {
            return Ok(0);
        }
        let text = String::from_utf8_lossy(data);
        let number = text.parse();
        number.map_err(|_| Error::content(&self.path, format!("no number: {text:?}")))
    }
}
