//! Rule: who may depend on whom.
//!
//! ARCHITECTURE.md holds every edge between our crates in a block fenced as `arrows`, and the crates must
//! have just those: one more is an edge nobody decided, one less is a page that lies. Beside it stand the
//! edges that no page may grant: the houses that stay pure, and the outside crates only some may name.
//!
//! ```text
//! zoa-tree -> zoa-proto          zoa-tree names zoa-proto in [dependencies]
//! zoa-server ~> zoa-testkit      only the tests of zoa-server do
//! ```

use std::collections::BTreeSet;

use super::Finding;
use super::Package;
use super::Tree;

const PAGE: &str = "ARCHITECTURE.md";
const FENCE: &str = "```arrows";

/// Crates that never ship; any of them may depend on anything.
const DEVELOPMENT: [&str; 5] = ["xtask", "zoa-chaos", "zoa-compat", "zoa-sim", "zoa-testkit"];

/// The pure houses, each with all it may know of ours.
const PURE: [(&str, &[&str]); 8] = [
    ("zoa-proto", &[]),
    ("zoa-tree", &["zoa-proto"]),
    ("zoa-core", &["zoa-proto", "zoa-tree"]),
    ("zoa-log", &[]),
    ("zoa-raft", &["zoa-log"]),
    (
        "zoa-ensemble",
        &["zoa-log", "zoa-proto", "zoa-raft", "zoa-tree"],
    ),
    ("zoa-client-core", &["zoa-proto"]),
    ("zoa-recipes", &["zoa-client-core", "zoa-proto"]),
];

/// Outside crates that only some of ours may name, and why.
const OUTSIDE: [(&str, &[&str], &str); 5] = [
    (
        "raft",
        &["zoa-raft"],
        "only zoa-raft names the Raft library",
    ),
    (
        "raft-proto",
        &["zoa-raft"],
        "only zoa-raft names the Raft library",
    ),
    (
        "protobuf",
        &["zoa-raft"],
        "nothing of ours parses protobuf bytes",
    ),
    (
        "tokio",
        &["zoa-server", "zoa-client", "zoa"],
        "the runtime stands at the edge: server, client and program",
    ),
    (
        "rustls",
        &["zoa-tls", "zoa-server", "zoa-client", "zoa-ffi"],
        "TLS stands in server, client and ffi",
    ),
];

/// Outside crates that only the tests and examples of a crate may name.
const IN_TESTS: [(&str, &str); 1] = [("zoa-recipes", "tokio")];

/// Outside crates that bring a clock, a random source or the operating system into a pure house.
const IMPURE: [&str; 12] = [
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "libc",
    "mio",
    "nix",
    "rand",
    "rustix",
    "smol",
    "socket2",
    "time",
];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: String,
    to: String,
    dev: bool,
}

pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    compare_with_page(tree, findings);
    for package in &tree.packages {
        check_pure(package, findings);
        check_outside(package, findings);
        check_testkit(package, findings);
    }
}

fn compare_with_page(tree: &Tree, findings: &mut Vec<Finding>) {
    let text = tree.document(PAGE).map_or("", |page| page.text.as_str());
    let drawn: BTreeSet<Edge> = drawn_edges(text)
        .into_iter()
        .map(|(_, edge)| edge)
        .collect();
    let real = real_edges(&tree.packages);
    for edge in real.difference(&drawn) {
        let arrow = if edge.dev { "~>" } else { "->" };
        let message = format!(
            "{} {arrow} {} is not drawn in {PAGE}; decide on it there first",
            edge.from, edge.to
        );
        let path = manifest_of(&tree.packages, &edge.from);
        findings.push(Finding {
            path,
            line: 1,
            rule: "arrow-not-drawn",
            message,
        });
    }
    for (line, edge) in drawn_edges(text) {
        if !real.contains(&edge) {
            let message = format!(
                "{} does not depend on {}; the page is behind the code",
                edge.from, edge.to
            );
            findings.push(Finding {
                path: PAGE.to_owned(),
                line,
                rule: "arrow-without-crate",
                message,
            });
        }
    }
}

