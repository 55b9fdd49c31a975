//! A farm: clients, leaders and workers, each dying at any time. Every accepted task ends once.
//!
//! Users 0 and 1 lead, 4 and above submit, the others work.

use std::collections::BTreeSet;
use std::time::Duration;

use zoa_proto::CreateMode;
use zoa_recipes::Ask;
use zoa_recipes::Assignment;
use zoa_recipes::Error;
use zoa_recipes::FarmClient;
use zoa_recipes::FarmCounts;
use zoa_recipes::FarmLeader;
use zoa_recipes::FarmWorker;
use zoa_recipes::Keeper;
use zoa_recipes::NewTask;
use zoa_recipes::Progress;
use zoa_recipes::Saved;
use zoa_recipes::Step;

use super::Seat;
use crate::recipes::keeper::SimKeeper;

const ROOT: &str = "/recipes/farm";

/// Users 4 and 5.
const CLIENTS: usize = 2;

/// So long a farm may take to end all tasks once all is calm.
const PATIENCE: Duration = Duration::from_millis(20_000);

/// How often it is looked whether all is over.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn run(seat: &mut Seat) -> Result<(), Error> {
    match seat.user {
        0 | 1 => lead(seat).await,
        2 | 3 => work(seat).await,
        _ => submit(seat).await,
    }
}

/// Whether all clients have seen all tasks end.
fn is_over(seat: &Seat) -> bool {
    seat.is_calm() && seat.ledger(|ledger| ledger.count("over")) == CLIENTS
}

async fn lead(seat: &mut Seat) -> Result<(), Error> {
    let name = seat.name();
    let leader = FarmLeader::new(&seat.keeper, ROOT, &name);
    let mut leading = Box::pin(leader.run());
    while !is_over(seat) {
        seat.within(LOOK, leading.as_mut()).await.transpose()?;
    }
    Ok(())
}

async fn work(seat: &mut Seat) -> Result<(), Error> {
    let capacity = seat.rng.index(3) + 1;
    let mut worker = FarmWorker::register(&seat.keeper, ROOT, capacity).await?;
    while !is_over(seat) {
        let Some(assignment) = seat.within(LOOK, worker.next()).await.transpose()? else {
            continue;
        };
        seat.round();
        match seat.rng.below(20) {
            // It hangs, until the assignment is taken away.
            0 if !seat.is_calm() => drop(assignment),
            0 | 1 => seat.pause(200, 900).await,
            2..5 => {
                assignment.fail("it did not work").await?;
            }
            _ => save(seat, assignment).await?,
        }
    }
    Ok(())
}

async fn save(seat: &mut Seat, assignment: Assignment<SimKeeper>) -> Result<(), Error> {
    seat.pause(0, 120).await;
    let name = assignment.name().to_owned();
    let result = format!("{name} {} {}", assignment.attempt(), seat.user);
    match assignment.done(result.as_bytes()).await? {
        Saved::TakenAway => seat.ledger(|ledger| ledger.tally.refused += 1),
        Saved::Yes => {
            let is_first = seat.ledger(|ledger| {
                ledger.tally.results += 1;
                ledger.note("saved", &name)
            });
            if !is_first {
                seat.wrong(&format!("a second result of {name} was saved"));
            }
            seat.ledger(|ledger| ledger.note("results", &result));
        }
    }
    Ok(())
}

async fn submit(seat: &mut Seat) -> Result<(), Error> {
    let mut farm = FarmClient::new(&seat.keeper, ROOT);
    set_limit(seat).await;
    while !seat.is_calm() {
        let count = seat.rng.index(6) + 1;
        let tasks: Vec<NewTask> = (0..count).map(|_| draw_task(seat)).collect();
        let names = match farm.submit(&tasks).await {
            Err(Error::Full { .. }) => {
                seat.refused();
                seat.pause(0, 400).await;
                continue;
            }
            submitted => submitted?,
        };
        if names.len() != count {
            seat.wrong(&format!(
                "{count} tasks were submitted and {} accepted",
                names.len()
            ));
        }
        for name in &names {
            if !seat.ledger(|ledger| ledger.note("accepted", name)) {
                seat.wrong(&format!("{name} was accepted twice"));
            }
        }
        let first = names.first().cloned().unwrap_or_default();
        if seat.rng.percent(10) && farm.cancel(&first).await? {
            seat.ledger(|ledger| ledger.note("cancelled", &first));
        } else {
            let limit = seat.millis(0, 600);
            seat.within(limit, farm.wait(&first)).await.transpose()?;
        }
        seat.pause(0, 400).await;
    }
    wait_for_all(seat, &farm).await
}

