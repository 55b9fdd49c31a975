//! From the disk to a server that can start: the newest snapshot, then the log behind it.
//!
//! ```text
//!   lock -> [ scan the log ]   beside   [ read the snapshot ] -> [ make a tree of it ]
//!        -> [ read the log again ] -> [ apply it ]
//! ```
//!
//! What stands side by side runs in threads of its own: reading waits for the disk and checks sums, making the tree waits for memory.

use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::thread::Scope;
use std::thread::ScopedJoinHandle;

use zoa_core::Committed;
use zoa_core::Core;
use zoa_core::CoreConfig;
use zoa_log::Entry;
use zoa_log::LoadedAhead;
use zoa_log::Log;
use zoa_log::LogDir;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::LogOptions;
use zoa_log::SnapshotStore;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Recovery;
use zoa_tree::HashKey;
use zoa_tree::Tree;
use zoa_tree::TreeLoader;

use crate::disk::RealDisk;
use crate::limits::PIECES_AHEAD;
use crate::limits::REPLAY_LEN;
use crate::server::NODE;
use crate::server::ServeError;
use crate::snapshots::Applied;
use crate::time;

/// What recovery found.
pub(crate) struct Found {
    pub(crate) core: Arc<Core>,
    pub(crate) log: Log<RealDisk>,
    pub(crate) store: SnapshotStore<RealDisk>,
    pub(crate) raft: Recovery,
    /// What was applied from the log, behind the snapshot.
    pub(crate) replayed: Applied,
    /// Bytes of the snapshot.
    pub(crate) snapshot_len: u64,
}

/// A tree and how far it is.
struct State {
    tree: Tree,
    position: LogPosition,
}

/// Reads everything the disk holds and applies what is known to be committed.
pub(crate) fn recover(
    log_disk: RealDisk,
    snapshot_disk: RealDisk,
    options: &LogOptions,
    config: CoreConfig,
) -> Result<Found, ServeError> {
    let watch = time::Stopwatch::start();
    let dir = LogDir::lock(log_disk, options)?;
    let store = SnapshotStore::open(snapshot_disk, dir.metadata().cluster)?;
    let ((log, recovered), loaded, load_ms) = thread::scope(|scope| {
        let opening = spawn(scope, "scan", || dir.open())?;
        let loading = time::Stopwatch::start();
        let loaded = load_snapshot(&store, config.hash_key);
        let load_ms = loading.elapsed_ms();
        Ok::<_, LogError>((join(opening)?, loaded?, load_ms))
    })?;
    if let Some(torn) = &recovered.torn_tail {
        tracing::warn!(
            file = torn.file,
            offset = torn.offset,
            "cut a write that was interrupted and never acknowledged"
        );
    }
    let loaded = loaded.connect(recovered.first_index)?;
    for damaged in &loaded.damaged {
        tracing::warn!("a snapshot is damaged and an older one takes its place: {damaged}");
    }
    let (mut state, snapshot_len) = match loaded.found {
        Some((meta, (tree, len))) => {
            let (index, term) = (meta.index, meta.term);
            let position = LogPosition { index, term };
            (State { tree, position }, len)
        }
        None => (State::empty(config.hash_key), 0),
    };
    let snapshot = state.position;
    let mut raft = Recovery::new(recovered.hard_state, snapshot, Members::of_voters([NODE]));
    let replaying = time::Stopwatch::start();
    let entries = state.replay(&log, recovered.first_index, &mut raft)?;
    let replay_ms = replaying.elapsed_ms();
    let State { tree, position } = state;
    let core = Core::new(config, tree, time::now());
    core.recovered(position.index.0, position.term);
    let stats = core.stats();
    stats.snapshot_load_time.record(load_ms);
    stats.replay_time.record(replay_ms);
    stats.entries_replayed.record(entries);
    stats.recovery_time.record(watch.elapsed_ms());
    tracing::info!(
        snapshot = snapshot.index.0,
        last = recovered.last_index.0,
        replayed = entries,
        zxid = %core.last_zxid(),
        founded = recovered.founded,
        millis = watch.elapsed_ms(),
        "recovered"
    );
    let replayed = Applied {
        entries,
        len: log.len_behind(snapshot.index),
    };
    Ok(Found {
        core,
        log,
        store,
        raft,
        replayed,
        snapshot_len,
    })
}

