//! A running server, from its options to its end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
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
use zoa_ensemble::EnsembleError;
use zoa_log::LogError;
use zoa_proto::PeerId;
use zoa_raft::RaftError;
use zoa_tree::MemberLines;
use zoa_tree::TxnError;

use crate::assembly;
use crate::assembly::Running;
use crate::client_port::Port;
use crate::member_files::ConfigFiles;
use crate::replication::EnsembleView;
use crate::snapshots::SnapshotRule;
use crate::time;
use crate::tls::Acceptor;
use crate::tls::TlsFiles;

/// How long a leader that stops waits for somebody to take over.
const HANDOVER_TIME: Duration = Duration::from_secs(2);

/// How long connections have, once their writes are answered, to tell their clients that nothing more was taken.
const FAREWELL: Duration = Duration::from_secs(1);

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
    /// Shows how the ensemble is, for the metrics.
    pub view: Arc<EnsembleView>,
    /// The servers beside this one; `None` for a server alone.
    pub ensemble: Option<EnsembleOptions>,
}

/// What a server among others needs to know of them.
#[derive(Clone, Debug)]
pub struct EnsembleOptions {
    /// `myid`.
    pub me: PeerId,
    /// The `server.N` lines, this server's own among them.
    pub lines: MemberLines,
    /// `quorumListenOnAllIPs`: on every address of this machine, whatever the host says.
    pub listen_on_all: bool,
    /// `tickTime`, in milliseconds.
    pub tick_ms: u32,
    /// `initLimit`, in ticks: how long a server may take to catch up with its leader before its log says so.
    pub init_limit: u32,
    /// `syncLimit`, in ticks: how long a server may be without a leader and yet serve, or a peer be silent and not be taken for dead.
    pub sync_limit: u32,
    /// `sslQuorum` and `ssl.quorum.*`: the servers speak TLS with each other, and each shows its certificate.
    pub tls: Option<PeerTls>,
    /// `readonlymode.enabled`: who says that reading is enough is served while nobody leads.
    pub read_only: bool,
    /// What a reconfig rewrites; `None` without `reconfigEnabled`.
    pub files: Option<ConfigFiles>,
}

/// The certificates by which the servers know each other.
#[derive(Clone, Debug)]
pub struct PeerTls {
    /// `ssl.quorum.keyStore.location` and `ssl.quorum.trustStore.location`.
    pub files: TlsFiles,
    /// `ssl.quorum.hostnameVerification`: a server's certificate is for the host in its server line.
    pub checks_names: bool,
    /// `ssl.quorum.clientHostnameVerification`, with the one before: that of a server that connects is for the host in the line of the
    /// server that it says it is.
    pub checks_client_names: bool,
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
         to begin a new database create the file initialize in dataDir"
    )]
    NoDatabase {
        /// The directory of the log.
        dir: PathBuf,
    },
    /// Somebody else's data is there, and none of ours.
    #[error(
        "{dir} holds the data of a ZooKeeper server, which this version cannot read, and no database of its own: it would serve \
         nothing of what is there. Name another dataDir; or, to begin an empty database beside that data, create the file \
         initialize in dataDir"
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
    /// The settings of the ensemble, or data that is another server's.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// The data of an ensemble, and no `server.N` lines.
    #[error(
        "{dir} holds the data of one of {voters} servers, but zoo.cfg names no others: alone it must not decide anything. Name all servers          with server.N lines; or, if the others are lost for good, create the file force-new-ensemble in dataDir, and what this server          holds goes on without them"
    )]
    OneOfSeveral {
        /// The directory of the log.
        dir: PathBuf,
        /// How many vote.
        voters: usize,
    },
    /// Metadata that name no server.
    #[error("{dir} holds the data of a server that cannot be: its id is none")]
    NoServersData {
        /// The directory of the log.
        dir: PathBuf,
    },
    /// The quorum port.
    #[error(
        "cannot listen for the other servers: {0}; is another server running there? see the own server.N line in zoo.cfg"
    )]
    Peers(std::io::Error),
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
    running: Running,
    clock: SessionClockThread,
}

