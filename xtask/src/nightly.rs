//! `cargo xtask nightly`: the suites that take longer than a change should wait for, each callable alone.
//!
//! It holds no check of its own: the simulator, the museum and the suites in `compat/` do. Invariant: a
//! suite that is listed exists, and one that cannot run fails rather than being left out.

use std::process::Command;

use anyhow::Result;

use crate::install;
use crate::museum;
use crate::program;
use crate::step::Step;
use crate::step::Tally;
use crate::workspace;
use crate::workspace::Profile;

/// Seeds of a night.
const SEEDS: &str = "5000";

/// Suites of `compat/` that need our release build, each with its command line.
const SUITES: [(&str, &str, &[&str]); 1] = [(
    "kazoo",
    "kazoo's own test suite against our server",
    &["compat/kazoo/run.py", "zoa"],
)];

/// The suites, in order.
#[must_use]
pub fn steps() -> Vec<Step> {
    let mut steps = vec![
        Step::new(
            "sim",
            "5000 simulated histories against the guarantees",
            run_sim,
        ),
        Step::new("museum", "every known bug, put back, is caught", || {
            museum::run(&[])
        }),
    ];
    let suites = SUITES
        .iter()
        .map(|(name, about, words)| Step::new(name, about, || run_suite(words)));
    steps.extend(suites);
    steps
}

fn run_sim() -> Result<Tally> {
    let words = ["run", "--release", "-p", "zoa-sim", "--", "--seeds", SEEDS];
    program::run(&mut program::cargo(&words))?;
    Ok(Tally::one())
}

fn run_suite(words: &[&str]) -> Result<Tally> {
    let python = install::python_with_kazoo()?;
    program::run(&mut program::cargo(&[
        "build",
        "-p",
        "zoa",
        Profile::Release.argument(),
    ]))?;
    let mut command = Command::new(python);
    command.args(words).current_dir(workspace::root());
    program::run(&mut command)?;
    Ok(Tally::one())
}
