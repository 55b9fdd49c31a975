//! read, write, mixed, create-delete and multi: streams of requests on many connections.
//!
//! One session a connection, `depth` requests in flight on each, or a fixed rate over all.

use std::time::Duration;

use anyhow::Result;

use crate::bench::args::LoadArgs;
use crate::bench::args::MixedArgs;
use crate::bench::closed_loop::Offered;
use crate::bench::closed_loop::Operations;
use crate::bench::grounds::Grounds;
use crate::bench::grounds::value;
use crate::bench::measure::Window;
use crate::bench::measure::to_f64;
use crate::bench::operations::CreatesAndDeletes;
use crate::bench::operations::Dice;
use crate::bench::operations::Multis;
use crate::bench::operations::ReadsAndWrites;
use crate::bench::report::Report;
use crate::bench::session::multi_ops;
use crate::bench::swarm::Swarm;

/// How long saying goodbye may take.
pub(crate) const GOODBYE: Duration = Duration::from_secs(10);

/// getData of random keys.
pub(crate) fn read(args: &LoadArgs) -> Result<Report> {
    reads_and_writes("read", args, 100)
}

/// setData on random keys.
pub(crate) fn write(args: &LoadArgs) -> Result<Report> {
    reads_and_writes("write", args, 0)
}

/// Both, in the given mixture.
pub(crate) fn mixed(args: &MixedArgs) -> Result<Report> {
    let mut report = reads_and_writes("mixed", &args.load, args.reads)?;
    report.parameter("reads_percent", args.reads);
    Ok(report)
}

fn reads_and_writes(workload: &'static str, args: &LoadArgs, reads: u8) -> Result<Report> {
    Grounds::with(&args.target, |grounds| {
        let keys = grounds.keys(args.keys, args.value_bytes)?;
        let value = value(args.value_bytes);
        let operations = ReadsAndWrites {
            keys,
            value,
            reads,
            dice: Dice::new(),
        };
        run(
            workload,
            args,
            grounds,
            (operations, ReadsAndWrites::CLASSES),
        )
    })
}

/// create and delete in turn, each connection on znodes of its own.
pub(crate) fn create_delete(args: &LoadArgs) -> Result<Report> {
    Grounds::with(&args.target, |grounds| {
        let operations =
            CreatesAndDeletes::new(grounds.root(), value(args.value_bytes), args.connections);
        run(
            "create-delete",
            args,
            grounds,
            (operations, CreatesAndDeletes::CLASSES),
        )
    })
}

/// Multis of 100 setData; each operation inside counts as one.
pub(crate) fn multi(args: &LoadArgs) -> Result<Report> {
    Grounds::with(&args.target, |grounds| {
        let keys = grounds.keys(args.keys, args.value_bytes)?;
        let ops = multi_ops(args.value_bytes);
        let value = value(args.value_bytes);
        let operations = Multis {
            keys,
            value,
            ops,
            dice: Dice::new(),
            scratch: Vec::new(),
        };
        let mut report = Report::new("multi");
        parameters(&mut report, args);
        report.parameter("ops_per_multi", ops);
        let window = offer(args, grounds, (operations, Multis::CLASSES))?;
        report.extend(window.figures(to_f64(u64::try_from(ops)?)));
        Ok(report)
    })
}

/// Runs these operations on grounds that are prepared, and reports what they cost.
pub(crate) fn run(
    workload: &'static str,
    args: &LoadArgs,
    grounds: &Grounds,
    operations: (impl Operations, &'static [&'static str]),
) -> Result<Report> {
    let mut report = Report::new(workload);
    parameters(&mut report, args);
    let window = offer(args, grounds, operations)?;
    report.extend(window.figures(1.0));
    Ok(report)
}

fn offer<'g>(
    args: &LoadArgs,
    grounds: &'g Grounds,
    (operations, classes): (impl Operations, &'static [&'static str]),
) -> Result<Window<'g>> {
    let window = Window::new(grounds.processes(), args.timing.span(&args.target), classes);
    let mut swarm = Swarm::connect(
        grounds.addresses(),
        args.connections,
        args.target.session_timeout_ms,
    )?;
    let mut load = Offered::new(operations, window, args.offer());
    swarm.run(&mut load)?;
    swarm.close(GOODBYE)?;
    Ok(load.window)
}

fn parameters(report: &mut Report, args: &LoadArgs) {
    report.parameter("server", args.target.server.clone());
    report.parameter("connections", args.connections);
    report.parameter("depth", args.depth);
    report.parameter("value_bytes", args.value_bytes);
    report.parameter("keys", args.keys);
    report.parameter("seconds", args.timing.seconds);
    if let Some(rate) = args.rate {
        report.parameter("rate", rate);
    }
}
