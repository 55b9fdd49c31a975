//! A running server, from its options to its end.

use std::net::SocketAddr;
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

use crate::client_port;
use crate::disk::RealDisk;
use crate::entropy;
use crate::fatal::Fatal;
use crate::recovery;
use crate::recovery::Found;
use crate::replication;
use crate::replication::Parts;
use crate::replication::Proposer;
use crate::snapshots::SnapshotThread;
use crate::snapshots::SnapshotTrigger;
use crate::time;

/// The raft id of a server without peers.
const NODE: u64 = 1;

/// The longest a shutdown waits for writes that are under way.
const DRAIN: Duration = Duration::from_secs(5);

/// The longest the session clock sleeps: a session opened meanwhile must not be overlooked.
const CLOCK_STEP: Duration = Duration::from_millis(50);

/// What a server needs to know beside the core's settings.
#[derive(Debug)]
pub struct Options {
    /// `dataDir`: snapshots.
    pub data_dir: PathBuf,
    /// `dataLogDir`: the log.
    pub log_dir: PathBuf,
    /// `clientPortAddress` and `clientPort`: the first of these that can be had.
    pub client_addresses: Vec<SocketAddr>,
    /// `clientPortListenBacklog`.
    pub backlog: u32,
    /// `snapCount`: entries from one snapshot to the next.
    pub snapshot_every: u64,
    /// `autopurge.snapRetainCount`, or `None` when purging is off.
    pub retain: Option<usize>,
    /// Threads that serve connections; 0 is one a core.
    pub workers: usize,
    /// Counts the snapshots taken, for the metrics.
    pub snapshots_taken: Arc<AtomicU64>,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The log or a snapshot.
    #[error("{0}")]
    Log(#[from] LogError),
    /// The replication.
    #[error("{0}")]
    Raft(#[from] RaftError),
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
    address: SocketAddr,
    threads: Threads,
}

/// The threads beside the runtime, and how they are told to end.
#[derive(Debug)]
struct Threads {
    proposer: Proposer,
    snapshots: SnapshotTrigger,
    is_stopping: Arc<AtomicBool>,
    handles: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts a server and returns once it serves.
    pub fn start(options: &Options, config: CoreConfig) -> Result<Self, ServeError> {
        let runtime = runtime(options.workers)?;
        let listener = listen(&runtime, options)?;
        let address = listener.local_addr().map_err(ServeError::Threads)?;
        let found = recover(options, config)?;
        let core = Arc::clone(&found.core);
        let mut threads = start_replication(options, found)?;
        let proposer = threads.proposer.clone();
        core.restart_session_clock(time::now());
        let is_stopping = Arc::clone(&threads.is_stopping);
        threads.handles.push(start_session_clock(
            Arc::clone(&core),
            proposer.clone(),
            is_stopping,
        )?);
        runtime.spawn(client_port::accept_loop(
            listener,
            Arc::clone(&core),
            proposer,
        ));
        Ok(Self {
            core,
            runtime,
            address,
            threads,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The core, for the driver's metrics.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The runtime, for signals.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Stops: no new connections, what is under way is answered, then the connections end.
    pub fn stop(self) {
        let deadline = time::now().mono_ms + u64::try_from(DRAIN.as_millis()).unwrap_or(0);
        while self.core.outstanding() > 0 && time::now().mono_ms < deadline {
            pause(Duration::from_millis(5));
        }
        self.core.end_connections();
        while self.core.connections_count() > 0 && time::now().mono_ms < deadline {
            pause(Duration::from_millis(5));
        }
        self.runtime.shutdown_timeout(Duration::from_millis(100));
        self.threads.stop();
    }
}

impl Threads {
    fn stop(self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.snapshots.stop();
        self.proposer.stop();
        for handle in self.handles {
            // A thread that panicked has said so already.
            handle.join().ok();
        }
    }
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

fn listen(runtime: &Runtime, options: &Options) -> Result<TcpListener, ServeError> {
    let _inside = runtime.enter();
    let mut refused = None;
    for address in &options.client_addresses {
        match listen_at(*address, options.backlog) {
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

fn listen_at(address: SocketAddr, backlog: u32) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

fn recover(options: &Options, config: CoreConfig) -> Result<Found, ServeError> {
    let open = |dir: &PathBuf| {
        RealDisk::open(dir).map_err(|error| ServeError::Dir {
            dir: dir.clone(),
            error,
        })
    };
    let log_disk = open(&options.log_dir)?;
    let snapshot_disk = open(&options.data_dir)?;
    let mut log_options = LogOptions::new(NODE);
    let (mut cluster, mut salt) = ([0; 16], [0; 16]);
    entropy::fill(&mut cluster);
    entropy::fill(&mut salt);
    log_options.founding = Some(Founding {
        cluster: zoa_log::ClusterId(cluster),
        salt,
    });
    recovery::recover(log_disk, snapshot_disk, &log_options, config)
}

fn start_replication(options: &Options, found: Found) -> Result<Threads, ServeError> {
    let Found {
        core,
        log,
        store,
        raft,
    } = found;
    let mut seed = [0; 8];
    entropy::fill(&mut seed);
    let raft_config = RaftConfig {
        id: NODE,
        voters: vec![NODE],
        learners: Vec::new(),
        election_tick: 20,
        heartbeat_tick: 2,
        seed: u64::from_ne_bytes(seed),
        notices: Notices::default(),
    };
    let mut first_effects = Vec::new();
    let raft = RaftLoop::new(raft_config, raft, &mut first_effects)?;
    let proposer = Proposer::default();
    let trigger = SnapshotTrigger::new(options.snapshot_every);
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
        is_stopping: Arc::default(),
        handles,
    })
}

/// Proposes expiries as they come due.
fn start_session_clock(
    core: Arc<Core>,
    proposer: Proposer,
    is_stopping: Arc<AtomicBool>,
) -> Result<JoinHandle<()>, ServeError> {
    spawn("sessions", move || {
        while !is_stopping.load(Ordering::Relaxed) {
            let now_ms = time::now().mono_ms;
            let due_ms = core.next_tick_ms().unwrap_or(u64::MAX);
            pause(
                Duration::from_millis(due_ms.saturating_sub(now_ms))
                    .clamp(Duration::from_millis(1), CLOCK_STEP),
            );
            let mut proposals = Proposals::default();
            core.handle_tick(time::now(), &mut proposals);
            if !proposals.is_empty() {
                proposer.propose(proposals.take());
            }
        }
    })
}

fn pause(duration: Duration) {
    thread::sleep(duration);
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, ServeError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(ServeError::Threads)
}
