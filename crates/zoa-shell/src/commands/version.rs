//! `version`: which shell this is.

use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;

pub(crate) const COMMAND: Command = Command {
    name: "version",
    arguments_max: 0,
    about: "Prints the version of this shell.",
    examples: &["version"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

/// The version of the original whose behaviour is shown, and ours.
const VERSION: &str = concat!("3.9.5-zoarium-", env!("CARGO_PKG_VERSION"));

fn run(context: &Context<'_>) -> Answer<()> {
    context.answer(
        || format!("ZooKeeper CLI version: {VERSION}"),
        || json!({"version": VERSION}),
    )
}
