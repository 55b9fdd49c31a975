//! From the disk to a process that can run, step by step as `zoa-server` does it: log, snapshot, replay, ensemble.

use super::Death;
use super::Disk;
use super::Now;
use super::Process;
use super::Told;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use zoa_core::Committed;
use zoa_core::ContainerRules;
use zoa_core::Core;
use zoa_core::CoreConfig;
use zoa_core::Facts;
use zoa_core::Gauges;
use zoa_core::Serving;
use zoa_core::SessionRules;
use zoa_core::SuperDigest;
use zoa_core::WordList;
use zoa_ensemble::Ensemble;
use zoa_ensemble::EnsembleConfig;
use zoa_ensemble::EnsembleError;
use zoa_ensemble::Event;
use zoa_ensemble::Founders;
use zoa_ensemble::NodeId;
use zoa_ensemble::Prepared;
use zoa_ensemble::Role;
use zoa_ensemble::Start;
use zoa_ensemble::Versions;
use zoa_log::Agreement;
use zoa_log::LockedDir;
use zoa_log::Log;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::LogLoop;
use zoa_log::LogOptions;
use zoa_log::Metadata;
use zoa_log::Recovered;
use zoa_log::SnapshotReader;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;
use zoa_proto::frame::FrameLimits;
use zoa_raft::LogPosition;
use zoa_raft::MemberHistory;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_raft::RaftEffect;
use zoa_raft::RaftError;
use zoa_raft::Recovery;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::faults::CrashPoint;
use zoa_testkit::observed::FIRST_RULES;
use zoa_testkit::observed::ServerBounds;
use zoa_testkit::people::SUPER_DIGEST;
use zoa_testkit::rng::Rng;
use zoa_tree::HashKey;
use zoa_tree::MemberLines;
use zoa_tree::Settings;
use zoa_tree::Tree;
use zoa_tree::TreeLoader;
use zoa_tree::TxnError;

/// Bytes of log read in one go while replaying: small, so that there are seams.
const REPLAY_LEN: u64 = 20_000;

/// What every server is set to.
const SETTINGS: Settings = Settings::RECONFIG_ENABLED.union(Settings::EXTENDED_TYPES);

/// How a process is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) disk: SimDisk,
    /// `myid`.
    pub(crate) server: PeerId,
    /// The servers of its zoo.cfg; none when it is alone.
    pub(crate) lines: MemberLines,
    pub(crate) raft_tick_ms: u64,
    pub(crate) bounds: ServerBounds,
    pub(crate) containers: ContainerRules,
    /// The place in its work at which it goes down.
    pub(crate) crash_at: Option<CrashPoint>,
    pub(crate) hash_key: [u64; 2],
    /// Which life of the server this is, from 1.
    pub(crate) life: u64,
    pub(crate) segment_len: u64,
    pub(crate) tail_entries: u64,
    /// What its program can do.
    pub(crate) versions: Versions,
}

/// Why a process did not start.
#[derive(Debug)]
pub(crate) enum StartError {
    Log(LogError),
    Ensemble(EnsembleError),
    Txn(TxnError),
    Died(Death),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(error) => error.fmt(f),
            Self::Ensemble(error) => error.fmt(f),
            Self::Txn(error) => error.fmt(f),
            Self::Died(
                Death::LogFailed(words)
                | Death::DiskFailed(words)
                | Death::Undecodable(words)
                | Death::TooOld(words),
            ) => f.write_str(words),
            Self::Died(Death::AtPlace(place)) => write!(f, "it was to go down at {place:?}"),
        }
    }
}

impl From<LogError> for StartError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<RaftError> for StartError {
    fn from(error: RaftError) -> Self {
        Self::Ensemble(error.into())
    }
}

impl From<EnsembleError> for StartError {
    fn from(error: EnsembleError) -> Self {
        Self::Ensemble(error)
    }
}

impl From<TxnError> for StartError {
    fn from(error: TxnError) -> Self {
        Self::Txn(error)
    }
}

/// What was on the disk.
struct Found {
    disk: Disk,
    start: Start,
    tree: Tree,
    position: LogPosition,
}

