//! An election: of all that stand one leads, the next in line when it ends. kazoo's layout, which is that of its lock.
//!
//! **Guarantee**: as [`Lock`]'s: one [`Hold`] at a time says that it is held, later leaders have higher
//! [tokens](crate::FencingToken), the end of one wakes one.
//!
//! **Limits**: [`leader`](Election::leader) tells who led when the server answered. A leader that is suspended still leads, until its
//! session may have expired: wait for [`Hold::lost`] beside the work, and give the token along with all that is done.

use std::future::Future;
use std::time::Duration;

use crate::error::Error;
use crate::hold::Hold;
use crate::keeper::Keeper;
use crate::line;
use crate::line::LOCK;
use crate::lock::Lock;

/// An election on a path.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::{Election, HoldState};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let election = Election::new(&client, "/election", "host-7");
/// let leadership = election.lead().await?;
/// assert_eq!(election.leader().await?.as_deref(), Some("host-7"));
/// assert_eq!(leadership.state(), HoldState::Held);
/// leadership.release().await?;
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Election<K> {
    keeper: K,
    path: String,
    lock: Lock<K>,
}

impl<K: Keeper> Election<K> {
    /// The election at this path, in which this client stands under a name.
    pub fn new(keeper: &K, path: &str, identifier: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
            lock: Lock::new(keeper, path).identifier(identifier),
        }
    }

    /// Stands until it leads: the latch. When the future is dropped it stands no longer.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn lead(&self) -> Result<Hold<K>, Error> {
        self.lock.acquire().await
    }

    /// Stands for so long at most.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn lead_within(&self, limit: Duration) -> Result<Option<Hold<K>>, Error> {
        self.lock.acquire_within(limit).await
    }

    /// Leads again and again, each time as `term` goes on, and stands at the end of the line between: the selector. A term is
    /// dropped when its leadership may be lost.
    ///
    /// ```
    /// # use zoa_client::Client;
    /// # use zoa_recipes::{Election, Term};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = zoa_server::testing::LocalServer::start();
    /// # let client = Client::connect(&server.connect_string()).await?;
    /// let election = Election::new(&client, "/election", "host-7");
    /// let mut tokens = Vec::new();
    /// election
    ///     .run(|token| {
    ///         // What a leader does; the token goes along with all that it changes elsewhere.
    ///         tokens.push(token);
    ///         let term = if tokens.len() < 2 { Term::Again } else { Term::Last };
    ///         async move { term }
    ///     })
    ///     .await?;
    /// assert!(tokens.is_sorted_by(|earlier, later| earlier < later));
    /// # client.close().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the session ends.
    pub async fn run<F, T>(&self, mut term: F) -> Result<(), Error>
    where
        F: FnMut(crate::FencingToken) -> T,
        T: Future<Output = Term>,
    {
        loop {
            let leadership = self.lead().await?;
            let ended = crate::race::race(leadership.lost(), term(leadership.token())).await;
            leadership.release().await?;
            if let crate::race::First::B(Term::Last) = ended {
                return Ok(());
            }
        }
    }

    /// The name of the one who leads, if anybody does.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn leader(&self) -> Result<Option<String>, Error> {
        Ok(self.participants().await?.into_iter().next())
    }

    /// The names of all that stand, the leader first.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn participants(&self) -> Result<Vec<String>, Error> {
        line::identifiers(&self.keeper, (&self.path, &[LOCK])).await
    }
}

/// What a term was; see [`Election::run`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Term {
    /// Stand again.
    Again,
    /// Stand no more.
    Last,
}
