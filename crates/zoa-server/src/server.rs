//! A running server, from its options to its end.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;
use zoa_core::Core;
use zoa_core::CoreConfig;
use zoa_core::Proposals;
use zoa_log::Founding;
use zoa_log::LogError;
use zoa_log::LogLoop;
use zoa_log::LogOptions;
use zoa_raft::Notices;
use zoa_raft::RaftConfig;
use zoa_raft::RaftError;
use zoa_raft::RaftLoop;
use zoa_tree::TxnError;

use crate::client_port::Port;
use crate::disk::RealDisk;
use crate::entropy;
use crate::fatal::Fatal;
use crate::recovery;
use crate::recovery::Found;
use crate::replication;
use crate::replication::Parts;
use crate::replication::Proposer;
use crate::snapshots::SnapshotRule;
use crate::snapshots::SnapshotThread;
use crate::snapshots::SnapshotTrigger;
use crate::time;
use crate::tls::Acceptor;
use crate::tls::TlsFiles;

/// The raft id of a server without peers.
pub(crate) const NODE: u64 = 1;

/// The file in `dataDir` by which an operator allows a new database.
const INITIALIZE: &str = "initialize";

/// Where ZooKeeper keeps its snapshots and its log, in `dataDir` and `dataLogDir`.
const ZOOKEEPER_DIR: &str = "version-2";

/// The longest a shutdown waits for writes that are under way.
const DRAIN: Duration = Duration::from_secs(5);

/// The longest the session clock sleeps: well below what it takes for a standstill of this server.
const CLOCK_STEP_MS: u64 = 100;

/// What a server needs to know beside the core's settings.
#[derive(Debug)]
pub struct Options {
    /// `dataDir`: snapshots.
    pub data_dir: PathBuf,
    /// `dataLogDir`: the log.
    pub log_dir: PathBuf,
    /// `clientPortAddress` and `clientPort`: the first of these that can be had. Empty when there is only a port with TLS.
    pub client_addresses: Vec<SocketAddr>,
    /// `secureClientPortAddress` and `secureClientPort`, with the certificates for it.
    pub secure_client: Option<SecureClient>,
    /// `clientPortListenBacklog`.
    pub backlog: u32,
    /// `snapCount` and `snapSizeLimitInKb`: when a snapshot is due.
    pub snapshots: SnapshotRule,
    /// `autopurge.snapRetainCount`, or `None` when purging is off.
    pub retain: Option<usize>,
    /// Threads that serve connections; 0 is one a core.
    pub workers: usize,
    /// `clientTcpKeepAlive`: the system asks silent clients whether they live.
    pub keep_alive: bool,
    /// `zookeeper.db.autocreate`: whether an empty data directory may begin a new database. Otherwise that takes the file
    /// `initialize` in it.
    pub may_found: bool,
    /// `fsync.warningthresholdms`: a write to the log that takes longer is worth a warning.
    pub slow_sync: Duration,
    /// Counts the snapshots taken, for the metrics.
    pub snapshots_taken: Arc<AtomicU64>,
}

