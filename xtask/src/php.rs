//! `cargo xtask php`: builds the PHP extension and installs it into the PHP of this machine, or tries it out instead.
//!
//! Which PHP is meant stands in `interpreter`, the suite in `suite`, that of the Composer library in `library`, the longer trials in
//! `trials` and `installing`. The extension is a workspace of
//! its own, so the checks of its code are here too. Invariant: nothing but the installing changes the machine's PHP.

mod installing;
mod interpreter;
mod library;
mod suite;
mod trials;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use anyhow::ensure;

use crate::program;
use crate::step::Tally;
use crate::workspace::Profile;
use interpreter::Php;
use interpreter::extension_flag;
pub use suite::Suite;

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
    /// Run the suite of the Composer library, and its recipes beside those in other languages.
    Library,
    /// Kill and pause the processes of a task farm for so many seconds.
    FarmFaults(u64),
    /// Have Symfony's lock contended for, for so many seconds.
    Symfony(u64),
    /// Compare the cost of a read with the original's C library.
    Cost,
    /// Measure how soon a watch is heard of, so many times.
    Delivery(u64),
    /// Type what the tutorial has a reader type.
    Tutorial,
    /// Build and install it as `phpize` does.
    Phpize,
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
    let built = php.build(Profile::Release)?;
    Ok(Ready {
        program: php.program,
        flag: extension_flag(&built),
    })
}

/// Builds the extension; installs it or tries it out.
///
/// # Errors
/// When something cannot be installed or built, or a trial fails.
pub fn run(work: &Work) -> Result<()> {
    let php = Php::find()?;
    let built = php.build(Profile::Release)?;
    match work {
        Work::Install => php.install(&built),
        Work::Test(suite) => {
            let tally = suite::run(&php, &built, Profile::Release, suite)?;
            println!("{}", tally.closing_line());
            ensure!(tally.failed == 0, "the suite of the PHP extension failed");
            Ok(())
        }
        Work::Article(folder) => trials::article(&php, &built, folder),
        Work::Fuzz(count) => trials::fuzz(&php, &built, *count),
        Work::Library => {
            let tally = library::run(&php, &built, Profile::Release)?;
            println!("{}", tally.closing_line());
            Ok(())
        }
        Work::FarmFaults(seconds) => library::farm_faults(&php, &built, *seconds),
        Work::Symfony(seconds) => trials::symfony(&php, &built, *seconds),
        Work::Cost => trials::cost(&php, &built),
        Work::Delivery(count) => trials::delivery(&php, &built, *count),
        Work::Tutorial => installing::tutorial(&php, &built),
        Work::Phpize => installing::phpize(&php),
    }
}

/// What a change must pass: clippy, the documentation, the suite; all from one debug build.
///
/// # Errors
/// When something cannot be installed or built, or clippy or the documentation complain.
pub(crate) fn check() -> Result<Tally> {
    let php = Php::find()?;
    program::run(
        php.cargo(&["clippy", "--all-targets"])
            .args(["--", "-D", "warnings"]),
    )?;
    program::run(
        php.cargo(&["doc", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", crate::suite::DOC_FLAGS),
    )?;
    let built = php.build(Profile::Dev)?;
    let mut tally = Tally {
        passed: 2,
        ..Tally::default()
    };
    let all = Suite {
        repetitions: 1,
        valgrind: false,
        tests: Vec::new(),
    };
    tally.add(suite::run(&php, &built, Profile::Dev, &all)?);
    Ok(tally)
}

/// What the Composer library must pass, on debug builds.
///
/// # Errors
/// When something cannot be installed or built, or a test fails.
pub(crate) fn check_library() -> Result<Tally> {
    let php = Php::find()?;
    let built = php.build(Profile::Dev)?;
    library::run(&php, &built, Profile::Dev)
}

/// Whether its code is formatted, which needs no PHP.
///
/// # Errors
/// When it is not.
pub(crate) fn check_format() -> Result<()> {
    let mut cargo = program::cargo(&["fmt", "--manifest-path", interpreter::MANIFEST, "--check"]);
    program::run(&mut cargo)
}

/// Tells cargo-deny to look at what the extension depends on.
pub(crate) fn deny(cargo_deny: &mut Command) -> &mut Command {
    cargo_deny.args(["--manifest-path", interpreter::MANIFEST])
}
