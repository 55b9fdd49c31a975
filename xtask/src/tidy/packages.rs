//! The workspace's crates and their direct dependencies, as `cargo metadata` tells them.
//!
//! It asks with `--no-deps` and offline, so that it answers at once and on a machine without a registry.
//! It holds no rule.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use serde_json::Value;

/// A crate of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its manifest, relative to the root of the workspace.
    pub manifest: String,
    /// What it names in `[dependencies]` and `[build-dependencies]`.
    pub dependencies: Vec<String>,
    /// What only its tests use.
    pub dev_dependencies: Vec<String>,
}

pub(super) fn read(root: &Path) -> Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]);
    let output = command
        .current_dir(root)
        .output()
        .context("starting cargo metadata")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cargo metadata failed: {complaint}"
    );
    let metadata =
        serde_json::from_slice(&output.stdout).context("reading what cargo metadata wrote")?;
    Ok(packages(&metadata))
}

fn packages(metadata: &Value) -> Vec<Package> {
    let root = metadata
        .get("workspace_root")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut packages: Vec<Package> = array(metadata, "packages")
        .map(|value| package(value, root))
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages
}

fn package(value: &Value, root: &str) -> Package {
    let manifest = text(value, "manifest_path");
    let relative = manifest
        .strip_prefix(root)
        .unwrap_or(manifest)
        .trim_start_matches('/');
    let named = |dev: bool| {
        let of_kind = move |one: &&Value| (text(one, "kind") == "dev") == dev;
        let mut names: Vec<String> = array(value, "dependencies")
            .filter(of_kind)
            .map(|one| text(one, "name").to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    };
    Package {
        name: text(value, "name").to_owned(),
        manifest: relative.to_owned(),
        dependencies: named(false),
        dev_dependencies: named(true),
    }
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
