//! The shell `zkCli.sh`: the commands, options, outputs and error texts of ZooKeeper's own, and some more.
//!
//! ```text
//! start (options) -> shell (lines, words) -> command (options) -> commands/* -> keeper (zoa-client) -> servers
//!                                                                     |
//!                                                                  console -> stdout, stderr, the line editor
//! ```
//!
//! It is *not* a client library: what it knows of the protocol comes from zoa-client. Invariants: what the original's shell prints
//! is printed here too, on the same stream, but for the differences listed in docs/shell.md; data never steer a terminal; no line,
//! whatever is in it, ends the shell.

mod client_configuration;
mod command;
mod commands;
mod console;
mod editor;
mod error;
mod hint;
mod history;
mod keeper;
mod limits;
mod options;
mod path_text;
mod shell;
mod start;
mod text;
mod walk;
mod words;

use std::io;
use std::io::BufRead;
use std::io::BufWriter;
use std::io::IsTerminal;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

use console::Console;
use console::Manner;
use console::Mode;
use error::Answer;
use error::ShellError;
use limits::LINE_LEN_MAX;
use shell::Shell;
use start::Start;

/// Runs the shell with the words of its command line, the program's name left out; returns the exit code.
#[must_use]
pub fn run(words: &[String]) -> ExitCode {
    ExitCode::from(run_words(words))
}

fn run_words(words: &[String]) -> u8 {
    let start = start::read_start(words);
    let console = Arc::new(console_for(start.as_ref().ok()));
    match start.and_then(|start| run_start(start, &console)) {
        Ok(code) => code,
        Err(error) => {
            console.tell_error(&error);
            error.exit_code
        }
    }
}

fn console_for(start: Option<&Start>) -> Console {
    let is_terminal = io::stdout().is_terminal();
    let is_one_shot = start.is_none_or(|start| !start.words.is_empty());
    let manner = Manner {
        mode: if is_one_shot || !io::stdin().is_terminal() || !is_terminal {
            Mode::Scripted
        } else {
            Mode::Interactive
        },
        is_json: start.is_some_and(|start| start.is_json),
        shows_hints: io::stderr().is_terminal() || start.is_some_and(|start| start.wants_hints),
        is_terminal,
    };
    Console::new(
        manner,
        Box::new(BufWriter::new(io::stdout())),
        Box::new(io::stderr()),
    )
}

fn run_start(start: Start, console: &Arc<Console>) -> Answer<u8> {
    if start.wants_help {
        console.say(start::HELP.trim_end())?;
        console.flush()?;
        return Ok(0);
    }
    console.greet(&format!("Connecting to {}", start.link.hosts))?;
    console.flush()?;
    let timeout = start.link.timeout;
    let mut shell = Shell::start(start.link, Arc::clone(console))?;
    if start.waits
        && let Some(keeper) = shell.keeper()
    {
        keeper.await_server(timeout)?;
    }
    if !start.words.is_empty() {
        shell.run_words(&start.words);
    } else if console.is_interactive() {
        console.greet("Welcome to ZooKeeper!\nJLine support is enabled")?;
        console.flush()?;
        editor::run(&mut shell)?;
    } else {
        console.greet("Welcome to ZooKeeper!")?;
        run_lines(&mut shell, io::stdin().lock())?;
    }
    Ok(shell.end())
}

/// Runs every line of a pipe or file.
fn run_lines(shell: &mut Shell, mut lines: impl BufRead) -> Answer<()> {
    let mut line = Vec::new();
    while !shell.has_quit() {
        line.clear();
        let read = lines
            .by_ref()
            .take(LINE_LEN_MAX)
            .read_until(b'\n', &mut line);
        let read = read
            .map_err(|error| ShellError::new(format!("Standard input cannot be read: {error}")))?;
        if read == 0 {
            break;
        }
        if !line.ends_with(b"\n") && u64::try_from(read) == Ok(LINE_LEN_MAX) {
            return Err(ShellError::new(format!(
                "A line is longer than {LINE_LEN_MAX} bytes"
            )));
        }
        let text = String::from_utf8_lossy(&line);
        shell.run_line(text.trim_end_matches(['\n', '\r']));
    }
    Ok(())
}
