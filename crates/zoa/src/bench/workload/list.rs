//! list: writers beside a client that lists a very large directory again and again.
//!
//! What counts is how much longer writes take with the listing than without: a long read must not
//! hold them up.

use anyhow::Result;

use crate::bench::args::ListArgs;
use crate::bench::closed_loop::Offer;
use crate::bench::closed_loop::Offered;
use crate::bench::grounds::Grounds;
use crate::bench::grounds::value;
use crate::bench::latency::Latencies;
use crate::bench::line::Class;
use crate::bench::measure::Window;
use crate::bench::measure::rate;
use crate::bench::measure::to_f64;
use crate::bench::operations::Dice;
use crate::bench::operations::WritesBesideLists;
use crate::bench::report::Report;
use crate::bench::report::Unit;
use crate::bench::swarm::Swarm;
use crate::bench::workload::fill::prepare;
use crate::bench::workload::stream::GOODBYE;

const WRITE: Class = Class(0);
const LIST: Class = Class(1);
/// Znodes that are written; they are the first of the large directory.
const KEYS: usize = 1000;

/// Runs the writers alone, then beside the listing.
pub(crate) fn list(args: &ListArgs) -> Result<Report> {
    Grounds::with(&args.target, |grounds| {
        prepare(grounds, args.nodes, 0)?;
        list_on(grounds, args)
    })
}

/// The same with a directory that is filled already.
pub(crate) fn list_on(grounds: &Grounds, args: &ListArgs) -> Result<Report> {
    let mut swarm = Swarm::connect(
        grounds.addresses(),
        args.writers + 1,
        args.target.session_timeout_ms,
    )?;
    let alone = measure(args, grounds, (&mut swarm, false))?;
    let beside = measure(args, grounds, (&mut swarm, true))?;
    swarm.close(GOODBYE)?;
    Ok(report(args, &alone, &beside))
}

fn measure<'g>(
    args: &ListArgs,
    grounds: &'g Grounds,
    (swarm, listing): (&mut Swarm, bool),
) -> Result<Window<'g>> {
    let operations = WritesBesideLists {
        keys: (0..KEYS.min(args.nodes))
            .map(|number| crate::bench::grounds::key(grounds.root(), number))
            .collect(),
        value: value(args.value_bytes),
        dice: Dice::new(),
        directory: grounds.root().to_owned(),
        writers: args.writers,
        listing,
    };
    let span = args.timing.span(&args.target);
    let window = Window::new(grounds.processes(), span, WritesBesideLists::CLASSES);
    let mut load = Offered::new(operations, window, Offer::Depth(1));
    swarm.run(&mut load)?;
    Ok(load.window)
}

fn report(args: &ListArgs, alone: &Window<'_>, beside: &Window<'_>) -> Report {
    let mut report = Report::new("list");
    report.parameter("server", args.target.server.clone());
    report.parameter("nodes", args.nodes);
    report.parameter("writers", args.writers);
    report.parameter("value_bytes", args.value_bytes);
    report.parameter("seconds", args.timing.seconds);
    let p99 = |window: &Window<'_>| window.latencies(WRITE).map_or(0.0, tail);
    let (without, with) = (p99(alone), p99(beside));
    report.figure("write_p99_without", Unit::Micros, without);
    report.figure("write_p99_with", Unit::Micros, with);
    if 0.0 < without {
        report.figure("write_p99_with_to_without", Unit::Ratio, with / without);
    }
    for (name, window) in [("without", alone), ("with", beside)] {
        let elapsed = window.cost().elapsed;
        report.extend([rate(
            &format!("writes_{name}"),
            to_f64(window.answered(WRITE)),
            elapsed,
        )]);
    }
    report.extend([rate(
        "lists",
        to_f64(beside.answered(LIST)),
        beside.cost().elapsed,
    )]);
    if let Some(latencies) = beside.latencies(LIST) {
        report.extend(latencies.figures("list_"));
    }
    report
}

fn tail(latencies: &Latencies) -> f64 {
    latencies.quantile(0.99).as_secs_f64() * 1e6
}
