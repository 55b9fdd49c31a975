//! Group membership: who is there. kazoo's layout, its `Party`.
//!
//! ```text
//! /group/81d0...__party__       a member: an ephemeral with its identifier
//! ```
//!
//! **Guarantee**: a member is seen from the time [`join`](Group::join) returns until it leaves or its session ends.
//!
//! **Limits**: a member that died is seen until its session expires. Everybody who waits for a change is woken by each. Of several
//! servers, the one that is asked may be behind the others by a moment; a `sync` before makes up for it.

use crate::calls;
use crate::error::Error;
use crate::hold::HoldState;
use crate::keeper::Keeper;
use crate::own::Own;

const MEMBER: &str = "__party__";

/// A group on a path.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::Group;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let group = Group::new(&client, "/workers");
/// let member = group.join("host-7").await?;
/// assert_eq!(group.members().await?, ["host-7"]);
/// member.leave().await?;
/// assert!(group.changed(&["host-7".to_owned()]).await?.is_empty());
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Group<K> {
    keeper: K,
    path: String,
}

impl<K: Keeper> Group<K> {
    /// The group at this path, which is made when needed.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
        }
    }

    /// Becomes a member.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn join(&self, identifier: &str) -> Result<Member<K>, Error> {
        let path = format!("{}/{}{MEMBER}", self.path, calls::guid(&self.keeper));
        let own = Own::create(&self.keeper, path, identifier.as_bytes()).await?;
        Ok(Member { own })
    }

    /// The identifiers of all members, in order.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn members(&self) -> Result<Vec<String>, Error> {
        let names = calls::children(&self.keeper, &self.path).await?;
        self.read(names.unwrap_or_default()).await
    }

    /// Waits until the members are others than these, in whatever order, and tells them.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn changed(&self, from: &[String]) -> Result<Vec<String>, Error> {
        let mut from = from.to_vec();
        from.sort();
        loop {
            let found = calls::children_and_watch(&self.keeper, &self.path).await?;
            let Some((names, fired)) = found else {
                calls::ensure(&self.keeper, &self.path).await?;
                continue;
            };
            let members = self.read(names).await?;
            if members != from {
                return Ok(members);
            }
            fired.await;
        }
    }

    async fn read(&self, names: Vec<String>) -> Result<Vec<String>, Error> {
        let mut members = Vec::new();
        for name in names.iter().filter(|name| name.ends_with(MEMBER)) {
            let path = format!("{}/{name}", self.path);
            if let Some((identifier, _)) = calls::data(&self.keeper, &path).await? {
                members.push(String::from_utf8_lossy(&identifier).into_owned());
            }
        }
        members.sort();
        Ok(members)
    }
}

/// A membership. When it is dropped it ends in the background, as far as the client still runs.
#[derive(Debug)]
#[must_use = "dropping it leaves the group"]
pub struct Member<K: Keeper> {
    own: Own<K>,
}

impl<K: Keeper> Member<K> {
    /// How it stands, as far as the session tells.
    #[must_use]
    pub fn state(&self) -> HoldState {
        self.own.state()
    }

    /// Leaves the group; returns when others can see it.
    ///
    /// # Errors
    /// When the session has ended, which takes it along sooner or later, or the server refuses to delete its znode.
    pub async fn leave(self) -> Result<(), Error> {
        self.own.leave().await
    }
}
