//! `connect`: a new session, with the same servers or with others.

use crate::command::Command;
use crate::command::Run;
use crate::error::Answer;
use crate::shell::Shell;

pub(crate) const COMMAND: Command = Command {
    name: "connect",
    arguments: "host:port",
    about: "Ends the session and begins a new one, with the same servers or with those named.",
    examples: &["connect", "connect host1:2181,host2:2181/app"],
    run: Run::Shell(run),
    ..Command::PLAIN
};

fn run(shell: &mut Shell, words: &[String]) -> Answer<()> {
    shell.connect(words.get(1).map(String::as_str))
}
