//! An ephemeral under a name that others may want, too.
//!
//! Invariant: whoever made it deletes it, also when it is dropped half-made, and never what another session, or another claim of the
//! same one, has under this name. Each claim leaves a version of its own behind: whoever has made it, or finds it made by an earlier
//! one, writes the data anew, and what knows an older version owns nothing any more. Version 0 is nobody's yet: who gives up asking
//! deletes it, whoever made it, and who misses it then makes it again.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Zxid;

use crate::calls;
use crate::error::Error;
use crate::keeper::Answer;
use crate::keeper::Failure;
use crate::keeper::Keeper;
use crate::keeper::Step;

/// See the module.
#[derive(Debug)]
pub(super) struct Claim<K: Keeper> {
    keeper: K,
    path: String,
    own: Own,
}

/// A znode as one of the claims left it.
type Written = (Zxid, Version);

/// What of a znode with this name is a claim's own.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Own {
    /// It may have made one and not have been told of it.
    is_asking: bool,
    /// As it has written it last.
    written: Option<Written>,
    /// As it is if the write was made whose answer has not come.
    unsure: Option<Written>,
}

impl Own {
    fn is(&self, stat: &Stat, session: SessionId) -> bool {
        let is_nobodys = stat.version == Version(0) && stat.ephemeral_owner == session;
        let found = Some(seen(stat));
        (self.is_asking && is_nobodys) || self.written == found || self.unsure == found
    }
}

const fn seen(stat: &Stat) -> Written {
    (stat.czxid, stat.version)
}

/// What becomes of it with the next write.
const fn next((czxid, version): Written) -> Written {
    (czxid, Version(version.0.wrapping_add(1)))
}

impl<K: Keeper> Claim<K> {
    /// Makes it, and the znodes above it where they are missing, or takes it over from an earlier claim of this session. When this
    /// returns the session is surely alive.
    pub(super) async fn make(keeper: &K, path: String, content: &[u8]) -> Result<Self, Error> {
        let own = Own {
            is_asking: true,
            ..Own::default()
        };
        let mut claim = Self {
            keeper: keeper.clone(),
            path,
            own,
        };
        loop {
            if let Some(found) = claim.ask(content).await?
                && claim.take(content, found).await?
            {
                break;
            }
        }
        calls::be_sure(keeper).await?;
        Ok(claim)
    }

    /// Makes it where it is not there: as it is then.
    async fn ask(&self, content: &[u8]) -> Result<Option<Written>, Error> {
        let create = calls::create_step(&self.path, content, CreateMode::Ephemeral);
        match calls::change(&self.keeper, create).await {
            Ok(Answer::Created {
                stat: Some(stat), ..
            }) => return Ok(Some(seen(&stat))),
            Ok(_) => calls::mixed_up(),
            Err(failure) if failure.is(ErrorCode::NoNode) => {
                calls::ensure(&self.keeper, calls::parent_of(&self.path)).await?;
            }
            // This claim's, whose answer was lost, or an earlier one's, or another session's.
            Err(failure) if failure.is(ErrorCode::NodeExists) => {
                let found = calls::exists(&self.keeper, &self.path).await?;
                return match found {
                    Some(stat) if stat.ephemeral_owner != self.keeper.session_id() => {
                        Err(Error::new(&self.path, &failure))
                    }
                    found => Ok(found.as_ref().map(seen)),
                };
            }
            Err(failure) => self.pause_after(&failure).await?,
        }
        Ok(None)
    }

    /// Writes to it as it was found, so that it is this claim's; whether it is.
    async fn take(&mut self, content: &[u8], found: Written) -> Result<bool, Error> {
        if self.own.unsure == Some(found) {
            // It was written before, and the answer was lost.
            self.owns(found);
            return Ok(true);
        }
        self.own.unsure = Some(next(found));
        match self.write(content, found.1).await {
            Ok(stat) => {
                self.owns(seen(&stat));
                return Ok(true);
            }
            // Somebody was faster, or it is gone.
            Err(failure) if failure.is(ErrorCode::BadVersion) || failure.is(ErrorCode::NoNode) => {
                self.own.unsure = None;
            }
            Err(failure) => self.pause_after(&failure).await?,
        }
        Ok(false)
    }

