//! A place in a line of sequential ephemerals: what locks, elections and read-write locks have in common.
//!
//! ```text
//! /path/7f3c...__lock__0000000004      <guid><kind><number>, as kazoo makes them; the lowest number is served
//! /path/91aa...__lock__0000000005      watches the one before it, and nothing else: who goes wakes one
//! ```
//!
//! Invariant: whoever made a place deletes it, also when it is dropped half-made; and nobody is told that its turn has come while
//! its session may have expired.

use std::time::Duration;

use zoa_proto::Zxid;

use crate::calls;
use crate::error::Error;
use crate::hold::FencingToken;
use crate::keeper::Keeper;
use crate::race;

/// The part of a name behind which the number stands.
pub(crate) const LOCK: &str = "__lock__";

/// The same for those who only read.
pub(crate) const READ_LOCK: &str = "__rlock__";

/// The digits of a sequence number.
const NUMBER_LEN: usize = 10;

/// How to stand in line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// What the own place is.
    pub(crate) kind: &'static str,
    /// The kinds that are waited for when they stand before it.
    pub(crate) waits_for: &'static [&'static str],
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Place<K: Keeper> {
    keeper: K,
    parent: String,
    /// What its name begins with, known before it exists.
    beginning: String,
    made: Option<(String, Zxid)>,
    is_kept: bool,
}

impl<K: Keeper> Place<K> {
    /// Takes the last place in the line.
    pub(crate) async fn take(
        keeper: &K,
        (parent, manner, data): (&str, Manner, &[u8]),
    ) -> Result<Self, Error> {
        let mut place = Self {
            keeper: keeper.clone(),
            parent: parent.to_owned(),
            beginning: format!("{}{}", calls::guid(keeper), manner.kind),
            made: None,
            is_kept: true,
        };
        let made = calls::create_in_line(keeper, (parent, &place.beginning, data)).await?;
        let is_numbered = number_in(&made.0, &[manner.kind]).is_some_and(has_order);
        place.made = Some(made);
        if !is_numbered {
            let path = parent.to_owned();
            return Err(Error::NoNumbersLeft { path });
        }
        Ok(place)
    }

    /// Waits until nobody stands before it.
    pub(crate) async fn wait(&self, manner: Manner) -> Result<(), Error> {
        while let Some(before) = self.who_is_before(manner).await? {
            let path = format!("{}/{before}", self.parent);
            // Not `exists`, which would leave a watch behind on a znode that is gone.
            if let Some((_, _, fired)) = calls::data_and_watch(&self.keeper, &path).await? {
                fired.await;
            }
        }
        Ok(())
    }

    /// The nearest one that is waited for; `None` when it is this one's turn, and the session surely alive.
    pub(crate) async fn who_is_before(&self, manner: Manner) -> Result<Option<String>, Error> {
        loop {
            let names = calls::children(&self.keeper, &self.parent).await?;
            let names = names.unwrap_or_default();
            let own = self.name();
            if !names.iter().any(|name| name == own) {
                let path = self.path();
                return Err(Error::Deleted { path });
            }
            if let Some(before) = before(&names, own, manner) {
                return Ok(Some(before.to_owned()));
            }
            // The answer may be old: while it was on its way the session may have expired, and another been served.
            if self.keeper.standing() == crate::keeper::Standing::Sure {
                return Ok(None);
            }
            calls::be_sure(&self.keeper).await?;
        }
    }

    fn name(&self) -> &str {
        self.made.as_ref().map_or("", |(name, _)| name)
    }

    pub(crate) const fn keeper(&self) -> &K {
        &self.keeper
    }

    /// Its path.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.parent, self.name())
    }

    /// Its czxid.
    pub(crate) fn token(&self) -> FencingToken {
        let czxid = self.made.as_ref().map_or(Zxid(0), |(_, czxid)| *czxid);
        FencingToken(czxid.0)
    }

    /// Gives it up; returns when it is gone.
    pub(crate) async fn leave(mut self) -> Result<(), Error> {
        let left = leave(
            &self.keeper,
            (&self.parent, &self.beginning),
            self.made.as_ref(),
        )
        .await;
        self.is_kept = false;
        left
    }
}

impl<K: Keeper> Drop for Place<K> {
    fn drop(&mut self) {
        if !self.is_kept {
            return;
        }
        let (keeper, made) = (self.keeper.clone(), self.made.take());
        let parent = std::mem::take(&mut self.parent);
        let beginning = std::mem::take(&mut self.beginning);
        self.keeper.detach(async move {
            // Nobody is left to hear of a failure, and the place ends with the session.
            let _ = leave(&keeper, (&parent, &beginning), made.as_ref()).await;
        });
    }
}

