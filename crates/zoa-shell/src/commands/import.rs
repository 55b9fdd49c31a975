//! `import`: a subtree out of the JSON that `export` wrote.
//!
//! Invariant: the whole file is read and judged before anything is written; then transactions of many znodes each, so that what
//! an error leaves behind is a beginning of the file, told in numbers.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use serde_json::json;
use zoa_proto::Acl;
use zoa_proto::AclRef;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::commands::export::FORMAT;
use crate::commands::export::FORMAT_VERSION;
use crate::error::Answer;
use crate::error::ShellError;
use crate::keeper::Change;
use crate::limits::BATCH_LEN_MAX;
use crate::limits::IMPORT_LEN_MAX;
use crate::options::OptionSpec;
use crate::path_text::check_path;
use crate::text::acl;
use crate::text::data;

pub(crate) const COMMAND: Command = Command {
    name: "import",
    arguments: "[-f] path file",
    options: &[OptionSpec::flag("f", "write over what is there")],
    arguments_min: 2,
    arguments_max: 2,
    about: "Makes the znodes of an export below a path, which need not be the one they came from; ephemerals are left out.",
    examples: &["import /app app.json", "import -f /copy app.json"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

/// A znode of the file.
struct Node {
    path: String,
    data: Option<Vec<u8>>,
    acl: Vec<Acl>,
}

fn run(context: &Context<'_>) -> Answer<()> {
    let root = context.path();
    check_path(root).map_err(ShellError::bad_path)?;
    let file = context.line.argument(1).unwrap_or_default();
    let text =
        read_file(Path::new(file)).map_err(|error| ShellError::new(format!("{file}: {error}")))?;
    let (nodes, ephemerals) =
        read_nodes(&text, root).map_err(|why| ShellError::new(format!("{file}: {why}")))?;
    let mut made = 0;
    for batch in Batches(&nodes) {
        write_batch(context, batch).inspect_err(|_| {
            context.tell(&format!(
                "{made} of {} were imported before the error",
                nodes.len()
            ));
        })?;
        made += batch.len();
    }
    if context.is_json() {
        return context.say_json(&json!({"imported": made, "ephemeralsLeftOut": ephemerals}));
    }
    let left_out = if ephemerals == 0 {
        String::new()
    } else {
        format!(", left out {ephemerals} ephemerals")
    };
    context.tell(&format!("Imported {made}{left_out}"));
    Ok(())
}

fn read_file(path: &Path) -> std::io::Result<String> {
    let file = File::open(path)?;
    let is_too_long = |len| len > IMPORT_LEN_MAX;
    let mut text = String::new();
    // A pipe has no length before it was read.
    if !is_too_long(file.metadata()?.len()) {
        file.take(IMPORT_LEN_MAX + 1).read_to_string(&mut text)?;
        if !u64::try_from(text.len()).is_ok_and(is_too_long) {
            return Ok(text);
        }
    }
    let message = format!("longer than {IMPORT_LEN_MAX} bytes");
    Err(std::io::Error::other(message))
}

/// The znodes that can be made, and how many ephemerals there were.
fn read_nodes(text: &str, root: &str) -> Result<(Vec<Node>, usize), String> {
    let file: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    if file.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(format!(
            "not an export: there is no \"format\": \"{FORMAT}\""
        ));
    }
    if file.get("version").and_then(Value::as_u64) != Some(FORMAT_VERSION) {
        return Err(format!(
            "only version {FORMAT_VERSION} of the format can be read"
        ));
    }
    let listed = file
        .get("nodes")
        .and_then(Value::as_array)
        .ok_or("there are no \"nodes\"")?;
    let mut nodes = Vec::new();
    let mut ephemerals = 0;
    for (at, value) in listed.iter().enumerate() {
        let node =
            read_node(value, root).ok_or_else(|| format!("node {at} cannot be read: {value}"))?;
        check_path(&node.path).map_err(|why| format!("node {at}: {why}"))?;
        match value.get("ephemeral") {
            Some(Value::Bool(true)) => ephemerals += 1,
            // The root is there always.
            _ if node.path == "/" => {}
            _ => nodes.push(node),
        }
    }
    Ok((nodes, ephemerals))
}

fn read_node(value: &Value, root: &str) -> Option<Node> {
    let fields = value.as_object()?;
    let below = fields.get("path")?.as_str()?;
    let path = match (root, below) {
        ("/", "") => "/".to_owned(),
        ("/", below) => below.to_owned(),
        (root, below) => format!("{root}{below}"),
    };
    let acl = match fields.get("acl") {
        Some(entries) => acl::from_json(entries)?,
        None => vec![AclRef::OPEN.to_owned()],
    };
    Some(Node {
        path,
        data: data::from_json(fields)?,
        acl,
    })
}

/// Consecutive znodes that fit into a transaction.
struct Batches<'a>(&'a [Node]);

impl<'a> Iterator for Batches<'a> {
    type Item = &'a [Node];

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let mut len = 0;
        let fits = |node: &&Node| {
            let acl_len: usize = node
                .acl
                .iter()
                .map(|entry| entry.scheme.len() + entry.id.len() + 12)
                .sum();
            len += super::OPERATION_LEN
                + node.path.len()
                + node.data.as_deref().map_or(0, <[u8]>::len)
                + acl_len;
            len <= BATCH_LEN_MAX
        };
        // One that is larger than all others together goes alone.
        let count = self.0.iter().take_while(fits).count().max(1);
        let (batch, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(batch)
    }
}

fn write_batch(context: &Context<'_>, batch: &[Node]) -> Answer<()> {
    let mut changes = Vec::with_capacity(batch.len());
    for node in batch {
        let is_there = context.line.has("f") && context.keeper.exists(&node.path, false)?.is_some();
        changes.push(if is_there {
            Change::Set {
                path: &node.path,
                data: node.data.as_deref(),
            }
        } else {
            Change::Create {
                path: &node.path,
                data: node.data.as_deref(),
                acl: &node.acl,
            }
        });
    }
    context.keeper.multi(&changes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read_nodes;

    fn refused(text: &str, why: &str) {
        let said = read_nodes(text, "/a").err().unwrap_or_default();
        assert!(said.contains(why), "{text}: {said}");
    }

    #[test]
    fn a_file_that_is_no_export_is_refused_before_anything_is_written() {
        refused("", "not JSON");
        refused("{}", "not an export");
        refused(
            r#"{"format": "zoarium-subtree", "version": 2}"#,
            "only version 1",
        );
        let with = |node: &str| {
            format!(r#"{{"format": "zoarium-subtree", "version": 1, "nodes": [{node}]}}"#)
        };
        refused(&with("7"), "node 0");
        refused(&with(r#"{"path": "/../x", "data": null}"#), "relative");
        refused(&with(r#"{"path": "", "dataBase64": "?"}"#), "node 0");
        refused(
            &with(r#"{"path": "", "acl": [{"scheme": "world"}]}"#),
            "node 0",
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{}\\[\\]\":,a-z0-9]{0,40}") {
            prop_assert!(read_nodes(&text, "/a").is_err());
        }
    }
}
