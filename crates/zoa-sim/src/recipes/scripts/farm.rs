//! A farm: clients, leaders and workers, each dying at any time. Every accepted task ends once.
//!
//! Users 0 and 1 lead, 4 and above submit, the others work. Clients cancel tasks, try dead letters again and delete what has ended;
//! workers leave, hang and come back with late results, and drop what they have. In some runs the leader cleans up.

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
use zoa_recipes::Known;
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

/// So often nothing is to be seen on its way until nothing is: what moves at that moment is seen nowhere.
const STILL_LOOKS: u32 = 5;

/// How much of what has ended is kept in a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    All,
    /// So many results.
    Results(usize),
    /// What is younger than two seconds.
    Young,
}

impl Kept {
    /// That of this run, drawn by whoever comes first.
    fn of(seat: &mut Seat) -> Self {
        let drawn = seat.rng.between(1, 10);
        let drawn = i64::try_from(drawn).unwrap_or(1);
        let way = seat.ledger(|ledger| {
            let way = ledger.sum("way of keeping");
            if *way == 0 {
                *way = drawn;
            }
            *way
        });
        match way {
            1 => Self::Young,
            2 | 3 => Self::Results(10),
            _ => Self::All,
        }
    }

    /// As people set it. Few may be queued, so that clients come to the limit now and then.
    const fn config(self) -> &'static [u8] {
        match self {
            Self::All => b"{\"queue_max\":12}",
            Self::Results(_) => b"{\"queue_max\":12,\"results_max\":10}",
            Self::Young => b"{\"queue_max\":12,\"keep_ms\":2000}",
        }
    }

    /// Whether what lies there of so many tasks was cleaned up, as far as it has to be by now.
    const fn is_tidy(self, counts: FarmCounts) -> bool {
        match self {
            // Where a clock went back, what is there is young for longer than a run.
            Self::All | Self::Young => true,
            Self::Results(max) => counts.done <= max + max / 10,
        }
    }
}

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
    let mut hanging: Vec<Assignment<SimKeeper>> = Vec::new();
    while !is_over(seat) {
        if seat.rng.percent(2) {
            worker.leave().await?;
            worker = FarmWorker::register(&seat.keeper, ROOT, capacity).await?;
        }
        let Some(assignment) = seat.within(LOOK, worker.next()).await.transpose()? else {
            continue;
        };
        begin(seat, &assignment);
        match seat.rng.below(20) {
            // It hangs, and comes to itself much later or never.
            0 | 1 if !seat.is_calm() => hanging.push(assignment),
            0 => drop(assignment),
            1 => outlast(seat, assignment).await?,
            2..5 => {
                assignment.fail("it did not work").await?;
            }
            5 if !hanging.is_empty() => {
                let late = hanging.remove(0);
                save(seat, late).await?;
                save(seat, assignment).await?;
            }
            _ => save(seat, assignment).await?,
        }
    }
    Ok(())
}

/// An attempt was handed out: as no other was before.
fn begin(seat: &Seat, assignment: &Assignment<SimKeeper>) {
    seat.round();
    let (name, attempt) = (assignment.name(), assignment.attempt());
    let is_first = seat.ledger(|ledger| {
        let highest = ledger.sum(&format!("highest attempt of {name}"));
        *highest = (*highest).max(i64::try_from(attempt).unwrap_or(i64::MAX));
        ledger.note("begun", &format!("{name}.{attempt}"))
    });
    if !is_first {
        seat.wrong(&format!("{name}.{attempt} was handed out twice"));
    }
}

/// Works until the assignment is taken away, or for a while; what was taken away has no result.
async fn outlast(seat: &mut Seat, assignment: Assignment<SimKeeper>) -> Result<(), Error> {
    let limit = seat.millis(200, 900);
    let taken = seat.within(limit, assignment.taken_away()).await;
    if taken.transpose()?.is_none() {
        return save(seat, assignment).await;
    }
    let name = assignment.name().to_owned();
    if assignment.done(b"too late").await? == Saved::Yes {
        seat.wrong(&format!("{name} was taken away, and its result saved"));
    }
    Ok(())
}

