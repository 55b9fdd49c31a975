//! An ephemeral under a name that nobody else makes: a lease, a member, a registration.
//!
//! Invariant: whoever made it deletes it, also when it is dropped half-made.

use zoa_proto::CreateMode;

use crate::calls;
use crate::error::Error;
use crate::hold::HoldState;
use crate::keeper::Keeper;

/// See the module.
#[derive(Debug)]
pub(crate) struct Own<K: Keeper> {
    keeper: K,
    path: String,
    is_kept: bool,
}

impl<K: Keeper> Own<K> {
    /// One that will be made at this path; dropping it deletes what is there.
    pub(crate) fn planned(keeper: &K, path: String) -> Self {
        Self {
            keeper: keeper.clone(),
            path,
            is_kept: true,
        }
    }

    /// Makes it, and the znodes above it where they are missing. When this returns the session is surely alive.
    pub(crate) async fn create(keeper: &K, path: String, data: &[u8]) -> Result<Self, Error> {
        let own = Self::planned(keeper, path);
        calls::create_own(keeper, (&own.path, data, CreateMode::Ephemeral)).await?;
        // The answer may be old, and the session have expired since.
        calls::be_sure(keeper).await?;
        Ok(own)
    }

    pub(crate) const fn keeper(&self) -> &K {
        &self.keeper
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// How it stands, as far as the session tells.
    pub(crate) fn state(&self) -> HoldState {
        self.keeper.standing().into()
    }

    /// Deletes it; returns when it is gone.
    pub(crate) async fn leave(mut self) -> Result<(), Error> {
        let left = calls::delete(&self.keeper, &self.path).await;
        self.is_kept = false;
        left.map(drop)
    }
}

impl<K: Keeper> Drop for Own<K> {
    fn drop(&mut self) {
        if !self.is_kept {
            return;
        }
        let (keeper, path) = (self.keeper.clone(), std::mem::take(&mut self.path));
        self.keeper.detach(async move {
            // Nobody is left to hear of a failure, and it ends with the session.
            let _ = calls::delete(&keeper, &path).await;
        });
    }
}
