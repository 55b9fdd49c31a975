//! `zoa serve zoo.cfg`: a server, until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use zoa_core::ContainerRules;
use zoa_core::CoreConfig;
use zoa_core::SessionRules;
use zoa_core::SuperDigest;
use zoa_proto::PeerId;
use zoa_proto::frame::FrameLimits;
use zoa_server::ConfigFiles;
use zoa_server::EnsembleOptions;
use zoa_server::Options;
use zoa_server::PeerTls;
use zoa_server::SecureClient;
use zoa_server::Server;
use zoa_server::config::Notice;
use zoa_server::config::PeerType;
use zoa_server::config::ServerConfig;
use zoa_tree::HashKey;
use zoa_tree::Settings;

use crate::facts;
use crate::log_file;
use crate::open_files;
use crate::version;

/// The original's `myid` of a server that has none.
const MY_ID_STANDALONE: u8 = 1;

/// Ticks that a server may take to join where nothing is said; the configuration asks for it.
const INIT_LIMIT: u32 = 10;

/// Ticks that a server may be behind where nothing is said; the configuration asks for it.
const SYNC_LIMIT: u32 = 5;

/// Connections that may wait to be accepted where zoo.cfg says nothing.
const BACKLOG: u32 = 1024;

/// What `zoa serve` may be told.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration: an unchanged zoo.cfg
    config: PathBuf,
    /// A setting over the file, as one would tell Java: -Dzookeeper.key=value
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    define: Vec<String>,
    /// How much to log: error, warn, info, debug or trace
    #[arg(long, default_value = "info")]
    log_level: tracing::Level,
    /// Log to DIR/zoarium.log, which is kept small, in place of the terminal
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// Stop also when standard input closes: for a program that starts servers and must not leave them behind
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

pub(crate) fn run(args: ServeArgs) -> anyhow::Result<()> {
    match &args.log_dir {
        Some(dir) => log_file::to_dir(dir, args.log_level)?,
        None => log_file::to_terminal(args.log_level),
    }
    let words: Vec<String> = args.define.iter().map(|word| format!("-D{word}")).collect();
    let result = serve(&args.config, &words, args.until_stdin_closes);
    // A failed start is told on the terminal by main, and here for those who look into the log.
    if let (Err(error), Some(_)) = (&result, &args.log_dir) {
        tracing::error!("{error:#}");
    }
    result
}

fn serve(path: &Path, words: &[String], until_stdin_closes: bool) -> anyhow::Result<()> {
    let (config, notices) = ServerConfig::load(path, words)?;
    config.check(path)?;
    tracing::info!("Zoarium {} with {}", version::VERSION, path.display());
    notices.iter().for_each(tell);
    prepare_dir(&config.data.data_dir, config.data.autocreate)?;
    prepare_dir(&config.data.data_log_dir, config.data.autocreate)?;
    let files = ConfigFiles {
        config: path.to_owned(),
        words: words.to_vec(),
    };
    let options = options(&config, Some(files))?;
    let core_config = core_config(&config, &options);
    until_stopped(&options, core_config, until_stdin_closes, |address| {
        tracing::info!("clients connect at {address}")
    })
}

fn tell(notice: &Notice) {
    if notice.is_warning() {
        tracing::warn!("{notice}");
    } else {
        tracing::info!("{notice}");
    }
}

fn prepare_dir(dir: &Path, may_create: bool) -> anyhow::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    anyhow::ensure!(
        may_create,
        "{} does not exist, and zookeeper.datadir.autocreate is false",
        dir.display()
    );
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))
}

/// What the driver needs of a configuration. `files` are those that a reconfig rewrites.
pub(crate) fn options(
    config: &ServerConfig,
    files: Option<ConfigFiles>,
) -> anyhow::Result<Options> {
    let client = config.client.as_ref();
    let addresses = client.map(|client| {
        client
            .resolve()
            .with_context(|| format!("clientPortAddress {client} has no address"))
    });
    Ok(Options {
        data_dir: config.data.data_dir.clone(),
        log_dir: config.data.data_log_dir.clone(),
        client_addresses: addresses.transpose()?.unwrap_or_default(),
        secure_client: secure_client(config)?,
        backlog: config.connections.backlog.unwrap_or(BACKLOG),
        snapshots: config.snapshots.rule,
        retain: config.autopurge.as_ref().map(|autopurge| autopurge.retain),
        workers: 0,
        keep_alive: config.connections.keep_alive,
        may_found: config.data.db_autocreate,
        slow_sync: Duration::from_millis(u64::from(config.snapshots.sync_warning_ms)),
        view: Arc::default(),
        ensemble: ensemble(config, files)?,
    })
}

