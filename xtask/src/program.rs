//! Starting other programs: said on the terminal before, judged by the exit code after.
//!
//! It is not a shell: arguments are passed as they are. Invariant: a program that fails is an error with
//! its command line in it, never a silent return.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::workspace;

/// So many lines of what a program said are in the error when it fails.
const LAST_LINES: usize = 30;

/// How long to go on listening to a program that has ended.
const LEFT_BEHIND_MAX: Duration = Duration::from_secs(2);

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

/// Runs `command` with its output on our terminal; where there is none, as in CI, an error has the end of that output in it.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub fn run(command: &mut Command) -> Result<()> {
    let line = command_line(command);
    println!("$ {line}");
    let starting = || format!("starting `{line}`");
    let (status, last_lines) = if io::stdout().is_terminal() {
        (command.status().with_context(starting)?, String::new())
    } else {
        run_overheard(command).with_context(starting)?
    };
    if !status.success() {
        bail!("`{line}` ended with {status}{last_lines}");
    }
    Ok(())
}

/// Passes on what it says, and hands back its last lines.
fn run_overheard(command: &mut Command) -> io::Result<(ExitStatus, String)> {
    let (reader, writer) = io::pipe()?;
    let errors = writer.try_clone()?;
    let child = command.stdout(writer).stderr(errors).spawn();
    // The command holds writing ends, too; with them open the reader would never see an end.
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let last_lines = Arc::new(Mutex::new(VecDeque::new()));
    let ours = Arc::clone(&last_lines);
    let overhearing = thread::spawn(move || pass_on(reader, &ours));
    let status = child?.wait()?;
    // A process that it has left behind may hold the other end for ever.
    let deadline = Instant::now() + LEFT_BEHIND_MAX;
    while !overhearing.is_finished() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    let lines = lock(&last_lines);
    Ok((
        status,
        lines.iter().map(|line| format!("\n    {line}")).collect(),
    ))
}

fn pass_on(from: io::PipeReader, last_lines: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        println!("{line}");
        let mut lines = lock(last_lines);
        lines.push_back(line);
        if lines.len() > LAST_LINES {
            lines.pop_front();
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_last_lines_of_both_streams_are_heard() {
        let script = "for n in $(seq 40); do echo line $n; done; echo why >&2; exit 3";
        let (status, lines) = run_overheard(&mut shell(script)).expect("it starts");
        assert_eq!(status.code(), Some(3));
        assert!(lines.starts_with("\n    line 12\n"), "{lines}");
        assert!(lines.ends_with("\n    line 40\n    why"), "{lines}");
    }

    #[test]
    fn who_is_left_behind_is_not_waited_for() {
        let begun = Instant::now();
        run_overheard(&mut shell("sleep 60 & echo $!")).expect("it starts");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