impl Server {
    /// Starts a server and returns once it serves.
    pub fn start(options: &Options, config: CoreConfig) -> Result<Self, ServeError> {
        Self::start_when(options, config, || Ok(())).map(|(server, ())| server)
    }

    /// Starts a server. `ready` is called inside its runtime when all is recovered, before the first client is heard.
    pub fn start_when<T>(
        options: &Options,
        config: CoreConfig,
        ready: impl FnOnce() -> std::io::Result<T>,
    ) -> Result<(Self, T), ServeError> {
        let runtime = runtime(options.workers)?;
        let listeners = [
            listen(&runtime, options)?,
            listen_secure(&runtime, options)?,
        ];
        if listeners.iter().all(Option::is_none) {
            return Err(ServeError::NoAddress);
        }
        let address = |listener: &Option<(TcpListener, _)>| listener.as_ref()?.0.local_addr().ok();
        let addresses = [0, 1].map(|port| listeners.get(port).and_then(address));
        let running = assembly::start(options, config)?;
        let core = Arc::clone(&running.core);
        let proposer = running.proposer.clone();
        let clock = SessionClockThread::start(&running)?;
        let readied = {
            let _inside = runtime.enter();
            ready().map_err(ServeError::Threads)?
        };
        let accept = |(listener, tls)| {
            let port = Port::new(Arc::clone(&core), proposer.clone(), tls);
            runtime.spawn(port.accept_from(listener)).abort_handle()
        };
        let accepting = listeners.into_iter().flatten().map(accept).collect();
        let server = Self {
            core,
            runtime,
            addresses,
            accepting,
            running,
            clock,
        };
        Ok((server, readied))
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

    /// Stops: leadership is given away, nothing new is taken, what is under way is answered, the answers are sent, then the connections
    /// and the threads end.
    pub fn stop(self) {
        self.hand_over();
        self.accepting.iter().for_each(AbortHandle::abort);
        self.core.stop_taking();
        let deadline = time::now().mono_ms + u64::try_from(DRAIN.as_millis()).unwrap_or(0);
        while self.core.outstanding() > 0 && time::now().mono_ms < deadline {
            time::pause(Duration::from_millis(5));
        }
        let patience = u64::try_from(FAREWELL.as_millis()).unwrap_or(0);
        let told_by = deadline.min(time::now().mono_ms + patience);
        while self.core.connections_to_tell() > 0 && time::now().mono_ms < told_by {
            time::pause(Duration::from_millis(1));
        }
        self.core.end_connections();
        while self.core.connections_count() > 0 && time::now().mono_ms < deadline {
            time::pause(Duration::from_millis(5));
        }
        self.runtime.shutdown_timeout(Duration::from_millis(100));
        self.clock.stop();
        self.running.stop();
    }

    /// Writes go on elsewhere before this server stops.
    fn hand_over(&self) {
        if !self.running.view.is_ensemble() {
            return;
        }
        let (done, is_done) = mpsc::channel();
        self.running.proposer.hand_over(move || {
            done.send(()).ok();
        });
        if is_done.recv_timeout(HANDOVER_TIME).is_err() {
            tracing::warn!(
                "nobody took over the leadership in time; this server stops all the same"
            );
        }
    }
}

impl Running {
    fn stop(self) {
        self.snapshots.stop();
        self.proposer.stop();
        let handles = std::mem::take(&mut *self.handles.lock());
        for handle in handles {
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
    fn start(running: &Running) -> Result<Self, ServeError> {
        let (core, proposer) = (Arc::clone(&running.core), running.proposer.clone());
        let is_alone = !running.view.is_ensemble();
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&is_stopping);
        let handle = spawn("sessions", move || {
            while !stops.load(Ordering::Relaxed) {
                thread::park_timeout(Duration::from_millis(clock_step_ms(&core)));
                let mut proposals = Proposals::default();
                core.handle_tick(time::now(), &mut proposals);
                if !proposals.is_empty() {
                    proposer.propose(proposals);
                }
                if !is_alone {
                    let mut touches = Vec::new();
                    let now = time::now();
                    core.take_touches(now, &mut touches);
                    if !touches.is_empty() {
                        proposer.touched(now.mono_ms, touches);
                    }
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

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, ServeError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(ServeError::Threads)
}
