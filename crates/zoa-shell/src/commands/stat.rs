//! `stat`: what the servers keep about a znode beside its data.

use zoa_proto::ErrorCode;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::options::OptionSpec;
use crate::text::stat;

pub(crate) const COMMAND: Command = Command {
    name: "stat",
    arguments: "[-w] path",
    options: &[OptionSpec::flag("w", "watch")],
    arguments_min: 1,
    about: "Prints versions, times and sizes of a znode.",
    examples: &["stat /app", "stat -w /app/not-yet-there"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let is_old_form = super::is_old_watch_form(
        context,
        "'stat path [watch]' has been deprecated. Please use 'stat [-w] path' instead.",
    );
    let path = context.path();
    let found = context
        .keeper
        .exists(path, context.line.has("w") || is_old_form)?;
    let found = found.ok_or_else(|| ShellError::of_code(ErrorCode::NoNode, Some(path)))?;
    context.answer(|| stat::lines(&found), || stat::json(&found))
}
