//! Users change one number or value: every addition is in it once, and of two changes of the same value one takes effect.

use zoa_recipes::Counter;
use zoa_recipes::Error;
use zoa_recipes::SharedValue;

use super::Seat;

pub(super) async fn counter(seat: &mut Seat) -> Result<(), Error> {
    let mut counter = Counter::new(&seat.keeper, "/recipes/counter");
    while !seat.is_calm() {
        seat.ledger(|ledger| *ledger.sum("begun") += 1);
        let sum = counter.add(1).await?;
        seat.round();
        let is_new = seat.ledger(|ledger| {
            *ledger.sum("done") += 1;
            ledger.note("sums", &sum.to_string())
        });
        if !is_new {
            seat.wrong(&format!("two additions made the sum {sum}"));
        }
        check_sum(seat, &counter).await?;
        seat.pause(0, 60).await;
    }
    check_sum(seat, &counter).await
}

async fn check_sum<K: zoa_recipes::Keeper>(seat: &Seat, counter: &Counter<K>) -> Result<(), Error> {
    let done = seat.ledger(|ledger| *ledger.sum("done"));
    seat.catch_up().await?;
    let sum = counter.get().await?;
    let begun = seat.ledger(|ledger| *ledger.sum("begun"));
    if sum < done || begun < sum {
        seat.wrong(&format!(
            "the sum is {sum} after {done} additions of {begun} begun"
        ));
    }
    Ok(())
}

pub(super) async fn shared_value(seat: &mut Seat) -> Result<(), Error> {
    let mut value = SharedValue::new(&seat.keeper, "/recipes/value");
    let mut seen = value.get().await?;
    while !seat.is_calm() {
        let name = seat.name();
        let is_set = value.try_set(name.as_bytes(), seen.version).await?;
        seat.round();
        let is_wrong = seat.ledger(|ledger| match is_set {
            true => !ledger.note("versions left", &seen.version.0.to_string()),
            false => !ledger.note("refused", &name),
        });
        if is_wrong {
            seat.wrong(&format!(
                "two changes of version {} took effect",
                seen.version.0
            ));
        }
        let limit = seat.millis(0, 300);
        let from = seen.version;
        seen = match seat.within(limit, value.changed(from)).await.transpose()? {
            Some(seen) => seen,
            None => value.get().await?,
        };
        let text = String::from_utf8_lossy(&seen.value).into_owned();
        if seat.ledger(|ledger| ledger.has("refused", &text)) {
            seat.wrong(&format!("{text} is there, and was said not to be"));
        }
        seat.pause(0, 60).await;
    }
    Ok(())
}