/// Where clients connect with TLS.
#[derive(Clone, Debug)]
pub struct SecureClient {
    /// The first of these that can be had.
    pub addresses: Vec<SocketAddr>,
    /// `ssl.*`.
    pub files: TlsFiles,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The log or a snapshot.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The replication.
    #[error(transparent)]
    Raft(#[from] RaftError),
    /// Nothing is there, and to begin anew was not allowed.
    #[error(
        "{dir} holds no database, and db.autocreate=false forbids to begin one. If data was there, its disk is not mounted or lost; \
         to begin a new database create the file {INITIALIZE} in dataDir"
    )]
    NoDatabase {
        /// The directory of the log.
        dir: PathBuf,
    },
    /// Somebody else's data is there, and none of ours.
    #[error(
        "{dir} holds the data of a ZooKeeper server, which this version cannot read, and no database of its own: it would serve \
         nothing of what is there. Name another dataDir; or, to begin an empty database beside that data, create the file \
         {INITIALIZE} in dataDir"
    )]
    ZooKeeperData {
        /// The directory with that data.
        dir: PathBuf,
    },
    /// An entry of the log that cannot be read.
    #[error("the log holds an entry that this version cannot read: {0}")]
    Txn(#[from] TxnError),
    /// A data directory.
    #[error("cannot use {dir}: {error}")]
    Dir {
        /// Which.
        dir: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// The client port.
    #[error(
        "cannot listen on {address}: {error}; is another server running there? see clientPort in zoo.cfg"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// A certificate or key.
    #[error(transparent)]
    Tls(#[from] zoa_tls::TlsError),
    /// No address at all.
    #[error("clientPortAddress has no address to listen on")]
    NoAddress,
    /// Threads or the runtime.
    #[error("the operating system gives no threads: {0}")]
    Threads(std::io::Error),
}

/// A server that serves.
#[derive(Debug)]
pub struct Server {
    core: Arc<Core>,
    runtime: Runtime,
    /// Where clients connect: without TLS, and with it; one of them at least.
    addresses: [Option<SocketAddr>; 2],
    accepting: Vec<AbortHandle>,
    threads: Threads,
}

/// The threads beside the runtime, and how they are told to end.
#[derive(Debug)]
struct Threads {
    proposer: Proposer,
    snapshots: SnapshotTrigger,
    clock: Option<SessionClockThread>,
    handles: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts a server and returns once it serves.
    pub fn start(options: &Options, config: CoreConfig) -> Result<Self, ServeError> {
        let runtime = runtime(options.workers)?;
        let listeners = [listen(&runtime, options)?, listen_secure(&runtime, options)?];
        if listeners.iter().all(Option::is_none) {
            return Err(ServeError::NoAddress);
        }
        let address = |listener: &Option<(TcpListener, _)>| listener.as_ref()?.0.local_addr().ok();
        let addresses = [0, 1].map(|port| listeners.get(port).and_then(address));
        let found = recover(options, config)?;
        let core = Arc::clone(&found.core);
        let mut threads = start_replication(options, found)?;
        let proposer = threads.proposer.clone();
        core.restart_session_clock(time::now());
        threads.clock = Some(SessionClockThread::start(
            Arc::clone(&core),
            proposer.clone(),
        )?);
        let accept = |(listener, tls)| {
            let port = Port::new(Arc::clone(&core), proposer.clone(), tls);
            runtime.spawn(port.accept_from(listener)).abort_handle()
        };
        let accepting = listeners.into_iter().flatten().map(accept).collect();
        Ok(Self {
            core,
            runtime,
            addresses,
            accepting,
            threads,
        })
    }

    /// Where clients connect: without TLS, where that is possible.
    pub fn address(&self) -> SocketAddr {
        let [plain, secure] = self.addresses;
        plain
            .or(secure)
            .expect("a server without a port does not start")
    }

    /// Where clients connect with TLS.
    pub fn secure_address(&self) -> Option<SocketAddr> {
        let [_, secure] = self.addresses;
        secure
    }

    /// The core, for the driver's metrics.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The runtime, for signals.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Stops: nothing new is taken, what is under way is answered, the answers are sent, then the connections and the threads end.
    pub fn stop(self) {
        self.accepting.iter().for_each(AbortHandle::abort);
        self.core.stop_taking();
        let deadline = time::now().mono_ms + u64::try_from(DRAIN.as_millis()).unwrap_or(0);
        while self.core.outstanding() > 0 && time::now().mono_ms < deadline {
            time::pause(Duration::from_millis(5));
        }
        self.core.end_connections();
        while self.core.connections_count() > 0 && time::now().mono_ms < deadline {
            time::pause(Duration::from_millis(5));
        }
        self.runtime.shutdown_timeout(Duration::from_millis(100));
        self.threads.stop();
    }
}

impl Threads {
    fn stop(self) {
        self.clock.into_iter().for_each(SessionClockThread::stop);
        self.snapshots.stop();
        self.proposer.stop();
        for handle in self.handles {
            // A thread that panicked has said so already.
            handle.join().ok();
        }
    }
}

/// Proposes expiries as they come due.
#[derive(Debug)]
struct SessionClockThread {
    is_stopping: Arc<AtomicBool>,
    handle: JoinHandle<()>,
}

impl SessionClockThread {
    fn start(core: Arc<Core>, proposer: Proposer) -> Result<Self, ServeError> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&is_stopping);
        let handle = spawn("sessions", move || {
            while !stops.load(Ordering::Relaxed) {
                thread::park_timeout(Duration::from_millis(clock_step_ms(&core)));
                let mut proposals = Proposals::default();
                core.handle_tick(time::now(), &mut proposals);
                if !proposals.is_empty() {
                    proposer.propose(proposals.take());
                }
            }
        })?;
        Ok(Self {
            is_stopping,
            handle,
        })
    }

    fn stop(self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.handle.thread().unpark();
        self.handle.join().ok();
    }
}

/// How long the session clock may sleep: until somebody is due, and no session that is opened meanwhile may be due before it wakes.
fn clock_step_ms(core: &Core) -> u64 {
    let now_ms = time::now().mono_ms;
    let due_ms = core.next_tick_ms().unwrap_or(u64::MAX);
    let shortest_ms = core.session_timeout_ms_min() / 2;
    due_ms
        .saturating_sub(now_ms)
        .min(shortest_ms)
        .clamp(1, CLOCK_STEP_MS)
}

fn runtime(workers: usize) -> Result<Runtime, ServeError> {
    let mut builder = Builder::new_multi_thread();
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder
        .thread_name("clients")
        .enable_all()
        .build()
        .map_err(ServeError::Threads)
}

type Listener = (TcpListener, Option<Acceptor>);

fn listen(runtime: &Runtime, options: &Options) -> Result<Option<Listener>, ServeError> {
    if options.client_addresses.is_empty() {
        return Ok(None);
    }
    let listener = listen_at_one_of(runtime, options, &options.client_addresses)?;
    Ok(Some((listener, None)))
}