/// What the driver needs to know of the other servers, if there are any.
fn ensemble(
    config: &ServerConfig,
    files: Option<ConfigFiles>,
) -> anyhow::Result<Option<EnsembleOptions>> {
    let ensemble = &config.ensemble;
    let own = ensemble.my_id.and_then(|id| ensemble.servers.get(&id));
    let (Some(id), Some(_), true) = (ensemble.my_id, own, ensemble.is_distributed()) else {
        return Ok(None);
    };
    if !ensemble.leader_serves {
        tracing::warn!("leaderServes=no is not obeyed: every server takes clients");
    }
    anyhow::ensure!(id != 0, "myid is 0: give every server an id from 1 to 255");
    Ok(Some(EnsembleOptions {
        me: PeerId(id),
        lines: ensemble.lines()?,
        listen_on_all: ensemble.listen_on_all,
        tick_ms: config.tick_time_ms,
        init_limit: ensemble.init_limit.unwrap_or(INIT_LIMIT),
        sync_limit: ensemble.sync_limit.unwrap_or(SYNC_LIMIT),
        tls: peer_tls(config)?,
        read_only: ensemble.read_only,
        files: files.filter(|_| config.access.reconfig_enabled),
    }))
}

fn peer_tls(config: &ServerConfig) -> anyhow::Result<Option<PeerTls>> {
    if !config.tls.between_servers {
        return Ok(None);
    }
    let stores = &config.tls.peers;
    let files = stores.files("ssl.quorum").map_err(anyhow::Error::msg)?;
    Ok(Some(PeerTls {
        files,
        checks_names: stores.checks_names,
        checks_client_names: stores.checks_names && stores.checks_client_names,
    }))
}

fn secure_client(config: &ServerConfig) -> anyhow::Result<Option<SecureClient>> {
    let Some(secure) = &config.secure_client else {
        return Ok(None);
    };
    let addresses = secure
        .resolve()
        .with_context(|| format!("secureClientPortAddress {secure} has no address"))?;
    let files = config
        .tls
        .clients
        .files("ssl")
        .map_err(anyhow::Error::msg)?;
    Ok(Some(SecureClient { addresses, files }))
}

/// What the core needs of it.
pub(crate) fn core_config(config: &ServerConfig, options: &Options) -> CoreConfig {
    let my_id = config.ensemble.my_id.unwrap_or(MY_ID_STANDALONE);
    CoreConfig {
        server: PeerId(my_id),
        tick_ms: config.tick_time_ms,
        session_timeout_ms_min: config.session_timeout_ms_min,
        session_timeout_ms_max: config.session_timeout_ms_max,
        frame_limits: FrameLimits {
            frame_len_max: to_usize(config.requests.len_max),
        },
        connections_per_address_max: to_usize(config.connections.per_address_max),
        connections_max: open_files::connections_max(config.connections.total_max),
        settings: settings(config),
        super_digest: config
            .access
            .super_digest
            .as_ref()
            .map(|digest| SuperDigest(digest.expose().to_owned())),
        words: config.four_letter_words.clone(),
        facts: facts::gather(
            shown_configuration(config, my_id),
            options.data_dir.clone(),
            options.log_dir.clone(),
            Arc::clone(&options.view),
        ),
        sessions: SessionRules {
            local: config.ensemble.local_sessions,
            upgrade: config.ensemble.local_sessions_upgrading,
        },
        containers: ContainerRules {
            check_interval_ms: config.containers.check_interval_ms,
            per_minute_max: config.containers.deleted_per_minute_max,
            never_used_ms_max: config.containers.never_used_ms_max,
        },
        hash_key: hash_key(),
        first_connection: first_connection(),
    }
}

fn settings(config: &ServerConfig) -> Settings {
    let set = |wanted: bool, flag: Settings| if wanted { flag } else { Settings::NONE };
    set(config.access.skip_acl, Settings::SKIP_ACL)
        .union(set(config.access.enforce_quota, Settings::ENFORCE_QUOTA))
        .union(set(
            config.containers.extended_types,
            Settings::EXTENDED_TYPES,
        ))
        .union(set(
            config.access.reconfig_enabled,
            Settings::RECONFIG_ENABLED,
        ))
        .union(set(
            !config.ensemble.standalone_enabled,
            Settings::STANDALONE_DISABLED,
        ))
        .union(set(config.secure_client.is_some(), Settings::X509_ACLS))
}

