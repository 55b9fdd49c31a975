//! `cargo xtask test`: every check that a change must pass, in the order in which they fail fastest.
//!
//! CI runs this and nothing else. What takes longer than a change should wait for is in `nightly`.
//! Invariant: it works on a fresh Debian or Ubuntu with Rust; each step installs what it needs.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::chaos;
use crate::dist;
use crate::ffi;
use crate::install;
use crate::local_server::LocalServer;
use crate::php;
use crate::program;
use crate::recipe_interop;
use crate::recipe_interop::Parties;
use crate::scripts;
use crate::step::Step;
use crate::step::Tally;
use crate::tidy;
use crate::workspace;
use crate::workspace::Profile;

/// Seeds of each scenario of the simulator in each run of the suite.
const SEEDS: &str = "200";

/// The same of ensembles, of which each seed draws three, five or seven servers.
const ENSEMBLE_SEEDS: &str = "300";

/// The same of the recipes, of which each seed takes the next of sixteen, and of the task farm.
const RECIPE_SEEDS: &str = "64";

type Run = fn() -> Result<Tally>;

/// What to type for each step, what it shows, and what runs it, in order.
const STEPS: [(&str, &str, Run); 18] = [
    ("fmt", "the code is formatted", run_format),
    ("tidy", "the house rules hold", run_tidy),
    ("clippy", "no warning anywhere", || gate(&CLIPPY)),
    (
        "test",
        "unit, property, golden, corpus and documentation tests",
        run_tests,
    ),
    ("doc", "the documentation builds without a warning", run_doc),
    ("deny", "dependencies: bans, licences, sources", run_deny),
    ("shell", "the scripts pass shellcheck", run_shellcheck),
    (
        "scripts",
        "zkServer.sh starts, tells, stops the real program",
        run_scripts,
    ),
    (
        "peer",
        "the Rust client against the original server",
        run_peer,
    ),
    (
        "zkcli",
        "our zkCli.sh says what Debian's says, and lives at a terminal",
        run_zkcli,
    ),
    (
        "php",
        "the PHP extension: no warning, and all its tests from PHP",
        php::check,
    ),
    (
        "phplib",
        "the recipes and the task farm in PHP, alone, beside kazoo and Rust, and with processes that die",
        php::check_library,
    ),
    (
        "ffi",
        "the C library beside the original's: symbols, headers, Debian's programs, every call",
        ffi::test,
    ),
    (
        "cluster",
        "three real servers: founded, killed, wiped, restarted, grown; nothing acknowledged is lost",
        || run_cluster(Profile::Dev, &["--short".to_owned()]),
    ),
    (
        "ensemble",
        "ensembles as an operator has them: reconfig, seven servers, zoa dev, certificates, directories, local sessions",
        run_ensemble,
    ),
    (
        "chaos",
        "three real servers under faults of many kinds, judged as the simulator judges",
        chaos::short,
    ),
    (
        "recipes",
        "kazoo and the Rust recipes contend for the same locks, queues and barriers",
        run_recipes,
    ),
    (
        "sim",
        "200 simulated histories of clients in general, 200 of ours, 300 of ensembles, 64 of recipes and 64 of farms, against the guarantees",
        run_sim,
    ),
];

/// The steps, in order.
#[must_use]
pub fn steps() -> Vec<Step> {
    let steps = STEPS.into_iter();
    steps
        .map(|(name, about, run)| Step::new(name, about, run))
        .collect()
}

/// Scripts that users do not get.
const OTHER_SCRIPTS: [&str; 3] = [".ci/run", "compat/php/apart.sh", "compat/php/phpize.sh"];

const CLIPPY: [&str; 6] = [
    "clippy",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
];

/// The pages are for those who work on the code, so a link to a private item is a good link.
pub(crate) const DOC_FLAGS: &str = "-D warnings -A rustdoc::private_intra_doc_links";

fn run_format() -> Result<Tally> {
    let tally = gate(&["fmt", "--all", "--check"])?;
    php::check_format()?;
    Ok(tally)
}

fn gate(arguments: &[&str]) -> Result<Tally> {
    program::run(&mut program::cargo(arguments))?;
    Ok(Tally::one())
}

/// Prints the mirror, then what is broken.
///
/// # Errors
/// When the tree cannot be read or breaks a rule.
pub fn run_tidy() -> Result<Tally> {
    let report = tidy::check(&workspace::root())?;
    println!("{}", report.shape);
    for finding in &report.findings {
        println!("{finding}");
    }
    ensure!(
        report.findings.is_empty(),
        "{} broken rules",
        report.findings.len()
    );
    Ok(Tally::one())
}

fn run_tests() -> Result<Tally> {
    count_tests(&mut program::cargo(&[
        "test",
        "--workspace",
        "--no-fail-fast",
    ]))
}

/// What the Rust client does on our server, it must do on Debian's.
fn run_peer() -> Result<Tally> {
    install::debian(&["zookeeper"]).context("installing the original server")?;
    let server = LocalServer::peer(&workspace::target().join("peer"))?;
    let mut command = program::cargo(&["test", "-p", "zoa-client", "--test", "peer"]);
    count_tests(command.env("ZOA_PEER", server.address()))
}

