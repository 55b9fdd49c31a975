//! `delete`: removes a znode without children.

use zoa_proto::Version;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::options::OptionSpec;

pub(crate) const COMMAND: Command = Command {
    name: "delete",
    arguments: "[-v version] path",
    options: &[OptionSpec::value("v", "version")],
    arguments_min: 1,
    about: "Deletes a znode that has no children.",
    examples: &["delete /app/greeting", "delete -v 3 /app/greeting"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let mut version = context.version()?;
    if let Some(text) = context.line.argument(1) {
        context.tell("'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.");
        // The original warns, and then deletes whatever the version is.
        version = text.parse().map_or(version, Version);
    }
    context.keeper.delete(context.path(), version)
}
