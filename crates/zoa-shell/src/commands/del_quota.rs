//! `delquota`: takes one limit of a path away, or its whole quota.

use zoa_proto::Version;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::commands::set_quota::read_quota;
use crate::error::Answer;
use crate::keeper::Keeper;
use crate::options::Choice;
use crate::options::OptionSpec;
use crate::text::quota;
use crate::text::quota::Field;

pub(crate) const COMMAND: Command = Command {
    name: "delquota",
    arguments: "[-n|-b|-N|-B] path",
    options: &[
        OptionSpec::flag("n", "num soft quota"),
        OptionSpec::flag("b", "bytes soft quota"),
        OptionSpec::flag("N", "num hard quota"),
        OptionSpec::flag("B", "bytes hard quota"),
    ],
    choice: Choice::AtMostOne,
    arguments_min: 1,
    about: "Removes one limit of a path, or all of them.",
    examples: &["delquota /app", "delquota -n /app"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let (path, keeper) = (context.path(), context.keeper);
    let limits_path = quota::limits_path(path);
    if keeper.exists(&limits_path, false)?.is_none() {
        return context.say(&format!("Quota does not exist for {path}"));
    }
    let limits = read_quota(keeper, &limits_path)?;
    let chosen = Field::ALL
        .into_iter()
        .find(|(name, _)| context.line.has(name));
    if let Some((_, field)) = chosen {
        keeper.set_data(
            &limits_path,
            limits.with(field, -1).text().as_bytes(),
            Version::ANY,
        )?;
        return Ok(());
    }
    let own = quota::quota_path(path);
    let (children, _) = keeper.children(&own, false)?;
    for child in children {
        keeper.delete(&format!("{own}/{child}"), Version::ANY)?;
    }
    delete_empty_parents(keeper, &own)
}

/// Up to the root of all quotas.
fn delete_empty_parents(keeper: &Keeper, path: &str) -> Answer<()> {
    let mut path = path;
    while path != quota::ROOT && keeper.children(path, false)?.0.is_empty() {
        keeper.delete(path, Version::ANY)?;
        path = path
            .rsplit_once('/')
            .map_or(quota::ROOT, |(parent, _)| parent);
    }
    Ok(())
}
