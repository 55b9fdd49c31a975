//! All commands, one file each, and what they share.
//!
//! Invariant: the names of the original's commands, options and arguments are the original's, and ours come beside them.

mod add_auth;
mod add_watch;
mod close;
mod config;
mod connect;
mod cp;
mod create;
mod del_quota;
mod delete;
mod deleteall;
mod exit;
mod export;
mod find;
mod get;
mod get_acl;
mod get_all_children_number;
mod get_ephemerals;
mod grep;
mod help;
mod history;
mod import;
mod list_quota;
mod ls;
mod mv;
mod printwatches;
mod quit;
mod reconfig;
mod redo;
mod remove_watches;
mod set;
mod set_acl;
mod set_quota;
mod stat;
mod sync;
mod tree;
mod version;
mod who_am_i;

use serde_json::Value;
use zoa_proto::Acl;
use zoa_proto::Stat;

use crate::command::Command;
use crate::command::Context;
use crate::error::Answer;
use crate::error::ShellError;
use crate::text;

/// Every command, in the order in which the original's help lists them: capitals before small letters.
pub(crate) const ALL: &[Command] = &[
    add_watch::COMMAND,
    add_auth::COMMAND,
    close::COMMAND,
    config::COMMAND,
    connect::COMMAND,
    cp::COMMAND,
    create::COMMAND,
    delete::COMMAND,
    deleteall::COMMAND,
    del_quota::COMMAND,
    exit::COMMAND,
    export::COMMAND,
    find::COMMAND,
    get::COMMAND,
    get_acl::COMMAND,
    get_all_children_number::COMMAND,
    get_ephemerals::COMMAND,
    grep::COMMAND,
    help::COMMAND,
    history::COMMAND,
    import::COMMAND,
    list_quota::COMMAND,
    ls::COMMAND,
    mv::COMMAND,
    printwatches::COMMAND,
    quit::COMMAND,
    reconfig::COMMAND,
    redo::COMMAND,
    remove_watches::COMMAND,
    set::COMMAND,
    set_acl::COMMAND,
    set_quota::COMMAND,
    stat::COMMAND,
    sync::COMMAND,
    tree::COMMAND,
    version::COMMAND,
    who_am_i::COMMAND,
];

/// Bytes of an operation in a transaction beside its path and data: its header, lengths, flags and an ordinary ACL.
pub(crate) const OPERATION_LEN: usize = 64;

/// The command of this name.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    ALL.iter().find(|command| command.name == name)
}

/// The names of all commands.
pub(crate) fn names() -> Vec<&'static str> {
    ALL.iter().map(|command| command.name).collect()
}

/// What an unknown command gets: every command with its arguments.
pub(crate) fn usage() -> String {
    let lines: Vec<String> = ALL
        .iter()
        .map(|command| format!("\n\t{}", command.usage_line()))
        .collect();
    format!(
        "ZooKeeper -server host:port -client-configuration properties-file cmd args{}",
        lines.concat()
    )
}

/// Whether a second argument asks for a watch, as in ZooKeeper 3.4; `warning` says what to write now.
fn is_old_watch_form(context: &Context<'_>, warning: &str) -> bool {
    let is_old = context.line.arguments.len() > 1;
    if is_old {
        context.tell(warning);
    }
    is_old
}

/// Reads an ACL, and tells what of it is none.
fn read_acl(context: &Context<'_>, text: &str) -> Vec<Acl> {
    let (acl, complaints) = text::acl::parse(text);
    complaints
        .iter()
        .for_each(|complaint| context.tell(complaint));
    acl
}

/// The stat after a change, for `-s` or JSON; else nothing.
fn say_stat(context: &Context<'_>, stat: &Stat) -> Answer<()> {
    if context.is_json() {
        return context.say_json(&text::stat::json(stat));
    }
    match context.line.has("s") {
        true => context.say(&text::stat::lines(stat)),
        false => Ok(()),
    }
}

/// Puts a value into a JSON object.
fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// The second of two paths that a command needs.
fn second_path<'a>(context: &'a Context<'_>) -> Answer<&'a str> {
    let path = context.line.argument(1).unwrap_or_default();
    crate::path_text::check_path(path).map_err(ShellError::bad_path)?;
    Ok(path)
}

/// Whether `path` is `root` or lies below it.
fn is_within(path: &str, root: &str) -> bool {
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || root == "/")
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use super::is_within;
    use super::usage;

    #[test]
    fn commands_are_listed_in_the_order_of_the_original() {
        let names = super::names();
        assert!(names.is_sorted(), "{names:?}");
        let text = usage();
        assert_eq!(text.lines().count(), ALL.len() + 1);
        assert!(text.contains("\n\tdelete [-v version] path\n\tdeleteall path [-b batch size]\n"));
    }

    #[test]
    fn a_path_with_the_same_beginning_is_not_within() {
        assert!(is_within("/a/b", "/a") && is_within("/a", "/a") && is_within("/a", "/"));
        assert!(!is_within("/ab", "/a") && !is_within("/", "/a"));
    }
}