async fn save(seat: &mut Seat, assignment: Assignment<SimKeeper>) -> Result<(), Error> {
    seat.pause(0, 120).await;
    let (name, attempt) = (assignment.name().to_owned(), assignment.attempt());
    let result = format!("{name} {attempt} {}", seat.user);
    match assignment.done(result.as_bytes()).await? {
        Saved::TakenAway => seat.ledger(|ledger| ledger.tally.refused += 1),
        Saved::Yes => {
            let (is_first, highest) = seat.ledger(|ledger| {
                ledger.tally.results += 1;
                let highest = *ledger.sum(&format!("highest attempt of {name}"));
                (ledger.note("saved", &name), highest)
            });
            if !is_first {
                seat.wrong(&format!("a second result of {name} was saved"));
            }
            if i64::try_from(attempt).is_ok_and(|attempt| attempt < highest) {
                seat.wrong(&format!(
                    "the result of {name}.{attempt} was saved when attempt {highest} had begun"
                ));
            }
            seat.ledger(|ledger| ledger.note("results", &result));
        }
    }
    Ok(())
}

async fn submit(seat: &mut Seat) -> Result<(), Error> {
    let mut farm = FarmClient::new(&seat.keeper, ROOT);
    let kept = Kept::of(seat);
    configure(seat, kept).await?;
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
        // The others had ended and were deleted before their names were heard.
        for name in names.iter().filter(|name| !name.ends_with('-')) {
            if !seat.ledger(|ledger| ledger.note("accepted", name)) {
                seat.wrong(&format!("{name} was accepted twice"));
            }
        }
        let first = names.first().cloned().unwrap_or_default();
        go_on_with(seat, &mut farm, &first).await?;
        seat.pause(0, 400).await;
    }
    wait_for_all(seat, (&farm, kept)).await?;
    // The other one may have begun something that brings tasks back.
    seat.ledger(|ledger| ledger.note("settled", &seat.user.to_string()));
    while seat.ledger(|ledger| ledger.count("settled")) < CLIENTS {
        seat.keeper.sleep(LOOK).await;
    }
    wait_for_all(seat, (&farm, kept)).await?;
    seat.ledger(|ledger| ledger.note("over", &seat.user.to_string()));
    check_results(seat, (&farm, kept)).await
}

/// What a client does with a task that it has submitted, and with others.
async fn go_on_with(
    seat: &mut Seat,
    farm: &mut FarmClient<SimKeeper>,
    task: &str,
) -> Result<(), Error> {
    match seat.rng.below(20) {
        0..3 => {
            // Some run by then.
            seat.pause(0, 200).await;
            if farm.cancel(task).await? {
                seat.ledger(|ledger| ledger.note("cancelled", task));
            }
            if seat.rng.percent(50) {
                seat.pause(0, 60).await;
                revive(seat, farm, task).await?;
            }
        }
        3 => {
            let (_, dead) = farm.ended().await?;
            if let Some(task) = pick(seat, dead) {
                revive(seat, farm, &task).await?;
            }
        }
        4 => {
            let (mut ended, dead) = farm.ended().await?;
            ended.extend(dead);
            if let Some(task) = pick(seat, ended) {
                // Whether it hears of it or not.
                seat.ledger(|ledger| ledger.note("forgotten", &task));
                farm.forget(&task).await?;
            }
        }
        _ => {
            let limit = seat.millis(0, 600);
            seat.within(limit, farm.wait(task)).await.transpose()?;
        }
    }
    Ok(())
}

fn pick(seat: &mut Seat, mut tasks: Vec<String>) -> Option<String> {
    tasks.sort_unstable();
    seat.rng.pick(&tasks).cloned()
}

async fn revive(seat: &Seat, farm: &mut FarmClient<SimKeeper>, task: &str) -> Result<(), Error> {
    // Whether it hears of it or not.
    seat.ledger(|ledger| ledger.note("revived", task));
    if farm.revive(task).await? {
        seat.ledger(|ledger| ledger.tally.revived += 1);
    }
    Ok(())
}