/// Runs `cargo test` and counts what it says.
fn count_tests(command: &mut Command) -> Result<Tally> {
    let line = program::command_line(command);
    println!("$ {line}");
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("starting cargo test")?;
    let stdout = child
        .stdout
        .take()
        .context("stdout was asked for as a pipe")?;
    let mut sum = Tally::default();
    for text in BufReader::new(stdout).lines() {
        let text = text.context("reading what cargo test says")?;
        println!("{text}");
        sum.add(tally_of(&text));
    }
    let status = child.wait().context("waiting for cargo test")?;
    if !status.success() && sum.failed == 0 {
        bail!("`{line}` ended with {status} and named no failed test: it did not build, or died");
    }
    Ok(sum)
}

/// What a line like `test result: ok. 22 passed; 0 failed; 0 ignored; ...` counts.
fn tally_of(line: &str) -> Tally {
    let Some((_, counts)) = line.split_once("test result: ") else {
        return Tally::default();
    };
    let count = |word: &str| {
        let (before, _) = counts.split_once(word)?;
        before.split_whitespace().next_back()?.parse().ok()
    };
    Tally {
        passed: count(" passed").unwrap_or(0),
        failed: count(" failed").unwrap_or(0),
        skipped: count(" ignored").unwrap_or(0),
    }
}

fn run_doc() -> Result<Tally> {
    let mut command = program::cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    program::run(command.env("RUSTDOCFLAGS", DOC_FLAGS))?;
    Ok(Tally::one())
}

fn run_deny() -> Result<Tally> {
    let (program, root) = (install::cargo_deny()?, workspace::root());
    let kinds = ["check", "bans", "licenses", "sources"];
    let mut ours = Command::new(&program);
    ours.arg("--workspace").args(kinds);
    program::run(ours.current_dir(&root))?;
    let mut extension = Command::new(&program);
    php::deny(&mut extension).args(["--config", "deny.toml"]);
    program::run(extension.args(kinds).current_dir(&root))?;
    Ok(Tally {
        passed: 2,
        ..Tally::default()
    })
}

fn run_shellcheck() -> Result<Tally> {
    install::debian(&["shellcheck"])?;
    let mut command = Command::new("shellcheck");
    command.args([
        "--shell=bash",
        "--external-sources",
        "--source-path=SCRIPTDIR",
    ]);
    command.args(dist::SCRIPTS).args(OTHER_SCRIPTS);
    program::run(command.current_dir(workspace::root()))?;
    Ok(Tally::one())
}

fn run_scripts() -> Result<Tally> {
    let folder = dist::lay_out(Profile::Dev)?;
    scripts::check(&folder)
}

/// The suites of the shell, against the original that is a Debian package; the nightly run takes 3.9 too.
fn run_zkcli() -> Result<Tally> {
    install::debian(&["tmux", "zookeeper"])?;
    let program = dist::lay_out(Profile::Dev)?.join("bin/zoa");
    let suites: [(&str, &[&str]); 2] = [
        ("shell-transcripts", &["--against", "3.8"]),
        ("shell-tmux", &[]),
    ];
    let mut sum = Tally::default();
    for (suite, words) in suites {
        let script = workspace::root().join("compat").join(suite).join("run.py");
        let mut command = Command::new("python3");
        command.arg(script).arg("--program").arg(&program);
        program::run(command.args(words))?;
        sum.add(Tally::one());
    }
    Ok(sum)
}

/// Three real servers through what may happen to them.
///
/// # Errors
/// When something that must hold did not.
pub fn run_cluster(profile: Profile, arguments: &[String]) -> Result<Tally> {
    let program = dist::lay_out(profile)?.join("bin/zoa");
    let mut command = Command::new("python3");
    command
        .arg(workspace::root().join("compat/cluster/run.py"))
        .arg("--program")
        .arg(program)
        .args(arguments);
    program::run(&mut command)?;
    Ok(Tally::one())
}

/// Ensembles as an operator has them.
fn run_ensemble() -> Result<Tally> {
    install::debian(&["openssl"])?;
    let program = dist::lay_out(Profile::Dev)?.join("bin/zoa");
    let mut command = Command::new("python3");
    command
        .arg(workspace::root().join("compat/ensemble/run.py"))
        .arg("--program")
        .arg(program);
    program::run(&mut command)?;
    Ok(Tally::one())
}

/// kazoo's recipes beside ours, on one server.
fn run_recipes() -> Result<Tally> {
    let program = dist::lay_out(Profile::Dev)?.join("bin/zoa");
    let example = [
        "build",
        "--quiet",
        "-p",
        "zoa-client",
        "--example",
        "recipes",
    ];
    program::run(&mut program::cargo(&example))?;
    recipe_interop::run(Parties {
        server: &program,
        rust: &workspace::target().join("debug/examples/recipes"),
        php: None,
    })
}

fn run_sim() -> Result<Tally> {
    let mut sum = Tally::default();
    let scenarios = [
        ("server", SEEDS),
        ("clients", SEEDS),
        ("ensemble", ENSEMBLE_SEEDS),
        ("recipes", RECIPE_SEEDS),
        ("farm", RECIPE_SEEDS),
    ];
    for (scenario, seeds) in scenarios {
        sum.add(gate(&[
            "run",
            "--quiet",
            "--profile",
            "sim",
            "-p",
            "zoa-sim",
            "--",
            "--scenario",
            scenario,
            "--seeds",
            seeds,
        ])?);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::tally_of;
    use crate::step::Tally;

    #[test]
    fn the_counts_of_cargo_test_are_read_and_other_lines_are_not() {
        let line =
            "test result: FAILED. 22 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        let counted = Tally {
            passed: 22,
            failed: 3,
            skipped: 1,
        };
        assert_eq!(tally_of(line), counted);
        assert_eq!(
            tally_of("test tidy::all_of_it ... 9 passed"),
            Tally::default()
        );
    }
}
