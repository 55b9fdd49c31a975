//! `zoa dev`: a server, or several, in one command, to try things out.

mod nodes;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use zoa_server::config::ServerConfig;

use crate::log_file;
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
    /// How many servers, each a process of its own, with ports from --port on
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=7))]
    nodes: u8,
}

#[expect(clippy::print_stdout, reason = "tells the user what to do next")]
pub(crate) fn run(args: DevArgs) -> anyhow::Result<()> {
    log_file::to_terminal(tracing::Level::WARN);
    std::fs::create_dir_all(&args.data)
        .with_context(|| format!("cannot create {}", args.data.display()))?;
    if args.nodes > 1 {
        return nodes::run(&args, args.nodes);
    }
    let config = write_config(&args)?;
    let (config, _) = ServerConfig::load(&config, &[])?;
    let options = serve::options(&config, None)?;
    let core_config = serve::core_config(&config, &options);
    serve::until_stopped(&options, core_config, false, |address| {
        println!(
            "Zoarium serves at {address}. The data is in {} and stays there.",
            args.data.display()
        );
        println!();
        println!("Connect with any ZooKeeper client, for example:");
        println!("  zkCli.sh -server {address}");
        println!();
        println!("Ctrl-C stops it.");
    })
}

/// Writes the zoo.cfg of this server beside its data, where the user can see what was set.
fn write_config(args: &DevArgs) -> anyhow::Result<PathBuf> {
    let path = args.data.join("zoo.cfg");
    let data = std::path::absolute(&args.data)?;
    let text = format!(
        "# Written by zoa dev at each start. To keep changes, copy it and start the copy: zoa serve zoo.cfg\n\
         tickTime=2000\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\n\
         maxClientCnxns=0\n4lw.commands.whitelist=*\n",
        data.display(),
        args.port,
    );
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
