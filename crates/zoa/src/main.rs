//! The program `zoa`: one command for everything Zoarium offers.

mod bench;
mod dev;
mod facts;
mod farm;
mod limits;
mod log_file;
mod open_files;
mod serve;
mod shell;
mod version;

use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

/// A coordination service that every ZooKeeper client takes for ZooKeeper.
#[derive(Debug, Parser)]
#[command(name = "zoa", version = version::VERSION, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server with the settings of a zoo.cfg
    Serve(serve::ServeArgs),
    /// Run a server to try things out: 127.0.0.1:2181, data in ./zoarium-data
    Dev(dev::DevArgs),
    /// Talk to a server by hand or from a script, as with ZooKeeper's zkCli.sh
    Shell(shell::ShellArgs),
    /// Measure a server, this one or any other that speaks ZooKeeper's client protocol
    Bench(bench::BenchArgs),
    /// Have many tasks done by many workers: submit, work, look on
    Farm(farm::FarmArgs),
    /// Say which version this is
    Version,
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a command line program"
)]
fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Dev(args) => dev::run(args),
        Command::Shell(args) => return shell::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Farm(args) => farm::run(args),
        Command::Version => version::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zoa: {error:#}");
            ExitCode::FAILURE
        }
    }
}
