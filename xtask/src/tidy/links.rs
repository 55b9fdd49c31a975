//! Rule: no dead relative link in any Markdown file, headings included.
//!
//! Links to other hosts are not followed: a check that needs the network fails for reasons that are not ours.
//! Code blocks and code spans are no links.

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use super::Document;
use super::Finding;
use super::Tree;

pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for page in tree.markdown() {
        for (line, target) in links(&page.text) {
            if let Some(message) = problem(tree, page, &target) {
                findings.push(Finding {
                    path: page.path.clone(),
                    line,
                    rule: "dead-link",
                    message,
                });
            }
        }
    }
}

fn problem(tree: &Tree, page: &Document, target: &str) -> Option<String> {
    let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
    if is_elsewhere || target.is_empty() {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        page.path.clone()
    } else {
        resolve(&page.path, file)
    };
    if !tree.root.join(&path).exists() {
        return Some(format!("`{target}` leads nowhere: there is no {path}"));
    }
    let aimed = tree.document(&path).filter(|_| !anchor.is_empty());
    let missing = aimed.is_some_and(|aimed| !anchors(&aimed.text).any(|slug| slug == anchor));
    missing.then(|| format!("`{target}` leads nowhere: {path} has no heading #{anchor}"))
}

/// `file`, as seen from the folder of `page`, as a path from the root.
fn resolve(page: &str, file: &str) -> String {
    let mut path = PathBuf::from(page);
    path.pop();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            Component::RootDir => path = PathBuf::new(),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    path.to_string_lossy().into_owned()
}

fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    page.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The targets of `[text](target)`, each with its line.
fn links(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in prose(page) {
        let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        for (start, opening) in text.match_indices("](") {
            let rest = text.get(start + opening.len()..).unwrap_or_default();
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            found.push((at + 1, target.to_owned()));
        }
    }
    found
}

/// The anchors a page offers, made from its headings as GitHub makes them.
fn anchors(page: &str) -> impl Iterator<Item = String> {
    prose(page).filter_map(|(_, line)| {
        let heading = line.trim_start_matches('#');
        (heading.len() < line.len()).then(|| slug(heading.trim()))
    })
}

fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}