    /// Writes it anew.
    ///
    /// # Errors
    /// When the session ends, or the znode is not this claim's any more.
    pub(super) async fn set(&mut self, content: &[u8]) -> Result<(), Error> {
        self.settle().await?;
        loop {
            let Some(written) = self.own.written else {
                let path = self.path.clone();
                return Err(Error::Deleted { path });
            };
            self.own.unsure = Some(next(written));
            match self.write(content, written.1).await {
                Ok(stat) => {
                    self.owns(seen(&stat));
                    return Ok(());
                }
                Err(failure) if failure.is(ErrorCode::BadVersion) => {
                    return self.look(content, written.0).await;
                }
                Err(failure) => self.pause_after(&failure).await?,
            }
        }
    }

    /// An earlier write may have been given up before its answer came.
    async fn settle(&mut self) -> Result<(), Error> {
        if let Some(unsure) = self.own.unsure {
            calls::sync(&self.keeper, &self.path).await?;
            let found = calls::exists(&self.keeper, &self.path).await?;
            if found.as_ref().map(seen) == Some(unsure) {
                self.owns(unsure);
            }
        }
        Ok(())
    }

    /// The version is another: an answer was lost, or it is not this claim's any more.
    async fn look(&mut self, content: &[u8], czxid: Zxid) -> Result<(), Error> {
        match calls::data(&self.keeper, &self.path).await? {
            Some((data, stat)) if stat.czxid == czxid && data == content => {
                self.owns(seen(&stat));
                Ok(())
            }
            _ => {
                self.own = Own::default();
                let path = self.path.clone();
                Err(Error::Deleted { path })
            }
        }
    }

    async fn write(&self, content: &[u8], version: Version) -> Result<Stat, Failure> {
        let set = Step::SetData {
            path: self.path.clone(),
            data: content.to_vec(),
            version,
        };
        match calls::change(&self.keeper, set).await? {
            Answer::Set(stat) => Ok(stat),
            _ => calls::mixed_up(),
        }
    }

    const fn owns(&mut self, written: Written) {
        self.own = Own {
            is_asking: false,
            written: Some(written),
            unsure: None,
        };
    }

    /// Before another try, when there is a point in one.
    async fn pause_after(&self, failure: &Failure) -> Result<(), Error> {
        if calls::is_worth_repeating(failure) {
            calls::pause(&self.keeper).await;
            return Ok(());
        }
        Err(Error::new(&self.path, failure))
    }

    /// Deletes it, if it still is this claim's; returns when it is gone.
    pub(super) async fn leave(mut self) -> Result<(), Error> {
        let own = std::mem::take(&mut self.own);
        leave(&self.keeper, &self.path, own).await
    }
}

impl<K: Keeper> Drop for Claim<K> {
    fn drop(&mut self) {
        let own = std::mem::take(&mut self.own);
        if own == Own::default() {
            return;
        }
        let (keeper, path) = (self.keeper.clone(), std::mem::take(&mut self.path));
        self.keeper.detach(async move {
            // Nobody is left to hear of a failure, and it ends with the session.
            let _ = leave(&keeper, &path, own).await;
        });
    }
}

async fn leave<K: Keeper>(keeper: &K, path: &str, own: Own) -> Result<(), Error> {
    if own.is_asking || own.unsure.is_some() {
        // The server that is asked may be behind the one that was told to make or write it.
        calls::sync(keeper, path).await?;
    }
    loop {
        let Some(stat) = calls::exists(keeper, path).await? else {
            return Ok(());
        };
        if !own.is(&stat, keeper.session_id()) {
            return Ok(());
        }
        let delete = Step::Delete {
            path: path.to_owned(),
            version: stat.version,
        };
        match calls::change(keeper, delete).await {
            Ok(_) => return Ok(()),
            Err(failure) if calls::is_worth_repeating(&failure) => {
                calls::pause(keeper).await;
            }
            // It is gone, or somebody else's since: the next look tells.
            Err(failure) if failure.is(ErrorCode::BadVersion) || failure.is(ErrorCode::NoNode) => {}
            Err(failure) => return Err(Error::new(path, &failure)),
        }
    }
}
