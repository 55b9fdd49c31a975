//! `tree`: a subtree as a picture.

use serde_json::Value;
use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::options::OptionSpec;
use crate::path_text::child_path;
use crate::walk::or_gone;

pub(crate) const COMMAND: Command = Command {
    name: "tree",
    arguments: "[-s] [-depth n] path",
    options: &[
        OptionSpec::flag("s", "bytes of data, and which are ephemeral"),
        OptionSpec::value("depth", "no deeper than so many levels below the path"),
    ],
    arguments_min: 1,
    arguments_max: 1,
    about: "Draws a subtree.",
    examples: &["tree /", "tree -s -depth 2 /app"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

/// A name still to be drawn.
struct Branch {
    path: String,
    name: String,
    /// What stands before the name: the lines of the levels above.
    trunk: String,
    is_last: bool,
    depth: usize,
}

fn run(context: &Context<'_>) -> Answer<()> {
    let depth_max = context
        .number::<usize>("depth", "an int")?
        .unwrap_or(usize::MAX);
    let root = context.path();
    let (children, _) = context.keeper.children(root, false)?;
    draw(context, root, "", root, 0)?;
    let mut waiting = branches(root, "", 1, children);
    while let Some(branch) = waiting.pop() {
        if branch.depth > depth_max {
            continue;
        }
        let Some((children, _)) = or_gone(context.keeper.children(&branch.path, false))? else {
            continue;
        };
        let (fork, below) = if branch.is_last {
            ("`-- ", "    ")
        } else {
            ("|-- ", "|   ")
        };
        draw(
            context,
            &branch.path,
            &format!("{}{fork}", branch.trunk),
            &branch.name,
            branch.depth,
        )?;
        let trunk = format!("{}{below}", branch.trunk);
        waiting.extend(branches(&branch.path, &trunk, branch.depth + 1, children));
    }
    Ok(())
}

/// The children of a znode, the last one first, as a stack wants them.
fn branches(parent: &str, trunk: &str, depth: usize, children: Vec<String>) -> Vec<Branch> {
    let branch = |(at, name): (usize, String)| Branch {
        path: child_path(parent, &name),
        name,
        trunk: trunk.to_owned(),
        is_last: at == 0,
        depth,
    };
    children.into_iter().rev().enumerate().map(branch).collect()
}

fn draw(context: &Context<'_>, path: &str, before: &str, name: &str, depth: usize) -> Answer<()> {
    if !context.line.has("s") {
        return context.answer(
            || format!("{before}{name}"),
            || json!({"path": path, "depth": depth}),
        );
    }
    let stat = or_gone(context.keeper.exists(path, false))?
        .flatten()
        .unwrap_or_default();
    let is_ephemeral = stat.ephemeral_owner != zoa_proto::SessionId::NONE;
    let mark = if is_ephemeral { ", ephemeral" } else { "" };
    context.answer(
        || format!("{before}{name} ({} B{mark})", stat.data_length),
        || json!({"path": path, "depth": depth, "dataLength": stat.data_length, "ephemeral": Value::Bool(is_ephemeral)}),
    )
}
