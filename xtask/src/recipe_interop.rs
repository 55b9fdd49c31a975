//! kazoo's recipes beside ours, on one server: `compat/recipes/run.py`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::program;
use crate::step::Tally;
use crate::workspace;

/// Who takes part beside kazoo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parties<'p> {
    /// The program `zoa`.
    pub(crate) server: &'p Path,
    /// zoa-client's example `recipes`.
    pub(crate) rust: &'p Path,
    /// What runs PHP with our extension, if PHP takes part.
    pub(crate) php: Option<&'p str>,
}

/// Runs all checks and shows which held; each counts once.
///
/// # Errors
/// When it cannot be run, or something did not hold.
pub(crate) fn run(parties: Parties<'_>) -> Result<Tally> {
    let mut command = Command::new("python3");
    command
        .arg(workspace::root().join("compat/recipes/run.py"))
        .arg("--server")
        .arg(parties.server)
        .arg("--rust")
        .arg(parties.rust);
    if let Some(php) = parties.php {
        command.arg("--php").arg(php);
    }
    let said = program::read(&mut command)?;
    print!("{said}");
    let held = said.lines().filter(|line| line.starts_with("ok "));
    Ok(Tally {
        passed: held.count(),
        ..Tally::default()
    })
}
