//! `zoa serve zoo.cfg`: a server, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use zoa_core::CoreConfig;
use zoa_core::Facts;
use zoa_core::Gauges;
use zoa_core::WordList;
use zoa_proto::PeerId;
use zoa_proto::frame::FrameLimits;
use zoa_server::Options;
use zoa_server::Server;
use zoa_tree::HashKey;
use zoa_tree::Settings;

use crate::version;

/// What `zoa serve` may be told.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration: an unchanged zoo.cfg
    config: PathBuf,
    /// A setting over the file, as a JVM takes it: -Dzookeeper.key=value
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    define: Vec<String>,
}

pub(crate) fn run(args: ServeArgs) -> anyhow::Result<()> {
    log_to_terminal(tracing::Level::INFO);
    let text = std::fs::read_to_string(&args.config)
        .with_context(|| format!("cannot read {}", args.config.display()))?;
    let mut keys = std::collections::BTreeMap::new();
    for line in text.lines().chain(args.define.iter().map(String::as_str)) {
        if let Some((key, value)) = line.split_once('=') {
            keys.insert(
                key.trim().trim_start_matches("zookeeper.").to_owned(),
                value.trim().to_owned(),
            );
        }
    }
    let number = |key: &str, default: u64| {
        keys.get(key)
            .and_then(|it| it.parse().ok())
            .unwrap_or(default)
    };
    let mut config = core_config();
    let tick = number("tickTime", 3000);
    config.tick_ms = u32::try_from(tick)?;
    config.session_timeout_ms_min = i32::try_from(number("minSessionTimeout", 2 * tick))?;
    config.session_timeout_ms_max = i32::try_from(number("maxSessionTimeout", 20 * tick))?;
    config.connections_per_address_max = usize::try_from(number("maxClientCnxns", 60))?;
    config.super_digest = keys
        .get("DigestAuthenticationProvider.superDigest")
        .cloned()
        .map(zoa_core::SuperDigest);
    let data_dir = PathBuf::from(keys.get("dataDir").context("dataDir is missing")?);
    let port = u16::try_from(number("clientPort", 2181))?;
    let options = Options {
        log_dir: keys
            .get("dataLogDir")
            .map_or_else(|| data_dir.clone(), PathBuf::from),
        data_dir,
        client_address: SocketAddr::from(([0, 0, 0, 0], port)),
        backlog: 1024,
        snapshot_every: number("snapCount", 100_000),
        retain: Some(3),
        workers: 0,
    };
    until_stopped(
        &options,
        config,
        |address| tracing::info!(%address, "serving"),
    )
}

pub(crate) fn log_to_terminal(level: tracing::Level) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .init();
}

/// Serves until SIGTERM or Ctrl-C.
pub(crate) fn until_stopped(
    options: &Options,
    config: CoreConfig,
    serving: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    for dir in [&options.data_dir, &options.log_dir] {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let server = Server::start(options, config)?;
    serving(server.address());
    server.runtime().block_on(stop_signal())?;
    tracing::info!("stopping");
    server.stop();
    Ok(())
}

async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

pub(crate) fn core_config() -> CoreConfig {
    CoreConfig {
        server: PeerId(1),
        tick_ms: 2000,
        session_timeout_ms_min: 4000,
        session_timeout_ms_max: 40_000,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 10_000,
        settings: Settings::NONE,
        super_digest: None,
        words: WordList::All,
        facts: Facts {
            version: version::for_clients(),
            built_on: String::new(),
            configuration: Vec::new(),
            environment: Vec::new(),
            gauges: Box::new(Gauges::default),
        },
        hash_key: HashKey([0, 0]),
        first_connection: first_connection(),
    }
}

/// Higher than in any earlier run: owners of sessions outlive a restart in the log.
fn first_connection() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(1, |since| since.as_secs() << 30)
}
