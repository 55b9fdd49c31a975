//! `addauth`: says who the user is, for this session and all its connections.

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;

pub(crate) const COMMAND: Command = Command {
    name: "addauth",
    arguments: "scheme auth",
    arguments_min: 2,
    about: "Adds an identity to the session; lines with it are not kept in the history file.",
    examples: &["addauth digest ann:secret"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let auth = context.line.argument(1).unwrap_or_default();
    context.keeper.add_auth(context.path(), auth.as_bytes())
}