impl State {
    fn empty(hash_key: HashKey) -> Self {
        Self {
            tree: Tree::new(hash_key),
            position: LogPosition::default(),
        }
    }

    /// Gives the log to `raft` and applies what is committed in it; returns how many entries that were.
    fn replay(
        &mut self,
        log: &Log<RealDisk>,
        first_index: LogIndex,
        raft: &mut Recovery,
    ) -> Result<u64, ServeError> {
        let mut next = first_index;
        while next <= self.position.index.min(log.last_index()) {
            let term = log
                .term(next)
                .expect("the log knows the term of each of its entries");
            raft.pass(LogPosition { index: next, term })?;
            next = next.next();
        }
        thread::scope(|scope| {
            let ahead = Ahead::read(scope, |give| read_log(log, next, give))?;
            let mut count = 0;
            for entries in &ahead.pieces {
                count += self.apply(entries, raft)?;
            }
            ahead.end()?;
            Ok(count)
        })
    }

    fn apply(&mut self, entries: Vec<Entry>, raft: &mut Recovery) -> Result<u64, ServeError> {
        let mut committed = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(entry) = raft.push(entry)? {
                if entry.is_change {
                    // A server without peers has nobody to add.
                    raft.decided(entry.index, false);
                }
                committed.push(Committed {
                    term: entry.term,
                    index: entry.index.0,
                    bytes: entry.data,
                });
            }
        }
        zoa_core::replay(&mut self.tree, &committed)?;
        if let Some(last) = committed.last() {
            self.position = LogPosition {
                index: LogIndex(last.index),
                term: last.term,
            };
        }
        Ok(committed.len() as u64)
    }
}

/// The tree of the newest whole snapshot, and the length of its bytes.
fn load_snapshot(
    store: &SnapshotStore<RealDisk>,
    hash_key: HashKey,
) -> Result<LoadedAhead<(Tree, u64)>, LogError> {
    store.load_ahead(|reader| {
        let made = thread::scope(|scope| {
            let reading = &mut *reader;
            let ahead = Ahead::read(scope, |give| {
                while let Some(chunk) = reading.take_chunk()? {
                    if give.send(chunk).is_err() {
                        break;
                    }
                }
                Ok(())
            })?;
            let mut loader = TreeLoader::new(hash_key);
            let mut len = 0;
            for chunk in &ahead.pieces {
                len += chunk.len() as u64;
                if let Err(error) = loader.push(&chunk) {
                    return Ok(Err(error));
                }
            }
            ahead.end()?;
            Ok(loader.finish().map(|tree| (tree, len)))
        })?;
        made.map_err(|error| reader.corrupt(&error.to_string()))
    })
}

/// Reads the log from `next` to its end.
fn read_log(
    log: &Log<RealDisk>,
    mut next: LogIndex,
    give: &SyncSender<Vec<Entry>>,
) -> Result<(), LogError> {
    while next <= log.last_index() {
        let entries = log.read(next, log.last_index().next(), REPLAY_LEN)?;
        let last = entries.last();
        next = last
            .expect("a read gives at least one entry that there is")
            .index
            .next();
        if give.send(entries).is_err() {
            break;
        }
    }
    Ok(())
}

/// Pieces that another thread reads, a few ahead of whoever takes them. Dropped, it reads no more.
struct Ahead<'scope, T> {
    pieces: Receiver<T>,
    reading: ScopedJoinHandle<'scope, Result<(), LogError>>,
}

impl<'scope, T: Send + 'scope> Ahead<'scope, T> {
    fn read(
        scope: &'scope Scope<'scope, '_>,
        read: impl FnOnce(&SyncSender<T>) -> Result<(), LogError> + Send + 'scope,
    ) -> Result<Self, LogError> {
        let (give, pieces) = mpsc::sync_channel(PIECES_AHEAD);
        let reading = spawn(scope, "read", move || read(&give))?;
        Ok(Self { pieces, reading })
    }

    /// Whether everything was read, or what went wrong.
    fn end(self) -> Result<(), LogError> {
        drop(self.pieces);
        join(self.reading)
    }
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    run: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, LogError> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread
        .spawn_scoped(scope, run)
        .map_err(|source| LogError::Io {
            file: format!("thread {name}"),
            operation: "start",
            source,
        })
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
