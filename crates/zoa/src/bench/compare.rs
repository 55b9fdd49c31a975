//! `zoa bench compare`: two servers in turn, with the floor beside them, and the ratios between the
//! two.
//!
//! ```text
//! each round: disk sync, floor server, right server, left server     (never two at a time)
//! then: the median of all rounds for each figure, left / right, and whether the goal is reached
//! ```
//!
//! The right one is the yardstick: fixed offered loads are half of what it took in the same round.

pub(in crate::bench) mod goals;
mod machine;
mod results;
mod suite;
mod table;

use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::Result;

use crate::bench::compare::goals::LINES;
pub(crate) use crate::bench::compare::machine::Machine;
pub(crate) use crate::bench::compare::results::Results;
pub(crate) use crate::bench::compare::results::Side;
use crate::bench::compare::suite::Contender;
use crate::bench::compare::suite::Suite;
pub(crate) use crate::bench::compare::table::Table;

/// Options of `zoa bench compare`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// The server under test: NAME=COMMAND, which starts it in the foreground; {port}, {dir} and
    /// {cfg} (a zoo.cfg written for it) are filled in
    #[arg(long, value_parser = parse_named)]
    pub(crate) left: Named,
    /// The server it is compared with, likewise
    #[arg(long, value_parser = parse_named)]
    pub(crate) right: Named,
    /// Rounds, of which the medians are taken; 5, or 3 of the quick suite
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: Option<u32>,
    /// What is measured
    #[arg(long, value_enum, default_value_t = Suite::SingleServer)]
    pub(crate) suite: Suite,
    /// How long each row is measured in each round, in seconds; 3, or 2 of the quick suite
    #[arg(long, value_parser = crate::bench::args::parse_seconds)]
    pub(crate) seconds: Option<f64>,
    /// Directory for the servers' data, on the disk that is to be measured; what is made there is
    /// removed
    #[arg(long, default_value = "zoa-bench-compare")]
    pub(crate) dir: PathBuf,
    /// File for the table, in Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// File for all samples, in JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// A server's name and how to start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) command: String,
}

pub(crate) fn parse_named(text: &str) -> Result<Named, String> {
    match text.split_once('=') {
        Some((name, command)) if !name.trim().is_empty() && !command.trim().is_empty() => {
            Ok(Named {
                name: name.trim().to_owned(),
                command: command.trim().to_owned(),
            })
        }
        _ => Err("NAME=COMMAND is wanted, such as 'zoa=zoa serve {cfg}'".to_owned()),
    }
}

/// Runs all rounds, prints the table and writes the files asked for.
pub(crate) fn compare(args: &CompareArgs) -> Result<()> {
    let program = std::env::current_exe().context("cannot tell where this program stands")?;
    let floor = format!("'{}' bench floor --port {{port}}", program.display());
    let dir = std::path::absolute(&args.dir).context("--dir names no directory")?;
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let outcome = measure(args, &floor, &dir);
    std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    let table = outcome?;
    crate::bench::print(&table.markdown())?;
    if let Some(path) = &args.markdown {
        write_file(path, &table.markdown())?;
    }
    if let Some(path) = &args.json {
        write_file(path, &table.json().to_string())?;
    }
    Ok(())
}

fn measure(args: &CompareArgs, floor: &str, dir: &Path) -> Result<Table> {
    let contenders = [
        Contender::new(Side::Floor, "floor", floor),
        Contender::new(Side::Right, &args.right.name, &args.right.command),
        Contender::new(Side::Left, &args.left.name, &args.left.command),
    ];
    let rounds = args.rounds.unwrap_or_else(|| args.suite.rounds());
    let machine = Machine::look(dir);
    let mut results = Results::default();
    for round in 1..=rounds {
        for contender in &contenders {
            tell(&format!("round {round} of {rounds}: {}", contender.name()));
            let step = suite::Step {
                suite: args.suite,
                seconds: args.seconds.unwrap_or_else(|| args.suite.seconds()),
                dir,
            };
            let done = suite::run(contender, &step, &mut results);
            done.with_context(|| format!("while measuring {}", contender.name()))?;
        }
    }
    Ok(Table::new(
        (&args.left.name, &args.right.name),
        (rounds, LINES),
        machine,
        results,
    ))
}

/// Progress, for whoever watches; a closed standard error is nobody.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

pub(crate) fn write_file(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, format!("{text}\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_given_as_name_and_command() {
        let named = parse_named("peer = java -Dx=y {cfg}").expect("a name and a command");
        assert_eq!(
            named,
            Named {
                name: "peer".to_owned(),
                command: "java -Dx=y {cfg}".to_owned()
            }
        );
        for wrong in ["zoa serve {cfg}", "=zoa", "peer=", " =x"] {
            let error = parse_named(wrong).expect_err("no name, or no command");
            assert!(error.contains("NAME=COMMAND"), "{error}");
        }
    }
}
