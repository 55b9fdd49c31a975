//! `mv`: moves a znode and all below it, in one transaction.

use serde_json::json;
use zoa_proto::Acl;
use zoa_proto::SessionId;
use zoa_proto::Version;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::keeper::Change;
use crate::limits::MOVE_LEN_MAX;
use crate::walk::visit_subtree;

pub(crate) const COMMAND: Command = Command {
    name: "mv",
    arguments: "from to",
    arguments_min: 2,
    arguments_max: 2,
    about: "Moves a znode and all below it at once or not at all, with its ACLs; not when it has changed meanwhile.",
    examples: &["mv /app/config /app/settings"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

/// A znode on its way.
struct Moved {
    from: String,
    to: String,
    data: Option<Vec<u8>>,
    acl: Vec<Acl>,
    version: Version,
}

fn run(context: &Context<'_>) -> Answer<()> {
    let (from, to) = (context.path(), super::second_path(context)?);
    if super::is_within(to, from) {
        return Err(ShellError::new(format!("{to} lies in {from}")));
    }
    let moved = collect(context, from, to)?;
    let creates = moved.iter().map(|one| Change::Create {
        path: &one.to,
        data: one.data.as_deref(),
        acl: &one.acl,
    });
    let deletes = moved.iter().rev().map(|one| Change::Delete {
        path: &one.from,
        version: one.version,
    });
    let changes: Vec<Change<'_>> = creates.chain(deletes).collect();
    context.keeper.multi(&changes)?;
    if context.is_json() {
        return context.say_json(&json!({"moved": moved.len()}));
    }
    context.tell(&format!("Moved {}", moved.len()));
    Ok(())
}

/// All of it, parents first, as long as it fits into one transaction.
fn collect(context: &Context<'_>, from: &str, to: &str) -> Answer<Vec<Moved>> {
    let mut moved: Vec<Moved> = Vec::new();
    let mut len = 0;
    visit_subtree(context.keeper, from, |visit| {
        let (data, stat) = context.keeper.data(&visit.path, false)?;
        if stat.ephemeral_owner != SessionId::NONE {
            let message = format!(
                "{} is ephemeral: it cannot be moved out of its session's hands",
                visit.path
            );
            return Err(ShellError::new(message));
        }
        let (acl, _) = context.keeper.acl(&visit.path)?;
        let below = visit.path.strip_prefix(from).unwrap_or_default();
        let target = format!("{to}{below}");
        let acl_len: usize = acl
            .iter()
            .map(|entry| entry.scheme.len() + entry.id.len() + 12)
            .sum();
        let data_len = data.as_deref().map_or(0, <[u8]>::len);
        len += 2 * super::OPERATION_LEN + visit.path.len() + target.len() + data_len + acl_len;
        if len > MOVE_LEN_MAX {
            let message = format!("{from} is too large to be moved at once");
            return Err(ShellError::new(message)
                .with_hint(format!("`cp -R -a {from} {to}`, then `deleteall {from}`")));
        }
        moved.push(Moved {
            from: visit.path.clone(),
            to: target,
            data,
            acl,
            version: stat.version,
        });
        Ok(true)
    })?;
    Ok(moved)
}
