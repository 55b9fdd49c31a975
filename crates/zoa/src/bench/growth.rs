//! `zoa bench growth`: how cost grows, as curves over three orders of magnitude.
//!
//! ```text
//! for each number of znodes:   [start] fill, read, write, create+delete, list [kill] [start] delete all [stop]
//!                              [start] fill many directories, read, write [stop]
//! for each number of watchers: [start] one write that all of them wait for [stop]
//! ```
//!
//! It is not a comparison: one server, one round. What counts is the shape: a cost that does not depend on a number is a level
//! curve, one that is proportional to it is level where it is divided by it.

mod curve;

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;

use crate::bench::args::FillArgs;
use crate::bench::args::ListArgs;
use crate::bench::args::LoadArgs;
use crate::bench::args::Target;
use crate::bench::args::Timing;
use crate::bench::args::WatchArgs;
use crate::bench::clock;
use crate::bench::compare::tell;
use crate::bench::grounds::Grounds;
use crate::bench::grounds::Layout;
use crate::bench::grounds::value;
use crate::bench::growth::curve::Curves;
use crate::bench::growth::curve::Of;
use crate::bench::measure::to_f64;
use crate::bench::operations::CreatesAndDeletes;
use crate::bench::operations::Dice;
use crate::bench::operations::ReadsAndWrites;
use crate::bench::ports::free_port;
use crate::bench::process::Processes;
use crate::bench::report::Report;
use crate::bench::report::Unit;
use crate::bench::server_process::ServerCommand;
use crate::bench::server_process::Started;
use crate::bench::workload::fill::fill_layout;
use crate::bench::workload::list::list_on;
use crate::bench::workload::stream;
use crate::bench::workload::watch::watch;

/// Length of each value, in bytes.
const VALUE_BYTES: usize = 100;

/// How long a server is left alone before its memory is read: what it gives back, it gives back soon.
const SETTLE: Duration = Duration::from_secs(2);

/// Options of `zoa bench growth`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GrowthArgs {
    /// Command that starts the server in the foreground, with the placeholders {port}, {dir} and
    /// {cfg}; this program unless given
    #[arg(long, value_name = "COMMAND")]
    start: Option<String>,
    /// Numbers of znodes
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,10000,100000,1000000"
    )]
    nodes: Vec<usize>,
    /// Numbers of watchers, each on a connection of its own
    #[arg(long, value_delimiter = ',', default_value = "8,80,800,8000")]
    watchers: Vec<usize>,
    /// How long each point is measured, in seconds
    #[arg(long, default_value_t = 2.0, value_parser = crate::bench::args::parse_seconds)]
    seconds: f64,
    /// Directory for the server's data; what is made there is removed
    #[arg(long, default_value = "zoa-bench-growth")]
    dir: PathBuf,
    /// File for the curves, in Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Measures all points, prints the curves and writes the file asked for.
pub(crate) fn growth(args: &GrowthArgs) -> Result<()> {
    let program = std::env::current_exe().context("cannot tell where this program stands")?;
    let ours = format!("'{}' serve {{cfg}}", program.display());
    let dir = std::path::absolute(&args.dir).context("--dir names no directory")?;
    let grower = Grower {
        command: args.start.as_ref().unwrap_or(&ours),
        dir: &dir,
        seconds: args.seconds,
    };
    let mut curves = Curves::default();
    let outcome = grower.measure(args, &mut curves);
    if dir.exists() {
        std::fs::remove_dir_all(&dir)
            .with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    outcome?;
    let text = curves.markdown();
    crate::bench::print(&text)?;
    match &args.markdown {
        Some(path) => std::fs::write(path, format!("{text}\n"))
            .with_context(|| format!("cannot write {}", path.display())),
        None => Ok(()),
    }
}

struct Grower<'a> {
    command: &'a str,
    dir: &'a Path,
    seconds: f64,
}

