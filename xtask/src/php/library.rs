//! The Composer library in `php/`: its PHPUnit suite against a server of ours, its recipes beside kazoo's and Rust's, and a farm
//! whose processes die.
//!
//! It leaves the machine's PHP as it is. Invariant: the suite runs with the extension that was just built, in all its processes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use super::interpreter::Php;
use super::interpreter::extension_flag;
use super::trials;
use crate::install;
use crate::program;
use crate::recipe_interop;
use crate::recipe_interop::Parties;
use crate::step::Tally;
use crate::workspace;
use crate::workspace::Profile;

/// What PHPUnit needs of PHP, and the tutorial's pictures; Debian has it in files that `-n` leaves out.
const MODULES: [&str; 9] = [
    "ctype",
    "dom",
    "gd",
    "mbstring",
    "phar",
    "posix",
    "tokenizer",
    "xml",
    "xmlwriter",
];
/// What of it the processes need that tests start.
const MODULES_OF_PROCESSES: [&str; 1] = ["gd"];
/// Tasks for each second of faults.
const TASKS_A_SECOND: u64 = 25;

/// Runs the suite, and the recipes beside those in other languages.
pub(super) fn run(php: &Php, built: &Path, profile: Profile) -> Result<Tally> {
    install::debian(&["phpunit", "php-gd"])?;
    for words in [
        ["-p", "zoa"].as_slice(),
        &["-p", "zoa-client", "--example", "recipes"],
    ] {
        let mut cargo = program::cargo(&["build", "--quiet", profile.argument()]);
        program::run(cargo.args(words))?;
    }
    let place = trials::fresh_folder(php, "library")?;
    let mut tally = run_phpunit(php, built, (profile, &place.join("junit.xml")))?;
    let example = workspace::target()
        .join(profile.folder())
        .join("examples/recipes");
    let flags = flags(php, built, &[])?.join(" ");
    tally.add(recipe_interop::run(Parties {
        server: &workspace::program(profile),
        rust: &example,
        php: Some(&format!("{} {flags}", php.program.display())),
    })?);
    Ok(tally)
}

fn run_phpunit(php: &Php, built: &Path, (profile, junit): (Profile, &Path)) -> Result<Tally> {
    let phpunit = program::read(Command::new("sh").args(["-c", "command -v phpunit"]))?;
    let mut command = Command::new(&php.program);
    command.args(flags(php, built, &MODULES)?);
    command.arg(phpunit.trim()).arg("--log-junit").arg(junit);
    command.current_dir(workspace::root().join("php"));
    command.env("ZOA_SERVER", workspace::program(profile));
    let of_processes = flags(php, built, &MODULES_OF_PROCESSES)?.join(" ");
    command.env("ZOA_TEST_ARGS", of_processes);
    program::run(&mut command)?;
    let report = fs::read_to_string(junit).context("reading what PHPUnit reports")?;
    let passed = report.matches("<testcase ").count();
    ensure!(passed > 0, "PHPUnit ran no test");
    Ok(Tally {
        passed,
        ..Tally::default()
    })
}

/// What PHP must be told to run with the extension and these modules, and with nothing else that it does not have built in.
fn flags(php: &Php, built: &Path, modules: &[&str]) -> Result<Vec<String>> {
    let there = program::read(Command::new(&php.program).args(["-n", "-m"]))?;
    let there: Vec<String> = there.lines().map(str::to_lowercase).collect();
    let mut flags = vec!["-n".to_owned(), "-d".to_owned(), extension_flag(built)];
    for name in modules {
        if !there.iter().any(|other| other == name) {
            flags.extend(["-d".to_owned(), format!("extension={name}")]);
        }
    }
    Ok(flags)
}

/// A farm of PHP and Rust whose processes are killed and paused for so many seconds.
pub(super) fn farm_faults(php: &Php, built: &Path, seconds: u64) -> Result<()> {
    program::run(&mut program::cargo(&["build", "--release", "-p", "zoa"]))?;
    let mut command = Command::new(&php.program);
    command.args(flags(php, built, &[])?);
    command.arg(trials::script("farm-faults.php"));
    command.args([(seconds * TASKS_A_SECOND).to_string(), seconds.to_string()]);
    command.env("ZOA_SERVER", workspace::program(Profile::Release));
    command.env("ZOA_TEST_ARGS", flags(php, built, &[])?.join(" "));
    program::run(&mut command)
}