/// Few may be queued, so that clients come to the limit now and then. Another process may have set it before.
async fn set_limit(seat: &Seat) {
    let create = |path: &str, data: &[u8]| {
        seat.keeper.ask(Ask::Change(Step::Create {
            path: path.to_owned(),
            data: data.to_vec(),
            mode: CreateMode::Persistent,
        }))
    };
    // Whether these come about matters to nobody.
    drop(create("/recipes", b"").await);
    drop(create(ROOT, b"").await);
    drop(create(&format!("{ROOT}/config"), b"{\"queue_max\":12}").await);
}

fn draw_task(seat: &mut Seat) -> NewTask {
    NewTask {
        priority: u16::try_from(seat.rng.below(1_000)).unwrap_or(0),
        attempts_max: u32::try_from(seat.rng.between(1, 5)).unwrap_or(1),
        // Somebody always hangs now and then.
        time_limit_ms: seat.rng.between(150, 700),
        deadline_ms: match seat.rng.below(10) {
            0 => seat.rng.between(1, 2_000),
            _ => 0,
        },
        ..NewTask::new(b"work")
    }
}

/// When nothing is on its way any more, every accepted task has its one end.
async fn wait_for_all(seat: &Seat, farm: &FarmClient<SimKeeper>) -> Result<(), Error> {
    let until = seat.keeper.now() + seat.longer(PATIENCE);
    let accepted = loop {
        // Those that others submit from now on are theirs to wait for.
        let accepted = seat.ledger(|ledger| ledger.all("accepted"));
        let FarmCounts {
            queued,
            running,
            failed,
            ..
        } = farm.counts().await?;
        // What moves at that moment is seen nowhere: that nothing waits is not enough.
        if queued + running + failed == 0 && have_ended(farm, &accepted).await? {
            break accepted;
        }
        if seat.keeper.now() > until {
            seat.wrong(&format!(
                "{queued} queued, {running} running, {failed} failed tasks come to no end"
            ));
            break accepted;
        }
        seat.keeper.sleep(LOOK).await;
    };
    seat.ledger(|ledger| ledger.note("over", &seat.user.to_string()));
    check_results(seat, farm, accepted).await
}

async fn have_ended(
    farm: &FarmClient<SimKeeper>,
    accepted: &BTreeSet<String>,
) -> Result<bool, Error> {
    let (done, dead) = farm.ended().await?;
    let ended: BTreeSet<&String> = done.iter().chain(&dead).collect();
    Ok(accepted.iter().all(|name| ended.contains(name)))
}

async fn check_results(
    seat: &Seat,
    farm: &FarmClient<SimKeeper>,
    accepted: BTreeSet<String>,
) -> Result<(), Error> {
    let saved = seat.ledger(|ledger| ledger.all("saved"));
    let cancelled = seat.ledger(|ledger| ledger.all("cancelled"));
    seat.catch_up().await?;
    let (done, dead) = farm.ended().await?;
    for name in accepted {
        let ends = usize::from(done.contains(&name)) + usize::from(dead.contains(&name));
        if ends != 1 {
            seat.wrong(&format!("{name} was accepted and has {ends} ends"));
        }
    }
    for name in &saved {
        if !done.contains(name) {
            seat.wrong(&format!("the result of {name} was saved and is not there"));
        }
    }
    for name in cancelled {
        if !dead.contains(&name) {
            seat.wrong(&format!("{name} was cancelled and is no dead letter"));
        }
    }
    for name in done.iter().filter(|name| saved.contains(*name)) {
        if let Progress::Done(result) = farm.progress(name).await? {
            let result = String::from_utf8_lossy(&result).into_owned();
            if !seat.ledger(|ledger| ledger.has("results", &result)) {
                seat.wrong(&format!(
                    "the result of {name} is another than was saved: {result}"
                ));
            }
        }
    }
    seat.ledger(|ledger| ledger.tally.dead_letters = dead.len() as u64);
    Ok(())
}
