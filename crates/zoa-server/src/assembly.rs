//! From what the disk holds to threads that run.
//!
//! ```text
//!   lock the log's directory -> whose data is it? -> ours: recover     -> ensemble, log, snapshots, peers
//!                                                 -> nobody's, alone: found a database of this server alone
//!                                                 -> nobody's, with others: wait for them with nothing
//! ```
//!
//! Invariant: whoever is named beside others never begins a database by itself (G-23).

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use zoa_core::Core;
use zoa_core::CoreConfig;
use zoa_core::Role;
use zoa_core::Serving;
use zoa_ensemble::Effect;
use zoa_ensemble::Ensemble;
use zoa_ensemble::EnsembleConfig;
use zoa_ensemble::Founders;
use zoa_ensemble::NodeId;
use zoa_ensemble::Prepared;
use zoa_ensemble::Start;
use zoa_ensemble::Versions;
use zoa_log::Agreement;
use zoa_log::ClusterId;
use zoa_log::LockedDir;
use zoa_log::Log;
use zoa_log::LogDir;
use zoa_log::LogError;
use zoa_log::LogLoop;
use zoa_log::LogOptions;
use zoa_log::Metadata;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_tree::HashKey;
use zoa_tree::MemberLines;
use zoa_tree::ServerAddress;
use zoa_tree::Tree;

use crate::disk::RealDisk;
use crate::entropy;
use crate::fatal::Fatal;
use crate::member_files;
use crate::member_files::Listens;
use crate::member_files::MemberFiles;
use crate::peers::PeerAddress;
use crate::peers::PeerOptions;
use crate::peers::Peers;
use crate::peers::Plain;
use crate::peers::Security;
use crate::peers::SystemNames;
use crate::peers::Tls;
use crate::recovery;
use crate::recovery::Found;
use crate::recovery::Leave;
use crate::replication;
use crate::replication::Arrived;
use crate::replication::EnsembleView;
use crate::replication::Home;
use crate::replication::LogSeat;
use crate::replication::MemberGate;
use crate::replication::Parts;
use crate::replication::Proposer;
use crate::replication::SyncWatch;
use crate::replication::home;
use crate::server::EnsembleOptions;
use crate::server::Options;
use crate::server::ServeError;
use crate::snapshots::Applied;
use crate::snapshots::SnapshotThread;
use crate::snapshots::SnapshotTrigger;
use crate::time;

/// The raft id of a server that is alone.
const NODE_ALONE: u64 = 1;

/// Where ZooKeeper keeps its snapshots and its log, in `dataDir` and `dataLogDir`.
const ZOOKEEPER_DIR: &str = "version-2";

/// The pace of the replication, in milliseconds.
const RAFT_TICK_MS: u64 = 50;

/// A leader is heard of every 100 ms, and missed after one second at the earliest.
const HEARTBEAT_TICKS: usize = 2;
const ELECTION_TICKS: usize = 20;

/// The threads that replicate and apply, and how they are told to end.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) core: Arc<Core>,
    pub(crate) proposer: Proposer,
    pub(crate) snapshots: SnapshotTrigger,
    pub(crate) view: Arc<EnsembleView>,
    /// Of the snapshot thread, once there is one, and of the others.
    pub(crate) handles: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// What was found, whether much or nothing.
struct Ground {
    core: Arc<Core>,
    log: Option<(Log<RealDisk>, SnapshotStore<RealDisk>)>,
    locked: Option<LockedDir<RealDisk>>,
    start: Start,
    replayed: Applied,
    snapshot_len: u64,
    snapshot_disk: RealDisk,
}

