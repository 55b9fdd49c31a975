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
use zoa_ensemble::NodeId;
use zoa_log::ClusterId;
use zoa_log::Entry;
use zoa_log::HardState;
use zoa_log::Loaded;
use zoa_log::LoadedAhead;
use zoa_log::Log;
use zoa_log::LogDir;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::Recovered;
use zoa_log::SnapshotReader;
use zoa_log::SnapshotStore;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Recovery;
use zoa_tree::HashKey;
use zoa_tree::Tree;
use zoa_tree::TreeLoader;

use crate::disk::RealDisk;
use crate::entropy;
use crate::limits::EPOCHS_LEFT_OUT;
use crate::limits::PIECES_AHEAD;
use crate::limits::REPLAY_LEN;
use crate::server::ServeError;
use crate::snapshots;
use crate::snapshots::Applied;
use crate::time;

/// What recovery found.
pub(crate) struct Found {
    pub(crate) core: Arc<Core>,
    /// Whose data it is from here on.
    pub(crate) cluster: ClusterId,
    pub(crate) log: Log<RealDisk>,
    pub(crate) store: SnapshotStore<RealDisk>,
    pub(crate) raft: Recovery,
    /// What was applied from the log, behind the snapshot.
    pub(crate) replayed: Applied,
    /// Bytes of the snapshot.
    pub(crate) snapshot_len: u64,
}

/// What may be done with what is found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leave {
    /// All of the log counts as committed and goes on as a new cluster, without the other servers: an operator said so.
    pub(crate) goes_on_alone: bool,
    /// A log that this server wrote alone is made one that others can join.
    pub(crate) open_to_others: bool,
}

/// A tree and how far it is.
struct State {
    tree: Tree,
    position: LogPosition,
}

/// Reads everything the disk holds and applies what is known to be committed.
pub(crate) fn recover(
    dir: LogDir<RealDisk>,
    snapshot_disk: RealDisk,
    config: CoreConfig,
    leave: Leave,
) -> Result<Found, ServeError> {
    let watch = time::Stopwatch::start();
    let node = dir.metadata().node;
    let mut cluster = dir.metadata().cluster;
    let store = SnapshotStore::open(snapshot_disk.clone(), cluster)?;
    if leave.goes_on_alone {
        // What an earlier try has left that did not come to its end.
        store.set_aside_others()?;
    }
    let Scanned {
        mut found,
        recovered,
        snapshot_len,
        load_ms,
        opens_to_others,
    } = scan(dir, store, config.hash_key, leave)?;
    let snapshot = found.state.position;
    let replaying = time::Stopwatch::start();
    let entries = found
        .state
        .replay(&found.log, recovered.first_index, &mut found.raft)?;
    let replay_ms = replaying.elapsed_ms();
    let last = found.raft.last();
    if opens_to_others {
        found.open_to_others(recovered.hard_state)?;
    }
    if leave.goes_on_alone {
        cluster = new_cluster();
        found = found.go_on_alone(node, (cluster, snapshot_disk))?;
    }
    let Replayed {
        state: State { tree, position },
        log,
        store,
        raft,
    } = found;
    let len = log.len_behind(snapshot.index);
    let core = Core::new(config, tree, time::now());
    core.recovered(position.index.0, position.term);
    let stats = core.stats();
    stats.snapshot_load_time.record(load_ms);
    stats.replay_time.record(replay_ms);
    stats.entries_replayed.record(entries);
    stats.recovery_time.record(watch.elapsed_ms());
    tracing::info!(
        snapshot = snapshot.index.0,
        newest_term = last.term,
        newest_index = last.index.0,
        replayed = entries,
        zxid = %core.last_zxid(),
        founded = recovered.founded,
        millis = watch.elapsed_ms(),
        "recovered"
    );
    Ok(Found {
        core,
        cluster,
        log,
        store,
        raft,
        replayed: Applied { entries, len },
        snapshot_len,
    })
}

/// What the disk held, before anything of the log was applied.
struct Scanned {
    found: Replayed,
    recovered: Recovered,
    snapshot_len: u64,
    load_ms: u64,
    opens_to_others: bool,
}

