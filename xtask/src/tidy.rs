//! The house rules that neither the compiler nor clippy can check, as one function over the source tree.
//!
//! A rule that fails here is a law (`Finding`); the sizes of files and functions are only shown (`Shape`),
//! since a long function that reads well beats five short ones that do not. Invariant: the verdict depends
//! on the files under `root` alone, so a test can plant a violation in a temporary tree and see it found.
//!
//! ```text
//! Tree::read(root) -> each rule: fn check(&Tree, &mut Vec<Finding>) -> Report
//! ```

use std::fmt;
use std::path::Path;

use anyhow::Result;

mod arrows;
mod bounds;
mod files;
mod guarantees;
mod links;
mod names;
mod packages;
mod readme;
mod shape;
mod tree;

pub use packages::Package;
pub use shape::Shape;
pub use tree::Document;
pub use tree::Tree;

/// One broken rule at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the root of the tree.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The rule's name, in kebab case.
    pub rule: &'static str,
    /// What is wrong and what to do instead.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {} [{}]",
            self.path, self.line, self.message, self.rule
        )
    }
}

/// What tidy has to say about a tree.
#[derive(Debug)]
pub struct Report {
    /// Broken rules, in order of file and line. Empty means the tree passes.
    pub findings: Vec<Finding>,
    /// The mirror: sizes and densities, which fail nothing.
    pub shape: Shape,
}

/// Holds every rule against the tree under `root`.
///
/// # Errors
/// When a file cannot be read or `cargo metadata` does not answer; a broken rule is no error but a finding.
pub fn check(root: &Path) -> Result<Report> {
    let tree = Tree::read(root)?;
    let rules = [
        arrows::check,
        bounds::check,
        files::check,
        guarantees::check,
        links::check,
        names::check,
        readme::check,
    ];
    let mut findings = Vec::new();
    for rule in rules {
        rule(&tree, &mut findings);
    }
    findings.sort();
    Ok(Report {
        findings,
        shape: Shape::of(&tree),
    })
}
