//! `getAllChildrenNumber`: how many znodes live under a path, at any depth.

use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;

pub(crate) const COMMAND: Command = Command {
    name: "getAllChildrenNumber",
    arguments: "path",
    arguments_min: 1,
    about: "Prints how many znodes there are below a path.",
    examples: &["getAllChildrenNumber /"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let count = context.keeper.all_children_number(context.path())?;
    context.answer(
        || count.to_string(),
        || json!({"path": context.path(), "count": count}),
    )
}
