//! `quit`: ends the session and the shell.

use crate::command::Command;
use crate::command::Run;
use crate::error::Answer;
use crate::shell::Shell;

pub(crate) const COMMAND: Command = Command {
    name: "quit",
    about: "Ends the session and the shell.",
    examples: &["quit"],
    run: Run::Shell(run),
    ..Command::PLAIN
};

#[expect(clippy::unnecessary_wraps, reason = "every command has the same shape")]
pub(crate) fn run(shell: &mut Shell, _: &[String]) -> Answer<()> {
    shell.quit();
    Ok(())
}
