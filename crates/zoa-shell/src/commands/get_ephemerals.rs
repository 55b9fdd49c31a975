//! `getEphemerals`: the ephemerals that this session owns.

use serde_json::Value;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;

pub(crate) const COMMAND: Command = Command {
    name: "getEphemerals",
    arguments: "path",
    about: "Prints the ephemerals of this session, all or those under a path.",
    examples: &["getEphemerals", "getEphemerals /app"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let paths = context
        .keeper
        .ephemerals(context.line.argument(0).unwrap_or("/"))?;
    context.answer(
        || format!("[{}]", paths.join(", ")),
        || Value::from(paths.clone()),
    )
}
