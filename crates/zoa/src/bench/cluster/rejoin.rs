//! rejoin: a server that has lost its disk comes back to an ensemble that holds very many znodes and is written to; the longest write
//! meanwhile, and the longest of as long a time without that.

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::ensure;

use crate::bench::args::Target as ServerTarget;
use crate::bench::clock;
use crate::bench::cluster::arena::Arena;
use crate::bench::cluster::arena::progress;
use crate::bench::cluster::drive::Drive;
use crate::bench::cluster::ensemble::Death;
use crate::bench::cluster::ensemble::Ensemble;
use crate::bench::cluster::table::Findings;
use crate::bench::cluster::table::Target;
use crate::bench::cluster::table::millis;
use crate::bench::cluster::table::quantile;
use crate::bench::cluster::writers;
use crate::bench::compare::Named;
use crate::bench::compare::Side;
use crate::bench::grounds::Grounds;
use crate::bench::report::Unit;
use crate::bench::workload::fill::prepare;

/// The name of the part.
pub(crate) const PART: &str = "rejoin";
/// How much longer the longest write may be, milliseconds.
const TARGET_MS: f64 = 100.0;
/// Sessions that write: eight at each server.
const WRITERS: usize = 24;
/// Bytes of data of each znode.
const VALUE_LEN: usize = 100;
/// The time without anything, and what is looked at behind the rejoining.
const STRETCH: Duration = Duration::from_secs(8);
const BEHIND: Duration = Duration::from_secs(3);
/// Between the death of a server and its return without its disk.
const DOWN: Duration = Duration::from_secs(2);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a server may take until it has everything.
const WHOLE_MAX: Duration = Duration::from_secs(120);

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) runs: usize,
    pub(crate) right_runs: usize,
    pub(crate) nodes: usize,
    pub(crate) per_second: f64,
}

/// What one run showed, milliseconds.
#[derive(Clone, Copy, Debug)]
struct Shown {
    quiet: f64,
    joining: f64,
    took: f64,
}

/// Runs it with each contender that is to.
pub(crate) fn run(arena: &Arena, plan: &Plan, findings: &mut Findings) -> Result<()> {
    for (side, named) in arena.both() {
        let runs = if side == Side::Left {
            plan.runs
        } else {
            plan.right_runs
        };
        if runs == 0 {
            continue;
        }
        let shown = run_one(arena, named, (plan, runs))?;
        let median = |of: fn(&Shown) -> f64| {
            let values: Vec<_> = shown.iter().map(of).collect();
            quantile(&values, 0.5)
        };
        for (figure, target, value) in [
            (
                "longest write without, median",
                Target::None,
                median(|it| it.quiet),
            ),
            (
                "more than without, median",
                Target::AtMost(TARGET_MS),
                median(|it| it.joining - it.quiet),
            ),
            (
                "until it serves again, median",
                Target::None,
                median(|it| it.took),
            ),
        ] {
            findings.put((side, PART), (figure, Unit::Millis), target, value);
        }
    }
    Ok(())
}

fn run_one(arena: &Arena, named: &Named, (plan, runs): (&Plan, usize)) -> Result<Vec<Shown>> {
    let mut ensemble = arena.ensemble(named)?;
    fill(&ensemble, plan.nodes)?;
    progress(PART, named, &format!("{} znodes", plan.nodes));
    let writers = writers::start(&ensemble.addresses(), WRITERS, Some(plan.per_second))?;
    clock::pause(STRETCH);
    let mut shown = Vec::new();
    for turn in 0..runs {
        let one = once(&mut ensemble, &writers, (turn, plan.nodes))?;
        progress(PART, named, &format!("in ms: {one:.1?}"));
        shown.push(one);
    }
    writers.stop()?;
    Ok(shown)
}

/// In one directory, through the leader.
fn fill(ensemble: &Ensemble, nodes: usize) -> Result<()> {
    let addresses = ensemble.addresses();
    let leader = addresses.get(ensemble.leader()?).map(ToString::to_string);
    let target = ServerTarget {
        server: leader.unwrap_or_default(),
        pids: Vec::new(),
        session_timeout_ms: 30_000,
        keep: true,
        json: false,
    };
    Grounds::with(&target, |grounds| prepare(grounds, nodes, VALUE_LEN))
}

fn once(ensemble: &mut Ensemble, writers: &Drive, (turn, nodes): (usize, usize)) -> Result<Shown> {
    let quiet = clock::now();
    clock::pause(STRETCH);
    let follower = ensemble.follower(turn)?;
    let death = ensemble.end(follower, Death::Killed)?;
    ensemble.wipe(follower)?;
    clock::pause(DOWN);
    let back = clock::now();
    ensemble.start(follower)?;
    await_whole(ensemble, follower, nodes)?;
    let whole = clock::now();
    clock::pause(BEHIND);
    let end = clock::now();
    writers.ledger().await_write_of(end, PATIENCE)?;
    let longest = |from: Instant, to: Instant| millis(writers.ledger().longest_write(from, to));
    Ok(Shown {
        quiet: longest(quiet, death),
        joining: longest(back, end),
        took: millis(whole.saturating_duration_since(back)),
    })
}

/// Until it serves, with all the znodes.
fn await_whole(ensemble: &mut Ensemble, server: usize, nodes: usize) -> Result<()> {
    let end = clock::now() + WHOLE_MAX;
    let nodes = u64::try_from(nodes)?;
    while ensemble
        .monitor(server, "zk_znode_count")
        .is_none_or(|count| count < nodes)
    {
        ensure!(
            clock::now() < end,
            "server {} is not whole after {WHOLE_MAX:?}",
            server + 1
        );
        clock::pause(Duration::from_millis(50));
    }
    ensemble.await_serving()
}
