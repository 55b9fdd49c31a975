//! Rules for each file by itself: how it opens, what it is called, what it must not contain.
//!
//! It knows nothing of crates. The banned words stand here in two halves, so that this file passes too.

use super::Finding;
use super::Tree;
use super::tree::has_extension;
use crate::source::Source;

/// Words that mean "not finished"; unfinished work is described where users read it, or not merged.
const UNFINISHED: [&str; 4] = [
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
];

/// Macros that panic in place of code.
const PLACEHOLDERS: [&str; 2] = [concat!("to", "do!"), concat!("unimple", "mented!")];

/// File names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "common", "helper", "helpers", "manager", "misc", "mod", "util", "utils",
];

pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for source in &tree.sources {
        check_header(source, findings);
        check_ascii(source, findings);
        check_name(source, findings);
        check_code(source, findings);
        check_words(&source.path, &source.text, findings);
    }
    for document in &tree.documents {
        if has_extension(&document.path, &["py", "sh", "php", "c", "h"]) {
            check_words(&document.path, &document.text, findings);
        }
    }
}

fn check_header(source: &Source, findings: &mut Vec<Finding>) {
    let first = source
        .text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let says_something = first
        .strip_prefix("//!")
        .is_some_and(|rest| rest.trim().len() > 3);
    if !says_something {
        let message =
            "a file opens with `//!`: what it is, what it is not, what invariant it holds"
                .to_owned();
        findings.push(Finding {
            path: source.path.clone(),
            line: 1,
            rule: "no-header",
            message,
        });
    }
}

fn check_ascii(source: &Source, findings: &mut Vec<Finding>) {
    let foreign = source.text.char_indices().find(|(_, c)| !c.is_ascii());
    if let Some((at, c)) = foreign {
        let message = format!(
            "U+{:04X} in code: write ASCII, or an escape in a string",
            u32::from(c)
        );
        findings.push(Finding {
            path: source.path.clone(),
            line: source.line_of(at),
            rule: "not-ascii",
            message,
        });
    }
}

fn check_name(source: &Source, findings: &mut Vec<Finding>) {
    let file = source.path.rsplit('/').next().unwrap_or(&source.path);
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    if EMPTY_NAMES.contains(&stem) {
        let message = format!(
            "`{file}` says nothing about its content: name the thing (`foo.rs` and `foo/`, no `mod.rs`)"
        );
        findings.push(Finding {
            path: source.path.clone(),
            line: 1,
            rule: "empty-name",
            message,
        });
    }
}

fn check_code(source: &Source, findings: &mut Vec<Finding>) {
    for name in PLACEHOLDERS {
        if let Some(&at) = source.find_name(name).first() {
            let message =
                format!("`{name}` is not code: finish it, or answer an error that says so");
            findings.push(Finding {
                path: source.path.clone(),
                line: source.line_of(at),
                rule: "placeholder",
                message,
            });
        }
    }
    if let Some((at, _)) = source.code.match_indices("#[ignore").next() {
        let message = "a test that is not run is no test: mend it or delete it".to_owned();
        findings.push(Finding {
            path: source.path.clone(),
            line: source.line_of(at),
            rule: "ignored-test",
            message,
        });
    }
}

fn check_words(path: &str, text: &str, findings: &mut Vec<Finding>) {
    for (at, line) in text.lines().enumerate() {
        let found = UNFINISHED
            .iter()
            .find(|word| !crate::source::find_name(line, word).is_empty());
        if let Some(word) = found {
            let message =
                format!("`{word}`: finish it, or say in the documentation what is missing");
            findings.push(Finding {
                path: path.to_owned(),
                line: at + 1,
                rule: "unfinished",
                message,
            });
        }
    }
}
