//! Rule: a guarantee that is promised today is cited by a test or by a bug of the museum.
//!
//! GUARANTEES.md has a heading `## G-nn ...` for each, followed by a line `Status: served today ...` or
//! `Status: not yet ...`. It does not judge whether the test is any good; the museum does.

use super::Finding;
use super::Tree;
use super::tree::has_extension;

const PAGE: &str = "GUARANTEES.md";

/// Crates that consist of checks: a citation anywhere in them is one by a test.
const CHECKERS: [&str; 2] = ["crates/zoa-sim/", "crates/zoa-testkit/"];

struct Guarantee {
    id: String,
    line: usize,
    status: Option<String>,
}

pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    let text = tree.document(PAGE).map_or("", |page| page.text.as_str());
    for guarantee in guarantees(text) {
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

fn guarantees(page: &str) -> Vec<Guarantee> {
    let mut found: Vec<Guarantee> = Vec::new();
    for (at, line) in page.lines().enumerate() {
        if let Some(id) = line.strip_prefix("## ").and_then(id_of) {
            found.push(Guarantee {
                id,
                line: at + 1,
                status: None,
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
