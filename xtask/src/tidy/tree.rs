//! The tree that tidy judges: Rust sources, documents and crates, read once.
//!
//! It reads the work tree and not the index, so a file counts before it is committed. It holds no rule.
//! Invariant: build output, data directories and hidden folders are never part of it, except `.ci`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

use super::packages;
use super::packages::Package;
use crate::source::Source;

/// Folders whose content is made by tools or by running servers.
const SKIPPED: [&str; 6] = [
    "target",
    "zoarium-data",
    "node_modules",
    "__pycache__",
    "vendor",
    "corpus",
];

/// A text file that is not Rust.
#[derive(Debug)]
pub struct Document {
    /// Path relative to the root.
    pub path: String,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Everything the rules look at.
#[derive(Debug)]
pub struct Tree {
    /// Where it stands.
    pub root: PathBuf,
    /// Every `.rs` file.
    pub sources: Vec<Source>,
    /// Every Markdown file, script, patch and manifest.
    pub documents: Vec<Document>,
    /// The workspace's own crates and what they depend on.
    pub packages: Vec<Package>,
}

impl Tree {
    /// Reads the tree under `root`, a Cargo workspace.
    ///
    /// # Errors
    /// When a file cannot be read or `cargo metadata` fails.
    pub fn read(root: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        collect(root, root, &mut paths)?;
        paths.sort();
        let mut sources = Vec::new();
        let mut documents = Vec::new();
        for path in paths {
            let bytes = fs::read(root.join(&path)).with_context(|| format!("reading {path}"))?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if has_extension(&path, &["rs"]) {
                sources.push(Source::new(&path, &text));
            } else {
                documents.push(Document { path, text });
            }
        }
        mark_test_modules(&mut sources);
        Ok(Self {
            root: root.to_owned(),
            sources,
            documents,
            packages: packages::read(root)?,
        })
    }

    /// The document at `path`, if the tree has it.
    #[must_use]
    pub fn document(&self, path: &str) -> Option<&Document> {
        self.documents.iter().find(|document| document.path == path)
    }

    /// All Markdown files.
    pub fn markdown(&self) -> impl Iterator<Item = &Document> {
        self.documents
            .iter()
            .filter(|document| has_extension(&document.path, &["md"]))
    }

    /// What the crate in the folder `name` ships; its examples and integration tests do not.
    pub fn sources_of(&self, name: &str) -> impl Iterator<Item = &Source> {
        let folder = format!("crates/{name}/src/");
        self.sources
            .iter()
            .filter(move |source| source.path.starts_with(&folder))
    }
}

/// Whether `path` ends in one of `extensions` (given without the dot).
pub(super) fn has_extension(path: &str, extensions: &[&str]) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extensions.contains(&extension))
}

fn collect(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() && !is_skipped(&name) {
            collect(root, &path, paths)?;
        } else if kind.is_file() && is_text(&path) {
            let relative = path
                .strip_prefix(root)
                .context("a walked path lies under its root")?;
            paths.push(relative.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

fn is_skipped(folder: &str) -> bool {
    SKIPPED.contains(&folder) || (folder.starts_with('.') && folder != ".ci")
}

fn is_text(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let extensions = [
        "rs", "md", "patch", "py", "sh", "php", "phpt", "toml", "c", "h", "cfg", "txt",
    ];
    has_extension(&name, &extensions) || path.file_name().is_some_and(|name| name == "run")
}

/// A module that its parent declares under `#[cfg(test)]` is test code as a whole.
fn mark_test_modules(sources: &mut [Source]) {
    let declared: Vec<String> = sources.iter().flat_map(test_module_paths).collect();
    for source in sources {
        let inside = |module: &String| {
            let folder = module
                .strip_suffix(".rs")
                .is_some_and(|stem| source.path.starts_with(&format!("{stem}/")));
            source.path == *module || folder
        };
        if declared.iter().any(inside) {
            source.mark_as_test();
        }
    }
}

fn test_module_paths(source: &Source) -> Vec<String> {
    let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
    let is_root = ["/lib", "/main"].iter().any(|name| stem.ends_with(name));
    let folder = if is_root {
        stem.rsplit_once('/').map_or("", |(parent, _)| parent)
    } else {
        stem
    };
    source
        .test_modules()
        .iter()
        .map(|name| format!("{folder}/{name}.rs"))
        .collect()
}
