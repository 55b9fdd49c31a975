//! The copy of the tree in which bugs are put back, so that the work tree is never touched.
//!
//! Invariant: after [`refresh`] the copy equals the work tree; files that were equal before are left alone, so that builds stay
//! incremental.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use super::exhibit::Exhibit;
use crate::program;
use crate::workspace;

/// Folders of the copy that checks themselves write.
const OWN: [&str; 2] = ["target", "__pycache__"];

/// Makes the copy at `tree` equal to the work tree.
pub(super) fn refresh(tree: &Path) -> Result<()> {
    let root = workspace::root();
    let mut list = Command::new("git");
    list.args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]);
    let listed = program::read(list.current_dir(&root))?;
    let mut wanted = BTreeSet::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let (from, to) = (root.join(path), tree.join(path));
        // Listed and not there: deleted, and not committed yet.
        let Ok(bytes) = fs::read(&from) else { continue };
        wanted.insert(to.clone());
        if fs::read(&to).is_ok_and(|before| before == bytes) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(tree))
            .with_context(|| format!("making room for {path}"))?;
        fs::write(&to, bytes).with_context(|| format!("copying {path}"))?;
    }
    for path in files_under(tree)? {
        if !wanted.contains(&path) {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

fn files_under(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !path.is_dir() {
            found.push(path);
        } else if !OWN.contains(&&*name) {
            found.extend(files_under(&path)?);
        }
    }
    Ok(found)
}

/// Puts a bug into the copy at `tree`, or with `--reverse` takes it out.
pub(super) fn apply(tree: &Path, exhibit: &Exhibit, more: &[&str]) -> Result<()> {
    let mut apply = Command::new("git");
    apply
        .args(["apply", "--whitespace=nowarn"])
        .args(more)
        .arg(&exhibit.path);
    // Without this git takes the copy for a part of the checkout around it, and skips the patch in silence.
    apply.env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree));
    let outcome = apply.current_dir(tree).output();
    let output = outcome.context("starting git")?;
    anyhow::ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
