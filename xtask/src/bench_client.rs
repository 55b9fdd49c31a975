//! `cargo xtask bench-client`: our Rust client and the original's C library on the same server, turn by turn, as a table.
//!
//! The loads are `examples/load.rs` of zoa-client and `compat/client-bench/load.c`; each measures its own process. This builds
//! them, starts one server, runs them in interleaved rounds and puts the medians into `docs/performance.md`. It is no gate:
//! figures of a shared machine are read, not asserted.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::bench;
use crate::install;
use crate::local_server::LocalServer;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

const MARKERS: (&str, &str) = (
    "<!-- clients: written by cargo xtask bench-client -->",
    "<!-- end of clients -->",
);

/// Rounds; the table shows medians.
const ROUNDS: usize = 3;
/// How long one run is measured.
const SECONDS: &str = "1.2";

/// Who asks: a name, and what the load is told behind the other arguments.
const CONTENDERS: [(&str, Option<&str>); 4] = [
    ("C", None),
    ("Rust, one thread", Some("current")),
    ("Rust, two threads", Some("multi")),
    ("Rust, blocking", Some("blocking")),
];

/// One row of the table.
#[derive(Clone, Copy)]
struct Case {
    op: &'static str,
    depth: usize,
    connections: usize,
}

/// What one run brought.
#[derive(Clone, Copy)]
struct Sample {
    per_second: f64,
    cpu_us: f64,
}

/// Builds, measures, and writes the table.
///
/// # Errors
/// When something cannot be installed, built or run.
pub fn run() -> Result<()> {
    install::debian(&["gcc", "libc6-dev", "libzookeeper-mt-dev"])
        .context("installing the original's C library to compare with")?;
    let build = ["build", "-p", "zoa", Profile::Release.argument()];
    program::run(&mut program::cargo(&build))?;
    let build = [
        "build",
        "-p",
        "zoa-client",
        "--example",
        "load",
        "--release",
    ];
    program::run(&mut program::cargo(&build))?;
    let folder = workspace::target().join("bench-client");
    fs::create_dir_all(&folder).context("making a folder for the comparison")?;
    let loads = [build_c(&folder)?, rust_load()];
    let server = LocalServer::ours(Profile::Release, &folder.join("server"))?;
    let conditions = conditions()?;
    let mut rows = Vec::new();
    for case in cases() {
        rows.push((case, measure(case, &loads, server.address())?));
    }
    let table = format!("{conditions}\n{}", table(&rows));
    println!("\n{table}");
    bench::put_into_page(&workspace::root().join(bench::PAGE), MARKERS, &table)
}

/// What the figures have to be read with.
fn conditions() -> Result<String> {
    let load = fs::read_to_string("/proc/loadavg").context("reading the load average")?;
    let load = load.split_whitespace().next().unwrap_or_default();
    let cores = std::thread::available_parallelism().context("counting the cores")?;
    Ok(format!(
        "Medians of {ROUNDS} interleaved rounds on {cores} cores, load average at the start {load}.\n"
    ))
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for op in ["get", "set"] {
        for depth in [1, 16] {
            for connections in [1, 8] {
                cases.push(Case {
                    op,
                    depth,
                    connections,
                });
            }
        }
    }
    cases
}

fn build_c(folder: &Path) -> Result<PathBuf> {
    let load = folder.join("load-c");
    let mut compile = Command::new("gcc");
    compile
        .args(["-O2", "-DTHREADED", "-o"])
        .arg(&load)
        .arg(workspace::root().join("compat/client-bench/load.c"))
        .arg("-lzookeeper_mt");
    program::run(&mut compile)?;
    Ok(load)
}

fn rust_load() -> PathBuf {
    let zoa = workspace::program(Profile::Release);
    zoa.with_file_name("examples").join("load")
}

/// Several rounds of all contenders; `None` where one does not take part.
fn measure(case: Case, [c, rust]: &[PathBuf; 2], address: &str) -> Result<Vec<Option<Sample>>> {
    let mut samples: Vec<Vec<Sample>> = CONTENDERS.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((_, mode), samples) in CONTENDERS.iter().zip(&mut samples) {
            // A thread for each request under way is no sensible way to have many.
            if *mode == Some("blocking") && case.depth > 1 {
                continue;
            }
            let mut command = Command::new(if mode.is_some() { rust } else { c });
            command.args([address, case.op, &case.depth.to_string()]);
            command.args([&case.connections.to_string(), SECONDS]);
            samples.push(read(command.args(*mode))?);
        }
    }
    Ok(samples.into_iter().map(median).collect())
}

/// Runs a load and reads its line: operations, seconds, CPU seconds.
fn read(command: &mut Command) -> Result<Sample> {
    let said = program::read(command)?;
    let numbers: Vec<f64> = said
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .with_context(|| format!("a load said {said:?}"))?;
    let [done, seconds, cpu_seconds] = *numbers.as_slice() else {
        anyhow::bail!("a load said {said:?}");
    };
    ensure!(
        done > 0.0,
        "a load did nothing: {}",
        program::command_line(command)
    );
    Ok(Sample {
        per_second: done / seconds,
        cpu_us: cpu_seconds * 1e6 / done,
    })
}

/// The middle of each figure by itself.
fn median(samples: Vec<Sample>) -> Option<Sample> {
    let middle = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    };
    Some(Sample {
        per_second: middle(samples.iter().map(|sample| sample.per_second).collect())?,
        cpu_us: middle(samples.iter().map(|sample| sample.cpu_us).collect())?,
    })
}

fn table(rows: &[(Case, Vec<Option<Sample>>)]) -> String {
    let mut text = String::from("| operation, depth, connections |");
    for (name, _) in CONTENDERS {
        write!(text, " {name} |").expect("a String takes everything");
    }
    text.push_str("\n|---|---:|---:|---:|---:|\n");
    for (case, samples) in rows {
        let Case {
            op,
            depth,
            connections,
        } = case;
        write!(text, "| {op}, {depth}, {connections} |").expect("a String takes everything");
        let first = samples.first().copied().flatten();
        for sample in samples {
            let cell = match (sample, first) {
                (Some(sample), Some(first)) => cell(*sample, first),
                (Some(_), None) | (None, _) => "-".to_owned(),
            };
            write!(text, " {cell} |").expect("a String takes everything");
        }
        text.push('\n');
    }
    text
}

/// CPU an operation, how much of the first contender's that is, and the rate.
fn cell(sample: Sample, first: Sample) -> String {
    format!(
        "{:.1} us ({:.2}), {:.0}/s",
        sample.cpu_us,
        sample.cpu_us / first.cpu_us,
        sample.per_second
    )
}

#[cfg(test)]
mod tests {
    use super::Case;
    use super::Sample;
    use super::median;
    use super::table;

    #[test]
    fn the_table_has_medians_and_ratios_to_the_c_library() {
        let sample = |cpu_us: f64, per_second: f64| Sample { per_second, cpu_us };
        let c = median(vec![sample(9.0, 1.0), sample(10.0, 3.0), sample(11.0, 2.0)]);
        let case = Case {
            op: "get",
            depth: 16,
            connections: 1,
        };
        let table = table(&[(case, vec![c, Some(sample(2.5, 40.0)), None])]);
        let row = "| get, 16, 1 | 10.0 us (1.00), 2/s | 2.5 us (0.25), 40/s | - |";
        assert_eq!(table.lines().last(), Some(row));
    }
}