fn listen_secure(runtime: &Runtime, options: &Options) -> Result<Option<Listener>, ServeError> {
    let Some(SecureClient { addresses, files }) = &options.secure_client else {
        return Ok(None);
    };
    let acceptor = Acceptor::new(files.clone())?;
    let listener = listen_at_one_of(runtime, options, addresses)?;
    Ok(Some((listener, Some(acceptor))))
}

fn listen_at_one_of(
    runtime: &Runtime,
    options: &Options,
    addresses: &[SocketAddr],
) -> Result<TcpListener, ServeError> {
    let _inside = runtime.enter();
    let mut refused = None;
    for address in addresses {
        match listen_at(*address, options.backlog, options.keep_alive) {
            Ok(listener) => return Ok(listener),
            Err(error) => {
                refused = Some(ServeError::Listen {
                    address: *address,
                    error,
                })
            }
        }
    }
    Err(refused.unwrap_or(ServeError::NoAddress))
}

fn listen_at(address: SocketAddr, backlog: u32, keep_alive: bool) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it.
    socket.set_keepalive(keep_alive)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

fn recover(options: &Options, config: CoreConfig) -> Result<Found, ServeError> {
    let refused = |dir: &PathBuf| {
        let dir = dir.clone();
        |error| ServeError::Dir { dir, error }
    };
    let log_disk = RealDisk::open(&options.log_dir).map_err(refused(&options.log_dir))?;
    let snapshot_disk =
        RealDisk::open_buffered(&options.data_dir).map_err(refused(&options.data_dir))?;
    let mut log_options = LogOptions::new(NODE);
    let initialize = options.data_dir.join(INITIALIZE);
    let foreign = [&options.data_dir, &options.log_dir]
        .map(|dir| dir.join(ZOOKEEPER_DIR))
        .into_iter()
        .find(|dir| holds_files(dir));
    // An empty server in the place of a full one is what clients would take for a loss of everything.
    if initialize.exists() || (options.may_found && foreign.is_none()) {
        log_options.founding = Some(founding());
    }
    let found = recovery::recover(log_disk, snapshot_disk, &log_options, config);
    let found = found.map_err(|error| match (error, foreign) {
        (ServeError::Log(LogError::NotFounded { .. }), Some(dir)) => {
            ServeError::ZooKeeperData { dir }
        }
        (ServeError::Log(LogError::NotFounded { .. }), None) => ServeError::NoDatabase {
            dir: options.log_dir.clone(),
        },
        (error, _) => error,
    })?;
    // It speaks for one founding only: a disk that is lost later must not begin anew by itself.
    if let Err(error) = std::fs::remove_file(&initialize)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(file = %initialize.display(), %error, "cannot remove the file that allowed a new database");
    }
    Ok(found)
}

/// Whether ZooKeeper has left a snapshot or a log there.
fn holds_files(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return false;
    };
    entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("snapshot.") || name.starts_with("log.")
    })
}

fn founding() -> Founding {
    let (mut cluster, mut salt) = ([0; 16], [0; 16]);
    entropy::fill(&mut cluster);
    entropy::fill(&mut salt);
    Founding {
        cluster: zoa_log::ClusterId(cluster),
        salt,
    }
}

fn start_replication(options: &Options, found: Found) -> Result<Threads, ServeError> {
    let Found {
        core,
        log,
        store,
        raft,
        replayed,
        snapshot_len,
    } = found;
    let mut seed = [0; 8];
    entropy::fill(&mut seed);
    let raft_config = RaftConfig {
        id: NODE,
        election_tick: 20,
        heartbeat_tick: 2,
        seed: u64::from_ne_bytes(seed),
        notices: Notices::default(),
    };
    let mut first_effects = Vec::new();
    let raft = RaftLoop::new(raft_config, raft, &mut first_effects)?;
    let proposer = Proposer::default();
    let trigger = SnapshotTrigger::new(options.snapshots, snapshot_len);
    // What was replayed is replayed again at the next start unless a snapshot takes it in.
    trigger.applied(replayed);
    let snapshots = SnapshotThread {
        core: Arc::clone(&core),
        store,
        trigger: trigger.clone(),
        proposer: proposer.clone(),
        retain: options.retain,
        taken: Arc::clone(&options.snapshots_taken),
    };
    let mut handles = vec![spawn("snapshots", move || snapshots.run())?];
    let parts = Parts {
        raft,
        first_effects,
        log: LogLoop::new(log),
        core,
        snapshots: trigger.clone(),
        fatal: Fatal,
        slow_sync: options.slow_sync,
    };
    let (serving, served) = mpsc::channel();
    let established = move || {
        serving.send(()).ok();
    };
    handles.extend(replication::start(&proposer, parts, established).map_err(ServeError::Threads)?);
    // The one voter leads as soon as its own first entry is durable; a disk that does not take it ends the process.
    served.recv().ok();
    Ok(Threads {
        proposer,
        snapshots: trigger,
        clock: None,
        handles,
    })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, ServeError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(ServeError::Threads)
}
