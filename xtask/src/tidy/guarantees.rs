//! Rule: a guarantee that is promised today is cited by a test or by a bug of the museum, and names what shows it.
//!
//! GUARANTEES.md has a heading `## G-nn ...` for each, followed by a line `Status: served today ...` or
//! `Status: not yet ...`. What is served has a paragraph `Shown by: ...` with names in back quotes: a function that is
//! there, or a file of the tree. It does not judge whether the test is any good; the museum does.

use super::Finding;
use super::Tree;
use super::tree::has_extension;

const PAGE: &str = "GUARANTEES.md";

/// Crates that consist of checks: a citation anywhere in them is one by a test.
const CHECKERS: [&str; 3] = [
    "crates/zoa-chaos/",
    "crates/zoa-sim/",
    "crates/zoa-testkit/",
];

/// How the paragraph begins that names the tests.
const SHOWN_BY: &str = "Shown by: ";

struct Guarantee {
    id: String,
    line: usize,
    status: Option<String>,
    /// The names that its paragraph has, each with its line.
    shown_by: Vec<(usize, String)>,
}

pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    let text = tree.document(PAGE).map_or("", |page| page.text.as_str());
    for guarantee in guarantees(text) {
        check_proof(tree, &guarantee, findings);
        let problem = match guarantee.status.as_deref() {
            Some(status) if status.starts_with("not yet") => None,
            Some(status) if status.starts_with("served today") => {
                let cited = is_cited(tree, &guarantee.id);
                (!cited).then(|| {
                    format!(
                        "{} is promised, but no test and no bugs/*.patch cites it",
                        guarantee.id
                    )
                })
            }
            _ => Some(format!(
                "{} needs a line `Status: served today ...` or `Status: not yet ...`",
                guarantee.id
            )),
        };
        if let Some(message) = problem {
            findings.push(Finding {
                path: PAGE.to_owned(),
                line: guarantee.line,
                rule: "guarantee-untested",
                message,
            });
        }
    }
}

/// What is served names something that shows it, and all that is named is there.
fn check_proof(tree: &Tree, guarantee: &Guarantee, findings: &mut Vec<Finding>) {
    let mut report = |line: usize, message: String| {
        findings.push(Finding {
            path: PAGE.to_owned(),
            line,
            rule: "guarantee-proof",
            message,
        });
    };
    let is_served = guarantee
        .status
        .as_deref()
        .is_some_and(|status| status.starts_with("served today"));
    if is_served && guarantee.shown_by.is_empty() {
        report(
            guarantee.line,
            format!(
                "{} needs a paragraph `{SHOWN_BY}...` with a test in it",
                guarantee.id
            ),
        );
    }
    for (line, name) in &guarantee.shown_by {
        if !is_there(tree, name) {
            report(
                *line,
                format!("{} is shown by `{name}`, which is not there", guarantee.id),
            );
        }
    }
}

/// A path names a file of the tree, anything else a function.
fn is_there(tree: &Tree, name: &str) -> bool {
    if name.contains('/') {
        return tree.root.join(name).is_file();
    }
    let declaration = format!("fn {name}");
    tree.sources
        .iter()
        .any(|source| !source.find_name(&declaration).is_empty())
}

fn guarantees(page: &str) -> Vec<Guarantee> {
    let mut found: Vec<Guarantee> = Vec::new();
    let mut is_proof = false;
    for (at, line) in page.lines().enumerate() {
        is_proof = line.starts_with(SHOWN_BY) || (is_proof && !line.is_empty());
        if is_proof {
            if let Some(last) = found.last_mut() {
                let names = line.split('`').skip(1).step_by(2);
                last.shown_by
                    .extend(names.map(|name| (at + 1, name.to_owned())));
            }
        } else if let Some(id) = line.strip_prefix("## ").and_then(id_of) {
            found.push(Guarantee {
                id,
                line: at + 1,
                status: None,
                shown_by: Vec::new(),
            });
        } else if let (Some(status), Some(last)) = (line.strip_prefix("Status: "), found.last_mut())
        {
            last.status = Some(status.to_owned());
        }
    }
    found
}

/// `G-07` at the beginning of a heading.
fn id_of(heading: &str) -> Option<String> {
    let id: String = heading.chars().take_while(|c| !c.is_whitespace()).collect();
    let digits = id.strip_prefix("G-")?;
    (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

fn is_cited(tree: &Tree, id: &str) -> bool {
    let by_source = tree.sources.iter().any(|source| {
        let checker = CHECKERS
            .iter()
            .any(|folder| source.path.starts_with(folder));
        let anywhere = checker && !crate::source::find_name(&source.text, id).is_empty();
        anywhere || source.is_cited_by_test(id)
    });
    let by_document = tree.documents.iter().any(|document| {
        let is_bug =
            document.path.starts_with("bugs/") && has_extension(&document.path, &["patch"]);
        let is_suite =
            document.path.starts_with("compat/") && has_extension(&document.path, &["py", "sh"]);
        (is_bug || is_suite) && !crate::source::find_name(&document.text, id).is_empty()
    });
    by_source || by_document
}
