//! The suite of the PHP extension: `crates/zoa-php/tests/*.phpt` by PHP's own `run-tests.php`, against a server of ours.
//!
//! It runs on a copy, since the runner writes beside the tests, and leaves the machine's PHP as it is. Invariant: a test that passed
//! only when the runner tried it again counts as failed.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use super::interpreter::Php;
use super::interpreter::extension_flag;
use super::trials;
use crate::install;
use crate::local_server::LocalServer;
use crate::program;
use crate::step::Tally;
use crate::workspace;
use crate::workspace::Profile;

/// Tests at one time: they wait more than they work.
const AT_ONCE: &str = "-j4";
/// Lines of the difference that are shown of a failed test.
const SHOWN: usize = 40;
/// What valgrind is not to report, with the reasons beside it.
const SUPPRESSIONS: &str = "valgrind.supp";

/// How to run the suite.
#[derive(Clone, Debug)]
pub struct Suite {
    /// How often to run it.
    pub repetitions: usize,
    /// Under valgrind, with PHP's own allocator switched off.
    pub valgrind: bool,
    /// Only tests whose names begin with one of these; all when there is none.
    pub tests: Vec<String>,
}

/// What the runner needs to know.
struct Stage<'a> {
    php: &'a Php,
    flag: String,
    folder: PathBuf,
    server: LocalServer,
}

/// Runs the suite; the extension and the server are those of `profile`.
pub(super) fn run(php: &Php, built: &Path, profile: Profile, suite: &Suite) -> Result<Tally> {
    install::debian(&["php-fpm"]).context("installing FPM, which some tests talk to")?;
    let mut server = program::cargo(&["build", "-p", "zoa"]);
    program::run(server.arg(profile.argument()))?;
    let name = if suite.valgrind {
        "suite-valgrind"
    } else {
        "suite"
    };
    let folder = php.target().join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).context("removing what an earlier run left")?;
    }
    copy_tests(&folder.join("tests"))?;
    let stage = Stage {
        php,
        flag: extension_flag(built),
        server: LocalServer::ours(profile, &folder.join("server"))?,
        folder,
    };
    let names = chosen(&stage.folder.join("tests"), &suite.tests)?;
    let mut tally = Tally::default();
    let repetitions = suite.repetitions.max(1);
    for number in 1..=repetitions {
        let once = stage.run_once(&names, suite.valgrind)?;
        tally.add(once);
        if number % 10 == 0 && number < repetitions {
            println!("{number} of {repetitions}: {}", tally.closing_line());
        }
    }
    Ok(tally)
}

/// The runner writes beside the tests.
fn copy_tests(to: &Path) -> Result<()> {
    fs::create_dir_all(to).context("making a folder for the tests")?;
    let from = workspace::root().join("crates/zoa-php/tests");
    for entry in fs::read_dir(&from).context("reading the tests")? {
        let entry = entry.context("reading the tests")?;
        fs::copy(entry.path(), to.join(entry.file_name())).context("copying the tests")?;
    }
    Ok(())
}

/// The tests whose names begin with one of `openings`; each must open at least one.
fn chosen(folder: &Path, openings: &[String]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).context("reading the tests")? {
        let name = entry.context("reading the tests")?.file_name();
        let name = name.to_string_lossy();
        names.extend(name.strip_suffix(".phpt").map(str::to_owned));
    }
    names.sort();
    for opening in openings {
        let is_there = names.iter().any(|name| name.starts_with(opening));
        ensure!(is_there, "no test is called {opening}...");
    }
    let is_meant = |name: &String| openings.iter().any(|opening| name.starts_with(opening));
    names.retain(|name| openings.is_empty() || is_meant(name));
    Ok(names)
}