impl Process {
    /// Starts from what the disk holds. Entries known to be committed are told at once.
    pub(crate) fn start(
        setup: &Setup,
        (now, mut random): (Now, Rng),
        told: &mut Told,
    ) -> Result<Self, StartError> {
        let dir = LockedDir::lock(setup.disk.clone())?;
        let Found {
            disk,
            start,
            tree,
            position,
        } = match dir.metadata()? {
            Some(metadata) => founded(dir, &metadata, setup, told)?,
            None => bare(dir, setup, &mut random)?,
        };
        let core = recovered_core(setup, (tree, position), now);
        told.digests
            .push((core.applied_index(), core.with_tree(Tree::digest)));
        let config = ensemble_config(setup, random.next_u64());
        let members = recovered_members(&start, position);
        let mut effects = Vec::new();
        let ensemble = Ensemble::new(config, start, &mut effects)?;
        let lines = core.with_tree(|tree| tree.members().clone());
        let semantics = core.with_tree(Tree::semantics_version);
        let mut process = Self {
            server: setup.server,
            core,
            ensemble,
            disk,
            setup: setup.clone(),
            raft_inbox: Vec::new(),
            log_inbox: Vec::new(),
            log_outbox: Vec::new(),
            apply_inbox: VecDeque::new(),
            tasks: BTreeMap::new(),
            wakes: Arc::default(),
            random,
            writing: None,
            members,
            lines: lines.clone(),
            semantics,
            rules_told: FIRST_RULES,
            rules_proposed: None,
            reads: BTreeMap::new(),
            wanted: BTreeSet::new(),
            identity: None,
            dials: Vec::new(),
            serves: false,
            role: (Role::Looking, None, 0),
            leads_in: None,
            crash_at: setup.crash_at,
            idle_steps: 0,
        };
        process.note_rules(told);
        process.check_rules().map_err(StartError::Died)?;
        let carried = process.carry_out(&mut effects, now, told);
        carried.map_err(StartError::Died)?;
        process.push_raft(Event::MemberLines(lines));
        process.push_raft(Event::Semantics(process.semantics));
        Ok(process)
    }
}

/// A directory without data, perhaps with an agreement to a founding.
fn bare(dir: LockedDir<SimDisk>, setup: &Setup, random: &mut Rng) -> Result<Found, StartError> {
    let mut bytes = [0; 32];
    let (one, other) = bytes.split_at_mut(16);
    one.copy_from_slice(&random.bytes16());
    other.copy_from_slice(&random.bytes16());
    let start = match dir.agreement()? {
        None => Start::Empty { random: bytes },
        Some(Agreement {
            cluster,
            participants,
            observers,
        }) => {
            let peers = |ids: Vec<u8>| ids.into_iter().map(PeerId).collect();
            let founders = Founders {
                participants: peers(participants),
                observers: peers(observers),
            };
            Start::Prepared {
                prepared: Prepared { cluster, founders },
                random: bytes,
            }
        }
    };
    Ok(Found {
        disk: Disk::Bare(dir),
        start,
        tree: Tree::new(HashKey(setup.hash_key)),
        position: LogPosition::default(),
    })
}

/// A directory with a log: the newest snapshot, and what is known to be committed behind it.
fn founded(
    dir: LockedDir<SimDisk>,
    metadata: &Metadata,
    setup: &Setup,
    told: &mut Told,
) -> Result<Found, StartError> {
    dir.forget_agreement()?;
    let (mut log, mut recovered) = dir
        .into_log_dir(&log_options(setup, metadata.node))?
        .open()?;
    let store = SnapshotStore::open(setup.disk.clone(), metadata.cluster)?;
    let (mut tree, position, members) =
        load_snapshot(&store, recovered.first_index, HashKey(setup.hash_key))?;
    if members != Members::of_voters([metadata.node]) {
        log.begin_behind(&mut recovered, (position.index, position.term))?;
    }
    let mut recovery = Recovery::new(recovered.hard_state, position, members);
    let position = replay(&log, &recovered, (&mut tree, position), &mut recovery, told)?;
    let node = NodeId::from_raft(metadata.node).ok_or_else(|| {
        StartError::Died(Death::DiskFailed(format!(
            "{} is nobody's id",
            metadata.node
        )))
    })?;
    Ok(Found {
        disk: Disk::Open {
            log: Box::new(LogLoop::new(log)),
            store,
        },
        start: Start::Founded {
            cluster: metadata.cluster,
            node,
            recovery: Box::new(recovery),
        },
        tree,
        position,
    })
}

