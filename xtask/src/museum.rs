//! `cargo xtask museum`: puts known bugs back, one at a time, and shows that the checks catch each.
//!
//! A bug is a file `bugs/NNN-name.patch`: lines of `Key: value`, then a patch against the tree.
//!
//! ```text
//! Bug: what goes wrong, in a sentence
//! Loop: log                                                    in which loop of production code: connection, raft, ...
//! Origin: who has had it                                       may be left out
//! Breaks: G-02 G-19
//! Caught-by: cargo run --profile sim -p zoa-sim -- --seeds 50  must end with another code than 0
//! ```
//!
//! A check that is not one of Cargo's (a suite of `compat/`) finds release builds of the programs. All happens in a copy of the
//! tree under `target/museum/tree`, built in `target/museum/target`, which stays warm: a bug costs an incremental build.
//! `target/museum/table.md` has the table, `target/museum/NNN-name.log` what a check said.
//!
//! Invariants: a bug that does not build is not caught, nor one whose check fails over another guarantee; a check that fails
//! without the bug proves nothing and is a failure.

mod copy;
mod exhibit;
mod verdict;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

pub use exhibit::Exhibit;
pub use verdict::Caught;

use crate::program;
use crate::step::Tally;
use crate::workspace;

/// Lines of a check's output that are shown when it did not do what it should.
const SHOWN_LINES_MAX: usize = 30;

/// What became of one bug.
struct Shown<'e> {
    exhibit: &'e Exhibit,
    verdict: Result<Caught>,
    took: Duration,
}

/// Checks the bugs whose file names begin with one of `wanted`, or all.
///
/// # Errors
/// When the museum cannot be set up, has no such bug, or a check fails without any bug.
pub fn run(wanted: &[String]) -> Result<Tally> {
    let exhibits: Vec<Exhibit> = exhibit::all()?
        .into_iter()
        .filter(|one| is_wanted(one, wanted))
        .collect();
    ensure!(!exhibits.is_empty(), "bugs/ has no such patch");
    let tree = workspace::target().join("museum/tree");
    fs::create_dir_all(&tree).context("making room for the copy")?;
    copy::refresh(&tree)?;
    let checks = distinct_checks(&exhibits);
    for (at, words) in checks.iter().enumerate() {
        println!(
            "[{}/{}] without a bug: {}",
            at + 1,
            checks.len(),
            words.join(" ")
        );
        check_without_bugs(&tree, words).context("a check fails without any bug")?;
    }
    let mut shown = Vec::new();
    for (at, exhibit) in exhibits.iter().enumerate() {
        println!(
            "[{}/{}] {}: {}",
            at + 1,
            exhibits.len(),
            exhibit.name(),
            exhibit.bug
        );
        let begun = Instant::now();
        let verdict = show(&tree, exhibit);
        let took = begun.elapsed();
        match &verdict {
            Ok(caught) => println!("    caught: {}, {:.0} s", said(caught), took.as_secs_f64()),
            Err(error) => println!("    NOT CAUGHT: {error:#}"),
        }
        shown.push(Shown {
            exhibit,
            verdict,
            took,
        });
    }
    conclude(&shown)
}

fn is_wanted(exhibit: &Exhibit, wanted: &[String]) -> bool {
    let name = exhibit.name();
    wanted.is_empty() || wanted.iter().any(|begin| name.starts_with(begin.as_str()))
}

/// The checks that differ in more than the number of seeds, each with the most seeds that any bug is given.
fn distinct_checks(exhibits: &[Exhibit]) -> Vec<Vec<String>> {
    let mut checks: BTreeMap<Vec<String>, (u64, &[String])> = BTreeMap::new();
    for exhibit in exhibits {
        let mut key = exhibit.caught_by.clone();
        let number = key
            .iter()
            .position(|word| word == "--seeds")
            .and_then(|at| key.get_mut(at + 1));
        let seeds = number.map_or(0, |number| {
            std::mem::take(number).parse().unwrap_or(u64::MAX)
        });
        let most = checks
            .entry(key)
            .or_insert((seeds, exhibit.caught_by.as_slice()));
        if seeds > most.0 {
            *most = (seeds, exhibit.caught_by.as_slice());
        }
    }
    checks
        .into_values()
        .map(|(_, words)| words.to_vec())
        .collect()
}

