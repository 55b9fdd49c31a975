//! A bug as its file describes it: the lines before the patch.
//!
//! It neither builds nor runs anything. Invariant: an exhibit without one of the required keys is an error, never half read.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::workspace;

/// One bug of the museum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// The patch.
    pub path: PathBuf,
    /// What goes wrong.
    pub bug: String,
    /// The loops of production code that it sits in, of the server or of the client.
    pub loops: Vec<String>,
    /// The guarantees it breaks.
    pub breaks: Vec<String>,
    /// The command that must fail, word by word.
    pub caught_by: Vec<String>,
}

impl Exhibit {
    /// Reads the lines before the patch.
    ///
    /// # Errors
    /// When one of the four keys is missing or says nothing.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let value = |key: &str| {
            let found = text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            found.with_context(|| format!("{} has no line `{key}: ...`", path.display()))
        };
        let words = |key: &str| -> Result<Vec<String>> {
            let separators = [' ', ','];
            let words = value(key)?
                .split(separators)
                .filter(|word| !word.is_empty());
            let words: Vec<String> = words.map(str::to_owned).collect();
            ensure!(
                !words.is_empty(),
                "{}: `{key}` says nothing",
                path.display()
            );
            Ok(words)
        };
        Ok(Self {
            path: path.to_owned(),
            bug: value("Bug")?.to_owned(),
            loops: words("Loop")?,
            breaks: words("Breaks")?,
            caught_by: value("Caught-by")?
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The name of the file without its ending.
    #[must_use]
    pub fn name(&self) -> String {
        let stem = self.path.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }

    /// The command that only builds what `caught_by` runs.
    #[must_use]
    pub fn build(&self) -> Vec<String> {
        build_of(&self.caught_by)
    }
}

/// The command that only builds what a check runs. What is not Cargo's runs the program, and the checks written in Rust.
pub(super) fn build_of(check: &[String]) -> Vec<String> {
    let own = check.iter().take_while(|word| *word != "--");
    let words: Vec<&str> = own.map(String::as_str).collect();
    let build = match words.as_slice() {
        ["cargo", "run", rest @ ..] => [&["cargo", "build"], rest].concat(),
        ["cargo", ..] => [words.as_slice(), &["--no-run"]].concat(),
        _ => "cargo build --release -p zoa -p zoa-compat"
            .split(' ')
            .collect(),
    };
    build.into_iter().map(str::to_owned).collect()
}

/// All exhibits of `bugs/`, in the order of their names.
pub(super) fn all() -> Result<Vec<Exhibit>> {
    let folder = workspace::root().join("bugs");
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).context("listing bugs/")? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "patch")
        {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .iter()
        .map(|path| Exhibit::parse(path, &fs::read_to_string(path)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::Exhibit;
    use super::all;
    use crate::workspace;

    const TEXT: &str = "Bug: a sync left out\nLoop: raft, log\nBreaks: G-19 G-02\nCaught-by: cargo run -p zoa-sim -- --seeds 9\n\ndiff --git a/x b/x\n";

    fn parse(text: &str) -> anyhow::Result<Exhibit> {
        Exhibit::parse(Path::new("bugs/001-x.patch"), text)
    }

    #[test]
    fn an_exhibit_says_what_breaks_and_what_catches_it() {
        let exhibit = parse(TEXT).expect("all keys are there");
        assert_eq!(exhibit.name(), "001-x");
        assert_eq!(exhibit.bug, "a sync left out");
        assert_eq!(exhibit.loops, ["raft", "log"]);
        assert_eq!(exhibit.breaks, ["G-19", "G-02"]);
        assert_eq!(
            exhibit.caught_by,
            ["cargo", "run", "-p", "zoa-sim", "--", "--seeds", "9"]
        );
        assert_eq!(exhibit.build(), ["cargo", "build", "-p", "zoa-sim"]);
    }

    #[test]
    fn a_bug_is_built_before_it_is_checked_whatever_the_check() {
        let build = |check: &str| {
            let text = TEXT.replace("cargo run -p zoa-sim -- --seeds 9", check);
            parse(&text).expect("all keys are there").build().join(" ")
        };
        assert_eq!(
            build("cargo test -p zoa-log -- rotate"),
            "cargo test -p zoa-log --no-run"
        );
        assert_eq!(
            build("python3 compat/x/run.py"),
            "cargo build --release -p zoa -p zoa-compat"
        );
    }

    #[test]
    fn a_patch_without_a_check_or_of_no_loop_is_refused() {
        assert!(parse(&TEXT.replace("Caught-by", "Caught")).is_err());
        assert!(parse(&TEXT.replace("Loop: raft, log", "Loop: ,")).is_err());
    }

    #[test]
    fn every_loop_of_the_server_has_a_bug_that_is_known_to_be_caught() {
        let exhibits = all().expect("every patch has its keys");
        for wanted in ["connection", "raft", "log", "apply", "deliver"] {
            assert!(
                exhibits
                    .iter()
                    .any(|exhibit| exhibit.loops.iter().any(|name| name == wanted)),
                "no bug in the {wanted} loop"
            );
        }
    }

    #[test]
    fn every_bug_stands_in_the_list_with_what_catches_it() {
        let list = workspace::root().join("bugs/README.md");
        let list = fs::read_to_string(list).expect("bugs/README.md is there");
        for exhibit in all().expect("every patch has its keys") {
            let entry = format!("]({}.patch)", exhibit.name());
            assert!(list.contains(&entry), "bugs/README.md leaves out {entry}");
        }
    }
}
