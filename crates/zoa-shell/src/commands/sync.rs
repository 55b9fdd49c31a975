//! `sync`: waits until this server has all that was written before, anywhere.

use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;

pub(crate) const COMMAND: Command = Command {
    name: "sync",
    arguments: "path",
    arguments_min: 1,
    about: "Waits until the server has seen every write that was acknowledged before.",
    examples: &["sync /"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    match context.keeper.sync(context.path()) {
        Ok(()) => context.answer(|| "Sync is OK".to_owned(), || json!({"rc": 0})),
        Err(error) => match error.code {
            Some(code) => {
                let rc = code.to_wire();
                context.answer(|| format!("Sync has failed. rc={rc}"), || json!({"rc": rc}))
            }
            None => Err(error),
        },
    }
}