/// The log, the newest snapshot that it goes on behind, and what of it counts as committed.
fn scan(
    dir: LogDir<RealDisk>,
    store: SnapshotStore<RealDisk>,
    hash_key: HashKey,
    leave: Leave,
) -> Result<Scanned, ServeError> {
    let node = dir.metadata().node;
    let ((mut log, mut recovered), loaded, load_ms) = thread::scope(|scope| {
        let opening = spawn(scope, "scan", || dir.open())?;
        let loading = time::Stopwatch::start();
        let loaded = load_snapshot(&store, hash_key);
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
    let (state, snapshot_len, members) = State::begin(loaded, node, hash_key)?;
    // A server alone receives none: there, a snapshot that the log does not hold means that the log has lost its end, unless it is
    // the one with which this server began to go on alone.
    if members != Members::of_voters([node]) || leave.goes_on_alone {
        let LogPosition { index, term } = state.position;
        log.begin_behind(&mut recovered, (index, term))?;
    }
    let opens_to_others = leave.open_to_others
        && !leave.goes_on_alone
        && recovered.first_index == LogIndex(1)
        && members == Members::of_voters([node]);
    // One voter alone has committed what it has written.
    if leave.goes_on_alone || opens_to_others {
        recovered.hard_state.commit = recovered.hard_state.commit.max(recovered.last_index.0);
    }
    let raft = Recovery::new(recovered.hard_state, state.position, members);
    Ok(Scanned {
        found: Replayed {
            state,
            log,
            store,
            raft,
        },
        recovered,
        snapshot_len,
        load_ms,
        opens_to_others,
    })
}

/// What the disk held, once everything committed in it was applied.
struct Replayed {
    state: State,
    log: Log<RealDisk>,
    store: SnapshotStore<RealDisk>,
    raft: Recovery,
}

impl Replayed {
    /// A server that was always alone has its whole history in its log, and nobody else in it. Whoever joins must begin with a snapshot
    /// that names this server, so the log begins behind one from here on.
    fn open_to_others(&mut self, hard_state: HardState) -> Result<(), ServeError> {
        let state = &mut self.state;
        if state.position.index < LogPosition::FOUNDING.index {
            state.position = LogPosition::FOUNDING;
        }
        // Entries of the replication's own may stand behind the last one that was applied.
        let index = self.log.last_index().max(state.position.index);
        let term = self.log.term(index).unwrap_or(state.position.term);
        state.position = LogPosition { index, term };
        let members = self.raft.members().clone();
        snapshots::write_now(&mut state.tree, &self.store, state.position, &members)?;
        self.log.reset(index, term)?;
        let hard_state = HardState {
            term: hard_state.term.max(term),
            vote: hard_state.vote,
            commit: index.0,
        };
        self.raft = Recovery::new(hard_state, state.position, members);
        tracing::info!(
            index = index.0,
            "this server was alone until now; others can join it from here on"
        );
        Ok(())
    }

    /// The state goes on in a cluster that no other disk belongs to, behind a place and with zxids that none can have reached. The
    /// directory is the new cluster's once its snapshot is there; what is left then is tidying, which the next start would make up for
    /// as long as the operator's marker lies there.
    fn go_on_alone(
        mut self,
        node: u64,
        (cluster, snapshot_disk): (ClusterId, RealDisk),
    ) -> Result<Self, ServeError> {
        let store = SnapshotStore::open(snapshot_disk, cluster)?;
        let raft = self.raft.alone(node);
        let position = raft.snapshot();
        self.state.position = position;
        self.state.tree.leave_out_epochs(EPOCHS_LEFT_OUT);
        snapshots::write_now(&mut self.state.tree, &store, position, raft.members())?;
        self.log.change_cluster(cluster)?;
        self.log.reset(position.index, position.term)?;
        store.set_aside_others()?;
        Ok(Self {
            raft,
            store,
            ..self
        })
    }
}

fn new_cluster() -> ClusterId {
    let mut cluster = [0; 16];
    entropy::fill(&mut cluster);
    ClusterId(cluster)
}

/// The members that a snapshot names. Snapshots of a server alone name none if they are old; a server that joins has none yet.
fn members_of(extra: &[u8], node: u64) -> Result<Members, ServeError> {
    if !extra.is_empty() {
        return Ok(Members::decode(extra)?);
    }
    let is_joining = NodeId::from_raft(node).is_some_and(|node| node.incarnation() != 0);
    Ok(if is_joining {
        Members::default()
    } else {
        Members::of_voters([node])
    })
}

/// The tree of one snapshot.
pub(crate) fn load_tree(
    store: &SnapshotStore<RealDisk>,
    index: LogIndex,
    hash_key: HashKey,
) -> Result<Tree, LogError> {
    let mut reader = store.read(index)?;
    let (tree, _) = read_tree(&mut reader, hash_key)?;
    reader.finish()?;
    Ok(tree)
}

impl State {
    /// Where the log goes on: the state of the snapshot, its length, and the members as of it.
    fn begin(
        loaded: Loaded<(Tree, u64)>,
        node: u64,
        hash_key: HashKey,
    ) -> Result<(Self, u64, Members), ServeError> {
        for damaged in &loaded.damaged {
            tracing::warn!("a snapshot is damaged and an older one takes its place: {damaged}");
        }
        let Some((meta, (tree, len))) = loaded.found else {
            return Ok((Self::empty(hash_key), 0, members_of(&[], node)?));
        };
        let (index, term) = (meta.index, meta.term);
        let position = LogPosition { index, term };
        Ok((Self { tree, position }, len, members_of(&meta.extra, node)?))
    }

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
        let mut count = 0;
        for entry in entries {
            if let Some(entry) = raft.push(entry)? {
                committed.push(Committed {
                    term: entry.term,
                    index: entry.index.0,
                    bytes: entry.data,
                    is_change: entry.is_change,
                });
                // The next entry counts on what becomes of a change.
                if entry.is_change {
                    self.apply_committed(&committed, raft)?;
                    count += committed.len() as u64;
                    committed.clear();
                }
            }
        }
        self.apply_committed(&committed, raft)?;
        Ok(count + committed.len() as u64)
    }

    fn apply_committed(
        &mut self,
        committed: &[Committed],
        raft: &mut Recovery,
    ) -> Result<(), ServeError> {
        for verdict in zoa_core::replay(&mut self.tree, committed)? {
            raft.decided(LogIndex(verdict.index), verdict.accepted);
        }
        if let Some(last) = committed.last() {
            self.position = LogPosition {
                index: LogIndex(last.index),
                term: last.term,
            };
        }
        Ok(())
    }
}

/// The tree of the newest whole snapshot, and the length of its bytes.
fn load_snapshot(
    store: &SnapshotStore<RealDisk>,
    hash_key: HashKey,
) -> Result<LoadedAhead<(Tree, u64)>, LogError> {
    store.load_ahead(|reader| read_tree(reader, hash_key))
}

fn read_tree(
    reader: &mut SnapshotReader<RealDisk>,
    hash_key: HashKey,
) -> Result<(Tree, u64), LogError> {
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
