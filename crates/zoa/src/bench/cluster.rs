//! `zoa bench cluster`: what an ensemble of three does when servers die, come back, or are stopped, and how fast it is, beside another
//! one.
//!
//! ```text
//! parts -> arena (who, and where)  -> ensemble (three processes)  <- killed, wiped, stopped, started
//!                                  -> drive (sessions that outlive their servers, in a thread) -> ledger
//!                                  -> table (figures, targets, reached or not)
//! ```
//!
//! Invariant: no process it has started is left when it ends, well or not.

mod arena;
mod deaths;
mod drive;
mod ensemble;
mod flock;
mod follower;
mod herd;
mod ledger;
mod rejoin;
mod rolling;
mod sessions;
mod table;
mod throughput;
mod writers;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use serde_json::json;

use crate::bench::clock;
use crate::bench::cluster::arena::Arena;
use crate::bench::cluster::deaths::Deaths;
pub(crate) use crate::bench::cluster::deaths::FailoverArgs;
pub(crate) use crate::bench::cluster::deaths::failover;
use crate::bench::cluster::ensemble::Death;
use crate::bench::cluster::table::Findings;
use crate::bench::compare::Machine;
use crate::bench::compare::Named;
use crate::bench::compare::Table;
use crate::bench::compare::parse_named;
use crate::bench::compare::tell;
use crate::bench::compare::write_file;

/// Options of `zoa bench cluster`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ClusterArgs {
    /// What is measured, in this order; everything unless given
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// The servers under test: NAME=COMMAND, which starts one in the foreground; {cfg} is a zoo.cfg
    /// written for it
    #[arg(long, value_parser = parse_named)]
    left: Named,
    /// The servers they are compared with, likewise
    #[arg(long, value_parser = parse_named)]
    right: Option<Named>,
    /// Small counts, to see that it works: 3 to 5 minutes
    #[arg(long)]
    trial: bool,
    /// How often leaders are killed, and stopped, of each contender; 50 unless told otherwise
    #[arg(long)]
    kills: Option<usize>,
    /// Put the right ones, too, through what costs them long: sessions, rejoin
    #[arg(long)]
    both: bool,
    /// Directory for the servers' data, on the disk that is to be measured; what is made there is
    /// removed
    #[arg(long, default_value = "zoa-bench-cluster")]
    dir: PathBuf,
    /// Leave the folders of the last servers, with their logs, where they are
    #[arg(long)]
    keep: bool,
    /// File for the tables, in Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// File for the figures, in JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The leader is killed (kill -9), again and again
    KillLeader,
    /// The leader is stopped (SIGTERM), again and again
    Handover,
    /// A follower dies and comes back
    Follower,
    /// Very many sessions through changes of leader
    Sessions,
    /// A server without its disk comes back to very many znodes
    Rejoin,
    /// All servers are restarted in turn
    Rolling,
    /// How fast three servers are
    Throughput,
}

const ALL: [Part; 7] = [
    Part::KillLeader,
    Part::Handover,
    Part::Follower,
    Part::Sessions,
    Part::Rejoin,
    Part::Rolling,
    Part::Throughput,
];

/// How much of everything.
#[derive(Clone, Copy, Debug)]
struct Counts {
    kills: usize,
    follower_runs: usize,
    sessions: sessions::Plan,
    rejoin: rejoin::Plan,
    rolling_rounds: usize,
    throughput: (u32, f64),
}

/// Writes a second where they come at a fixed rate.
const PER_SECOND: f64 = 2000.0;

impl Counts {
    fn new(args: &ClusterArgs) -> Self {
        let choose = |record: usize, trial: usize| if args.trial { trial } else { record };
        Self {
            kills: args.kills.unwrap_or_else(|| choose(50, 4)),
            follower_runs: choose(5, 1),
            sessions: sessions::Plan {
                sessions: choose(10_000, 1000),
                changes: choose(20, 3),
                both: args.both,
            },
            rejoin: rejoin::Plan {
                runs: choose(3, 1),
                right_runs: if args.both { 1 } else { 0 },
                nodes: choose(1_000_000, 100_000),
                per_second: PER_SECOND,
            },
            rolling_rounds: choose(5, 1),
            throughput: if args.trial { (1, 0.5) } else { (3, 3.0) },
        }
    }
}

