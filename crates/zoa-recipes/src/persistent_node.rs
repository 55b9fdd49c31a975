//! An ephemeral that is made again whenever somebody deletes it: present as long as its session. Curator's `PersistentNode`.
//!
//! **Guarantee**: while [`keep`](PersistentNode::keep) runs and the session lives, the znode is there but for the time it takes to
//! hear that it is gone and make it again.
//!
//! **Limits**: an ephemeral of another session in its place is waited out. With the session it ends: keep it again with a new client.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;

/// An ephemeral that is kept there.
///
/// ```
/// # use zoa_client::{Client, Version};
/// # use zoa_recipes::PersistentNode;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let node = PersistentNode::new(&client, "/here/host-7", b"up");
/// let keeping = tokio::spawn(async move { node.keep().await });
/// for _ in 0..2 {
///     while client.exists("/here/host-7").await?.is_none() {}
///     client.delete("/here/host-7", Version::ANY).await?;
/// }
/// keeping.abort();
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PersistentNode<K> {
    keeper: K,
    path: String,
    data: Vec<u8>,
}

impl<K: Keeper> PersistentNode<K> {
    /// The znode at this path, with these data when it is made.
    pub fn new(keeper: &K, path: &str, data: &[u8]) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            data: data.to_vec(),
        }
    }

    /// Makes it, again and again, until the session ends or this future is dropped. Then the znode stays until the session ends.
    ///
    /// # Errors
    /// Always in the end: when the session ends, or the path is not usable.
    pub async fn keep(&self) -> Result<std::convert::Infallible, Error> {
        loop {
            let create = calls::create_step(&self.path, &self.data, CreateMode::Ephemeral);
            match calls::change(&self.keeper, create).await {
                Ok(_) => {}
                Err(failure) if failure.is(ErrorCode::NodeExists) => {}
                Err(failure) if failure.is(ErrorCode::NoNode) => {
                    calls::ensure(&self.keeper, calls::parent_of(&self.path)).await?;
                    continue;
                }
                Err(failure) if calls::is_worth_repeating(&failure) => {
                    calls::pause(&self.keeper).await;
                    continue;
                }
                Err(failure) => return Err(Error::new(&self.path, &failure)),
            }
            if let Some((_, _, fired)) = calls::data_and_watch(&self.keeper, &self.path).await? {
                fired.await;
            }
        }
    }
}
