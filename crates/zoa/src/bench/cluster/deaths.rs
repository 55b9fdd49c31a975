//! kill-leader and handover: the leader dies, again and again, under writers that wait for nothing else; how long nobody's write is
//! acknowledged.
//!
//! Both contenders in turn, a few deaths at a time.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use anyhow::ensure;

use crate::bench::clock;
use crate::bench::cluster::arena::Arena;
use crate::bench::cluster::arena::progress;
use crate::bench::cluster::ensemble::Death;
use crate::bench::cluster::ensemble::Ensemble;
use crate::bench::cluster::table::Findings;
use crate::bench::cluster::table::Target;
use crate::bench::cluster::table::millis;
use crate::bench::cluster::table::quantile;
use crate::bench::cluster::writers;
use crate::bench::compare::Named;
use crate::bench::compare::Side;
use crate::bench::report::Report;
use crate::bench::report::Unit;

/// Sessions that write, each one write at a time: three at each server.
const WRITERS: usize = 9;
/// Acknowledged writes before a death, and after it.
const WRITES_BETWEEN: usize = 200;
/// How long the servers rest between the return of one and the death of the next.
const SETTLE: Duration = Duration::from_millis(500);
/// How long nobody's write may be acknowledged, at the very most.
const PATIENCE: Duration = Duration::from_secs(60);
/// Deaths of one ensemble before it is the other's turn.
const DEATHS_AT_ONCE: usize = 10;

/// What is done to leaders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deaths {
    pub(crate) part: &'static str,
    pub(crate) death: Death,
    /// How many of the left one.
    pub(crate) left: usize,
    /// How many of the right one.
    pub(crate) right: usize,
    /// What the left one's median may be, at most.
    pub(crate) target_ms: f64,
}

/// Lets the leaders of both die, turn by turn.
pub(crate) fn run(arena: &Arena, deaths: &Deaths, findings: &mut Findings) -> Result<()> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let rounds = deaths.left.max(deaths.right).div_ceil(DEATHS_AT_ONCE);
    for _ in 0..rounds {
        for (side, named) in arena.both() {
            let (gaps, wanted) = match side {
                Side::Left => (&mut left, deaths.left),
                Side::Right | Side::Floor => (&mut right, deaths.right),
            };
            let count = (wanted - gaps.len()).min(DEATHS_AT_ONCE);
            if 0 < count {
                let mut ensemble = arena.ensemble(named)?;
                gaps.extend(let_die(&mut ensemble, named, (deaths, count))?);
            }
        }
    }
    for (side, gaps) in [(Side::Left, left), (Side::Right, right)] {
        if !gaps.is_empty() {
            put(findings, (side, deaths), &gaps);
        }
    }
    Ok(())
}

fn put(findings: &mut Findings, (side, deaths): (Side, &Deaths), gaps: &[f64]) {
    let mut put = |figure, target, value| {
        findings.put((side, deaths.part), (figure, Unit::Millis), target, value);
    };
    let median = quantile(gaps, 0.5);
    put(
        "no write acknowledged, median",
        Target::AtMost(deaths.target_ms),
        median,
    );
    put("the same, p99", Target::None, quantile(gaps, 0.99));
    put("the same, longest", Target::None, quantile(gaps, 1.0));
    let count = (("times", Unit::Count), Target::None);
    findings.put((side, deaths.part), count.0, count.1, gaps.len() as f64);
}

/// The longest times without an acknowledged write, one for each death, milliseconds.
fn let_die(
    ensemble: &mut Ensemble,
    named: &Named,
    (deaths, count): (&Deaths, usize),
) -> Result<Vec<f64>> {
    let writers = writers::start(&ensemble.addresses(), WRITERS, None)?;
    let mut gaps = Vec::new();
    for _ in 0..count {
        clock::pause(SETTLE);
        writers.ledger().await_writes(WRITES_BETWEEN, PATIENCE)?;
        let leader = ensemble.leader()?;
        let from = ensemble.end(leader, deaths.death)?;
        ensemble.leader()?;
        writers.ledger().await_write_of(clock::now(), PATIENCE)?;
        writers.ledger().await_writes(WRITES_BETWEEN, PATIENCE)?;
        gaps.push(millis(writers.ledger().longest_gap(from, clock::now())));
        ensemble.start(leader)?;
        ensemble.await_serving()?;
    }
    let expired = writers.ledger().with(|account| account.expired);
    writers.stop()?;
    ensure!(expired == 0, "{expired} sessions were lost");
    let shown: Vec<_> = gaps.iter().map(|gap| format!("{gap:.0}")).collect();
    progress(deaths.part, named, &format!("{} ms", shown.join(" ")));
    Ok(gaps)
}

/// Options of `zoa bench failover`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FailoverArgs {
    /// Command that starts one of the three servers in the foreground; {cfg} is a zoo.cfg written
    /// for it
    #[arg(long, value_name = "COMMAND")]
    start: String,
    /// How many leaders die
    #[arg(long, default_value_t = 10)]
    kills: usize,
    /// Stop them with SIGTERM instead of SIGKILL
    #[arg(long)]
    graceful: bool,
    /// Directory for the servers' data; removed before and after, with all that is in it
    #[arg(long, default_value = "zoa-bench-failover")]
    dir: PathBuf,
    /// Print one JSON line instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Lets the leaders of one ensemble die and reports how long nobody could write.
pub(crate) fn failover(args: &FailoverArgs) -> Result<Report> {
    let dir = std::path::absolute(&args.dir)?;
    let named = Named {
        name: "servers".to_owned(),
        command: args.start.clone(),
    };
    let death = if args.graceful {
        Death::Asked
    } else {
        Death::Killed
    };
    let deaths = Deaths {
        part: "failover",
        death,
        left: args.kills,
        right: 0,
        target_ms: 0.0,
    };
    let arena = Arena {
        left: named.clone(),
        right: None,
        dir: dir.clone(),
    };
    let gaps = arena
        .ensemble(&named)
        .and_then(|mut ensemble| let_die(&mut ensemble, &named, (&deaths, args.kills)));
    std::fs::remove_dir_all(&dir)?;
    let gaps = gaps?;
    let mut report = Report::new("failover");
    report.parameter("start", args.start.clone());
    report.parameter("kills", args.kills);
    report.parameter(
        "ended_by",
        if args.graceful { "SIGTERM" } else { "SIGKILL" },
    );
    for (figure, share) in [("gap_p50", 0.5), ("gap_p99", 0.99), ("gap_max", 1.0)] {
        report.figure(figure, Unit::Millis, quantile(&gaps, share));
    }
    Ok(report)
}
