//! `cp`: a copy of a znode, or of a whole subtree.

use serde_json::json;
use zoa_proto::Acl;
use zoa_proto::AclRef;
use zoa_proto::ErrorCode;
use zoa_proto::Version;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::keeper::Creation;
use crate::options::OptionSpec;
use crate::walk::is_of_servers;
use crate::walk::or_gone;
use crate::walk::path_below;
use crate::walk::visit_subtree;

pub(crate) const COMMAND: Command = Command {
    name: "cp",
    arguments: "[-R] [-a] [-f] from to",
    options: &[
        OptionSpec::flag("R", "with all below it"),
        OptionSpec::flag("a", "with the ACLs; else the copies are open to all"),
        OptionSpec::flag("f", "write over what is there"),
    ],
    arguments_min: 2,
    arguments_max: 2,
    about: "Copies a znode. The copy of a subtree is not taken at one moment; ephemerals are copied as lasting znodes.",
    examples: &["cp /app/config /app/config-old", "cp -R -a /app /backup"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let (from, to) = (context.path(), super::second_path(context)?);
    if !context.line.has("R") {
        context.keeper.data(from, false)?;
        copy_one(context, from, to)?;
        return say_count(context, 1);
    }
    if super::is_within(to, from) {
        return Err(ShellError::new(format!(
            "{to} lies in {from}: the copy would never end"
        )));
    }
    context.keeper.data(from, false)?;
    let mut copied = 0;
    visit_subtree(context.keeper, from, |visit| {
        if is_of_servers(visit) {
            return Ok(false);
        }
        let target = format!("{to}{}", path_below(&visit.path, from));
        let is_there = copy_one(context, &visit.path, &target)?;
        copied += usize::from(is_there);
        Ok(is_there)
    })?;
    say_count(context, copied)
}

/// False when it is gone meanwhile.
fn copy_one(context: &Context<'_>, from: &str, to: &str) -> Answer<bool> {
    let keeper = context.keeper;
    let Some((data, _)) = or_gone(keeper.data(from, false))? else {
        return Ok(false);
    };
    let acl: Vec<Acl> = match context.line.has("a") {
        true => keeper.acl(from)?.0,
        false => vec![AclRef::OPEN.to_owned()],
    };
    match keeper.create(to, data.as_deref(), &acl, Creation::PERSISTENT) {
        Ok(_) => Ok(true),
        Err(error) if error.is(ErrorCode::NodeExists) && context.line.has("f") => {
            keeper.set_data(to, data.as_deref().unwrap_or_default(), Version::ANY)?;
            if context.line.has("a") {
                keeper.set_acl(to, &acl, Version::ANY)?;
            }
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

fn say_count(context: &Context<'_>, copied: usize) -> Answer<()> {
    if context.is_json() {
        return context.say_json(&json!({"copied": copied}));
    }
    context.tell(&format!("Copied {copied}"));
    Ok(())
}