/// Another process may have done it before.
async fn configure(seat: &Seat, kept: Kept) -> Result<(), Error> {
    let config = format!("{ROOT}/config");
    for (path, data) in [
        ("/recipes", b"".as_slice()),
        (ROOT, b""),
        (&config, kept.config()),
    ] {
        let create = Ask::Change(Step::Create {
            path: path.to_owned(),
            data: data.to_vec(),
            mode: CreateMode::Persistent,
        });
        while let Err(failure) = seat.keeper.ask(create.clone()).await {
            match failure.known {
                // It is there.
                Known::Refused => break,
                Known::Ended => return Err(Error::SessionEnded),
                Known::NotApplied | Known::Unknown | Known::Rejected => {
                    seat.keeper.sleep(LOOK).await;
                }
            }
        }
    }
    Ok(())
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

/// Until nothing is on its way any more, and all is cleaned up that is to be.
async fn wait_for_all(
    seat: &Seat,
    (farm, kept): (&FarmClient<SimKeeper>, Kept),
) -> Result<(), Error> {
    let until = seat.keeper.now() + seat.longer(PATIENCE);
    let mut still = 0;
    while still < STILL_LOOKS {
        // Those that others submit from now on are theirs to wait for.
        let accepted = seat.ledger(|ledger| ledger.all("accepted"));
        let counts = farm.counts().await?;
        let FarmCounts {
            queued,
            running,
            failed,
            ..
        } = counts;
        let is_still = queued + running + failed == 0
            && kept.is_tidy(counts)
            && have_ended(seat, (farm, kept), &accepted).await?;
        still = if is_still { still + 1 } else { 0 };
        if seat.keeper.now() > until {
            seat.wrong(&format!("it comes to no end: {counts:?}"));
            break;
        }
        seat.keeper.sleep(LOOK).await;
    }
    Ok(())
}

async fn have_ended(
    seat: &Seat,
    (farm, kept): (&FarmClient<SimKeeper>, Kept),
    accepted: &BTreeSet<String>,
) -> Result<bool, Error> {
    if kept != Kept::All {
        return Ok(true);
    }
    let (done, dead) = farm.ended().await?;
    let forgotten = seat.ledger(|ledger| ledger.all("forgotten"));
    let ended: BTreeSet<&String> = done.iter().chain(&dead).chain(&forgotten).collect();
    Ok(accepted.iter().all(|name| ended.contains(name)))
}

/// Every accepted task has its one end, unless somebody has deleted it.
async fn check_results(
    seat: &Seat,
    (farm, kept): (&FarmClient<SimKeeper>, Kept),
) -> Result<(), Error> {
    let [accepted, saved, cancelled, revived, forgotten] =
        ["accepted", "saved", "cancelled", "revived", "forgotten"]
            .map(|set| seat.ledger(|ledger| ledger.all(set)));
    seat.catch_up().await?;
    let (done, dead) = farm.ended().await?;
    let may_be_gone = |name: &String| kept != Kept::All || forgotten.contains(name);
    for name in accepted {
        let ends = usize::from(done.contains(&name)) + usize::from(dead.contains(&name));
        if ends > 1 || (ends == 0 && !may_be_gone(&name)) {
            seat.wrong(&format!("{name} was accepted and has {ends} ends"));
        }
    }
    for name in &saved {
        if !done.contains(name) && !may_be_gone(name) {
            seat.wrong(&format!("the result of {name} was saved and is not there"));
        }
    }
    if let Kept::Results(max) = kept
        && done.len() + forgotten.len() < max.min(saved.len())
    {
        let (done, saved) = (done.len(), saved.len());
        seat.wrong(&format!(
            "of {saved} results {done} were kept, and not {max}"
        ));
    }
    for name in cancelled {
        let may_be_gone = forgotten.contains(&name) || kept == Kept::Young;
        if !dead.contains(&name) && !revived.contains(&name) && !may_be_gone {
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
