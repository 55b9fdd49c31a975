//! Users follow what others write: nothing is told that goes back, and in the end all see what is there.

use std::time::Duration;

use zoa_proto::Zxid;
use zoa_recipes::Change;
use zoa_recipes::Error;
use zoa_recipes::Keeper;
use zoa_recipes::NodeCache;
use zoa_recipes::PersistentNode;
use zoa_recipes::Settings;
use zoa_recipes::SharedValue;
use zoa_recipes::TreeCache;

use super::Seat;
use crate::recipes::keeper::SimKeeper;

/// The longest time in which what is there is told, when nothing fails.
const HEARD: Duration = Duration::from_millis(1_500);

const FLAG: &str = "/recipes/flag";

/// Writes now and then.
async fn write(seat: &Seat, value: &mut SharedValue<SimKeeper>) -> Result<(), Error> {
    let seen = value.get().await?;
    let number = seat.ledger(|ledger| {
        *ledger.sum("written") += 1;
        *ledger.sum("written")
    });
    value
        .try_set(number.to_string().as_bytes(), seen.version)
        .await?;
    Ok(())
}

pub(super) async fn node_cache(seat: &mut Seat) -> Result<(), Error> {
    let mut value = SharedValue::new(&seat.keeper, FLAG);
    let mut cache = NodeCache::new(&seat.keeper, FLAG);
    let mut newest = Zxid(0);
    while !seat.is_calm() {
        if seat.rng.percent(30) {
            write(seat, &mut value).await?;
        }
        let limit = seat.millis(0, 400);
        if let Some(Some(node)) = seat.within(limit, cache.next()).await.transpose()? {
            let mzxid = node.stat.mzxid;
            if mzxid <= newest {
                seat.wrong(&format!("mzxid {mzxid} was told after {newest}"));
            }
            newest = mzxid;
            seat.round();
        }
    }
    seat.keeper.sleep(seat.quiet()).await;
    while seat
        .within(HEARD, cache.next())
        .await
        .transpose()?
        .is_some()
    {}
    let there = value.get().await?.value;
    if cache.current().map(|node| &node.data) != Some(&there) {
        seat.wrong(&format!(
            "{there:?} is there, and {:?} was told",
            cache.current()
        ));
    }
    Ok(())
}

pub(super) async fn settings(seat: &mut Seat) -> Result<(), Error> {
    let mut value = SharedValue::new(&seat.keeper, FLAG);
    // Odd numbers count as mistakes.
    let mut settings = Settings::new(&seat.keeper, FLAG, |bytes| {
        let number: Result<i64, _> = String::from_utf8_lossy(bytes).parse();
        number
            .ok()
            .filter(|number| number % 2 == 0)
            .ok_or_else(|| "odd".to_owned())
    });
    while !seat.is_calm() {
        if seat.rng.percent(30) {
            write(seat, &mut value).await?;
        }
        let before = settings.current().copied();
        let limit = seat.millis(0, 400);
        match seat.within(limit, settings.changed()).await.transpose()? {
            Some(Change::Bad(_) | Change::Missing) if settings.current().copied() != before => {
                seat.wrong("a bad value took the place of a good one");
            }
            Some(_) => seat.round(),
            None => {}
        }
    }
    seat.keeper.sleep(seat.quiet()).await;
    while seat
        .within(HEARD, settings.changed())
        .await
        .transpose()?
        .is_some()
    {}
    let there = value.get().await?.value;
    let number = String::from_utf8_lossy(&there).parse::<i64>().ok();
    if let Some(number) = number.filter(|number| number % 2 == 0)
        && settings.current() != Some(&number)
    {
        seat.wrong(&format!(
            "{number} is there, and {:?} current",
            settings.current()
        ));
    }
    Ok(())
}

pub(super) async fn tree_cache(seat: &mut Seat) -> Result<(), Error> {
    let mut cache = TreeCache::new(&seat.keeper, "/recipes/tree");
    let mut values: Vec<SharedValue<SimKeeper>> = ["", "/a", "/a/1", "/a/2", "/b"]
        .iter()
        .map(|path| SharedValue::new(&seat.keeper, &format!("/recipes/tree{path}")))
        .collect();
    while !seat.is_calm() {
        let count = values.len();
        let at = seat.rng.index(count);
        if seat.rng.percent(40)
            && let Some(value) = values.get_mut(at)
        {
            write(seat, value).await?;
        }
        let limit = seat.millis(0, 400);
        if seat
            .within(limit, cache.next())
            .await
            .transpose()?
            .is_some()
        {
            seat.round();
        }
    }
    seat.keeper.sleep(seat.quiet()).await;
    while seat
        .within(HEARD, cache.next())
        .await
        .transpose()?
        .is_some()
    {}
    let mut fresh = TreeCache::new(&seat.keeper, "/recipes/tree");
    seat.within(HEARD, fresh.next()).await.transpose()?;
    // Handles that end take their receipts away just now, beside each znode and below its parent.
    let shown = |cache: &TreeCache<SimKeeper>| -> Vec<(String, Vec<u8>)> {
        let nodes = cache.iter().filter(|(path, _)| !path.contains("receipts"));
        nodes
            .map(|(path, node)| (path.to_owned(), node.data.clone()))
            .collect()
    };
    if shown(&cache) != shown(&fresh) {
        let (told, there) = (shown(&cache), shown(&fresh));
        seat.wrong(&format!("{there:?} is there, and {told:?} was told"));
    }
    Ok(())
}

pub(super) async fn persistent_node(seat: &mut Seat) -> Result<(), Error> {
    let path = format!("/recipes/here-{}", seat.user);
    let node = PersistentNode::new(&seat.keeper, &path, b"up");
    while !seat.is_calm() {
        let limit = seat.millis(1, 500);
        seat.within(limit, node.keep()).await.transpose()?;
        seat.round();
        // Somebody deletes it.
        if seat.rng.percent(60) {
            zoa_recipes::Barrier::new(&seat.keeper, &path)
                .remove()
                .await?;
        }
    }
    // The one of an earlier session may have to expire first.
    seat.within(seat.quiet(), node.keep()).await.transpose()?;
    let mut cache = NodeCache::new(&seat.keeper, &path);
    let found = cache.next().await?.map(|node| node.stat.ephemeral_owner);
    if found != Some(seat.keeper.session_id()) {
        seat.wrong(&format!("{path} is of {found:?}"));
    }
    Ok(())
}
