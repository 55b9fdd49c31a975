//! `listquota`: the limits of a path, and what is used of them.

use serde_json::json;
use zoa_proto::ErrorCode;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::commands::set_quota::read_quota;
use crate::error::Answer;
use crate::text::quota;

pub(crate) const COMMAND: Command = Command {
    name: "listquota",
    arguments: "path",
    arguments_min: 1,
    about: "Prints the limits of a path and what is used of them.",
    examples: &["listquota /app"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let path = context.path();
    let limits_path = quota::limits_path(path);
    context.tell(&format!("absolute path is {limits_path}"));
    let both = read_quota(context.keeper, &limits_path).and_then(|limits| {
        Ok((
            limits,
            read_quota(context.keeper, &quota::stats_path(path))?,
        ))
    });
    match both {
        Ok((limits, used)) => {
            if context.is_json() {
                return context
                    .say_json(&json!({"path": path, "quota": limits.json(), "stat": used.json()}));
            }
            context.say(&format!("Output quota for {path} {}", limits.text()))?;
            context.say(&format!("Output stat for {path} {}", used.text()))
        }
        Err(error) if error.is(ErrorCode::NoNode) => {
            context.tell(&format!("quota for {path} does not exist."));
            Ok(())
        }
        Err(error) => Err(error),
    }
}