impl Grower<'_> {
    fn measure(&self, args: &GrowthArgs, curves: &mut Curves) -> Result<()> {
        for &nodes in &args.nodes {
            tell(&format!("{nodes} znodes in one directory"));
            self.one_directory(nodes, curves)?;
            tell(&format!("{nodes} znodes in many directories"));
            self.many_directories(nodes, curves)?;
        }
        for &watchers in &args.watchers {
            tell(&format!("{watchers} watchers"));
            self.watchers(watchers, curves)?;
        }
        Ok(())
    }

    /// An empty server of its own for each point.
    fn start(&self) -> Result<(ServerCommand, Started, Target)> {
        let command = ServerCommand::new(self.command, free_port()?, self.dir);
        command.wipe()?;
        let server = command.start("/")?;
        let target = target(&command, &server);
        Ok((command, server, target))
    }

    fn one_directory(&self, nodes: usize, curves: &mut Curves) -> Result<()> {
        let (command, server, target) = self.start()?;
        let root = Grounds::with(&target, |grounds| {
            let layout = Layout::OneDirectory(grounds.root().to_owned());
            let filled = fill_layout(grounds, &fill(&target, nodes), layout.clone())?;
            let at = Of::Znodes(nodes);
            curves.take(("memory of a znode", at), &filled, "memory_per_node_bytes");
            let created = "server_cpu_us_per_op";
            curves.take(("create through multis: CPU each", at), &filled, created);
            let at = Of::Siblings(nodes);
            self.streams(grounds, (&target, &layout, nodes), |what, report| {
                curves.take((what, at), report, created);
            })?;
            let churn = CreatesAndDeletes::new(grounds.root(), value(VALUE_BYTES), 64);
            let churned = stream::run(
                "create-delete",
                &self.load(&target),
                grounds,
                (churn, CreatesAndDeletes::CLASSES),
            )?;
            curves.take(("create and delete: CPU each", at), &churned, created);
            let listed = list_on(grounds, &self.list(&target, nodes))?;
            let what = "p99 of writes beside lists, to that without";
            curves.take(
                (what, Of::Children(nodes)),
                &listed,
                "write_p99_with_to_without_ratio",
            );
            Ok(grounds.root().to_owned())
        })?;
        server.kill()?;
        let last = Layout::OneDirectory(root.clone()).path(nodes - 1);
        let again = command.start(&last)?;
        let at = Of::Znodes(nodes);
        let started = again.start().as_secs_f64() * 1e3;
        curves.add(
            ("restart after a kill, until the first read", at),
            (Unit::Millis, started),
        );
        let full = resident(&again)?;
        delete_all(&command, &root)?;
        clock::pause(SETTLE);
        let left = resident(&again)?;
        curves.add(("memory of the server", at), (Unit::Bytes, full));
        curves.add(
            ("memory of the server once they are deleted", at),
            (Unit::Bytes, left),
        );
        again.kill()?;
        command.wipe()
    }

    fn many_directories(&self, nodes: usize, curves: &mut Curves) -> Result<()> {
        let (command, server, target) = self.start()?;
        Grounds::with(&target, |grounds| {
            let layout = Layout::ManyDirectories(grounds.root().to_owned());
            fill_layout(grounds, &fill(&target, nodes), layout.clone())?;
            let at = Of::Znodes(nodes);
            self.streams(grounds, (&target, &layout, nodes), |what, report| {
                curves.take((what, at), report, "server_cpu_us_per_op");
            })
        })?;
        server.kill()?;
        command.wipe()
    }

    /// Reads and writes of random znodes.
    fn streams(
        &self,
        grounds: &Grounds,
        (target, layout, nodes): (&Target, &Layout, usize),
        mut found: impl FnMut(&'static str, &Report),
    ) -> Result<()> {
        for (what, reads) in [("read: CPU each", 100), ("write: CPU each", 0)] {
            let operations = ReadsAndWrites {
                keys: (0..nodes).map(|number| layout.path(number)).collect(),
                value: value(VALUE_BYTES),
                reads,
                dice: Dice::new(),
            };
            let load = self.load(target);
            let report = stream::run(
                "stream",
                &load,
                grounds,
                (operations, ReadsAndWrites::CLASSES),
            )?;
            found(what, &report);
        }
        Ok(())
    }

    fn watchers(&self, watchers: usize, curves: &mut Curves) -> Result<()> {
        let (command, server, target) = self.start()?;
        let report = watch(&WatchArgs {
            timing: self.timing(),
            target,
            watchers,
            connections: None,
        })?;
        let at = Of::Watchers(watchers);
        curves.take(
            ("one write: CPU for each event", at),
            &report,
            "server_cpu_us_per_op",
        );
        curves.take(("one write: last event", at), &report, "last_event_p50_us");
        server.kill()?;
        command.wipe()
    }

    fn timing(&self) -> Timing {
        Timing {
            seconds: self.seconds,
            warmup: Some(self.seconds / 4.0),
        }
    }

    fn load(&self, target: &Target) -> LoadArgs {
        LoadArgs {
            target: target.clone(),
            timing: self.timing(),
            connections: 64,
            depth: 16,
            value_bytes: VALUE_BYTES,
            keys: 0,
            rate: None,
        }
    }

    fn list(&self, target: &Target, nodes: usize) -> ListArgs {
        ListArgs {
            target: target.clone(),
            timing: self.timing(),
            nodes,
            writers: 16,
            value_bytes: VALUE_BYTES,
        }
    }
}

fn target(command: &ServerCommand, server: &Started) -> Target {
    Target {
        server: command.address().to_string(),
        pids: vec![server.pid()],
        session_timeout_ms: 30_000,
        keep: true,
        json: false,
    }
}

fn fill(target: &Target, nodes: usize) -> FillArgs {
    FillArgs {
        target: target.clone(),
        nodes,
        value_bytes: VALUE_BYTES,
        connections: 8,
        depth: 2,
    }
}

fn delete_all(command: &ServerCommand, root: &str) -> Result<()> {
    let patience = Duration::from_secs(60);
    let mut session = crate::bench::session::Session::open(&[command.address()], patience)?;
    session.delete_all(root)?;
    session.close();
    Ok(())
}

/// Resident memory of the server, bytes.
fn resident(server: &Started) -> Result<f64> {
    let usage = Processes::new(&[server.pid()])?.sample()?;
    Ok(usage.map_or(0.0, |usage| to_f64(usage.rss_bytes)))
}
