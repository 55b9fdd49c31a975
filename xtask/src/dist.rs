//! `cargo xtask dist`: lays out what a user unpacks, at the places where a ZooKeeper user looks.
//!
//! ```text
//! target/dist/zoarium/bin/{zkServer.sh, zkCli.sh, zkEnv.sh, zoa}
//!                     conf/zoo_sample.cfg
//!                     README.md  README.zh.md  LICENSE
//! ```
//!
//! It packs nothing. Invariant: what a user has put beside it (a zoo.cfg, logs) stays.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

use crate::program;
use crate::workspace;
use crate::workspace::Profile;

/// The scripts, relative to the root of the checkout.
pub const SCRIPTS: [&str; 3] = [
    "dist/bin/zkServer.sh",
    "dist/bin/zkCli.sh",
    "dist/bin/zkEnv.sh",
];

/// What is copied as it is, and where to.
const FILES: [(&str, &str); 4] = [
    ("dist/conf/zoo_sample.cfg", "conf/zoo_sample.cfg"),
    ("README.md", "README.md"),
    ("README.zh.md", "README.zh.md"),
    ("LICENSE", "LICENSE"),
];

/// Builds the program and lays everything out; returns the folder.
///
/// # Errors
/// When the build fails or a file cannot be written.
pub fn lay_out(profile: Profile) -> Result<PathBuf> {
    program::run(&mut program::cargo(&[
        "build",
        "-p",
        "zoa",
        profile.argument(),
    ]))?;
    let (root, folder) = (workspace::root(), workspace::dist());
    for script in SCRIPTS {
        let name = script.strip_prefix("dist/").unwrap_or(script);
        copy(&root.join(script), &folder.join(name))?;
    }
    for (from, to) in FILES {
        copy(&root.join(from), &folder.join(to))?;
    }
    copy(&workspace::program(profile), &folder.join("bin/zoa"))?;
    println!("laid out in {}", folder.display());
    Ok(folder)
}

/// Copies with the mode; a running program is replaced, not written into.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let parent = to
        .parent()
        .context("a file of the layout stands in a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    let fresh = to.with_extension("new");
    fs::copy(from, &fresh).with_context(|| format!("copying {}", from.display()))?;
    fs::rename(&fresh, to).with_context(|| format!("putting {} in place", to.display()))
}