/// Runs what was asked for, prints the tables and writes the files asked for; fails when a target is not reached.
pub(crate) fn run(args: &ClusterArgs) -> Result<()> {
    let dir = std::path::absolute(&args.dir).context("--dir names no directory")?;
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let arena = Arena {
        left: args.left.clone(),
        right: args.right.clone(),
        dir: dir.clone(),
    };
    let mut found = Found::new(Machine::look(&dir));
    let parts = if args.parts.is_empty() {
        &ALL[..]
    } else {
        &args.parts
    };
    let counts = Counts::new(args);
    for part in parts {
        found.run(&arena, (*part, &counts));
    }
    if !args.keep {
        let removed = std::fs::remove_dir_all(&dir);
        removed.with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    let markdown = found.markdown(&arena);
    crate::bench::print(&markdown)?;
    if let Some(path) = &args.markdown {
        write_file(path, &markdown)?;
    }
    if let Some(path) = &args.json {
        write_file(path, &found.json().to_string())?;
    }
    found.verdict()
}

/// What came of all parts.
struct Found {
    machine: Machine,
    findings: Findings,
    throughput: Option<Table>,
    /// How long each part took.
    times: Vec<(Part, Duration)>,
    failures: Vec<String>,
}

impl Found {
    fn new(machine: Machine) -> Self {
        Self {
            machine,
            findings: Findings::default(),
            throughput: None,
            times: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// A part that fails does not keep the others from being measured.
    fn run(&mut self, arena: &Arena, (part, counts): (Part, &Counts)) {
        let begun = clock::now();
        if let Err(error) = self.measure(arena, (part, counts)) {
            let failure = format!("{part:?} failed: {error:#}");
            tell(&failure);
            self.failures.push(failure);
        }
        self.times.push((part, begun.elapsed()));
    }

    fn measure(&mut self, arena: &Arena, (part, counts): (Part, &Counts)) -> Result<()> {
        let findings = &mut self.findings;
        let deaths = |part, death, target_ms| Deaths {
            part,
            death,
            left: counts.kills,
            right: counts.kills,
            target_ms,
        };
        match part {
            Part::KillLeader => {
                let kills = deaths("kill-leader", Death::Killed, 150.0);
                deaths::run(arena, &kills, findings)
            }
            Part::Handover => {
                let stops = deaths("handover", Death::Asked, 50.0);
                let right = counts.kills.min(20);
                deaths::run(arena, &Deaths { right, ..stops }, findings)
            }
            Part::Follower => follower::run(arena, (counts.follower_runs, PER_SECOND), findings),
            Part::Sessions => sessions::run(arena, &counts.sessions, findings),
            Part::Rejoin => rejoin::run(arena, &counts.rejoin, findings),
            Part::Rolling => rolling::run(arena, counts.rolling_rounds, findings),
            Part::Throughput => {
                self.throughput = Some(throughput::run(arena, counts.throughput)?);
                Ok(())
            }
        }
    }

    fn markdown(&self, arena: &Arena) -> String {
        let right = arena.right.as_ref().map_or("-", |named| &named.name);
        let took: Vec<_> = self
            .times
            .iter()
            .map(|(part, time)| took(*part, *time))
            .collect();
        let mut text = format!(
            "Three servers and their clients on {}. It took: {}.\n",
            self.machine.line(),
            took.join(", ")
        );
        if !self.findings.is_empty() {
            let table = self.findings.markdown((&arena.left.name, right));
            text.push_str(&format!("\n{table}\n"));
        }
        if let Some(table) = &self.throughput {
            text.push_str(&format!("\n{}\n", table.markdown()));
        }
        for failure in &self.failures {
            text.push_str(&format!("\n{failure}\n"));
        }
        text.trim_end().to_owned()
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "machine": self.machine.json(),
            "findings": self.findings.json(),
            "throughput": self.throughput.as_ref().map(Table::json),
            "failures": self.failures,
        })
    }

    fn verdict(&self) -> Result<()> {
        let missed = self.findings.missed() + self.throughput.as_ref().map_or(0, Table::missed);
        if !self.failures.is_empty() {
            bail!(
                "{} parts failed, {missed} targets are not reached",
                self.failures.len()
            );
        }
        if 0 < missed {
            bail!("{missed} targets are not reached");
        }
        Ok(())
    }
}

fn took(part: Part, time: Duration) -> String {
    use clap::ValueEnum as _;

    let name = part
        .to_possible_value()
        .map(|value| value.get_name().to_owned());
    format!("{} {} s", name.unwrap_or_default(), time.as_secs())
}
