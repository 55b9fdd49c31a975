//! An ephemeral under a name that others may want, too.
//!
//! Invariant: whoever made it deletes it, also when it is dropped half-made, and never what another session, or a later claim of the
//! same one, has under this name. Each claim leaves a version of its own behind: taking over from an earlier one writes the data anew,
//! and what knows an older version owns nothing any more.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
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
    known: What,
}

/// What is known of the znode.
#[derive(Clone, Copy, Debug)]
enum What {
    /// It may have been made by this claim.
    Asked,
    /// This claim made it, or wrote it last.
    Owned { czxid: Zxid, version: Version },
    /// It is nobody's business here.
    Theirs,
}

impl<K: Keeper> Claim<K> {
    /// Makes it, and the znodes above it where they are missing, or takes it over from an earlier claim of this session. When this
    /// returns the session is surely alive.
    pub(super) async fn make(keeper: &K, path: String, content: &[u8]) -> Result<Self, Error> {
        let mut claim = Self {
            keeper: keeper.clone(),
            path,
            known: What::Asked,
        };
        while !claim.is_made(content).await? {}
        calls::be_sure(keeper).await?;
        Ok(claim)
    }

    async fn is_made(&mut self, content: &[u8]) -> Result<bool, Error> {
        let create = calls::create_step(&self.path, content, CreateMode::Ephemeral);
        match calls::change(&self.keeper, create).await {
            Ok(Answer::Created {
                stat: Some(stat), ..
            }) => {
                self.own(&stat);
                return Ok(true);
            }
            Ok(_) => calls::mixed_up(),
            Err(failure) if failure.is(ErrorCode::NoNode) => {
                calls::ensure(&self.keeper, calls::parent_of(&self.path)).await?;
            }
            Err(failure) if failure.is(ErrorCode::NodeExists) => {
                return self.take_over(content, &failure).await;
            }
            Err(failure) => self.pause_after(&failure).await?,
        }
        Ok(false)
    }

    /// It is there: this claim's, whose answer was lost, or an earlier one's, or another session's.
    async fn take_over(&mut self, content: &[u8], taken: &Failure) -> Result<bool, Error> {
        self.known = What::Theirs;
        let Some(stat) = calls::exists(&self.keeper, &self.path).await? else {
            self.known = What::Asked;
            return Ok(false);
        };
        if stat.ephemeral_owner != self.keeper.session_id() {
            return Err(Error::new(&self.path, taken));
        }
        match self.write(content, stat.version).await {
            Ok(stat) => {
                self.own(&stat);
                return Ok(true);
            }
            // Somebody was faster, or it is gone.
            Err(failure) if failure.is(ErrorCode::BadVersion) || failure.is(ErrorCode::NoNode) => {}
            Err(failure) => self.pause_after(&failure).await?,
        }
        Ok(false)
    }

    /// Writes it anew.
    ///
    /// # Errors
    /// When the session ends, or the znode is not this claim's any more.
    pub(super) async fn set(&mut self, content: &[u8]) -> Result<(), Error> {
        loop {
            let What::Owned { czxid, version } = self.known else {
                let path = self.path.clone();
                return Err(Error::Deleted { path });
            };
            match self.write(content, version).await {
                Ok(stat) => {
                    self.own(&stat);
                    return Ok(());
                }
                Err(failure) if failure.is(ErrorCode::BadVersion) => {
                    self.look(content, czxid).await?;
                    return Ok(());
                }
                Err(failure) => self.pause_after(&failure).await?,
            }
        }
    }

    /// The version is another: an answer was lost, or it is not this claim's any more.
    async fn look(&mut self, content: &[u8], czxid: Zxid) -> Result<(), Error> {
        match calls::data(&self.keeper, &self.path).await? {
            Some((data, stat)) if stat.czxid == czxid && data == content => self.own(&stat),
            _ => {
                self.known = What::Theirs;
                let path = self.path.clone();
                return Err(Error::Deleted { path });
            }
        }
        Ok(())
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

    fn own(&mut self, stat: &Stat) {
        self.known = What::Owned {
            czxid: stat.czxid,
            version: stat.version,
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
        let known = std::mem::replace(&mut self.known, What::Theirs);
        leave(&self.keeper, &self.path, known).await
    }
}

impl<K: Keeper> Drop for Claim<K> {
    fn drop(&mut self) {
        let known = std::mem::replace(&mut self.known, What::Theirs);
        if matches!(known, What::Theirs) {
            return;
        }
        let (keeper, path) = (self.keeper.clone(), std::mem::take(&mut self.path));
        self.keeper.detach(async move {
            // Nobody is left to hear of a failure, and it ends with the session.
            let _ = leave(&keeper, &path, known).await;
        });
    }
}

async fn leave<K: Keeper>(keeper: &K, path: &str, known: What) -> Result<(), Error> {
    if matches!(known, What::Asked) {
        // The server that is asked may be behind the one that was told to make it.
        calls::sync(keeper, path).await?;
    }
    loop {
        let Some(stat) = calls::exists(keeper, path).await? else {
            return Ok(());
        };
        let is_own = match known {
            What::Asked => stat.ephemeral_owner == keeper.session_id(),
            What::Owned { czxid, version } => (stat.czxid, stat.version) == (czxid, version),
            What::Theirs => false,
        };
        if !is_own {
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
