//! From the disk to a server that can start: the newest snapshot, then the log behind it.

use std::sync::Arc;

use zoa_core::Committed;
use zoa_core::Core;
use zoa_core::CoreConfig;
use zoa_log::Log;
use zoa_log::LogIndex;
use zoa_log::LogOptions;
use zoa_log::SnapshotStore;
use zoa_raft::LogPosition;
use zoa_raft::Recovery;
use zoa_tree::HashKey;
use zoa_tree::Tree;
use zoa_tree::TreeLoader;

use crate::disk::RealDisk;
use crate::server::ServeError;
use crate::snapshots::Applied;
use crate::time;

/// Entries applied in one go while the log is replayed.
const REPLAY_BATCH: usize = 1_024;

/// Bytes of log read in one go.
const REPLAY_LEN: u64 = 4 << 20;

/// What recovery found.
pub(crate) struct Found {
    pub(crate) core: Arc<Core>,
    pub(crate) log: Log<RealDisk>,
    pub(crate) store: SnapshotStore<RealDisk>,
    pub(crate) raft: Recovery,
    /// What was applied from the log, behind the snapshot.
    pub(crate) replayed: Applied,
}

/// Reads everything the disk holds and applies what is known to be committed.
pub(crate) fn recover(
    log_disk: RealDisk,
    snapshot_disk: RealDisk,
    options: &LogOptions,
    config: CoreConfig,
) -> Result<Found, ServeError> {
    let (log, recovered) = Log::open(log_disk, options)?;
    if let Some(torn) = &recovered.torn_tail {
        tracing::warn!(
            file = torn.file,
            offset = torn.offset,
            "cut a write that was interrupted and never acknowledged"
        );
    }
    let store = SnapshotStore::open(snapshot_disk, recovered.metadata.cluster)?;
    let (tree, position) = load_snapshot(&store, recovered.first_index, config.hash_key)?;
    let core = Core::new(config, tree, time::now());
    core.recovered(position.index.0, position.term);
    let mut raft = Recovery::new(recovered.hard_state, position);
    let mut next = recovered.first_index;
    let mut replayed = Applied::default();
    while next <= recovered.last_index {
        let entries = log.read(next, recovered.last_index.next(), REPLAY_LEN)?;
        let Some(last) = entries.last() else { break };
        next = last.index.next();
        let mut committed = Vec::with_capacity(entries.len().min(REPLAY_BATCH));
        for entry in entries {
            if let Some(entry) = raft.push(entry)? {
                committed.push(Committed {
                    term: entry.term,
                    index: entry.index.0,
                    bytes: entry.data,
                });
            }
        }
        replayed.count(&committed);
        core.handle_committed(time::now(), &committed)?;
    }
    tracing::info!(
        snapshot = position.index.0,
        last = recovered.last_index.0,
        replayed = replayed.entries,
        zxid = %core.last_zxid(),
        founded = recovered.founded,
        "recovered"
    );
    Ok(Found {
        core,
        log,
        store,
        raft,
        replayed,
    })
}

/// The tree of the newest snapshot, or an empty one.
fn load_snapshot(
    store: &SnapshotStore<RealDisk>,
    first_index: LogIndex,
    hash_key: HashKey,
) -> Result<(Tree, LogPosition), ServeError> {
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
    for damaged in &loaded.damaged {
        tracing::warn!("a snapshot is damaged and an older one takes its place: {damaged}");
    }
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
