//! `exit`: the same as `quit`.

use crate::command::Command;
use crate::command::Run;
use crate::commands::quit;

pub(crate) const COMMAND: Command = Command {
    name: "exit",
    about: "Ends the session and the shell.",
    examples: &["exit"],
    run: Run::Shell(quit::run),
    ..Command::PLAIN
};
