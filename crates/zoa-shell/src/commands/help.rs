//! `help`: every command in one line, or all about one.

use crate::command::Command;
use crate::command::Run;
use crate::commands;
use crate::error::Answer;
use crate::shell::Shell;

pub(crate) const COMMAND: Command = Command {
    name: "help",
    arguments: "[command]",
    about: "Lists the commands, or explains one with examples.",
    examples: &["help", "help create"],
    run: Run::Shell(run),
    ..Command::PLAIN
};

fn run(shell: &mut Shell, words: &[String]) -> Answer<()> {
    let text = match words.get(1) {
        None => overview(),
        Some(name) => commands::find(name)
            .ok_or_else(|| shell.unknown_command(name))?
            .help(),
    };
    Ok(shell.console().say(&text)?)
}

/// A line for each command.
pub(crate) fn overview() -> String {
    let line = |command: &Command| format!("  {:<22}{}\n", command.name, command.about);
    let lines: String = commands::ALL.iter().map(line).collect();
    format!(
        "{lines}\n`help create` or `create --help` explains one; --json behind any answers as JSON"
    )
}