fn replay(
    log: &Log<SimDisk>,
    recovered: &Recovered,
    (tree, mut position): (&mut Tree, LogPosition),
    recovery: &mut Recovery,
    told: &mut Told,
) -> Result<LogPosition, StartError> {
    let mut next = recovered.first_index;
    while next <= position.index.min(recovered.last_index) {
        let term = log.term(next).unwrap_or_default();
        recovery.pass(LogPosition { index: next, term })?;
        next = next.next();
    }
    while next <= recovered.last_index {
        let entries = log.read(next, recovered.last_index.next(), REPLAY_LEN)?;
        let Some(last) = entries.last() else { break };
        next = last.index.next();
        for entry in entries {
            let Some(entry) = recovery.push(entry)? else {
                continue;
            };
            position = LogPosition {
                index: entry.index,
                term: entry.term,
            };
            let committed = Committed {
                term: entry.term,
                index: entry.index.0,
                bytes: entry.data.clone(),
                is_change: entry.is_change,
            };
            for verdict in zoa_core::replay(tree, &[committed])? {
                recovery.decided(LogIndex(verdict.index), verdict.accepted);
            }
            told.committed.push(entry);
        }
    }
    Ok(position)
}

pub(super) fn log_options(setup: &Setup, node: u64) -> LogOptions {
    let mut options = LogOptions::new(node);
    options.segment_len = setup.segment_len;
    options.first_segment_len = setup.segment_len;
    options.tail_entries = setup.tail_entries;
    options
}

fn load_snapshot(
    store: &SnapshotStore<SimDisk>,
    first_index: LogIndex,
    hash_key: HashKey,
) -> Result<(Tree, LogPosition, Members), StartError> {
    let loaded = store.load_newest(first_index, |reader| load(reader, hash_key))?;
    Ok(match loaded.found {
        Some((meta, tree)) => (
            tree,
            LogPosition {
                index: meta.index,
                term: meta.term,
            },
            Members::decode(&meta.extra)?,
        ),
        // A server that has joined and has not heard from the leader yet.
        None => (
            Tree::new(hash_key),
            LogPosition::default(),
            Members::default(),
        ),
    })
}

/// The tree of the snapshot at this place.
pub(super) fn load_at(
    store: &SnapshotStore<SimDisk>,
    index: LogIndex,
    hash_key: HashKey,
) -> Result<Tree, LogError> {
    load(&mut store.read(index)?, hash_key)
}

fn load(reader: &mut SnapshotReader<SimDisk>, hash_key: HashKey) -> Result<Tree, LogError> {
    let mut loader = TreeLoader::new(hash_key);
    while let Some(chunk) = reader.next_chunk()? {
        let pushed = loader.push(chunk);
        pushed.map_err(|error| reader.corrupt(&error.to_string()))?;
    }
    loader
        .finish()
        .map_err(|error| reader.corrupt(&error.to_string()))
}

/// The core as it is before the first word of the ensemble: it serves nobody.
fn recovered_core(setup: &Setup, (tree, position): (Tree, LogPosition), now: Now) -> Arc<Core> {
    let core = Core::new(core_config(setup), tree, now.moment);
    core.recovered(position.index.0, position.term);
    core.set_serving(Serving::No);
    core.set_leading(false, now.moment);
    core
}

/// Who takes part, as the disk has it.
fn recovered_members(start: &Start, position: LogPosition) -> MemberHistory {
    let mut members = MemberHistory::default();
    if let Start::Founded { recovery, .. } = start {
        members.note(&RaftEffect::Members {
            index: position.index,
            members: recovery.members().clone(),
        });
    }
    members
}

fn ensemble_config(setup: &Setup, seed: u64) -> EnsembleConfig {
    EnsembleConfig {
        me: setup.server,
        lines: setup.lines.clone(),
        raft_tick_ms: setup.raft_tick_ms,
        election_ticks: 20,
        heartbeat_ticks: 2,
        quiet_ms_max: 5_000,
        may_found: true,
        initialize: false,
        init_ms_max: 10_000,
        force_new_ensemble: false,
        seed,
        notices: Notices::default(),
        settings: SETTINGS,
        versions: setup.versions,
    }
}

fn core_config(setup: &Setup) -> CoreConfig {
    CoreConfig {
        server: setup.server,
        tick_ms: u32::try_from(setup.bounds.tick_ms).unwrap_or(1),
        session_timeout_ms_min: setup.bounds.session_timeout_ms_min,
        session_timeout_ms_max: setup.bounds.session_timeout_ms_max,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 0,
        settings: SETTINGS,
        super_digest: Some(SuperDigest(SUPER_DIGEST.to_owned())),
        words: WordList::All,
        facts: Facts {
            version: "3.9.5-zoarium-sim".to_owned(),
            built_on: String::new(),
            configuration: Vec::new(),
            environment: Vec::new(),
            gauges: Box::new(Gauges::default),
        },
        sessions: SessionRules::default(),
        containers: setup.containers,
        hash_key: HashKey(setup.hash_key),
        first_connection: setup.life << 32,
    }
}
