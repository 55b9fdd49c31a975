//! `cargo xtask museum`: puts known bugs back, one at a time, and shows that the checks catch each.
//!
//! A bug is a file `bugs/NNN-name.patch`: lines of `Key: value`, then a patch against the tree.
//!
//! ```text
//! Bug: what goes wrong, in a sentence
//! Breaks: G-02 G-19
//! Caught-by: cargo run --release -p zoa-sim -- --seeds 50      must end with another code than 0
//! ```
//!
//! A check that is not one of cargo's (a suite of `compat/`) finds the release build of the workspace.
//! The check runs in a copy of the tree, so the work tree is never touched. Invariants: a bug that does
//! not build is not caught; a check that fails without the bug proves nothing and is a failure.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::program;
use crate::step::Tally;
use crate::workspace;

/// One bug of the museum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// The patch.
    pub path: PathBuf,
    /// What goes wrong.
    pub bug: String,
    /// The guarantees it breaks.
    pub breaks: String,
    /// The command that must fail, word by word.
    pub caught_by: Vec<String>,
}

impl Exhibit {
    /// Reads the lines before the patch.
    ///
    /// # Errors
    /// When one of the three keys is missing.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let value = |key: &str| {
            let found = text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            found.with_context(|| format!("{} has no line `{key}: ...`", path.display()))
        };
        let words = value("Caught-by")?.split_whitespace();
        Ok(Self {
            path: path.to_owned(),
            bug: value("Bug")?.to_owned(),
            breaks: value("Breaks")?.to_owned(),
            caught_by: words.map(str::to_owned).collect(),
        })
    }

    /// The command that only builds what `caught_by` runs.
    #[must_use]
    pub fn build(&self) -> Vec<String> {
        let own = self.caught_by.iter().take_while(|word| *word != "--");
        let words: Vec<&str> = own.map(String::as_str).collect();
        let build = match words.as_slice() {
            ["cargo", "run", rest @ ..] => [&["cargo", "build"], rest].concat(),
            ["cargo", ..] => [words.as_slice(), &["--no-run"]].concat(),
            _ => vec!["cargo", "build", "--workspace", "--release"],
        };
        build.into_iter().map(str::to_owned).collect()
    }
}

/// Checks the bugs whose file names begin with one of `wanted`, or all.
///
/// # Errors
/// When the museum cannot be set up, or has no such bug.
pub fn run(wanted: &[String]) -> Result<Tally> {
    let exhibits: Vec<Exhibit> = exhibits()?
        .into_iter()
        .filter(|one| is_wanted(one, wanted))
        .collect();
    ensure!(!exhibits.is_empty(), "bugs/ has no such patch");
    let tree = workspace::target().join("museum/tree");
    copy_tree(&tree)?;
    check_without_bugs(&tree, &exhibits)?;
    let mut tally = Tally::default();
    for exhibit in &exhibits {
        let name = exhibit
            .path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        println!("\n-- {name}: {} (breaks {})", exhibit.bug, exhibit.breaks);
        match show(&tree, exhibit) {
            Ok(()) => tally.passed += 1,
            Err(error) => {
                println!("NOT CAUGHT  {name}: {error:#}");
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}

fn exhibits() -> Result<Vec<Exhibit>> {
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

fn is_wanted(exhibit: &Exhibit, wanted: &[String]) -> bool {
    let name = exhibit
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    wanted.is_empty() || wanted.iter().any(|begin| name.starts_with(begin.as_str()))
}

/// Each different check must hold on the tree as it is, or its failing later proves nothing.
fn check_without_bugs(tree: &Path, exhibits: &[Exhibit]) -> Result<()> {
    let checks: BTreeSet<&[String]> = exhibits
        .iter()
        .map(|one| one.caught_by.as_slice())
        .collect();
    for words in checks {
        program::run(&mut command_in(tree, words)?).context("the check fails without any bug")?;
    }
    Ok(())
}

fn show(tree: &Path, exhibit: &Exhibit) -> Result<()> {
    apply(tree, exhibit, &[]).context("the patch does not fit the tree any more")?;
    let verdict = judge(tree, exhibit);
    apply(tree, exhibit, &["--reverse"]).context("taking the bug out again")?;
    verdict
}

fn apply(tree: &Path, exhibit: &Exhibit, more: &[&str]) -> Result<()> {
    let mut apply = Command::new("git");
    apply
        .args(["apply", "--whitespace=nowarn"])
        .args(more)
        .arg(&exhibit.path);
    // Without this git takes the copy for a part of the checkout around it, and skips the patch in silence.
    apply.env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree));
    program::run(apply.current_dir(tree))
}

fn judge(tree: &Path, exhibit: &Exhibit) -> Result<()> {
    program::run(&mut command_in(tree, &exhibit.build())?).context("the bug does not build")?;
    let mut check = command_in(tree, &exhibit.caught_by)?;
    println!("$ {}", program::command_line(&check));
    if check.status().context("starting the check")?.success() {
        bail!("the check holds with the bug in");
    }
    Ok(())
}

fn command_in(tree: &Path, words: &[String]) -> Result<Command> {
    let (program, arguments) = words
        .split_first()
        .context("a check has at least one word")?;
    let mut command = match program.as_str() {
        "cargo" => program::cargo(&[]),
        other => Command::new(other),
    };
    command.args(arguments).current_dir(tree);
    command.env(
        "CARGO_TARGET_DIR",
        workspace::target().join("museum/target"),
    );
    Ok(command)
}

/// Makes `tree` equal to the work tree, leaving equal files alone so that builds stay incremental.
fn copy_tree(tree: &Path) -> Result<()> {
    let root = workspace::root();
    let mut list = Command::new("git");
    list.args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]);
    let listed = program::read(list.current_dir(&root))?;
    let wanted: BTreeSet<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    for path in &wanted {
        let (from, to) = (root.join(path), tree.join(path));
        let Ok(bytes) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|before| before == bytes) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(tree))
            .with_context(|| format!("making room for {path}"))?;
        fs::write(&to, bytes).with_context(|| format!("copying {path}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Exhibit;

    const TEXT: &str = "Bug: a sync left out\nBreaks: G-19\nCaught-by: cargo run -p zoa-sim -- --seeds 9\n\ndiff --git a/x b/x\n";

    #[test]
    fn an_exhibit_says_what_breaks_and_what_catches_it() {
        let exhibit =
            Exhibit::parse(Path::new("bugs/001-x.patch"), TEXT).expect("all keys are there");
        assert_eq!(exhibit.bug, "a sync left out");
        assert_eq!(
            exhibit.caught_by,
            ["cargo", "run", "-p", "zoa-sim", "--", "--seeds", "9"]
        );
        assert_eq!(exhibit.build(), ["cargo", "build", "-p", "zoa-sim"]);
    }

    #[test]
    fn a_bug_is_built_before_it_is_checked_whatever_the_check() {
        let build = |check: &str| {
            let text = format!("Bug: b\nBreaks: G-19\nCaught-by: {check}\n");
            let exhibit = Exhibit::parse(Path::new("bugs/001-x.patch"), &text);
            exhibit.expect("all keys are there").build().join(" ")
        };
        assert_eq!(
            build("cargo test -p zoa-log -- rotate"),
            "cargo test -p zoa-log --no-run"
        );
        assert_eq!(
            build("python3 compat/x/run.py"),
            "cargo build --workspace --release"
        );
    }

    #[test]
    fn a_patch_without_a_check_is_refused() {
        let text = TEXT.replace("Caught-by", "Caught");
        assert!(Exhibit::parse(Path::new("bugs/001-x.patch"), &text).is_err());
    }
}
