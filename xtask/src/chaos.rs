//! `cargo xtask chaos`: real servers, real faults, and the checkers of the simulator (`crates/zoa-chaos`).
//!
//! It builds both programs and passes everything else on. Invariant: whatever was recorded of a failed run stays in the folder that is
//! named at its end.

use std::process::Command;

use anyhow::Result;

use crate::program;
use crate::step::Tally;
use crate::workspace;
use crate::workspace::Profile;

/// What fits into the time of a change: most kinds of faults once, and a proof that the verdict means something.
const SHORT: [&str; 5] = ["--seconds", "14", "--seed", "7", "--prove"];

/// Real servers under faults, as `arguments` say.
///
/// # Errors
/// When it does not build, or a guarantee was broken.
pub fn run(profile: Profile, arguments: &[String]) -> Result<Tally> {
    let programs = ["build", "-p", "zoa", "-p", "zoa-chaos", profile.argument()];
    program::run(&mut program::cargo(&programs))?;
    let server = workspace::program(profile);
    let mut command = Command::new(server.with_file_name("zoa-chaos"));
    command
        .arg("--program")
        .arg(&server)
        .arg("--folder")
        .arg(workspace::target().join("chaos"))
        .args(arguments);
    program::run(&mut command)?;
    Ok(Tally::one())
}

/// The one of each change.
///
/// # Errors
/// As [`run`].
pub fn short() -> Result<Tally> {
    run(Profile::Dev, &SHORT.map(str::to_owned))
}

/// Those of a night: ensembles of three and of five for ten minutes each, and everybody killed fifty times.
///
/// # Errors
/// As [`run`].
pub fn nightly() -> Result<Tally> {
    let mut sum = Tally::default();
    for words in [
        "--servers 3 --seconds 600",
        "--servers 5 --seconds 600",
        "--plan kill-all --rounds 50",
    ] {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        sum.add(run(Profile::Release, &words)?);
    }
    Ok(sum)
}
