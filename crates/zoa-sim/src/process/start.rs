//! From the disk to a process that can run, step by step as `zoa-server` does it: log, snapshot, replay, raft loop.

use super::Now;
use super::Process;
use super::Told;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use zoa_core::Committed;
use zoa_core::ContainerRules;
use zoa_core::Core;
use zoa_core::CoreConfig;
use zoa_core::Facts;
use zoa_core::Gauges;
use zoa_core::SessionRules;
use zoa_core::SuperDigest;
use zoa_core::WordList;
use zoa_log::ClusterId;
use zoa_log::Founding;
use zoa_log::Log;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::LogLoop;
use zoa_log::LogOptions;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;
use zoa_proto::frame::FrameLimits;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_raft::RaftConfig;
use zoa_raft::RaftError;
use zoa_raft::RaftLoop;
use zoa_raft::Recovery;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::observed::ServerBounds;
use zoa_testkit::people::SUPER_DIGEST;
use zoa_testkit::rng::Rng;
use zoa_tree::HashKey;
use zoa_tree::Settings;
use zoa_tree::Tree;
use zoa_tree::TreeLoader;
use zoa_tree::TxnError;

/// The raft id of a server without peers.
pub(super) const NODE: u64 = 1;

/// Bytes of log read in one go while replaying: small, so that there are seams.
const REPLAY_LEN: u64 = 20_000;

/// How a process is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) bounds: ServerBounds,
    pub(crate) hash_key: [u64; 2],
    /// Which life of the server this is, from 1.
    pub(crate) life: u64,
    pub(crate) segment_len: u64,
    pub(crate) tail_entries: u64,
}

/// Why a process did not start.
#[derive(Debug)]
pub(crate) enum StartError {
    Log(LogError),
    Raft(RaftError),
    Txn(TxnError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(error) => error.fmt(f),
            Self::Raft(error) => error.fmt(f),
            Self::Txn(error) => error.fmt(f),
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
        Self::Raft(error)
    }
}

impl From<TxnError> for StartError {
    fn from(error: TxnError) -> Self {
        Self::Txn(error)
    }
}

impl Process {
    /// Starts from what the disk holds. Entries known to be committed are told at once.
    pub(crate) fn start(
        disk: &SimDisk,
        setup: &Setup,
        (now, mut random): (Now, Rng),
        told: &mut Told,
    ) -> Result<Self, StartError> {
        let (log, recovered) = Log::open(disk.clone(), &log_options(setup, &mut random))?;
        let store = SnapshotStore::open(disk.clone(), recovered.metadata.cluster)?;
        let (mut tree, mut position) =
            load_snapshot(&store, recovered.first_index, HashKey(setup.hash_key))?;
        let mut recovery =
            Recovery::new(recovered.hard_state, position, Members::of_voters([NODE]));
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
            let mut committed = Vec::new();
            for entry in entries {
                if let Some(entry) = recovery.push(entry)? {
                    if entry.is_change {
                        // A server without peers has nobody to add.
                        recovery.decided(entry.index, false);
                    }
                    position = LogPosition {
                        index: entry.index,
                        term: entry.term,
                    };
                    committed.push(Committed {
                        term: entry.term,
                        index: entry.index.0,
                        bytes: entry.data.clone(),
                        is_change: entry.is_change,
                    });
                    told.committed.push(entry);
                }
            }
            zoa_core::replay(&mut tree, &committed)?;
        }
        let core = Core::new(core_config(setup), tree, now.moment);
        core.recovered(position.index.0, position.term);
        told.digests
            .push((core.applied_index(), core.with_tree(Tree::digest)));
        Self::assemble((core, log, store), recovery, random)
    }

    fn assemble(
        (core, log, store): (Arc<Core>, Log<SimDisk>, SnapshotStore<SimDisk>),
        recovery: Recovery,
        mut random: Rng,
    ) -> Result<Self, StartError> {
        let config = RaftConfig {
            id: NODE,
            election_tick: 20,
            heartbeat_tick: 2,
            seed: random.next_u64(),
            notices: Notices::default(),
        };
        let mut effects = Vec::new();
        let raft = RaftLoop::new(config, recovery, &mut effects)?;
        let mut process = Self {
            core,
            raft,
            log: LogLoop::new(log),
            store,
            raft_inbox: Vec::new(),
            log_inbox: Vec::new(),
            log_outbox: Vec::new(),
            apply_inbox: Vec::new(),
            tasks: BTreeMap::new(),
            wakes: Arc::default(),
            random,
            writing: None,
            wanted: BTreeSet::new(),
            serves: false,
            idle_steps: 0,
        };
        process.carry_out(effects, &mut Told::default());
        Ok(process)
    }
}

fn log_options(setup: &Setup, random: &mut Rng) -> LogOptions {
    let mut options = LogOptions::new(NODE);
    options.founding = Some(Founding {
        cluster: ClusterId(random.bytes16()),
        salt: random.bytes16(),
    });
    options.segment_len = setup.segment_len;
    options.first_segment_len = setup.segment_len;
    options.tail_entries = setup.tail_entries;
    options
}

fn load_snapshot(
    store: &SnapshotStore<SimDisk>,
    first_index: LogIndex,
    hash_key: HashKey,
) -> Result<(Tree, LogPosition), StartError> {
    let loaded = store.load_newest(first_index, |reader| {
        let mut loader = TreeLoader::new(hash_key);
        while let Some(chunk) = reader.next_chunk()? {
            let pushed = loader.push(chunk);
            pushed.map_err(|error| reader.corrupt(&error.to_string()))?;
        }
        loader
            .finish()
            .map_err(|error| reader.corrupt(&error.to_string()))
    })?;
    Ok(match loaded.found {
        Some((meta, tree)) => (
            tree,
            LogPosition {
                index: meta.index,
                term: meta.term,
            },
        ),
        None => (Tree::new(hash_key), LogPosition::default()),
    })
}

fn core_config(setup: &Setup) -> CoreConfig {
    CoreConfig {
        server: PeerId(1),
        tick_ms: u32::try_from(setup.bounds.tick_ms).unwrap_or(1),
        session_timeout_ms_min: setup.bounds.session_timeout_ms_min,
        session_timeout_ms_max: setup.bounds.session_timeout_ms_max,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 0,
        settings: Settings::NONE,
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
        containers: ContainerRules::default(),
        hash_key: HashKey(setup.hash_key),
        first_connection: setup.life << 32,
    }
}
