//! `close`: ends the session and stays in the shell.

use crate::command::Command;
use crate::command::Run;
use crate::error::Answer;
use crate::shell::Shell;

pub(crate) const COMMAND: Command = Command {
    name: "close",
    about: "Ends the session; its ephemerals are gone at once.",
    examples: &["close"],
    run: Run::Shell(run),
    ..Command::PLAIN
};

#[expect(clippy::unnecessary_wraps, reason = "every command has the same shape")]
fn run(shell: &mut Shell, _: &[String]) -> Answer<()> {
    shell.close();
    Ok(())
}
