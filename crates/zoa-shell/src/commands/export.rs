//! `export`: a subtree as JSON, on standard output or in a file.
//!
//! ```json
//! {"format":"zoarium-subtree","root":"/app","version":1, "nodes": [
//! {"data":"hello","path":""},
//! {"acl":[{"id":"anyone","perms":"r","scheme":"world"}],"dataBase64":"iVBORw0K","path":"/icon"},
//! {"data":null,"ephemeral":true,"path":"/worker-0000000001"}
//! ]}
//! ```
//!
//! One znode a line, parents first, so that two exports can be compared line by line. Invariant: a file is complete or is not
//! there: it is written beside its place and put there at the end.

use std::fs;
use std::fs::File;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use zoa_proto::SessionId;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::options::OptionSpec;
use crate::text::acl;
use crate::text::data;
use crate::walk::is_of_servers;
use crate::walk::or_gone;
use crate::walk::path_below;
use crate::walk::visit_subtree;

pub(crate) const COMMAND: Command = Command {
    name: "export",
    arguments: "[-a] path [file]",
    options: &[OptionSpec::flag("a", "with the ACLs")],
    arguments_min: 1,
    arguments_max: 2,
    about: "Writes a subtree as JSON, without the servers' own /zookeeper. It is not taken at one moment; stop those who write if that matters.",
    examples: &["export -a /app app.json", "export /app"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

/// What stands in a file that `import` takes.
pub(crate) const FORMAT: &str = "zoarium-subtree";
/// The version of the format.
pub(crate) const FORMAT_VERSION: u64 = 1;

fn run(context: &Context<'_>) -> Answer<()> {
    let Some(file) = context.line.argument(1).map(Path::new) else {
        return write_subtree(context, |line| context.say(line)).map(drop);
    };
    let beside = beside(file);
    let failed = |error: std::io::Error| ShellError::new(format!("{}: {error}", file.display()));
    let mut writer = BufWriter::new(File::create(&beside).map_err(failed)?);
    let written = write_subtree(context, |line| writeln!(writer, "{line}").map_err(failed));
    let finished = written.and_then(|count| {
        let file = writer
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        Ok(count)
    });
    let count = finished.inspect_err(|_| drop(fs::remove_file(&beside)))?;
    fs::rename(&beside, file).map_err(failed)?;
    context.tell(&format!("Exported {count} to {}", file.display()));
    Ok(())
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Hands over line by line; returns how many znodes there were.
fn write_subtree(
    context: &Context<'_>,
    mut write: impl FnMut(&str) -> Answer<()>,
) -> Answer<usize> {
    let root = context.path();
    context.keeper.data(root, false)?;
    let head = json!({"format": FORMAT, "version": FORMAT_VERSION, "root": root});
    let head = head.to_string();
    write(&format!("{}, \"nodes\": [", head.trim_end_matches('}')))?;
    // A comma stands behind every znode but the last one, so each waits for the next.
    let mut waiting: Option<String> = None;
    let mut count = 0;
    visit_subtree(context.keeper, root, |visit| {
        if is_of_servers(visit) {
            return Ok(false);
        }
        let below = path_below(&visit.path, root);
        let Some(node) = read_node(context, &visit.path, below)? else {
            return Ok(false);
        };
        if let Some(line) = waiting.replace(node.to_string()) {
            write(&format!("{line},"))?;
        }
        count += 1;
        Ok(true)
    })?;
    write(waiting.as_deref().unwrap_or_default())?;
    write("]}")?;
    Ok(count)
}

/// `None` when it is gone meanwhile.
fn read_node(context: &Context<'_>, path: &str, below: &str) -> Answer<Option<Value>> {
    let Some((bytes, stat)) = or_gone(context.keeper.data(path, false))? else {
        return Ok(None);
    };
    let mut node = Map::new();
    node.insert("path".to_owned(), Value::from(below));
    data::insert_json(&mut node, bytes.as_deref());
    if stat.ephemeral_owner != SessionId::NONE {
        node.insert("ephemeral".to_owned(), Value::Bool(true));
    }
    if context.line.has("a") {
        let Some((entries, _)) = or_gone(context.keeper.acl(path))? else {
            return Ok(None);
        };
        node.insert("acl".to_owned(), acl::json(&entries));
    }
    Ok(Some(Value::Object(node)))
}
