//! Users contend: lock, election, read-write lock, semaphore. No two believe to hold what excludes the other; tokens rise.

use zoa_recipes::Election;
use zoa_recipes::Error;
use zoa_recipes::Hold;
use zoa_recipes::HoldState;
use zoa_recipes::Keeper;
use zoa_recipes::Lock;
use zoa_recipes::RwLock;
use zoa_recipes::Semaphore;
use zoa_recipes::Term;

use super::Seat;
use crate::recipes::keeper::SimKeeper;
use crate::recipes::ledger::Kind;

pub(super) async fn lock(seat: &mut Seat) -> Result<(), Error> {
    let path = "/recipes/lock";
    let lock = Lock::new(&seat.keeper, path).identifier(&seat.user.to_string());
    while !seat.is_calm() {
        let limit = seat.millis(1, 2_500);
        let hold = match seat.rng.below(4) {
            0 => lock.try_acquire().await?,
            _ => lock.acquire_within(limit).await?,
        };
        keep(seat, path, Kind::Exclusive, hold).await?;
        seat.pause(0, 60).await;
    }
    Ok(())
}

pub(super) async fn election(seat: &mut Seat) -> Result<(), Error> {
    let path = "/recipes/election";
    let election = Election::new(&seat.keeper, path, &seat.user.to_string());
    while !seat.is_calm() {
        if seat.rng.percent(50) {
            let limit = seat.millis(1, 2_500);
            let hold = election.lead_within(limit).await?;
            keep(seat, path, Kind::Exclusive, hold).await?;
        } else {
            let length = seat.millis(0, 300);
            let (keeper, place) = (seat.keeper.clone(), &*seat);
            let term = |token: zoa_recipes::FencingToken| {
                let claim = place.claim(path, Kind::Exclusive, Some(token.0));
                let sleep = keeper.sleep(length);
                async move {
                    sleep.await;
                    drop(claim);
                    Term::Last
                }
            };
            election.run(term).await?;
        }
        seat.pause(0, 60).await;
    }
    Ok(())
}

pub(super) async fn rw_lock(seat: &mut Seat) -> Result<(), Error> {
    let path = "/recipes/rw";
    let lock = RwLock::new(&seat.keeper, path);
    while !seat.is_calm() {
        let limit = seat.millis(1, 2_500);
        let (kind, hold) = if seat.rng.percent(60) {
            (Kind::Shared, lock.read_within(limit).await?)
        } else {
            (Kind::Exclusive, lock.write_within(limit).await?)
        };
        keep(seat, path, kind, hold).await?;
        seat.pause(0, 60).await;
    }
    Ok(())
}

/// Holds it for a while, or until it is lost.
async fn keep(
    seat: &mut Seat,
    path: &str,
    kind: Kind,
    hold: Option<Hold<SimKeeper>>,
) -> Result<(), Error> {
    let Some(hold) = hold else {
        seat.refused();
        return Ok(());
    };
    // Readers come in any order.
    let token = (kind == Kind::Exclusive).then_some(hold.token().0);
    let claim = seat.claim(path, kind, token);
    for _ in 0..seat.rng.below(6) {
        if hold.state() == HoldState::Lost {
            seat.ledger(|ledger| ledger.tally.holds_lost += 1);
            break;
        }
        seat.pause(0, 120).await;
    }
    drop(claim);
    if seat.rng.percent(80) {
        hold.release().await?;
    }
    Ok(())
}

pub(super) async fn semaphore(seat: &mut Seat) -> Result<(), Error> {
    let path = "/recipes/semaphore";
    let count = 2;
    let semaphore = Semaphore::new(&seat.keeper, path, count);
    while !seat.is_calm() {
        let limit = seat.millis(1, 2_500);
        let Some(lease) = semaphore.acquire_within(limit).await? else {
            seat.refused();
            continue;
        };
        let claim = seat.claim(path, Kind::OneOf(count), None);
        seat.pause(0, 300).await;
        drop(claim);
        if seat.rng.percent(80) {
            lease.release().await?;
        }
        seat.pause(0, 60).await;
    }
    Ok(())
}
