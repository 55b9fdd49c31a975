//! Users put and take: what was put is taken once, and none is lost but with whoever died taking it.

use zoa_recipes::Error;
use zoa_recipes::PriorityQueue;
use zoa_recipes::Queue;

use super::Seat;

pub(super) async fn queue(seat: &mut Seat) -> Result<(), Error> {
    let mut queue = Queue::new(&seat.keeper, "/recipes/queue");
    while !seat.is_calm() {
        if seat.rng.percent(50) {
            let item = begin_put(seat);
            queue.put(item.as_bytes()).await?;
            end_put(seat, &item);
        } else {
            let limit = seat.millis(0, 300);
            begin_take(seat);
            let taken = queue.take_within(limit).await?;
            end_take(seat, taken);
        }
        seat.pause(0, 60).await;
    }
    loop {
        begin_take(seat);
        let taken = queue.try_take().await?;
        if !end_take(seat, taken) {
            return Ok(());
        }
    }
}

pub(super) async fn priority_queue(seat: &mut Seat) -> Result<(), Error> {
    let mut queue = PriorityQueue::new(&seat.keeper, "/recipes/priority");
    while !seat.is_calm() {
        if seat.rng.percent(50) {
            let item = begin_put(seat);
            let priority = u16::try_from(seat.rng.below(1_200)).unwrap_or(0);
            queue.put(item.as_bytes(), priority).await?;
            end_put(seat, &item);
        } else {
            begin_take(seat);
            let taken = queue.try_take().await?;
            end_take(seat, taken);
        }
        seat.pause(0, 60).await;
    }
    loop {
        begin_take(seat);
        let taken = queue.try_take().await?;
        if !end_take(seat, taken) {
            return Ok(());
        }
    }
}

fn begin_put(seat: &mut Seat) -> String {
    let item = seat.name();
    seat.ledger(|ledger| *ledger.items.entry(item.clone()).or_default());
    item
}

fn end_put(seat: &Seat, item: &str) {
    seat.round();
    seat.ledger(|ledger| {
        if let Some(item) = ledger.items.get_mut(item) {
            item.is_offered = true;
        }
    });
}

/// A take that does not come to its end may have taken something along.
fn begin_take(seat: &Seat) {
    seat.ledger(|ledger| *ledger.sum("takes under way") += 1);
}

/// Whether something was taken.
fn end_take(seat: &Seat, taken: Option<Vec<u8>>) -> bool {
    seat.ledger(|ledger| *ledger.sum("takes under way") -= 1);
    let Some(taken) = taken else { return false };
    seat.round();
    let item = String::from_utf8_lossy(&taken).into_owned();
    let count = seat.ledger(|ledger| {
        let item = ledger.items.get_mut(&item)?;
        item.taken += 1;
        Some(item.taken)
    });
    match count {
        Some(1) => {}
        Some(_) => seat.wrong(&format!("{item} was taken again")),
        None => seat.wrong(&format!("{item} was taken and never put")),
    }
    true
}
