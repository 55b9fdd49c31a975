//! `getAcl`: who may do what with a znode.

use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::options::OptionSpec;
use crate::text::acl;
use crate::text::stat;

pub(crate) const COMMAND: Command = Command {
    name: "getAcl",
    arguments: "[-s] path",
    options: &[OptionSpec::flag("s", "stats")],
    arguments_min: 1,
    about: "Prints the ACL of a znode.",
    examples: &["getAcl /app", "getAcl -s /app"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let (entries, its_stat) = context.keeper.acl(context.path())?;
    if context.is_json() {
        let mut answer = json!({"path": context.path(), "acl": acl::json(&entries)});
        if context.line.has("s") {
            super::insert(&mut answer, "stat", stat::json(&its_stat));
        }
        return context.say_json(&answer);
    }
    entries
        .iter()
        .try_for_each(|entry| context.say(&acl::lines(entry)))?;
    if context.line.has("s") {
        context.say(&stat::lines(&its_stat))?;
    }
    Ok(())
}
