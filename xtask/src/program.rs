//! Starting other programs: said on the terminal before, judged by the exit code after.
//!
//! It is not a shell: arguments are passed as they are. Invariant: a program that fails is an error with
//! its command line in it, never a silent return.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::workspace;

/// `cargo` with these arguments, in the root of the workspace.
#[must_use]
pub fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace::root());
    // What cargo told this program of itself: build scripts that look at it would run again, and all that depends on them, each time
    // that a build from here follows one by hand.
    let of_xtask = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| of_xtask(name)) {
        command.env_remove(name);
    }
    command
}

/// Runs `command` with its output on our terminal.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub fn run(command: &mut Command) -> Result<()> {
    let line = command_line(command);
    println!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("starting `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs `command` and hands back what it wrote on stdout; its stderr stays on our terminal.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub fn read(command: &mut Command) -> Result<String> {
    let line = command_line(command);
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("starting `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `command` ends with 0; what it says is thrown away.
#[must_use]
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The command line as a person would type it.
#[must_use]
pub fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(shown).collect::<Vec<_>>().join(" ")
}

/// Paths under the root are shown as from the root.
fn shown(word: &OsStr) -> String {
    let root = workspace::root();
    let path = Path::new(word);
    let text = path
        .strip_prefix(&root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned();
    let name = Path::new(&text)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    match name {
        Some(name) if name == "cargo" => name,
        _ if text.contains(' ') => format!("'{text}'"),
        _ => text,
    }
}
