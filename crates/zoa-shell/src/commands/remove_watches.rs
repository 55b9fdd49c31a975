//! `removewatches`: takes watches of this session away again.

use zoa_proto::WatcherType;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::options::OptionSpec;

pub(crate) const COMMAND: Command = Command {
    name: "removewatches",
    arguments: "path [-c|-d|-a] [-l]",
    options: &[
        OptionSpec::flag("c", "child watcher type"),
        OptionSpec::flag("d", "data watcher type"),
        OptionSpec::flag("p", "persistent watcher type"),
        OptionSpec::flag("r", "persistent recursive watcher type"),
        OptionSpec::flag("a", "any watcher type"),
        OptionSpec::flag("l", "remove locally when there is no server connection"),
    ],
    arguments_min: 1,
    about: "Removes the watches of this shell on a znode: those on children, on data, the persistent ones, or all.",
    examples: &[
        "removewatches /app",
        "removewatches /app -c",
        "removewatches /app -r",
    ],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

const KINDS: [(&str, WatcherType); 5] = [
    ("c", WatcherType::Children),
    ("d", WatcherType::Data),
    ("p", WatcherType::Persistent),
    ("r", WatcherType::PersistentRecursive),
    ("a", WatcherType::Any),
];

fn run(context: &Context<'_>) -> Answer<()> {
    let chosen = KINDS.iter().find(|(name, _)| context.line.has(name));
    let kind = chosen.map_or(WatcherType::Any, |(_, kind)| *kind);
    context
        .keeper
        .remove_watches(context.path(), kind, context.line.has("l"))
}
