//! `setAcl`: says who may do what with a znode, or with a whole subtree.

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::error::keeper_message;
use crate::options::OptionSpec;
use crate::path_text::check_path;
use crate::walk::visit_subtree;

pub(crate) const COMMAND: Command = Command {
    name: "setAcl",
    arguments: "[-s] [-v version] [-R] path acl",
    options: &[
        OptionSpec::flag("s", "stats"),
        OptionSpec::value("v", "version"),
        OptionSpec::flag("R", "recursive"),
    ],
    arguments_min: 2,
    about: "Sets the ACL of a znode: scheme:id:perms, with the perms c, d, r, w, a.",
    examples: &[
        "setAcl /app world:anyone:r",
        "setAcl /app auth::cdrwa,world:anyone:r",
        "setAcl -R /app ip:10.0.0.0/8:cdrwa",
    ],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let acl = super::read_acl(context, context.line.argument(1).unwrap_or_default());
    let version = context.version()?;
    if !context.line.has("R") {
        let stat = context.keeper.set_acl(context.path(), &acl, version)?;
        return super::say_stat(context, &stat);
    }
    check_path(context.path()).map_err(ShellError::bad_path)?;
    context.keeper.data(context.path(), false)?;
    let mut has_failed = false;
    visit_subtree(context.keeper, context.path(), |visit| {
        if let Err(error) = context.keeper.set_acl(&visit.path, &acl, version) {
            has_failed = true;
            let said = error
                .code
                .map(|code| keeper_message(code, error.path.as_deref()));
            context.tell(&said.unwrap_or(error.message));
        }
        Ok(true)
    })?;
    if has_failed {
        return Err(ShellError::new(
            "Failed to set the ACL of some node(s) in the subtree!",
        ));
    }
    Ok(())
}
