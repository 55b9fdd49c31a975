//! `history`: the last lines, by number.

use crate::command::Command;
use crate::command::Run;
use crate::error::Answer;
use crate::shell::Shell;

pub(crate) const COMMAND: Command = Command {
    name: "history",
    about: "Prints the last eleven lines with the numbers that redo takes.",
    examples: &["history"],
    run: Run::Shell(run),
    ..Command::PLAIN
};

fn run(shell: &mut Shell, _: &[String]) -> Answer<()> {
    for (number, line) in shell.history().last_lines() {
        shell.console().say(&format!("{number} - {line}"))?;
    }
    Ok(())
}