fn real_edges(packages: &[Package]) -> BTreeSet<Edge> {
    let is_ours = |name: &String| packages.iter().any(|package| package.name == *name);
    let of_kind = |package: &Package, names: &[String], dev: bool| -> Vec<Edge> {
        let inside = names
            .iter()
            .filter(|name| is_ours(name) && **name != package.name);
        inside
            .map(|to| Edge {
                from: package.name.clone(),
                to: to.clone(),
                dev,
            })
            .collect()
    };
    let edges = packages.iter().flat_map(|package| {
        let mut edges = of_kind(package, &package.dependencies, false);
        edges.extend(of_kind(package, &package.dev_dependencies, true));
        edges
    });
    edges.collect()
}

/// The edges of the page's `arrows` block, each with its line.
fn drawn_edges(page: &str) -> Vec<(usize, Edge)> {
    let lines = page
        .lines()
        .enumerate()
        .skip_while(|(_, line)| line.trim() != FENCE)
        .skip(1);
    let block = lines.take_while(|(_, line)| line.trim() != "```");
    block
        .flat_map(|(at, line)| {
            edges_of_line(line)
                .into_iter()
                .map(move |edge| (at + 1, edge))
        })
        .collect()
}

fn edges_of_line(line: &str) -> Vec<Edge> {
    let parts = line.split_once("->").map(|parts| (parts, false));
    let Some(((from, to), dev)) =
        parts.or_else(|| line.split_once("~>").map(|parts| (parts, true)))
    else {
        return Vec::new();
    };
    let edge = |name: &str| Edge {
        from: from.trim().to_owned(),
        to: name.to_owned(),
        dev,
    };
    to.split_whitespace().map(edge).collect()
}

fn check_pure(package: &Package, findings: &mut Vec<Finding>) {
    let Some((_, allowed)) = PURE.iter().find(|(name, _)| *name == package.name) else {
        return;
    };
    for name in &package.dependencies {
        let ours = name.starts_with("zoa");
        if ours && !allowed.contains(&name.as_str()) {
            findings.push(at_manifest(
                package,
                "arrow-forbidden",
                format!("{} must not know {name}", package.name),
            ));
        }
        if IMPURE.contains(&name.as_str()) {
            let message = format!(
                "{} is pure: time, chance and I/O come in as arguments, not through {name}",
                package.name
            );
            findings.push(at_manifest(package, "impure-dependency", message));
        }
    }
}

fn check_outside(package: &Package, findings: &mut Vec<Finding>) {
    if DEVELOPMENT.contains(&package.name.as_str()) {
        return;
    }
    let is_judged = |name: &&String| !IN_TESTS.contains(&(&package.name, name));
    let tests = package.dev_dependencies.iter().filter(is_judged);
    for name in package.dependencies.iter().chain(tests) {
        let rule = OUTSIDE.iter().find(|(outside, allowed, _)| {
            outside == name && !allowed.contains(&package.name.as_str())
        });
        if let Some((_, _, reason)) = rule {
            findings.push(at_manifest(
                package,
                "outside-crate",
                format!("{} names {name}: {reason}", package.name),
            ));
        }
    }
}

/// Nothing that ships depends on the development crates, and no pure crate uses them in its own tests.
fn check_testkit(package: &Package, findings: &mut Vec<Finding>) {
    if DEVELOPMENT.contains(&package.name.as_str()) {
        return;
    }
    let is_pure = PURE.iter().any(|(name, _)| *name == package.name);
    let tests = if is_pure {
        package.dev_dependencies.as_slice()
    } else {
        &[]
    };
    for name in package.dependencies.iter().chain(tests) {
        if DEVELOPMENT.contains(&name.as_str()) {
            let message = format!(
                "{} must not depend on {name}, a development crate",
                package.name
            );
            findings.push(at_manifest(package, "ships-development-crate", message));
        }
    }
}

fn at_manifest(package: &Package, rule: &'static str, message: String) -> Finding {
    Finding {
        path: package.manifest.clone(),
        line: 1,
        rule,
        message,
    }
}

fn manifest_of(packages: &[Package], name: &str) -> String {
    let package = packages.iter().find(|package| package.name == name);
    package.map_or_else(String::new, |package| package.manifest.clone())
}
