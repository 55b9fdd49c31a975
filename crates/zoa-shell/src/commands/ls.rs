//! `ls`: the children of a znode, or the paths of a whole subtree.

use serde_json::Value;
use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::options::OptionSpec;
use crate::path_text::check_path;
use crate::path_text::child_path;
use crate::text::stat;
use crate::walk::or_gone;

pub(crate) const COMMAND: Command = Command {
    name: "ls",
    arguments: "[-s] [-w] [-R] path",
    options: &[
        OptionSpec::flag("?", "help"),
        OptionSpec::flag("s", "stat"),
        OptionSpec::flag("w", "watch"),
        OptionSpec::flag("R", "recurse"),
    ],
    about: "Lists the children of a znode.",
    examples: &[
        "ls /",
        "ls -s /app",
        "ls -R /app",
        "ls -w /app",
        "ls --json /app",
    ],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    if context.line.has("?") {
        let options = COMMAND.option_lines();
        context.say(&format!("usage: ls [options] path\n{}", options.trim_end()))?;
    }
    if context.line.arguments.is_empty() {
        return Err(COMMAND.usage_error());
    }
    let is_old_form = super::is_old_watch_form(
        context,
        "'ls path [watch]' has been deprecated. Please use 'ls [-w] path' instead.",
    );
    let watch = context.line.has("w") || is_old_form;
    if context.line.has("R") {
        return list_subtree(context, watch);
    }
    let (children, its_stat) = context.keeper.children(context.path(), watch)?;
    if context.is_json() {
        let mut answer = json!({"path": context.path(), "children": children});
        if context.line.has("s") {
            super::insert(&mut answer, "stat", stat::json(&its_stat));
        }
        return context.say_json(&answer);
    }
    context.say(&format!("[{}]", children.join(", ")))?;
    if context.line.has("s") {
        context.say(&stat::lines(&its_stat))?;
    }
    Ok(())
}

/// Each path on a line: all children of a znode, then what is below each.
fn list_subtree(context: &Context<'_>, watch: bool) -> Answer<()> {
    let root = context.path();
    check_path(root).map_err(crate::error::ShellError::bad_path)?;
    context.keeper.data(root, watch)?;
    say_path(context, root)?;
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let Some((children, _)) = or_gone(context.keeper.children(&path, watch))? else {
            continue;
        };
        let below: Vec<String> = children
            .iter()
            .map(|child| child_path(&path, child))
            .collect();
        below.iter().try_for_each(|path| say_path(context, path))?;
        waiting.extend(below.into_iter().rev());
    }
    Ok(())
}

fn say_path(context: &Context<'_>, path: &str) -> Answer<()> {
    context.answer(|| path.to_owned(), || Value::from(path))
}
