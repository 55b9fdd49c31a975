//! `cargo xtask php`: builds the PHP extension and installs it into the PHP of this machine, or tries it out instead.
//!
//! The PHP is the one whose `php-config` is in the path, or in `PHP_CONFIG`. The suite is run by PHP's own `run-tests.php`
//! against a server of ours, and leaves the machine's PHP as it is; the longer trials stand in `trials`. Invariant: what is installed was loaded by that PHP before.

mod trials;

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::install;
use crate::local_server::LocalServer;
use crate::program;
use crate::step::Tally;
use crate::workspace;
use crate::workspace::Profile;

/// The file by which PHP knows the extension.
const LIBRARY: &str = "zookeeper.so";

/// What to do when the extension is built.
#[derive(Clone, Debug)]
pub enum Work {
    /// Install it.
    Install,
    /// Run the suite.
    Test(Suite),
    /// Run the article's scripts, which stand in this folder, against our server and the original.
    Article(PathBuf),
    /// So many random sequences of everything.
    Fuzz(u64),
    /// Have Symfony's lock contended for, for so many seconds.
    Symfony(u64),
    /// Compare the cost of a read with the original's C library.
    Cost,
}

/// How to run the suite.
#[derive(Clone, Debug)]
pub struct Suite {
    /// How often to run it.
    pub repetitions: usize,
    /// Under valgrind, with PHP's own allocator switched off.
    pub valgrind: bool,
    /// Only these tests.
    pub tests: Vec<String>,
}

/// A PHP and the extension built for it, which need not be installed to be run.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    /// The program `php`.
    pub(crate) program: PathBuf,
    /// Its argument behind `-d` that loads the extension.
    pub(crate) flag: String,
}

/// Installs what is missing and builds the extension.
///
/// # Errors
/// When something cannot be installed or built.
pub(crate) fn ready() -> Result<Ready> {
    let php = Php::find()?;
    let built = build(&php)?;
    Ok(Ready {
        program: php.program,
        flag: extension_flag(&built),
    })
}

/// A PHP that extensions can be built for.
struct Php {
    config: PathBuf,
    program: PathBuf,
    extensions: PathBuf,
}

/// Builds the extension; installs it or tries it out.
///
/// # Errors
/// When something cannot be installed or built, or a trial fails.
pub fn run(work: &Work) -> Result<()> {
    let php = Php::find()?;
    let built = build(&php)?;
    match work {
        Work::Install => php.install(&built),
        Work::Test(suite) => {
            let tally = test(&php, &built, suite)?;
            println!("{}", tally.closing_line());
            ensure!(tally.failed == 0, "the suite of the PHP extension failed");
            Ok(())
        }
        Work::Article(folder) => trials::article(&php, &built, folder),
        Work::Fuzz(count) => trials::fuzz(&php, &built, *count),
        Work::Symfony(seconds) => trials::symfony(&php, &built, *seconds),
        Work::Cost => trials::cost(&php, &built),
    }
}

impl Php {
    /// The PHP that is meant, installed if there is none.
    fn find() -> Result<Self> {
        let config = env::var_os("PHP_CONFIG").map(PathBuf::from);
        let is_there = program::succeeds(Command::new("php-config").arg("--version"));
        if config.is_none() && !is_there {
            install::debian(&["php-cli", "php-dev"])?;
        }
        // For the bindings to PHP's headers, and the shim.
        install::debian(&["gcc", "libc6-dev", "libclang-dev"])?;
        let config = config.unwrap_or_else(|| PathBuf::from("php-config"));
        let ask = |what: &str| -> Result<PathBuf> {
            let answer = program::read(Command::new(&config).arg(what))?;
            Ok(PathBuf::from(answer.trim()))
        };
        let (program, extensions) = (ask("--php-binary")?, ask("--extension-dir")?);
        Ok(Self {
            config,
            program,
            extensions,
        })
    }

    /// Copies the extension to where this PHP looks for it, and switches it on.
    fn install(&self, built: &Path) -> Result<()> {
        let target = self.extensions.join(LIBRARY);
        // A new file, not new bytes in one that a running PHP has mapped.
        let fresh = self.extensions.join(format!("{LIBRARY}.new"));
        program::run(install::as_root("cp").arg(built).arg(&fresh))?;
        program::run(install::as_root("mv").arg(&fresh).arg(&target))?;
        self.switch_on()?;
        let modules = program::read(Command::new(&self.program).arg("-m"))?;
        ensure!(
            modules.lines().any(|line| line == "zookeeper"),
            "{} does not list the extension",
            self.program.display()
        );
        println!("installed {}; `php -m` lists zookeeper", target.display());
        Ok(())
    }

    /// Has PHP load it: through Debian's `phpenmod` where that is, else by a file among those it reads.
    fn switch_on(&self) -> Result<()> {
        let version = program::read(Command::new(&self.config).arg("--version"))?;
        let mut parts = version.trim().split('.');
        let short = match (parts.next(), parts.next()) {
            (Some(major), Some(minor)) => format!("{major}.{minor}"),
            _ => bail!("php-config says that its version is {version}"),
        };
        let available = PathBuf::from(format!("/etc/php/{short}/mods-available"));
        if available.is_dir() {
            self.write_ini(&available.join("zookeeper.ini"))?;
            return program::run(install::as_root("phpenmod").args(["-v", &short, "zookeeper"]));
        }
        let scanned = program::read(Command::new(&self.config).arg("--ini-dir"))?;
        let folder = PathBuf::from(scanned.trim());
        ensure!(
            folder.is_dir(),
            "add `extension=zookeeper` to the php.ini of {}: it reads no folder of settings",
            self.program.display()
        );
        self.write_ini(&folder.join("zookeeper.ini"))
    }

