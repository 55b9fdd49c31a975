//! Users contend for one lock: at most one believes to hold it, tokens rise, and whoever may have lost it is told.

use zoa_recipes::Error;
use zoa_recipes::Hold;
use zoa_recipes::HoldState;
use zoa_recipes::Lock;

use super::Seat;
use crate::recipes::keeper::SimKeeper;
use crate::recipes::ledger::Kind;

const PATH: &str = "/recipes/lock";

pub(super) async fn run(mut seat: Seat) {
    let lock = Lock::new(&seat.keeper, PATH).identifier(&seat.user.to_string());
    while !seat.is_calm() {
        if let Err(error) = round(&mut seat, &lock).await {
            return seat.gave_up(&error);
        }
        seat.pause(0, 60).await;
    }
}

async fn round(seat: &mut Seat, lock: &Lock<SimKeeper>) -> Result<(), Error> {
    let limit = seat.millis(1, 2_500);
    let hold = match seat.rng.below(4) {
        0 => lock.try_acquire().await?,
        _ => lock.acquire_within(limit).await?,
    };
    let Some(hold) = hold else {
        seat.ledger(|ledger| ledger.tally.refused += 1);
        return Ok(());
    };
    let number = seat.acquired(PATH, Kind::Exclusive, Some(hold.token().0));
    keep(seat, &hold).await;
    seat.ended(number);
    if seat.rng.percent(80) {
        hold.release().await?;
    }
    Ok(())
}

/// Holds it for a while, or until it is lost.
pub(super) async fn keep(seat: &mut Seat, hold: &Hold<SimKeeper>) {
    for _ in 0..seat.rng.below(6) {
        if hold.state() == HoldState::Lost {
            seat.ledger(|ledger| ledger.tally.holds_lost += 1);
            return;
        }
        seat.pause(0, 120).await;
    }
}
