//! `cargo xtask bench`: our server and the original on this machine, turn by turn, as a table.
//!
//! The measuring is `zoa bench compare`; this installs the peer, builds, and says where to write. It is
//! not part of any gate: figures of a shared machine are read, not asserted.

use anyhow::Context;
use anyhow::Result;

use crate::install;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

/// Runs the comparison; `arguments` go to `zoa bench compare` as they are.
///
/// # Errors
/// When the peer cannot be installed, the build fails, or the comparison does.
pub fn run(arguments: &[String]) -> Result<()> {
    install::debian(&["zookeeper"]).context("installing the original server to compare with")?;
    program::run(&mut program::cargo(&[
        "build",
        "-p",
        "zoa",
        Profile::Release.argument(),
    ]))?;
    let table = workspace::root().join("docs/performance.md");
    let mut compare = std::process::Command::new(workspace::program(Profile::Release));
    compare
        .args(["bench", "compare", "--table"])
        .arg(table)
        .args(arguments);
    program::run(compare.current_dir(workspace::root()))
}