impl Stage<'_> {
    fn run_once(&self, names: &[String], valgrind: bool) -> Result<Tally> {
        let mut command = Command::new(&self.php.program);
        command.arg("-n").arg(self.runner()?);
        command.arg("-p").arg(&self.php.program);
        command.args(["-q", "-n", "--no-color", "-d", &self.flag]);
        command.args(["--set-timeout", "300"]);
        if names.len() > 1 {
            command.arg(AT_ONCE);
        }
        if valgrind {
            install::debian(&["valgrind"])?;
            // The code that PCRE makes at run time reads more than it uses.
            command.args(["-m", "-d", "pcre.jit=0"]);
            // Under valgrind the runner ends a test that is silent for 300 s, whatever it was told; for 900 s with this.
            command.env("SKIP_ASAN", "1");
            command.env(
                "VALGRIND_OPTS",
                format!("--suppressions={}", trials::script(SUPPRESSIONS).display()),
            );
        }
        for name in names {
            command.arg(format!("tests/{name}.phpt"));
        }
        command
            .current_dir(&self.folder)
            .env("ZOA_TEST_SERVER", self.server.address())
            .env("ZOA_ROOT", workspace::root())
            .env("ZOA_TEST_ARGS", format!("-n -d {}", self.flag))
            .env("NO_INTERACTION", "1")
            .env("NO_PHPTEST_SUMMARY", "1");
        let output = command.output().context("starting PHP's runner")?;
        let text = String::from_utf8_lossy(&output.stdout);
        for line in text.lines() {
            self.show(line);
        }
        let tally = tally_of(&text);
        let told = tally.passed + tally.failed + tally.skipped;
        ensure!(
            told == names.len(),
            "PHP's runner was given {} tests and tells of {told}:\n{text}",
            names.len()
        );
        Ok(tally)
    }

    /// Shows a line of the runner's if it tells of a test that did not simply pass, and why it did not.
    fn show(&self, line: &str) {
        // The runner overwrites its own line.
        let line = line.rsplit('\r').next().unwrap_or(line);
        let kinds = ["FAIL", "WARN", "LEAK", "BORK", "SKIP"];
        let Some(kind) = kinds.iter().find(|kind| is_verdict(line, kind)) else {
            return;
        };
        println!("{line}");
        let name = line
            .rsplit_once('[')
            .and_then(|(_, rest)| rest.split_once(']'));
        let Some((path, _)) = name else { return };
        let extension = if *kind == "LEAK" { "mem" } else { "diff" };
        let why = self.folder.join(path).with_extension(extension);
        let text = fs::read(why).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines().take(SHOWN) {
            println!("    {line}");
        }
    }

    /// PHP's runner, which comes with its development files.
    fn runner(&self) -> Result<PathBuf> {
        let ask = |what: &str| program::read(Command::new(&self.php.config).arg(what));
        let beside = Path::new(ask("--extension-dir")?.trim()).join("build/run-tests.php");
        let below = Path::new(ask("--prefix")?.trim()).join("lib/php/build/run-tests.php");
        let found = [beside, below].into_iter().find(|path| path.is_file());
        found.context("run-tests.php is not among PHP's development files")
    }
}

/// Whether the runner says `FAIL Title [path]`, or several kinds as `LEAK&FAIL Title [path]`.
fn is_verdict(line: &str, kind: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    first.split('&').any(|word| word == kind)
}

/// What the runner counted.
fn tally_of(text: &str) -> Tally {
    let count = |what: &str| {
        let line = text.lines().find(|line| line.starts_with(what));
        let number = line.and_then(|line| line.split(':').nth(1)?.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let failed = [
        "Tests failed",
        "Tests leaked",
        "Tests borked",
        "Tests warned",
    ];
    Tally {
        passed: count("Tests passed"),
        failed: failed.into_iter().map(count).sum(),
        skipped: count("Tests skipped"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::chosen;
    use super::is_verdict;
    use super::tally_of;
    use crate::step::Tally;

    #[test]
    fn the_runner_s_sums_are_read_and_a_retried_test_has_failed() {
        let text = "\
Number of tests :   27                25
Tests skipped   :    2 (  7.4%) --------
Tests warned    :    1 (  3.7%) (  4.0%)
Tests failed    :    1 (  3.7%) (  4.0%)
Tests passed    :   23 ( 85.2%) ( 92.0%)
";
        let expected = Tally {
            passed: 23,
            failed: 2,
            skipped: 2,
        };
        assert_eq!(tally_of(text), expected);
    }

    #[test]
    fn verdicts_are_told_from_titles() {
        assert!(is_verdict("FAIL A title [tests/a.phpt]", "FAIL"));
        assert!(is_verdict("LEAK&FAIL A title [tests/a.phpt]", "LEAK"));
        assert!(!is_verdict(
            "PASS What must not FAIL [tests/a.phpt]",
            "FAIL"
        ));
    }

    #[test]
    fn tests_are_chosen_by_how_their_names_begin() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        for name in ["crash-a.phpt", "crash-b.phpt", "docs.phpt", "server.inc"] {
            fs::write(folder.path().join(name), "").expect("the folder is ours");
        }
        let names = |openings: &[&str]| {
            let openings: Vec<String> = openings.iter().map(|&word| word.to_owned()).collect();
            chosen(folder.path(), &openings)
        };
        let crashes = names(&["crash-"]).expect("there are such");
        assert_eq!(crashes, ["crash-a", "crash-b"]);
        assert_eq!(names(&[]).expect("there are some").len(), 3);
        names(&["nothing"]).expect_err("no test is called so");
    }
}
