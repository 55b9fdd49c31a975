//! fill: a directory of many znodes, created through multis: how fast, and what a znode costs in
//! memory.
//!
//! Memory is the growth of the server's resident memory, so it holds what a garbage-collected heap
//! has not given back.

use std::time::Duration;

use anyhow::Result;
use anyhow::bail;

use crate::bench::args::FillArgs;
use crate::bench::clock;
use crate::bench::closed_loop::Offer;
use crate::bench::closed_loop::Offered;
use crate::bench::grounds::Grounds;
use crate::bench::grounds::Layout;
use crate::bench::grounds::value;
use crate::bench::line::Class;
use crate::bench::measure::Sample;
use crate::bench::measure::Span;
use crate::bench::measure::Window;
use crate::bench::measure::rate;
use crate::bench::measure::to_f64;
use crate::bench::operations::Fill;
use crate::bench::process::Processes;
use crate::bench::report::Report;
use crate::bench::report::Unit;
use crate::bench::session::multi_ops;
use crate::bench::swarm::Swarm;
use crate::bench::workload::stream::GOODBYE;

/// A fill that takes longer than this has failed.
const FILL_MAX: Duration = Duration::from_secs(3600);

/// Fills a directory and reports rate, CPU and memory a znode.
pub(crate) fn fill(args: &FillArgs) -> Result<Report> {
    Grounds::with(&args.target, |grounds| fill_on(grounds, args))
}

/// The same in a directory that stays.
pub(crate) fn fill_on(grounds: &Grounds, args: &FillArgs) -> Result<Report> {
    fill_layout(
        grounds,
        args,
        Layout::OneDirectory(grounds.root().to_owned()),
    )
}

/// The same, wherever the znodes are to stand.
pub(crate) fn fill_layout(grounds: &Grounds, args: &FillArgs, layout: Layout) -> Result<Report> {
    let mut session = grounds.session()?;
    session.create_all(&layout.directories(args.nodes), b"")?;
    session.close();
    let before = Sample::take(grounds.processes(), clock::now())?;
    let window = fill_directory(grounds, args, layout)?;
    let nodes = to_f64(u64::try_from(args.nodes)?);
    let mut report = Report::new("fill");
    report.parameter("server", args.target.server.clone());
    report.parameter("nodes", args.nodes);
    report.parameter("value_bytes", args.value_bytes);
    report.parameter("connections", args.connections);
    report.parameter("depth", args.depth);
    report.parameter("ops_per_multi", multi_ops(args.value_bytes));
    let cost = window.cost();
    report.extend([rate("nodes", nodes, cost.elapsed)]);
    report.extend(cost.figures(nodes));
    if let Some(latencies) = window.latencies(Class(0)) {
        report.extend(latencies.figures("multi_"));
    }
    if let (Some(before), Some(after)) = (before.server_rss_bytes(), window.server_rss_bytes()) {
        report.figure(
            "memory_per_node",
            Unit::Bytes,
            to_f64(after.saturating_sub(before)) / nodes,
        );
        report.figure("server_rss_before", Unit::Bytes, to_f64(before));
        report.figure("server_rss", Unit::Bytes, to_f64(after));
    }
    Ok(report)
}

/// Fills the grounds without measuring the server, as other workloads need it.
pub(crate) fn prepare(grounds: &Grounds, nodes: usize, value_bytes: usize) -> Result<()> {
    let nobody = Processes::default();
    fill_window(
        grounds,
        &nobody,
        &Filling {
            nodes,
            value_bytes,
            connections: 8,
            depth: 2,
            layout: Layout::OneDirectory(grounds.root().to_owned()),
        },
    )?;
    Ok(())
}

fn fill_directory<'g>(grounds: &'g Grounds, args: &FillArgs, layout: Layout) -> Result<Window<'g>> {
    let FillArgs {
        nodes,
        value_bytes,
        connections,
        depth,
        ..
    } = *args;
    fill_window(
        grounds,
        grounds.processes(),
        &Filling {
            nodes,
            value_bytes,
            connections,
            depth,
            layout,
        },
    )
}

struct Filling {
    layout: Layout,
    nodes: usize,
    value_bytes: usize,
    connections: usize,
    depth: usize,
}

fn fill_window<'p>(
    grounds: &Grounds,
    server: &'p Processes,
    filling: &Filling,
) -> Result<Window<'p>> {
    let layout = filling.layout.clone();
    let operations = Fill::new(layout, value(filling.value_bytes), filling.nodes);
    let window = Window::new(
        server,
        Span {
            warmup: Duration::ZERO,
            measured: FILL_MAX,
        },
        Fill::CLASSES,
    );
    let mut load = Offered::new(operations, window, Offer::Depth(filling.depth));
    let mut swarm = Swarm::connect(grounds.addresses(), filling.connections, 30_000)?;
    swarm.run(&mut load)?;
    swarm.close(GOODBYE)?;
    let multis = filling.nodes.div_ceil(multi_ops(filling.value_bytes));
    if load.window.answered(Class(0)) != u64::try_from(multis)? {
        bail!("the directory was not filled within {FILL_MAX:?}");
    }
    Ok(load.window)
}
