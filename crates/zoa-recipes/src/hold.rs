//! What a lock or a leadership hands out: a hold, its fencing token, and word of its end.
//!
//! It is *not* the right to go on unasked: between a look at the state and the deed that follows time passes, so the deed carries
//! the token, and what it acts on refuses a lower one than it has seen. Inside ZooKeeper the check is [`Hold::fence`].
//!
//! Invariant: a hold that says `Held` was held when it said so.

use zoa_proto::Version;

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::keeper::Standing;
use crate::keeper::Step;
use crate::line::Place;

/// A number that is higher for every later holder of the same lock: the czxid of the holder's znode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FencingToken(pub u64);

impl std::fmt::Display for FencingToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How a hold stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HoldState {
    /// It is held.
    Held,
    /// The connection is lost: it is still held, but may be lost soon, and nothing can be asked.
    Suspended,
    /// It may be held by another. The holder must have stopped by now.
    Lost,
}

impl From<Standing> for HoldState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Sure => Self::Held,
            Standing::Suspended => Self::Suspended,
            Standing::Connecting | Standing::Doubtful | Standing::Ended => Self::Lost,
        }
    }
}

/// A lock or leadership that is held until it is [released](Self::release) or the session ends.
///
/// When it is dropped it is released in the background, as far as the client still runs.
#[derive(Debug)]
#[must_use = "dropping it releases it"]
pub struct Hold<K: Keeper> {
    place: Place<K>,
}

impl<K: Keeper> Hold<K> {
    pub(crate) const fn new(place: Place<K>) -> Self {
        Self { place }
    }

    /// Higher than that of every earlier holder.
    #[must_use]
    pub fn token(&self) -> FencingToken {
        self.place.token()
    }

    /// The znode that stands for it.
    #[must_use]
    pub fn path(&self) -> String {
        self.place.path()
    }

    /// How it stands, as far as the session tells. That somebody deleted its znode by hand is only found by
    /// [`check`](Self::check) and [`fence`](Self::fence).
    #[must_use]
    pub fn state(&self) -> HoldState {
        self.place.keeper().standing().into()
    }

    /// Waits until the state is another than this one, and tells it.
    pub async fn changed(&self, from: HoldState) -> HoldState {
        loop {
            // Taken before the look, so that no change is missed.
            let change = self.place.keeper().standing_change();
            let state = self.state();
            if state != from {
                return state;
            }
            change.await;
        }
    }

    /// Waits until it may be lost.
    pub async fn lost(&self) {
        let mut state = self.state();
        while state != HoldState::Lost {
            state = self.changed(state).await;
        }
    }

    /// Asks the server whether its znode is still there.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn check(&self) -> Result<bool, Error> {
        let keeper = self.place.keeper();
        Ok(calls::exists(keeper, &self.path()).await?.is_some())
    }

    /// The condition that it is still held, as a step of a multi: what stands beside it is done while it is held, or not at all.
    #[must_use]
    pub fn fence(&self) -> Step {
        Step::Check {
            path: self.path(),
            version: Version(0),
        }
    }

    /// Releases it; returns when it is gone.
    ///
    /// # Errors
    /// When the session has ended, which takes it along sooner or later, or the server refuses to delete its znode.
    pub async fn release(self) -> Result<(), Error> {
        self.place.leave().await
    }
}
