//! Rule: README.md and README.zh.md give the same commands in the same order.
//!
//! The prose may differ, and so may the comments behind a command; the commands may not. It looks at blocks
//! fenced as `sh` only.

use super::Finding;
use super::Tree;

const ENGLISH: &str = "README.md";
const CHINESE: &str = "README.zh.md";

pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    let text = |path: &str| tree.document(path).map(|page| page.text.as_str());
    let (Some(english), Some(chinese)) = (text(ENGLISH), text(CHINESE)) else {
        let message = format!("{ENGLISH} and {CHINESE} must both exist");
        findings.push(Finding {
            path: ENGLISH.to_owned(),
            line: 1,
            rule: "readme-twins",
            message,
        });
        return;
    };
    let (ours, theirs) = (commands(english), commands(chinese));
    let differs = ours.iter().zip(&theirs).find(|((_, a), (_, b))| a != b);
    let problem = match differs {
        Some(((_, ours), (line, theirs))) => Some((
            *line,
            format!("`{theirs}` stands where {ENGLISH} has `{ours}`"),
        )),
        None if ours.len() != theirs.len() => Some((
            1,
            format!(
                "{} commands here, {} in {ENGLISH}",
                theirs.len(),
                ours.len()
            ),
        )),
        None => None,
    };
    if let Some((line, message)) = problem {
        findings.push(Finding {
            path: CHINESE.to_owned(),
            line,
            rule: "readme-twins",
            message,
        });
    }
}

/// The lines of all `sh` blocks without comments, each with its line number.
fn commands(page: &str) -> Vec<(usize, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (at, line) in page.lines().enumerate() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            inside = !inside && info.trim() == "sh";
            continue;
        }
        let command = line.split(" #").next().unwrap_or_default().trim();
        if inside && !command.is_empty() && !command.starts_with('#') {
            found.push((at + 1, command.to_owned()));
        }
    }
    found
}