/// Recovers, or prepares to be founded, and starts all threads. A server alone serves when this returns.
pub(crate) fn start(options: &Options, config: CoreConfig) -> Result<Running, ServeError> {
    let hash_key = config.hash_key;
    let mut ground = find_ground(options, config)?;
    let core = Arc::clone(&ground.core);
    let mut first_effects = Vec::new();
    let ensemble = begin_ensemble(options, &mut ground, &mut first_effects)?;
    let proposer = Proposer::default();
    let trigger = SnapshotTrigger::new(options.snapshots, ground.snapshot_len);
    // What was replayed is replayed again at the next start unless a snapshot takes it in.
    trigger.applied(ground.replayed);
    let running = Running {
        core: Arc::clone(&core),
        proposer: proposer.clone(),
        snapshots: trigger.clone(),
        view: Arc::clone(&options.view),
        handles: Arc::default(),
    };
    let gate = Arc::new(MemberGate::default());
    let starts_snapshots = snapshot_starter(options, &running, &gate);
    let first_members = core.with_tree(|tree| tree.members().clone());
    let place = own_place(options, &first_members);
    let peers = start_peers(options, &running, (hash_key, &place))?;
    let members_told = start_member_files(options, &running, place, &first_members)?;
    let (log, home) = seat_log(
        options,
        &running,
        ground,
        (peers.as_ref(), starts_snapshots),
    )?;
    let is_alone = peers.is_none();
    let parts = Parts {
        ensemble,
        first_effects,
        log,
        home,
        peers,
        first_members,
        members_told,
        core,
        snapshots: trigger,
        gate,
        view: Arc::clone(&running.view),
        fatal: Fatal,
        tick_ms: (!is_alone).then_some(RAFT_TICK_MS),
        read_only: options
            .ensemble
            .as_ref()
            .is_some_and(|ensemble| ensemble.read_only),
    };
    let (serving, served) = mpsc::channel();
    let told = move || {
        serving.send(()).ok();
    };
    let threads = replication::start(&proposer, parts, told).map_err(ServeError::Threads)?;
    running.handles.lock().extend(threads);
    if is_alone {
        // The one voter leads as soon as its own first entry is durable; a disk that does not take it ends the process.
        served.recv().ok();
    }
    Ok(running)
}

fn find_ground(options: &Options, config: CoreConfig) -> Result<Ground, ServeError> {
    let refused = |dir: &PathBuf| {
        let dir = dir.clone();
        |error| ServeError::Dir { dir, error }
    };
    let log_disk = RealDisk::open(&options.log_dir).map_err(refused(&options.log_dir))?;
    let snapshot_disk =
        RealDisk::open_buffered(&options.data_dir).map_err(refused(&options.data_dir))?;
    let locked = LockedDir::lock(log_disk)?;
    let metadata = locked.metadata()?;
    let is_alone = options.ensemble.is_none();
    if metadata.is_none() {
        check_beginning(options)?;
    }
    if let (None, false) = (&metadata, is_alone) {
        return wait_for_others(locked, snapshot_disk, config);
    }
    let dir = open_dir(options, locked, metadata.as_ref())?;
    let node = dir.metadata().node;
    let leave = Leave {
        goes_on_alone: options.data_dir.join(home::FORCE).exists(),
        open_to_others: !is_alone,
    };
    let found = recovery::recover(dir, snapshot_disk.clone(), config, leave)?;
    if is_alone {
        check_alone(options, node, found.raft.members())?;
        // It speaks for one founding only: a disk that is lost later must not begin anew by itself.
        home::remove_marker(&options.data_dir.join(home::INITIALIZE));
    }
    let Found {
        core,
        cluster,
        log,
        store,
        raft,
        replayed,
        snapshot_len,
    } = found;
    let node = NodeId::from_raft(node).ok_or_else(|| ServeError::NoServersData {
        dir: options.log_dir.clone(),
    })?;
    Ok(Ground {
        core,
        log: Some((log, store)),
        locked: None,
        start: Start::Founded {
            cluster,
            node,
            recovery: Box::new(raft),
        },
        replayed,
        snapshot_len,
        snapshot_disk,
    })
}

