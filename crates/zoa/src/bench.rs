//! `zoa bench`: measures any server that speaks ZooKeeper's client protocol.
//!
//! It knows nothing of this project's server but what a client can see, and the operating system's
//! figures of its process. How to measure, and what came of it, stands in docs/performance.md.
//!
//! ```text
//! args -> workload -> swarm (one thread, many connections) -> server
//!                  -> measure (latencies, CPU of both sides) -> report (JSON line or table)
//! ```

mod args;
mod clock;
mod closed_loop;
mod cluster;
mod compare;
mod floor;
mod grounds;
mod growth;
mod latency;
mod line;
mod measure;
mod open_files;
mod operations;
mod ports;
mod process;
mod report;
mod server_process;
mod session;
mod swarm;
mod sync;
#[cfg(test)]
mod tests;
mod workload;

use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;

use crate::bench::args::FillArgs;
use crate::bench::args::ListArgs;
use crate::bench::args::LoadArgs;
use crate::bench::args::MixedArgs;
use crate::bench::args::SessionsArgs;
use crate::bench::args::WatchArgs;
use crate::bench::cluster::ClusterArgs;
use crate::bench::cluster::FailoverArgs;
use crate::bench::compare::CompareArgs;
use crate::bench::floor::FloorArgs;
use crate::bench::growth::GrowthArgs;
use crate::bench::report::Report;
use crate::bench::sync::SyncArgs;
use crate::bench::workload::restart::RestartArgs;

/// Options of `zoa bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    workload: Workload,
}

#[derive(Debug, clap::Subcommand)]
enum Workload {
    /// Read random znodes (getData)
    Read(LoadArgs),
    /// Write random znodes (setData)
    Write(LoadArgs),
    /// Create a znode and delete it again, on each connection
    CreateDelete(LoadArgs),
    /// Reads and writes together
    Mixed(MixedArgs),
    /// Write in multis of 100
    Multi(LoadArgs),
    /// One write that many watches wait for
    Watch(WatchArgs),
    /// Sessions that do nothing: memory each, and CPU at rest
    Idle(SessionsArgs),
    /// Open sessions as fast as they are granted
    Connect(SessionsArgs),
    /// Create many znodes in one directory: rate, and memory each
    Fill(FillArgs),
    /// Start a server, fill it, end it: time until it answers again
    Restart(RestartArgs),
    /// Writers beside a client that lists a very large directory
    List(ListArgs),
    /// Kill the leaders of an ensemble of three: time without an acknowledged write
    Failover(FailoverArgs),
    /// Kill, stop, wipe and restart the servers of an ensemble of three, and measure it
    Cluster(ClusterArgs),
    /// A server that does nothing: the floor under every figure
    Floor(FloorArgs),
    /// What one durable write costs on a disk, without a server
    Sync(SyncArgs),
    /// Run two servers in turn and compare them, with the floor beside them
    Compare(CompareArgs),
    /// Show how cost grows with znodes, siblings and watchers
    Growth(GrowthArgs),
}

/// Runs one workload and prints what it found.
pub(crate) fn run(args: BenchArgs) -> Result<()> {
    let (report, json) = match &args.workload {
        Workload::Read(args) => (workload::stream::read(args)?, args.target.json),
        Workload::Write(args) => (workload::stream::write(args)?, args.target.json),
        Workload::CreateDelete(args) => (workload::stream::create_delete(args)?, args.target.json),
        Workload::Mixed(args) => (workload::stream::mixed(args)?, args.load.target.json),
        Workload::Multi(args) => (workload::stream::multi(args)?, args.target.json),
        Workload::Watch(args) => (workload::watch::watch(args)?, args.target.json),
        Workload::Idle(args) => (workload::sessions::idle(args)?, args.target.json),
        Workload::Connect(args) => (workload::sessions::connect(args)?, args.target.json),
        Workload::Fill(args) => (workload::fill::fill(args)?, args.target.json),
        Workload::Restart(args) => (workload::restart::restart(args)?, args.json),
        Workload::List(args) => (workload::list::list(args)?, args.target.json),
        Workload::Failover(args) => (cluster::failover(args)?, args.json),
        Workload::Cluster(args) => return cluster::run(args),
        Workload::Floor(args) => {
            return floor::serve(*args, |port| {
                // Without a terminal there is nobody to tell.
                let _ = print(&format!("the floor server listens on 127.0.0.1:{port}"));
            });
        }
        Workload::Sync(args) => (
            sync::measure(&args.dir, Duration::from_secs_f64(args.seconds))?,
            args.json,
        ),
        Workload::Compare(args) => return compare::compare(args),
        Workload::Growth(args) => return growth::growth(args),
    };
    show(&report, json)
}

fn show(report: &Report, json: bool) -> Result<()> {
    if json {
        print(&report.to_json().to_string())
    } else {
        print(&report.to_string())
    }
}

/// One line, or table, to standard output.
fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .context("cannot print")
}
