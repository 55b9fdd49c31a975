//! `cargo xtask nightly`: the suites that take longer than a change should wait for, each callable alone.
//!
//! It holds no check of its own: the simulator, the museum and the suites in `compat/` do. A suite is a
//! folder there with a `run.py` that starts what it needs and ends with 0 when all held. Invariant: every
//! such folder is a suite; none can be forgotten.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use crate::chaos;
use crate::demo;
use crate::ffi;
use crate::museum;
use crate::php;
use crate::php::Suite;
use crate::php::Work;
use crate::program;
use crate::recipes;
use crate::step::Step;
use crate::step::Tally;
use crate::workspace;
use crate::workspace::Profile;

/// Seeds of a night.
const SEEDS: &str = "5000";

/// Suites that must be told what to run against.
const WORDS: [(&str, &[&str]); 1] = [("kazoo", &["zoa"])];

/// The suites, in order.
///
/// # Errors
/// When `compat/` cannot be read.
pub fn steps() -> Result<Vec<Step>> {
    let mut steps = vec![
        Step::new(
            "sim",
            "5000 simulated histories each of clients in general, of ours, of ensembles, of recipes and of farms",
            run_sim,
        ),
        Step::new("demo", "a day with stock clients", run_demo),
        Step::new(
            "demo-farm",
            "a farm whose workers and leaders are killed loses nothing",
            run_demo_farm,
        ),
        Step::new(
            "herd",
            "a release wakes one of 500 and costs as many requests as among 20, on ours and the original",
            run_herd,
        ),
        Step::new("museum", "every known bug, put back, is caught", || {
            museum::run(&[])
        }),
    ];
    steps.push(Step::new(
        "chaos",
        "real servers under faults: three and five of them for ten minutes, and all killed fifty times",
        chaos::nightly,
    ));
    for (name, about, work) in php_trials() {
        steps.push(Step::new(name, about, move || {
            php::run(&work)?;
            Ok(Tally::one())
        }));
    }
    steps.push(Step::new(
        "ffi",
        "all trials of the C library: valgrind, ten thousand sessions, cost beside the original's",
        || ffi::try_all(&[]),
    ));
    for script in scripts(&workspace::root().join("compat"))? {
        let text =
            fs::read_to_string(&script).with_context(|| format!("reading {}", script.display()))?;
        let name = name_of(&script);
        let about = about(&text).to_owned();
        steps.push(Step::new(&name, &about, move || run_suite(&script)));
    }
    Ok(steps)
}

/// The long trials of the PHP extension.
fn php_trials() -> [(&'static str, &'static str, Work); 9] {
    let suite = |valgrind, repetitions, tests: &[&str]| {
        Work::Test(Suite {
            repetitions,
            valgrind,
            tests: tests.iter().map(|&name| name.to_owned()).collect(),
        })
    };
    [
        (
            "php-valgrind",
            "the PHP extension's suite under valgrind",
            suite(true, 1, &[]),
        ),
        (
            "php-repeat",
            "every way in which the original crashes, and every kind of callable, 200 times",
            suite(false, 200, &["crash-", "call"]),
        ),
        (
            "php-fuzz",
            "100,000 random sequences of everything in PHP",
            Work::Fuzz(100_000),
        ),
        (
            "php-symfony",
            "Symfony's lock, contended for by eight processes for 60 s",
            Work::Symfony(60),
        ),
        (
            "php-farm-faults",
            "a farm of PHP and Rust whose processes are killed and paused for a minute",
            Work::FarmFaults(60),
        ),
        (
            "php-cost",
            "a read by PHP beside one by the original's C library",
            Work::Cost,
        ),
        (
            "php-delivery",
            "how soon PHP hears of a watch",
            Work::Delivery(2000),
        ),
        (
            "php-tutorial",
            "what the PHP tutorial has a reader type",
            Work::Tutorial,
        ),
        (
            "php-phpize",
            "phpize, configure, make, make test, make install",
            Work::Phpize,
        ),
    ]
}

/// Each `compat/*/run.py`.
fn scripts(compat: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(compat).with_context(|| format!("listing {}", compat.display()))? {
        let script = entry?.path().join("run.py");
        if script.exists() {
            found.push(script);
        }
    }
    found.sort();
    Ok(found)
}

fn name_of(script: &Path) -> String {
    let folder = script.parent().and_then(Path::file_name);
    folder.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// The first line of a script's docstring.
fn about(text: &str) -> &str {
    let docstring = text.split_once("\"\"\"").map_or("", |(_, rest)| rest);
    docstring
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches("\"\"\"")
}

fn run_demo() -> Result<Tally> {
    demo::run(&demo::Options::default())?;
    Ok(Tally::one())
}

fn run_demo_farm() -> Result<Tally> {
    demo::run(&demo::Options {
        farm: true,
        ..demo::Options::default()
    })?;
    Ok(Tally::one())
}

fn run_herd() -> Result<Tally> {
    recipes::run(&recipes::Options {
        rounds: 1,
        herd: true,
        debug: false,
    })?;
    Ok(Tally::one())
}

fn run_sim() -> Result<Tally> {
    let mut sum = Tally::default();
    for scenario in ["server", "clients", "ensemble", "recipes", "farm"] {
        let own = ["--scenario", scenario, "--seeds", SEEDS];
        let words = ["run", "--profile", "sim", "-p", "zoa-sim", "--"];
        program::run(program::cargo(&words).args(own))?;
        sum.add(Tally::one());
    }
    Ok(sum)
}

fn run_suite(script: &Path) -> Result<Tally> {
    program::run(&mut program::cargo(&[
        "build",
        "--workspace",
        Profile::Release.argument(),
    ]))?;
    let name = name_of(script);
    let words = WORDS
        .iter()
        .find(|(suite, _)| *suite == name)
        .map_or(&[][..], |(_, words)| words);
    let mut command = Command::new("python3");
    program::run(
        command
            .arg(script)
            .args(words)
            .current_dir(workspace::root()),
    )?;
    Ok(Tally::one())
}

#[cfg(test)]
mod tests {
    use super::about;
    use super::name_of;
    use super::scripts;
    use crate::workspace;

    #[test]
    fn a_suite_tells_what_it_is_about_in_its_first_line() {
        assert_eq!(
            about("#!/usr/bin/env python3\n\"\"\"Runs a suite.\n\nMore.\n\"\"\"\n"),
            "Runs a suite."
        );
    }

    #[test]
    fn every_folder_of_compat_with_a_run_script_is_a_suite() {
        let found = scripts(&workspace::root().join("compat")).expect("compat can be listed");
        let names: Vec<String> = found.iter().map(|script| name_of(script)).collect();
        assert!(names.contains(&"kazoo".to_owned()), "found {names:?}");
    }
}
