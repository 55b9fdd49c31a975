//! `zoa dev`: a server in one command, to try things out.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use zoa_server::Options;

use crate::serve;

/// What `zoa dev` may be told.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Where clients connect, on 127.0.0.1
    #[arg(long, default_value_t = 2181)]
    port: u16,
    /// Where the data goes
    #[arg(long, default_value = "zoarium-data")]
    data: PathBuf,
}

#[expect(clippy::print_stdout, reason = "tells the user what to do next")]
pub(crate) fn run(args: DevArgs) -> anyhow::Result<()> {
    serve::log_to_terminal(tracing::Level::WARN);
    let options = Options {
        data_dir: args.data.clone(),
        log_dir: args.data.clone(),
        client_address: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
        backlog: 128,
        snapshot_every: 100_000,
        retain: Some(3),
        workers: 0,
    };
    serve::until_stopped(&options, serve::core_config(), |address| {
        println!(
            "Zoarium serves at {address}; the data is in {}.",
            args.data.display()
        );
        println!("Connect with any ZooKeeper client, for example:");
        println!("  zkCli.sh -server {address}");
        println!("  echo srvr | nc {} {}", address.ip(), address.port());
        println!("Ctrl-C stops it; the data stays.");
    })
}
