//! Users wait for each other: barrier and double barrier. Nobody gets through early.

use zoa_recipes::Barrier;
use zoa_recipes::DoubleBarrier;
use zoa_recipes::Error;

use super::Seat;
use crate::recipes::ledger::Kind;

/// How many must meet at a double barrier.
const MEMBERS: usize = 2;

/// A barrier a round, which anybody may set and remove.
pub(super) async fn barrier(seat: &mut Seat) -> Result<(), Error> {
    while !seat.is_calm() {
        let round = seat.ledger(|ledger| *ledger.sum("round"));
        let path = format!("/recipes/barrier-{round}");
        let barrier = Barrier::new(&seat.keeper, &path);
        if seat.rng.percent(40) {
            barrier.set().await?;
            seat.ledger(|ledger| ledger.note("set", &path));
            seat.pause(0, 300).await;
            seat.ledger(|ledger| {
                ledger.note("removing", &path);
                let next = ledger.sum("round");
                *next = (*next).max(round + 1);
            });
            barrier.remove().await?;
        } else {
            let is_closed = |seat: &Seat| {
                seat.ledger(|ledger| ledger.has("set", &path) && !ledger.has("removing", &path))
            };
            let was_closed = is_closed(seat);
            let limit = seat.millis(1, 1_500);
            let waited = seat.within(limit, barrier.wait()).await.transpose()?;
            if waited.is_some() && was_closed && is_closed(seat) {
                seat.wrong(&format!(
                    "got through {path}, which is set and was not removed"
                ));
            }
            seat.round();
        }
        seat.pause(0, 60).await;
    }
    Ok(())
}

pub(super) async fn double_barrier(seat: &mut Seat) -> Result<(), Error> {
    while !seat.is_calm() {
        let round = seat.ledger(|ledger| *ledger.sum("round"));
        let path = format!("/recipes/double-{round}");
        let barrier = DoubleBarrier::new(&seat.keeper, &path, MEMBERS);
        let name = seat.name();
        seat.ledger(|ledger| ledger.note(&path, &name));
        let limit = seat.millis(1, 2_000);
        let entered = seat.within(limit, barrier.enter(&name)).await.transpose()?;
        let Some(entered) = entered else {
            seat.refused();
            continue;
        };
        if seat.ledger(|ledger| ledger.count(&path)) < MEMBERS {
            seat.wrong(&format!("entered {path} alone"));
        }
        let claim = seat.claim(&path, Kind::Shared, None);
        seat.pause(0, 200).await;
        drop(claim);
        let inside = seat.ledger(|ledger| ledger.believed_numbers(&path, seat.at()));
        entered.leave().await?;
        let still_inside = seat.ledger(|ledger| ledger.believed_numbers(&path, seat.at()));
        if still_inside.iter().any(|number| inside.contains(number)) {
            seat.wrong(&format!("left {path} while others were inside"));
        }
        seat.ledger(|ledger| {
            let next = ledger.sum("round");
            *next = (*next).max(round + 1);
        });
        seat.pause(0, 60).await;
    }
    Ok(())
}
