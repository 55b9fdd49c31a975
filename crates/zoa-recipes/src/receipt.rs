//! Receipts: how a change whose outcome is unknown is known after all.
//!
//! Each handle has an ephemeral of its own and writes into it, in the same multi as the change, the number of the change. After a
//! lost answer the number there says whether the change was made.
//!
//! ```text
//! /queue                                  the recipe's own layout, as others know it
//! /queue-__receipts__/5e0c...             "17": the 17th change of this handle was made
//! ```
//!
//! Invariant: a change is made once at most, and the caller hears whether it was, as long as the session lives.

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Version;

use crate::calls;
use crate::error::Error;
use crate::keeper::Answer;
use crate::keeper::Ask;
use crate::keeper::Failure;
use crate::keeper::Keeper;
use crate::keeper::Known;
use crate::keeper::Step;
use crate::own::Own;

/// See the module.
#[derive(Debug)]
pub(crate) struct Receipt<K: Keeper> {
    own: Own<K>,
    is_made: bool,
    count: u64,
}

/// How a change ended.
#[derive(Debug)]
pub(crate) enum Applied {
    /// It was made, as the server said or the receipt shows; what its steps did, when the answer came.
    Made(Option<Vec<Answer>>),
    /// It was refused, and nothing was made: which of its steps, and why.
    Refused(usize, ErrorCode),
}

impl<K: Keeper> Receipt<K> {
    /// The receipts of one handle on what is at this path.
    pub(crate) fn new(keeper: &K, path: &str) -> Self {
        let path = format!("{path}-__receipts__/{}", calls::guid(keeper));
        Self {
            own: Own::planned(keeper, path),
            is_made: false,
            count: 0,
        }
    }

    /// Makes these changes together, once.
    pub(crate) async fn apply(&mut self, steps: Vec<Step>) -> Result<Applied, Error> {
        self.make().await?;
        self.count += 1;
        let step_count = steps.len();
        let mut multi = steps;
        multi.push(Step::SetData {
            path: self.own.path().to_owned(),
            data: self.count.to_string().into_bytes(),
            version: Version::ANY,
        });
        loop {
            match self.own.keeper().ask(Ask::Multi(multi.clone())).await {
                Ok(answer) => return Ok(Applied::Made(steps_of(answer))),
                Err(failure) if failure.known == Known::NotApplied => self.pause().await,
                Err(failure) if failure.known == Known::Unknown => {
                    self.pause().await;
                    if self.is_written().await? {
                        return Ok(Applied::Made(None));
                    }
                }
                Err(failure) => return self.refused(&failure, step_count),
            }
        }
    }

    async fn pause(&self) {
        calls::pause(self.own.keeper()).await;
    }

    async fn make(&mut self) -> Result<(), Error> {
        if !self.is_made {
            let way = (self.own.path(), b"0".as_slice(), CreateMode::Ephemeral);
            calls::create_own(self.own.keeper(), way).await?;
            self.is_made = true;
        }
        Ok(())
    }

    async fn is_written(&self) -> Result<bool, Error> {
        let path = self.own.path();
        // The server that is asked may be behind the one that was told to write it.
        calls::sync(self.own.keeper(), path).await?;
        match calls::data(self.own.keeper(), path).await? {
            Some((data, _)) => Ok(data == self.count.to_string().as_bytes()),
            None => Err(self.is_gone()),
        }
    }

    fn is_gone(&self) -> Error {
        Error::Deleted {
            path: self.own.path().to_owned(),
        }
    }

    fn refused(&self, failure: &Failure, step_count: usize) -> Result<Applied, Error> {
        match failure.at_step() {
            Some((step, _)) if step == step_count => Err(self.is_gone()),
            Some((step, code)) => Ok(Applied::Refused(step, code)),
            None => Err(Error::new(self.own.path(), failure)),
        }
    }
}

/// What the steps did, that of the receipt left out.
fn steps_of(answer: Answer) -> Option<Vec<Answer>> {
    let Answer::Multi(mut steps) = answer else {
        return None;
    };
    steps.pop();
    Some(steps)
}