/// An empty server in the place of a full one is what clients would take for a loss of everything.
fn check_beginning(options: &Options) -> Result<(), ServeError> {
    if options.data_dir.join(home::INITIALIZE).exists() {
        return Ok(());
    }
    let foreign = [&options.data_dir, &options.log_dir]
        .map(|dir| dir.join(ZOOKEEPER_DIR))
        .into_iter()
        .find(|dir| holds_files(dir));
    if let Some(dir) = foreign {
        return Err(ServeError::ZooKeeperData { dir });
    }
    // Among others an empty server waits for them, and says what it may not do.
    if options.may_found || options.ensemble.is_some() {
        return Ok(());
    }
    Err(ServeError::NoDatabase {
        dir: options.log_dir.clone(),
    })
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

/// Opens the directory of a server with data, or founds that of a server alone.
fn open_dir(
    options: &Options,
    locked: LockedDir<RealDisk>,
    metadata: Option<&Metadata>,
) -> Result<LogDir<RealDisk>, ServeError> {
    let node = match (metadata, &options.ensemble) {
        // Whose data it is, the ensemble judges.
        (Some(metadata), Some(_)) => metadata.node,
        _ => NODE_ALONE,
    };
    let mut log_options = LogOptions::new(node);
    if metadata.is_none() {
        let mut cluster = [0; 16];
        entropy::fill(&mut cluster);
        log_options.founding = Some(home::founding(ClusterId(cluster)));
    }
    let dir = locked.into_log_dir(&log_options)?;
    dir.forget_agreement()?;
    Ok(dir)
}

/// A server alone must not be one of several.
fn check_alone(options: &Options, node: u64, members: &Members) -> Result<(), ServeError> {
    if *members == Members::of_voters([node]) {
        return Ok(());
    }
    Err(ServeError::OneOfSeveral {
        dir: options.log_dir.clone(),
        voters: members.voters.len(),
    })
}

fn wait_for_others(
    locked: LockedDir<RealDisk>,
    snapshot_disk: RealDisk,
    config: CoreConfig,
) -> Result<Ground, ServeError> {
    let mut random = [0; 32];
    entropy::fill(&mut random);
    let start = match locked.agreement()? {
        None => Start::Empty { random },
        Some(agreement) => Start::Prepared {
            prepared: prepared(agreement),
            random,
        },
    };
    let tree = Tree::new(config.hash_key);
    Ok(Ground {
        core: Core::new(config, tree, time::now()),
        log: None,
        locked: Some(locked),
        start,
        replayed: Applied::default(),
        snapshot_len: 0,
        snapshot_disk,
    })
}

fn prepared(agreement: Agreement) -> Prepared {
    let ids = |ids: Vec<u8>| ids.into_iter().map(PeerId).collect();
    Prepared {
        cluster: agreement.cluster,
        founders: Founders {
            participants: ids(agreement.participants),
            observers: ids(agreement.observers),
        },
    }
}

fn begin_ensemble(
    options: &Options,
    ground: &mut Ground,
    effects: &mut Vec<Effect>,
) -> Result<Ensemble, ServeError> {
    let mut seed = [0; 8];
    entropy::fill(&mut seed);
    let marker = |name: &str| options.data_dir.join(name).exists();
    let (me, lines, (init_ms_max, quiet_ms_max)) = match &options.ensemble {
        None => (PeerId(1), MemberLines::default(), (u64::MAX, u64::MAX)),
        Some(ensemble) => {
            let limits = (ensemble.init_ms(), ensemble.quiet_ms());
            (ensemble.me, ensemble.lines.clone(), limits)
        }
    };
    let config = EnsembleConfig {
        me,
        lines,
        raft_tick_ms: RAFT_TICK_MS,
        election_ticks: ELECTION_TICKS,
        heartbeat_ticks: HEARTBEAT_TICKS,
        init_ms_max,
        quiet_ms_max,
        may_found: options.may_found,
        initialize: marker(home::INITIALIZE),
        force_new_ensemble: marker(home::FORCE),
        seed: u64::from_ne_bytes(seed),
        notices: Notices::default(),
        settings: ground.core.settings(),
        versions: Versions::THIS,
    };
    let taken = Start::Empty { random: [0; 32] };
    let start = std::mem::replace(&mut ground.start, taken);
    Ok(Ensemble::new(config, start, effects)?)
}

/// The log at its place, and what is still to be done in the data directory.
fn seat_log(
    options: &Options,
    running: &Running,
    ground: Ground,
    (peers, starts_snapshots): (Option<&Peers>, home::StartSnapshots),
) -> Result<(LogSeat, Home), ServeError> {
    let watch = SyncWatch {
        core: Arc::clone(&running.core),
        slow_ms: u64::try_from(options.slow_sync.as_millis()).unwrap_or(u64::MAX),
    };
    let proposer = running.proposer.clone();
    let (data_dir, snapshot_disk) = (options.data_dir.clone(), ground.snapshot_disk);
    let Some((log, store)) = ground.log else {
        let locked = ground.locked;
        let locked = locked.expect("without a log the directory is only locked");
        let home = Home::empty(data_dir, snapshot_disk, locked, starts_snapshots);
        return Ok((LogSeat::Awaited { proposer, watch }, home));
    };
    if let Some(peers) = peers {
        peers.use_snapshots(store.clone());
    }
    starts_snapshots(store)?;
    let log = LogLoop::new(log);
    let seat = match peers {
        None => LogSeat::here(log, watch),
        Some(_) => LogSeat::apart(log, watch, proposer).map_err(ServeError::Threads)?,
    };
    Ok((seat, Home::complete(data_dir, snapshot_disk)))
}

/// Starts the snapshot thread once it is known where snapshots go.
fn snapshot_starter(
    options: &Options,
    running: &Running,
    gate: &Arc<MemberGate>,
) -> home::StartSnapshots {
    let (core, trigger) = (Arc::clone(&running.core), running.snapshots.clone());
    let (proposer, gate) = (running.proposer.clone(), Arc::clone(gate));
    let retain = options.retain;
    let handles = Arc::clone(&running.handles);
    Box::new(move |store| {
        let snapshots = SnapshotThread {
            core,
            store,
            trigger,
            proposer,
            gate,
            retain,
        };
        let thread = thread::Builder::new().name("snapshots".to_owned());
        let handle = thread
            .spawn(move || snapshots.run())
            .map_err(ServeError::Threads)?;
        handles.lock().push(handle);
        Ok(())
    })
}

/// Where the others look for this server: as the newer reconfig of two says, that of zoo.cfg and that of the replicated state as far as
/// it is known to be committed. Either may have missed the last one.
fn own_place(options: &Options, members: &MemberLines) -> Vec<ServerAddress> {
    let Some(ensemble) = &options.ensemble else {
        return Vec::new();
    };
    let own = |lines: &MemberLines| lines.get(ensemble.me).map(|own| own.addresses.clone());
    let config = own(&ensemble.lines).unwrap_or_default();
    let is_newer = members.version() > ensemble.lines.version();
    let Some(place) = own(members).filter(|place| is_newer && *place != config) else {
        return config;
    };
    tracing::warn!(
        "zoo.cfg gives this server other addresses than the last reconfig did, which count: /zookeeper/config has them"
    );
    place
}

/// Keeps zoo.cfg as the last reconfig left the servers.
fn start_member_files(
    options: &Options,
    running: &Running,
    place: Vec<ServerAddress>,
    members: &MemberLines,
) -> Result<Option<member_files::Told>, ServeError> {
    let Some(ensemble) = &options.ensemble else {
        return Ok(None);
    };
    let secure = options.secure_client.as_ref();
    let port = |addresses: &[SocketAddr]| addresses.first().map(SocketAddr::port);
    let member_files = MemberFiles {
        files: ensemble.files.clone(),
        me: ensemble.me,
        listens: Some(Listens {
            addresses: place,
            client_port: port(&options.client_addresses),
            secure_client_port: secure.and_then(|secure| port(&secure.addresses)),
        }),
    };
    let (told, handle) = member_files::start(member_files).map_err(ServeError::Threads)?;
    running.handles.lock().push(handle);
    // It may have been written before this server stopped, or not.
    told.send(members.clone()).ok();
    Ok(Some(told))
}

fn start_peers(
    options: &Options,
    running: &Running,
    (hash_key, place): (HashKey, &[ServerAddress]),
) -> Result<Option<Peers>, ServeError> {
    let Some(ensemble) = &options.ensemble else {
        return Ok(None);
    };
    running.view.is_one_of_several();
    // Until the ensemble says otherwise.
    running.core.set_serving(Serving::No);
    running.core.set_role(Role::Looking);
    running.core.set_leading(false, time::now());
    let security: Arc<dyn Security> = match &ensemble.tls {
        Some(tls) => Arc::new(Tls::new(tls)?),
        None => Arc::new(Plain),
    };
    let heard = running.proposer.clone();
    let arrived = running.proposer.clone();
    let listen = |at: &ServerAddress| PeerAddress {
        host: at.host.clone(),
        port: at.quorum_port,
    };
    let peers = Peers::start(PeerOptions {
        listen: place.iter().map(listen).collect(),
        listen_on_all: ensemble.listen_on_all,
        silence_max: Duration::from_millis(ensemble.quiet_ms()),
        names: Arc::new(SystemNames),
        security,
        sink: Arc::new(move |event| heard.heard(event)),
        take_in: Arc::new(move |store: &SnapshotStore<RealDisk>, meta, message| {
            let tree = recovery::load_tree(store, meta.index, hash_key)?;
            let position = LogPosition {
                index: meta.index,
                term: meta.term,
            };
            arrived.snapshot_arrived(Arrived {
                position,
                message,
                tree: Box::new(tree),
            });
            Ok::<_, LogError>(())
        }),
    });
    Ok(Some(peers.map_err(ServeError::Peers)?))
}

impl EnsembleOptions {
    /// `initLimit`, in milliseconds.
    fn init_ms(&self) -> u64 {
        u64::from(self.tick_ms) * u64::from(self.init_limit)
    }

    /// `syncLimit`, in milliseconds.
    fn quiet_ms(&self) -> u64 {
        u64::from(self.tick_ms) * u64::from(self.sync_limit)
    }
}
