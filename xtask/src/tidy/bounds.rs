//! Rules: every constant of a `limits.rs` is cited by a test that hits it; in the crates of the server, none that is named as a
//! bound stands anywhere else.
//!
//! Each queue, buffer and table of ours has a named bound in a file of that name. A bound that no test names
//! is a bound nobody has seen hold.

use super::Finding;
use super::Tree;
use super::tree::has_extension;
use crate::source::Source;

/// Where a constant that ends in `_MAX` is a bound of what clients or the disk may cost the server.
const SERVING: [&str; 3] = [
    "crates/zoa-core/src/",
    "crates/zoa-server/src/",
    "crates/zoa/src/",
];

/// Of these, what bounds the values in a zoo.cfg, and what a benchmark is told.
const OTHERS: [&str; 2] = ["crates/zoa-server/src/config", "crates/zoa/src/bench"];

pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for source in tree
        .sources
        .iter()
        .filter(|source| is_serving(&source.path))
    {
        for (at, name) in constants(source) {
            if name.ends_with("_MAX") {
                findings.push(Finding {
                    path: source.path.clone(),
                    line: source.line_of(at),
                    rule: "limit-outside",
                    message: format!("the limit {name} belongs into the limits.rs of its crate"),
                });
            }
        }
    }
    for source in tree
        .sources
        .iter()
        .filter(|source| source.path.ends_with("/limits.rs"))
    {
        for (at, name) in constants(source) {
            let cited = tree.sources.iter().any(|other| cites(other, source, &name));
            if !cited && !is_cited_by_php(tree, &name) {
                let message =
                    format!("no test cites the limit {name}: show what happens when it is hit");
                findings.push(Finding {
                    path: source.path.clone(),
                    line: source.line_of(at),
                    rule: "limit-untested",
                    message,
                });
            }
        }
    }
}

fn is_serving(path: &str) -> bool {
    let is_in = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    !path.ends_with("/limits.rs") && is_in(&SERVING) && !is_in(&OTHERS)
}

fn constants(source: &Source) -> Vec<(usize, String)> {
    let declared = |at: usize| {
        let rest = source.code.get(at + "const".len()..)?;
        let (name, _) = rest.split_once(':')?;
        let name = name.trim();
        let is_constant = name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        (is_constant && !source.is_test(at)).then(|| (at, name.to_owned()))
    };
    source
        .find_name("const")
        .into_iter()
        .filter_map(declared)
        .collect()
}

/// The PHP extension is tested from PHP: its tests say in a comment which limit they hit.
fn is_cited_by_php(tree: &Tree, name: &str) -> bool {
    let mut tests = tree
        .documents
        .iter()
        .filter(|document| has_extension(&document.path, &["phpt"]));
    tests.any(|test| test.text.contains(name))
}

/// A test of the crate that owns the limit, or of any crate that can see it; the suite for disks is one though it is a library.
fn cites(other: &Source, limits: &Source, name: &str) -> bool {
    let development = [
        "crates/zoa-log/src/testing/",
        "crates/zoa-sim/",
        "crates/zoa-testkit/",
    ];
    let is_checker = development
        .iter()
        .any(|folder| other.path.starts_with(folder))
        && other.path != limits.path;
    other.is_cited_by_test(name) || (is_checker && !other.find_name(name).is_empty())
}