/// Deletes a place, which is looked for when it was dropped before it was known to exist.
async fn leave<K: Keeper>(
    keeper: &K,
    (parent, beginning): (&str, &str),
    made: Option<&(String, Zxid)>,
) -> Result<(), Error> {
    let found = match made {
        Some((name, _)) => Some(name.clone()),
        None => calls::find(keeper, parent, beginning)
            .await?
            .map(|(name, _)| name),
    };
    if let Some(name) = found {
        calls::delete(keeper, &format!("{parent}/{name}")).await?;
    }
    Ok(())
}

/// The number of a name of one of these kinds.
fn number_in(name: &str, kinds: &[&str]) -> Option<i32> {
    let split = kinds.iter().find_map(|kind| name.rsplit_once(kind));
    let (_, digits) = split?;
    let is_number = digits.trim_start_matches('-').len() == NUMBER_LEN;
    digits.parse().ok().filter(|_| is_number)
}

/// Whether whoever comes later gets a higher number. A server has 2^31 of them for one parent: behind the last one it gives that one
/// again, or negative ones.
fn has_order(number: i32) -> bool {
    (0..i32::MAX).contains(&number)
}

/// Who stands directly before this one, of those it waits for.
fn before<'n>(names: &'n [String], own: &str, manner: Manner) -> Option<&'n str> {
    let own_number = number_in(own, &[manner.kind])?;
    let rivals = names.iter().filter_map(|name| {
        let number = number_in(name, manner.waits_for)?;
        (number < own_number).then_some((number, name.as_str()))
    });
    rivals.max().map(|(_, name)| name)
}

/// Those in a line, the first one first.
pub(crate) async fn in_order<K: Keeper>(
    keeper: &K,
    (parent, kinds): (&str, &[&str]),
) -> Result<Vec<String>, Error> {
    let names = calls::children(keeper, parent).await?.unwrap_or_default();
    let numbered = names.into_iter().filter_map(|name| {
        let number = number_in(&name, kinds)?;
        Some((number, name))
    });
    let mut numbered: Vec<(i32, String)> = numbered.collect();
    numbered.sort();
    Ok(numbered.into_iter().map(|(_, name)| name).collect())
}

/// The data of those in a line as text, the first one first; those who just left are left out.
pub(crate) async fn identifiers<K: Keeper>(
    keeper: &K,
    (parent, kinds): (&str, &[&str]),
) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for name in in_order(keeper, (parent, kinds)).await? {
        if let Some((data, _)) = calls::data(keeper, &format!("{parent}/{name}")).await? {
            found.push(String::from_utf8_lossy(&data).into_owned());
        }
    }
    Ok(found)
}

/// Takes a place and waits for its turn; `None` when that takes longer than the limit, and the place is given up.
pub(crate) async fn stand<K: Keeper>(
    keeper: &K,
    (parent, manner, data): (&str, Manner, &[u8]),
    limit: Duration,
) -> Result<Option<Place<K>>, Error> {
    let standing = async {
        let place = Place::take(keeper, (parent, manner, data)).await?;
        place.wait(manner).await?;
        Ok(place)
    };
    race::within(keeper, limit, standing).await.transpose()
}

#[cfg(test)]
mod tests {
    use super::LOCK;
    use super::Manner;
    use super::READ_LOCK;
    use super::before;
    use super::has_order;
    use super::number_in;

    #[test]
    fn a_number_is_read_behind_its_kind_and_nothing_else_is_a_number() {
        assert_eq!(number_in("9f__lock__0000000007", &[LOCK]), Some(7));
        assert_eq!(
            number_in("9f__rlock__0000000007", &[LOCK, READ_LOCK]),
            Some(7)
        );
        assert_eq!(number_in("9f__rlock__0000000007", &[LOCK]), None);
        assert_eq!(number_in("9f__lock__-2147483648", &[LOCK]), Some(i32::MIN));
        assert_eq!(number_in("9f__lock__7", &[LOCK]), None);
        assert_eq!(number_in("ready", &[LOCK]), None);
    }

    #[test]
    fn behind_the_last_number_there_is_no_order() {
        assert!([0, 1, i32::MAX - 1].into_iter().all(has_order));
        assert!(![-1, i32::MIN, i32::MAX].into_iter().any(has_order));
    }

    #[test]
    fn readers_wait_for_the_nearest_writer_and_writers_for_everybody() {
        let names = [
            "a__lock__0000000001",
            "b__rlock__0000000002",
            "c__rlock__0000000003",
        ];
        let names = names.map(str::to_owned);
        let reader = Manner {
            kind: READ_LOCK,
            waits_for: &[LOCK],
        };
        let writer = Manner {
            kind: LOCK,
            waits_for: &[LOCK, READ_LOCK],
        };
        assert_eq!(
            before(&names, "c__rlock__0000000003", reader),
            Some("a__lock__0000000001")
        );
        assert_eq!(
            before(&names, "d__lock__0000000004", writer),
            Some("c__rlock__0000000003")
        );
        assert_eq!(before(&names, "a__lock__0000000001", writer), None);
    }
}
