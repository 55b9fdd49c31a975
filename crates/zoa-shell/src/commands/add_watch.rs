//! `addWatch`: watches a znode, or all below it, until the watch is removed.

use zoa_proto::AddWatchMode;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::options::OptionSpec;

pub(crate) const COMMAND: Command = Command {
    name: "addWatch",
    arguments: "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
    options: &[OptionSpec::value("m", "")],
    arguments_min: 1,
    arguments_max: 1,
    about: "Watches a znode until removewatches; the default mode watches all below it too.",
    examples: &["addWatch /app", "addWatch -m PERSISTENT /app"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let mode = match context.line.value("m").map(str::to_uppercase).as_deref() {
        None | Some("PERSISTENT_RECURSIVE") => AddWatchMode::PersistentRecursive,
        Some("PERSISTENT") => AddWatchMode::Persistent,
        Some(_) => return Err(COMMAND.usage_error()),
    };
    context.keeper.add_watch(context.path(), mode)
}
