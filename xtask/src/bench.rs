//! `cargo xtask bench`: our server and the original on this machine, turn by turn, as a table.
//!
//! The measuring is `zoa bench compare`; this installs the peer, builds, and puts the table into
//! `docs/performance.md` between two markers, leaving the words around it. `cargo xtask bench -- growth`
//! does the same with the curves of `zoa bench growth`, which need no peer, and `cargo xtask bench -- cluster`
//! with the tables of `zoa bench cluster`. None is part of any gate: figures of a shared machine are read, not
//! asserted.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use crate::install;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

/// The original as Debian runs it, in the foreground.
const PEER: &str = "ZooKeeper 3.8.0=/usr/share/zookeeper/bin/zkServer.sh start-foreground {cfg}";

pub(crate) const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- table: written by cargo xtask bench -->";
const END: &str = "<!-- end of table -->";
const CURVES_BEGIN: &str = "<!-- curves: written by cargo xtask bench -- growth -->";
const CURVES_END: &str = "<!-- end of curves -->";

const CLUSTER_BEGIN: &str = "<!-- ensembles: written by cargo xtask bench -- cluster -->";
const CLUSTER_END: &str = "<!-- end of ensembles -->";

/// The first argument that asks for ensembles instead of single servers.
const CLUSTER: &str = "cluster";

/// What only tries the measuring out: its figures go on no page.
const TRIAL: &str = "--trial";

/// The first argument that asks for the curves instead of the comparison.
const GROWTH: &str = "growth";

/// Runs the comparison; `arguments` go to `zoa bench compare` behind our own. Where the first of them is
/// `growth`, shows how cost grows instead, and where it is `cluster`, what ensembles do; the others go to
/// `zoa bench growth` or `zoa bench cluster`.
///
/// # Errors
/// When the peer cannot be installed, the build fails, or the measuring does.
pub fn run(arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((first, rest)) if first == GROWTH => grow(rest),
        Some((first, rest)) if first == CLUSTER => cluster(rest),
        _ => compare(arguments),
    }
}

fn grow(arguments: &[String]) -> Result<()> {
    let folder = build()?;
    let curves = folder.join("curves.md");
    let mut growth = Command::new(workspace::program(Profile::Release));
    growth.args(["bench", GROWTH, "--dir"]);
    growth.arg(folder.join("data"));
    growth.arg("--markdown").arg(&curves);
    program::run(growth.args(arguments).current_dir(workspace::root()))?;
    let curves = fs::read_to_string(&curves).context("reading the curves")?;
    let markers = (CURVES_BEGIN, CURVES_END);
    put_into_page(&workspace::root().join(PAGE), markers, &curves)
}

/// Fails when a target is not reached; the page is written all the same, unless only some parts were measured, or as a trial.
fn cluster(arguments: &[String]) -> Result<()> {
    install::debian(&["zookeeper"]).context("installing the original server to compare with")?;
    let folder = build()?;
    let tables = folder.join("cluster.md");
    if tables.exists() {
        fs::remove_file(&tables).context("removing the tables of the last time")?;
    }
    let zoa = workspace::program(Profile::Release);
    let mut measure = Command::new(&zoa);
    measure.args(["bench", CLUSTER, "--left"]);
    measure.arg(format!("Zoarium='{}' serve {{cfg}}", zoa.display()));
    measure.args(["--right", PEER, "--dir"]);
    measure.arg(folder.join("cluster-data"));
    measure.arg("--json").arg(folder.join("cluster.json"));
    measure.arg("--markdown").arg(&tables);
    let outcome = program::run(measure.args(arguments).current_dir(workspace::root()));
    let is_whole = arguments.iter().all(|argument| argument.starts_with("--"));
    if is_whole && !arguments.iter().any(|argument| argument == TRIAL) && tables.exists() {
        let tables = fs::read_to_string(&tables).context("reading the tables")?;
        let markers = (CLUSTER_BEGIN, CLUSTER_END);
        put_into_page(&workspace::root().join(PAGE), markers, &tables)?;
    }
    outcome
}

/// Builds the program and makes a folder for what it measures.
fn build() -> Result<PathBuf> {
    program::run(&mut program::cargo(&[
        "build",
        "-p",
        "zoa",
        Profile::Release.argument(),
    ]))?;
    let folder = workspace::target().join("bench");
    fs::create_dir_all(&folder).context("making a folder for the measuring")?;
    Ok(folder)
}

fn compare(arguments: &[String]) -> Result<()> {
    install::debian(&["zookeeper"]).context("installing the original server to compare with")?;
    let folder = build()?;
    let (zoa, table) = (
        workspace::program(Profile::Release),
        folder.join("table.md"),
    );
    let mut compare = Command::new(&zoa);
    compare.args(["bench", "compare", "--left"]);
    compare.arg(format!("Zoarium='{}' serve {{cfg}}", zoa.display()));
    compare
        .args(["--right", PEER, "--dir"])
        .arg(folder.join("data"));
    compare
        .arg("--json")
        .arg(folder.join("samples.json"))
        .arg("--markdown")
        .arg(&table);
    program::run(compare.args(arguments).current_dir(workspace::root()))?;
    let table = fs::read_to_string(&table).context("reading the table")?;
    put_into_page(&workspace::root().join(PAGE), (BEGIN, END), &table)
}

/// Puts a table into a page between two markers, or at its end when it does not have them yet.
pub(crate) fn put_into_page(page: &Path, markers: (&str, &str), table: &str) -> Result<()> {
    let before = if page.exists() {
        fs::read_to_string(page)?
    } else {
        String::new()
    };
    fs::create_dir_all(page.parent().unwrap_or(page))?;
    fs::write(page, with_table(&before, markers, table))
        .with_context(|| format!("writing {}", page.display()))
}

/// `page` with `table` between the markers, or at its end when it has none.
fn with_table(page: &str, (begin, end): (&str, &str), table: &str) -> String {
    let block = format!("{begin}\n\n{}\n\n{end}", table.trim());
    let parts = page
        .split_once(begin)
        .and_then(|(head, rest)| Some((head, rest.split_once(end)?.1)));
    match parts {
        Some((head, tail)) => format!("{head}{block}{tail}"),
        None => format!("{page}{block}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::BEGIN;
    use super::END;
    use super::with_table;

    #[test]
    fn the_table_is_replaced_and_the_words_around_it_stay() {
        let first = with_table("# Figures\n\n", (BEGIN, END), "| a |");
        assert_eq!(first, format!("# Figures\n\n{BEGIN}\n\n| a |\n\n{END}\n"));
        let second = with_table(&format!("{first}More.\n"), (BEGIN, END), "| b |");
        assert_eq!(
            second,
            format!("# Figures\n\n{BEGIN}\n\n| b |\n\n{END}\nMore.\n")
        );
    }
}