/// A check must hold on the tree as it is, or its failing later proves nothing.
fn check_without_bugs(tree: &Path, words: &[String]) -> Result<()> {
    let build = exhibit::build_of(words);
    for words in [build.as_slice(), words] {
        let (succeeds, output) = listen(&mut command_in(tree, words)?)?;
        ensure!(succeeds, "{}", tail(&output));
    }
    Ok(())
}

fn show(tree: &Path, exhibit: &Exhibit) -> Result<Caught> {
    copy::apply(tree, exhibit, &[]).context("the patch does not fit the tree any more")?;
    let verdict = judge(tree, exhibit);
    copy::apply(tree, exhibit, &["--reverse"]).context("taking the bug out again")?;
    verdict
}

fn judge(tree: &Path, exhibit: &Exhibit) -> Result<Caught> {
    let (builds, output) = listen(&mut command_in(tree, &exhibit.build())?)?;
    ensure!(builds, "the bug does not build\n{}", tail(&output));
    let (holds, output) = listen(&mut command_in(tree, &exhibit.caught_by)?)?;
    let log = workspace::target()
        .join("museum")
        .join(exhibit.name() + ".log");
    fs::write(&log, &output).with_context(|| format!("writing {}", log.display()))?;
    if holds {
        bail!("the check holds with the bug in");
    }
    verdict::read(&output, &exhibit.breaks)
        .with_context(|| format!("what it said is in {}", log.display()))
}

/// Whether a command ends with 0, and all that it says.
fn listen(command: &mut Command) -> Result<(bool, String)> {
    let line = program::command_line(command);
    let output = command
        .output()
        .with_context(|| format!("starting `{line}`"))?;
    let both = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&both).into_owned(),
    ))
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let from = lines.len().saturating_sub(SHOWN_LINES_MAX);
    lines.get(from..).unwrap_or_default().join("\n")
}

fn command_in(tree: &Path, words: &[String]) -> Result<Command> {
    let (program, arguments) = words
        .split_first()
        .context("a check has at least one word")?;
    let mut command = match program.as_str() {
        "cargo" => program::cargo(&[]),
        other => Command::new(other),
    };
    command.args(arguments).current_dir(tree);
    command.env(
        "CARGO_TARGET_DIR",
        workspace::target().join("museum/target"),
    );
    // Thirty builds, each a line away from the one before: here it pays to be quick at building.
    command.env("CARGO_INCREMENTAL", "1");
    command.env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    Ok(command)
}

fn said(caught: &Caught) -> String {
    match caught.seed {
        Some(seed) => format!("{} at seed {seed}", caught.by),
        None => caught.by.clone(),
    }
}

fn conclude(shown: &[Shown<'_>]) -> Result<Tally> {
    let mut table =
        String::from("| bug | loop | caught by | with | seconds |\n|---|---|---|---|---|\n");
    let mut tally = Tally::default();
    for one in shown {
        let verdict = match &one.verdict {
            Ok(caught) => {
                tally.passed += 1;
                said(caught)
            }
            Err(_) => {
                tally.failed += 1;
                "NOT CAUGHT".to_owned()
            }
        };
        let Exhibit {
            loops, caught_by, ..
        } = one.exhibit;
        writeln!(
            table,
            "| {} | {} | {verdict} | `{}` | {:.0} |",
            one.exhibit.name(),
            loops.join(", "),
            caught_by.join(" "),
            one.took.as_secs_f64()
        )?;
    }
    println!("\n{table}\n{}", tally.closing_line());
    let path = workspace::target().join("museum/table.md");
    fs::write(&path, table).with_context(|| format!("writing {}", path.display()))?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Exhibit;
    use super::distinct_checks;

    #[test]
    fn checks_that_differ_in_seeds_alone_are_one_with_the_most_seeds() {
        let exhibit = |check: &str| {
            let text = format!("Bug: b\nLoop: log\nBreaks: G-19\nCaught-by: {check}\n");
            Exhibit::parse(Path::new("bugs/001-x.patch"), &text).expect("all keys are there")
        };
        let exhibits = [
            "sim --seeds 20",
            "other",
            "sim --seeds 300",
            "sim --seeds 90",
        ]
        .map(exhibit);
        let checks: Vec<String> = distinct_checks(&exhibits)
            .iter()
            .map(|words| words.join(" "))
            .collect();
        assert_eq!(checks, ["other", "sim --seeds 300"]);
    }
}
