//! Users come and go: who is there is seen, who has left is not.

use std::collections::BTreeSet;

use zoa_recipes::Error;
use zoa_recipes::Group;
use zoa_recipes::Instance;
use zoa_recipes::Registry;

use super::Seat;
use crate::recipes::ledger::Kind;

pub(super) async fn group(seat: &mut Seat) -> Result<(), Error> {
    let group = Group::new(&seat.keeper, "/recipes/group");
    while !seat.is_calm() {
        let name = seat.name();
        let member = group.join(&name).await?;
        let claim = seat.claim(&name, Kind::Shared, None);
        for _ in 0..seat.rng.below(4) {
            let (present, gone) = who(seat);
            seat.catch_up().await?;
            let seen = group.members().await?;
            compare(seat, (&present, &gone), &seen);
            seat.pause(0, 120).await;
        }
        drop(claim);
        if seat.rng.percent(80) {
            member.leave().await?;
            seat.ledger(|ledger| ledger.note("gone", &name));
        }
        let limit = seat.millis(0, 200);
        seat.within(limit, group.changed(&[])).await.transpose()?;
    }
    Ok(())
}

pub(super) async fn registry(seat: &mut Seat) -> Result<(), Error> {
    let registry = Registry::new(&seat.keeper, "/recipes/services");
    while !seat.is_calm() {
        let id = seat.name();
        let instance = Instance {
            id: id.clone(),
            address: "10.0.0.1".to_owned(),
            port: 80,
        };
        let mut registration = registry.register("s", instance).await?;
        let claim = seat.claim(&id, Kind::Shared, None);
        for _ in 0..seat.rng.below(4) {
            let (present, gone) = who(seat);
            seat.catch_up().await?;
            let seen = registry.instances("s").await?;
            let seen: Vec<String> = seen.into_iter().map(|instance| instance.id).collect();
            compare(seat, (&present, &gone), &seen);
            seat.pause(0, 120).await;
        }
        drop(claim);
        match seat.rng.below(3) {
            0 => registration.set_well(false).await?,
            1 => registration.withdraw().await?,
            _ => continue,
        }
        seat.ledger(|ledger| ledger.note("gone", &id));
    }
    Ok(())
}

/// Who is surely there, and who surely not.
fn who(seat: &Seat) -> (BTreeSet<String>, BTreeSet<String>) {
    seat.ledger(|ledger| (ledger.believed_paths(seat.at()), ledger.all("gone")))
}

fn compare(seat: &Seat, (present, gone): (&BTreeSet<String>, &BTreeSet<String>), seen: &[String]) {
    let (still_present, _) = who(seat);
    let all_along = present.intersection(&still_present);
    for missing in all_along.filter(|name| !seen.contains(name)) {
        seat.wrong(&format!("{missing} is there and was not seen"));
    }
    for ghost in seen.iter().filter(|name| gone.contains(*name)) {
        seat.wrong(&format!("{ghost} has left and was seen"));
    }
}
