//! `cargo xtask recipes --bench`: recipes on our server and on the original, turn by turn, as a table; and the herd that must not be one.
//!
//! The loads are `examples/recipes_load.rs` of zoa-client. Figures of a shared machine are read, not asserted; but how many requests a
//! release makes is counted by the server, and must not depend on how many wait: that is checked, and an error. Invariant: it puts
//! the table into `docs/performance.md` only when all was measured.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use serde_json::Value;

use crate::bench;
use crate::install;
use crate::local_server::LocalServer;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

const MARKERS: (&str, &str) = (
    "<!-- recipes: written by cargo xtask recipes -->",
    "<!-- end of recipes -->",
);

/// What is measured: the words for the load, and how it is called.
const CASES: [(&[&str], &str); 6] = [
    (&["lock", "2"], "lock, handed over between 2 clients"),
    (&["lock", "10"], "lock, handed over between 10 clients"),
    (&["farm", "1"], "farm, 1 worker"),
    (&["farm", "3"], "farm, 3 workers"),
    (&["farm", "10"], "farm, 10 workers"),
    (&["farm", "30"], "farm, 30 workers"),
];

/// How many wait for the same lock or election.
const HERDS: [&str; 3] = ["20", "100", "500"];

/// By so many requests two herds may differ for each release: pings, and the counting itself.
const REQUESTS_APART_MAX: f64 = 0.6;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rounds; the table shows medians.
    pub rounds: usize,
    /// Only the herd.
    pub herd: bool,
    /// The debug build, to try it out.
    pub debug: bool,
}

/// The two servers of a run.
struct Servers {
    ours: LocalServer,
    original: LocalServer,
    load: PathBuf,
}

/// Builds, measures, checks, and writes the table.
///
/// # Errors
/// When something cannot be installed, built or run, or a herd is one.
pub fn run(options: &Options) -> Result<()> {
    install::debian(&["zookeeper"]).context("installing the original server to compare with")?;
    let profile = if options.debug {
        Profile::Dev
    } else {
        Profile::Release
    };
    let argument = profile.argument();
    program::run(&mut program::cargo(&["build", "-p", "zoa", argument]))?;
    let example = ["build", "-p", "zoa-client", "--example", "recipes_load"];
    program::run(program::cargo(&example).arg(argument))?;
    let folder = workspace::target().join("recipes");
    let servers = Servers {
        ours: LocalServer::ours(profile, &folder.join("ours"))?,
        original: LocalServer::peer(&folder.join("original"))?,
        load: workspace::program(profile).with_file_name("examples/recipes_load"),
    };
    let herds = servers.herds()?;
    println!("\n{}", herds.text);
    let failures = herds.failures;
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    if options.herd {
        return Ok(());
    }
    let table = format!(
        "{}\n{}\n{}",
        conditions(options.rounds)?,
        servers.figures(options.rounds)?,
        herds.text
    );
    println!("\n{table}");
    fs::remove_dir_all(&folder).context("removing the servers' data")?;
    if options.debug {
        return Ok(());
    }
    bench::put_into_page(&workspace::root().join(bench::PAGE), MARKERS, &table)
}

/// What the figures have to be read with.
fn conditions(rounds: usize) -> Result<String> {
    let load = fs::read_to_string("/proc/loadavg").context("reading the load average")?;
    let load = load.split_whitespace().next().unwrap_or_default();
    let cores = std::thread::available_parallelism().context("counting the cores")?;
    Ok(format!(
        "Medians of {rounds} interleaved rounds, one server each, clients beside them, on {cores} cores; load average at the start {load}.\n"
    ))
}

/// What came of the herds.
struct Herds {
    text: String,
    failures: Vec<String>,
}

impl Servers {
    fn both(&self) -> [(&'static str, &LocalServer); 2] {
        [("Zoarium", &self.ours), ("original", &self.original)]
    }

    fn measure(&self, server: &LocalServer, words: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.load);
        let said = program::read(command.arg(server.address()).args(words))?;
        serde_json::from_str(&said).with_context(|| format!("the load said {said:?}"))
    }

    /// Each case so often on each server, and the medians.
    fn figures(&self, rounds: usize) -> Result<String> {
        let mut text = String::from(
            "| | Zoarium | original | p50 / p99: Zoarium | original |\n|---|---:|---:|---:|---:|\n",
        );
        for (words, name) in CASES {
            let mut samples = [Vec::new(), Vec::new()];
            for _ in 0..rounds {
                for ((_, server), samples) in self.both().iter().zip(&mut samples) {
                    samples.push(self.measure(server, words)?);
                }
            }
            let [ours, original] = samples.map(|samples| {
                ["per_second", "p50_us", "p99_us"].map(|field| median(&samples, field))
            });
            let latency =
                |[_, p50, p99]: [f64; 3]| format!("{:.2} / {:.2} ms", p50 / 1e3, p99 / 1e3);
            writeln!(
                text,
                "| {name} | {:.0}/s | {:.0}/s | {} | {} |",
                ours[0],
                original[0],
                latency(ours),
                latency(original)
            )?;
        }
        Ok(text)
    }

    /// As many requests a release, however many wait.
    fn herds(&self) -> Result<Herds> {
        let mut text = String::from(
            "| requests a release, counted by the server | 20 wait | 100 wait | 500 wait |\n|---|---:|---:|---:|\n",
        );
        let mut failures = Vec::new();
        for what in ["lock", "election"] {
            for (name, server) in self.both() {
                write!(text, "| {what}, {name} |")?;
                let mut counts = Vec::new();
                for waiters in HERDS {
                    let found = self.measure(server, &["herd", what, waiters])?;
                    let requests = number(&found, "requests_per_release");
                    write!(text, " {requests:.2} |")?;
                    counts.push(requests);
                    if number(&found, "woken_too_many") > 0.0 {
                        failures.push(format!(
                            "{what} on {name}, {waiters} wait: a release woke two"
                        ));
                    }
                }
                text.push('\n');
                let most = counts.iter().copied().fold(f64::MIN, f64::max);
                let least = counts.iter().copied().fold(f64::MAX, f64::min);
                if most - least > REQUESTS_APART_MAX {
                    failures.push(format!("{what} on {name}: the requests a release makes depend on how many wait: {counts:?}"));
                }
            }
        }
        Ok(Herds { text, failures })
    }
}

fn number(found: &Value, field: &str) -> f64 {
    found.get(field).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn median(samples: &[Value], field: &str) -> f64 {
    let mut figures: Vec<f64> = samples.iter().map(|sample| number(sample, field)).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