    fn write_ini(&self, path: &Path) -> Result<()> {
        let draft = workspace::target().join("zookeeper.ini");
        let text = "; priority=20\nextension=zookeeper.so\n";
        fs::write(&draft, text).context("writing a draft of zookeeper.ini")?;
        program::run(install::as_root("cp").arg(&draft).arg(path))
    }
}

/// Builds the extension; gives a file of its right name.
fn build(php: &Php) -> Result<PathBuf> {
    let target = workspace::target().join("php");
    let manifest = workspace::root().join("crates/zoa-php/Cargo.toml");
    let mut cargo = program::cargo(&["build", "--release", "--locked", "--manifest-path"]);
    cargo.arg(&manifest).env("CARGO_TARGET_DIR", &target);
    if php.config.components().count() > 1 {
        // Build scripts run in folders of their own.
        let config = php
            .config
            .canonicalize()
            .context("looking for php-config")?;
        cargo.env("PHP_CONFIG", config);
    }
    program::run(&mut cargo)?;
    let folder = target.join("extension");
    fs::create_dir_all(&folder).context("making a folder for the extension")?;
    let library = folder.join(LIBRARY);
    fs::copy(target.join("release/libzookeeper.so"), &library).context("copying the extension")?;
    let mut load = Command::new(&php.program);
    load.args(["-n", "-d"]).arg(extension_flag(&library));
    load.args(["-r", "exit(class_exists('Zookeeper') ? 0 : 1);"]);
    program::run(&mut load)?;
    Ok(library)
}

fn extension_flag(library: &Path) -> String {
    format!("extension={}", library.display())
}

/// Runs the suite with PHP's own runner.
fn test(php: &Php, built: &Path, suite: &Suite) -> Result<Tally> {
    program::run(&mut program::cargo(&["build", "--release", "-p", "zoa"]))?;
    let folder = workspace::target().join("php").join("suite");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("removing what an earlier run left")?;
    }
    copy_tests(&folder.join("tests"))?;
    let server = LocalServer::ours(Profile::Release, &folder.join("server"))?;
    let mut tally = Tally::default();
    for _ in 0..suite.repetitions.max(1) {
        tally.add(run_once(php, built, (server.address(), &folder), suite)?);
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

fn run_once(
    php: &Php,
    built: &Path,
    (server, folder): (&str, &Path),
    suite: &Suite,
) -> Result<Tally> {
    let flag = extension_flag(built);
    let runner = runner_of(php)?;
    let mut command = Command::new(&php.program);
    command.arg("-n").arg(runner);
    command.arg("-p").arg(&php.program);
    command.args(["-q", "-n", "-d", &flag, "--set-timeout", "300"]);
    if suite.valgrind {
        install::debian(&["valgrind"])?;
        command.arg("-m");
    }
    if suite.tests.is_empty() {
        command.arg("tests");
    }
    for name in &suite.tests {
        command.arg(format!("tests/{name}.phpt"));
    }
    command.current_dir(folder);
    command.env("ZOA_TEST_SERVER", server);
    command.env("ZOA_DOCS", workspace::root().join("docs"));
    command.env(
        "ZOA_STUBS",
        workspace::root().join("php/stubs/zookeeper.php"),
    );
    command.env("ZOA_TEST_ARGS", format!("-n -d {flag}"));
    command
        .env("NO_INTERACTION", "1")
        .env("NO_PHPTEST_SUMMARY", "1");
    let output = command.output().context("starting PHP's runner")?;
    let text = String::from_utf8_lossy(&output.stdout);
    for line in text.lines().filter(|line| line.contains("FAIL")) {
        // The runner overwrites its own line.
        println!("{}", line.rsplit('\r').next().unwrap_or(line));
    }
    let tally = tally_of(&text);
    ensure!(
        tally.passed + tally.failed > 0,
        "PHP's runner ran nothing:\n{text}"
    );
    Ok(tally)
}

/// PHP's runner, which comes with its development files.
fn runner_of(php: &Php) -> Result<PathBuf> {
    let prefix = program::read(Command::new(&php.config).arg("--extension-dir"))?;
    let beside = Path::new(prefix.trim()).join("build/run-tests.php");
    let prefix = program::read(Command::new(&php.config).arg("--prefix"))?;
    let below = Path::new(prefix.trim()).join("lib/php/build/run-tests.php");
    let found = [beside, below].into_iter().find(|path| path.is_file());
    found.context("run-tests.php is not among PHP's development files")
}

/// What the runner counted.
fn tally_of(text: &str) -> Tally {
    let count = |what: &str| {
        let line = text.lines().find(|line| line.starts_with(what));
        let number = line.and_then(|line| line.split(':').nth(1)?.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Tally {
        passed: count("Tests passed"),
        failed: count("Tests failed") + count("Tests leaked") + count("Tests borked"),
        skipped: count("Tests skipped"),
    }
}

#[cfg(test)]
mod tests {
    use super::tally_of;
    use crate::step::Tally;

    #[test]
    fn the_runner_s_sums_are_read() {
        let text = "\
Number of tests :   26                24
Tests skipped   :    2 (  7.7%) --------
Tests failed    :    1 (  3.8%) (  3.8%)
Tests passed    :   23 ( 96.2%) ( 96.2%)
";
        let expected = Tally {
            passed: 23,
            failed: 1,
            skipped: 2,
        };
        assert_eq!(tally_of(text), expected);
    }
}
