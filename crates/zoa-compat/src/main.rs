//! Checks of a running server from outside, beside other people's clients: what stands here speaks bytes.
//!
//! Development only. Each command runs against any server that speaks ZooKeeper's protocol, so that each
//! is first tried on the original.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "drives real servers in real time"
)]

mod kill_rounds;
mod link;
mod order;
mod random;
mod server_process;
mod wire;
mod wire_diff;

use clap::Parser;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Checks a running server from outside")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends the same operations to two servers and compares what they answer.
    WireDiff(wire_diff::Options),
    /// Readers with watches against writers; every reply and event is held against the history.
    Order(order::Options),
    /// Kills the server under load and looks for lost or invented writes.
    KillRounds(kill_rounds::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::WireDiff(options) => wire_diff::run(options),
        Command::Order(options) => order::run(&options),
        Command::KillRounds(options) => kill_rounds::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}