/// What `conf` says of a server among others, in the original's order.
fn shown_place(config: &ServerConfig) -> Option<[(&'static str, String); 6]> {
    let ensemble = &config.ensemble;
    let own = ensemble.servers.get(&ensemble.my_id?)?;
    let at = own.addresses.first()?;
    let limit = |limit: Option<u32>| limit.map_or_else(|| "0".to_owned(), |it| it.to_string());
    let peer_type = match own.peer_type {
        PeerType::Participant => 0,
        PeerType::Observer => 1,
    };
    ensemble.is_distributed().then(|| {
        [
            ("initLimit", limit(ensemble.init_limit)),
            ("syncLimit", limit(ensemble.sync_limit)),
            ("electionAlg", "3".to_owned()),
            ("electionPort", at.election_port.to_string()),
            ("quorumPort", at.quorum_port.to_string()),
            ("peerType", peer_type.to_string()),
        ]
    })
}

/// The lines of `conf`, in the original's order. No secret is among them.
fn shown_configuration(config: &ServerConfig, my_id: u8) -> Vec<(String, String)> {
    let port = config
        .client
        .as_ref()
        .map_or_else(|| "-1".to_owned(), |client| client.port.to_string());
    let secure_port = config
        .secure_client
        .as_ref()
        .map_or_else(|| "-1".to_owned(), |secure| secure.port.to_string());
    let dir_len = |dir: &Path| facts::tree_len(dir).to_string();
    [
        ("clientPort", port),
        ("secureClientPort", secure_port),
        ("dataDir", config.data.data_dir.display().to_string()),
        ("dataDirSize", dir_len(&config.data.data_dir)),
        ("dataLogDir", config.data.data_log_dir.display().to_string()),
        ("dataLogSize", dir_len(&config.data.data_log_dir)),
        ("tickTime", config.tick_time_ms.to_string()),
        (
            "maxClientCnxns",
            config.connections.per_address_max.to_string(),
        ),
        (
            "minSessionTimeout",
            config.session_timeout_ms_min.to_string(),
        ),
        (
            "maxSessionTimeout",
            config.session_timeout_ms_max.to_string(),
        ),
        (
            "clientPortListenBacklog",
            config
                .connections
                .backlog
                .map_or_else(|| "-1".to_owned(), |it| it.to_string()),
        ),
        ("serverId", my_id.to_string()),
    ]
    .into_iter()
    .chain(shown_place(config).into_iter().flatten())
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// Serves until SIGTERM or Ctrl-C.
pub(crate) fn until_stopped(
    options: &Options,
    config: CoreConfig,
    until_stdin_closes: bool,
    serving: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    // Before anybody is served: who stops it at once means an orderly end, too.
    let (server, mut stop) = Server::start_when(options, config, StopSignal::listen)?;
    serving(server.address());
    if let Some(address) = server.secure_address() {
        tracing::info!("serving with TLS at {address}");
    }
    let closed = async {
        if until_stdin_closes {
            stdin_closes().await;
        } else {
            std::future::pending().await
        }
    };
    server.runtime().block_on(async {
        tokio::select! {
            () = stop.wait() => {}
            () = closed => {}
        }
    });
    tracing::info!("stopping: no new requests, what is under way is answered");
    server.stop();
    tracing::info!("stopped");
    Ok(())
}

/// Until nobody holds the other end of standard input any more.
async fn stdin_closes() {
    let (closes, closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // What is said there means nothing; an error is an end as well.
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        closes.send(()).ok();
    });
    closed.await.ok();
}

/// SIGTERM or Ctrl-C.
pub(crate) struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    /// From here on these signals do not end the process by themselves. To be called inside a runtime.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The secret of this process' hash maps, from the randomness the standard library draws for its own.
fn hash_key() -> HashKey {
    use std::hash::BuildHasher;
    let random = || std::hash::RandomState::new().hash_one(0);
    HashKey([random(), random()])
}

/// Higher than in any earlier run, as long as the clock does not jump back by more than the time between two starts.
#[expect(
    clippy::disallowed_methods,
    reason = "the one number that must differ from every earlier run"
)]
fn first_connection() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| {
        u64::try_from(since.as_millis()).unwrap_or(0) << 20
    })
}

fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
