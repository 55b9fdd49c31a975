//! Scripts: one server, a few clients, step by step, with what each of them hears written below each step.
//!
//! ```text
//!   get c1 /a watch        <- the step, one or more lines, all handed over before the server does anything
//!   ----
//!   c1: "one" v0 at 1.2    <- what is heard until all is quiet again
//! ```
//!
//! No delay, no fault and no chance here: scripts tell stories, the simulator looks for those nobody thought of. They drive the
//! same production loops. `UPDATE_SCRIPTS=1 cargo test -p zoa-sim script` writes down what is heard; read it before you keep it.

mod command;
mod shown;
mod stage;

use stage::Stage;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// A step and what is heard.
struct Block {
    comment: String,
    step: Vec<String>,
    heard: Vec<String>,
}

fn parse(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for part in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
        let (above, below) = part.split_once("----").unwrap_or((part, ""));
        let (comments, steps): (Vec<&str>, Vec<&str>) = above
            .lines()
            .filter(|line| !line.is_empty())
            .partition(|line| line.starts_with('#'));
        blocks.push(Block {
            comment: comments.iter().map(|line| format!("{line}\n")).collect(),
            step: steps.into_iter().map(str::to_owned).collect(),
            heard: below
                .lines()
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect(),
        });
    }
    blocks
}

fn write(blocks: &[Block]) -> String {
    let shown = blocks.iter().map(|block| {
        let lines = |lines: &[String]| {
            lines
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        if block.step.is_empty() {
            return block.comment.clone();
        }
        format!(
            "{}{}----\n{}",
            block.comment,
            lines(&block.step),
            lines(&block.heard)
        )
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zoa-testkit/testdata");
    let entries = fs::read_dir(&folder).expect("the scripts are in the repository");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut scripts: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    scripts.sort();
    scripts
}

#[test]
fn every_script_is_heard_as_it_is_written() {
    let scripts = scripts();
    assert!(scripts.len() >= 6, "{scripts:?}");
    for script in scripts {
        let text = fs::read_to_string(&script).expect("a readable script");
        let mut blocks = parse(&text);
        let mut stage = Stage::new();
        for block in &mut blocks {
            let heard = stage.run(&block.step);
            if std::env::var_os("UPDATE_SCRIPTS").is_none() {
                assert_eq!(
                    heard,
                    block.heard,
                    "{}: {:#?}",
                    script.display(),
                    block.step
                );
            }
            block.heard = heard;
        }
        stage.assert_consistent();
        if std::env::var_os("UPDATE_SCRIPTS").is_some() {
            fs::write(&script, write(&blocks)).expect("a writable script");
        }
    }
}

#[test]
fn a_script_that_is_not_heard_as_written_would_be_noticed() {
    let mut stage = Stage::new();
    let steps = |steps: &[&str]| {
        steps
            .iter()
            .map(|step| (*step).to_owned())
            .collect::<Vec<_>>()
    };
    stage.run(&steps(&["start"]));
    stage.run(&steps(&["connect c1"]));
    assert_ne!(
        stage.run(&steps(&["exists c1 /nowhere"])),
        stage.run(&steps(&["create c1 /a"]))
    );
}
