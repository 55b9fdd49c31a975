//! restart: how long a server takes from its start to the first answered read, empty and with many
//! znodes.
//!
//! The first read of a new client is what counts: connect, a session granted, one getData answered.

use std::path::PathBuf;

use anyhow::Result;

use crate::bench::args::Target;
use crate::bench::grounds::Grounds;
use crate::bench::grounds::key;
use crate::bench::ports::free_port;
use crate::bench::report::Report;
use crate::bench::report::Unit;
use crate::bench::server_process::ServerCommand;
use crate::bench::workload::fill::prepare;

/// Options of `zoa bench restart`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RestartArgs {
    /// Command that starts the server in the foreground, with the placeholders {port}, {dir} and
    /// {cfg}
    #[arg(long, value_name = "COMMAND")]
    pub(crate) start: String,
    /// Directory for the server's data; removed before and after, with all that is in it
    #[arg(long, default_value = "zoa-bench-restart")]
    pub(crate) dir: PathBuf,
    /// Port for {port} and {cfg}; a free one unless given
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Znodes that the server holds when it is started again
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) nodes: usize,
    /// Length of each value, in bytes
    #[arg(long, default_value_t = 100)]
    pub(crate) value_bytes: usize,
    /// Stop the server with SIGTERM instead of SIGKILL
    #[arg(long)]
    pub(crate) graceful: bool,
    /// Print one JSON line instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Starts the server, fills it, ends it and starts it again.
pub(crate) fn restart(args: &RestartArgs) -> Result<Report> {
    let dir = std::path::absolute(&args.dir)?;
    let port = args.port.map_or_else(free_port, Ok)?;
    let command = ServerCommand::new(&args.start, port, &dir);
    command.wipe()?;
    let outcome = run(args, &command);
    command.wipe()?;
    outcome
}

fn run(args: &RestartArgs, command: &ServerCommand) -> Result<Report> {
    let server = command.start("/")?;
    let empty = server.start();
    let target = Target {
        server: command.address().to_string(),
        pids: vec![server.pid()],
        session_timeout_ms: 30_000,
        keep: true,
        json: args.json,
    };
    let path = Grounds::with(&target, |grounds| {
        prepare(grounds, args.nodes, args.value_bytes)?;
        Ok(key(grounds.root(), args.nodes.saturating_sub(1)))
    })?;
    if args.graceful {
        server.stop()?;
    } else {
        server.kill()?;
    }
    let again = command.start(&path)?;
    let loaded = again.start();
    again.stop()?;

    let mut report = Report::new("restart");
    report.parameter("start", command.line());
    report.parameter("nodes", args.nodes);
    report.parameter("value_bytes", args.value_bytes);
    report.parameter(
        "ended_by",
        if args.graceful { "SIGTERM" } else { "SIGKILL" },
    );
    report.figure("start_empty", Unit::Millis, empty.as_secs_f64() * 1e3);
    report.figure("restart", Unit::Millis, loaded.as_secs_f64() * 1e3);
    Ok(report)
}
