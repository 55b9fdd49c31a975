//! The snapshot thread: writes the tree to disk in small steps while it goes on changing, then lets the log be cut.
//!
//! A step holds the tree's shared lock for a bounded number of znodes, so writes wait for it no longer than for any reader. What the
//! snapshot holds is exact at one zxid all the same: see `zoa-tree`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use zoa_core::Committed;
use zoa_core::Core;
use zoa_core::SnapshotPoint;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotStore;
use zoa_log::limits::BLOCK_LEN;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_tree::SnapshotCursor;
use zoa_tree::SnapshotStep;
use zoa_tree::Tree;

use crate::disk::RealDisk;
use crate::inbox::Inbox;
use crate::limits::CHUNK_LEN;
use crate::limits::NODES_PER_STEP;
use crate::replication::MemberGate;
use crate::replication::Proposer;
use crate::time;
use crate::time::Stopwatch;

/// For each part of time that a snapshot works, it leaves disk and processors to others for so many: a log that waits behind a snapshot
/// makes writes wait.
const PAUSE_TO_WORK: u32 = 2;

/// How long to wait while it is being decided who takes part: as long as an entry takes to be applied.
const UNDECIDED_PAUSE: Duration = Duration::from_millis(1);

/// Shorter work is not worth a pause.
const WORK_MIN: Duration = Duration::from_millis(1);

/// The log may become this long before a snapshot is due, however small that would be: about 0.2 s of replay.
const LOG_LEN_MIN: u64 = 64 << 20;

/// What stands in the log beside the data (`docs/formats/log.md`).
const BATCH_HEAD_LEN: usize = 128;
const ENTRY_HEAD_LEN: usize = 16;

/// How much was applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) entries: u64,
    /// Bytes that these entries take in the log.
    pub(crate) len: u64,
}

impl Applied {
    /// What was committed together: as good as always one batch of the log.
    pub(crate) fn of(committed: &[Committed]) -> Self {
        let data: usize = committed.iter().map(|entry| entry.bytes.len()).sum();
        let heads = BATCH_HEAD_LEN + ENTRY_HEAD_LEN * committed.len();
        let len = (heads + data).next_multiple_of(BLOCK_LEN);
        Self {
            entries: committed.len() as u64,
            len: len as u64,
        }
    }

    fn add(&mut self, more: Self) {
        self.entries += more.entries;
        self.len += more.len;
    }
}

/// When a snapshot is due: what comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotRule {
    /// `snapCount`: after so many entries.
    pub every: Option<u64>,
    /// `snapSizeLimitInKb`: when the log since the last one is so long.
    pub log_len: LogLenLimit,
}

/// How long the log may become before a snapshot is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLenLimit {
    /// Half as long as the snapshot that it stands behind, or 64 MiB where that is more: so a start reads half as much again as the
    /// state at most, and at most three times as much is written as without snapshots.
    #[default]
    HalfOfSnapshot,
    /// This many bytes.
    Bytes(u64),
    /// Any length.
    None,
}

impl SnapshotRule {
    fn is_due(&self, since_last: Applied, snapshot_len: u64) -> bool {
        let by_count = self
            .every
            .is_some_and(|every| since_last.entries >= every.max(1));
        let limit = match self.log_len {
            LogLenLimit::HalfOfSnapshot => Some(LOG_LEN_MIN.max(snapshot_len / 2)),
            LogLenLimit::Bytes(limit) => Some(limit),
            LogLenLimit::None => None,
        };
        by_count || limit.is_some_and(|limit| since_last.len >= limit)
    }
}

/// Counts what is applied and asks for a snapshot when it is enough.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotTrigger {
    rule: SnapshotRule,
    log: Arc<Mutex<LogBehind>>,
    inbox: Arc<Inbox<Order>>,
    is_stopping: Arc<AtomicBool>,
    /// Somebody waits for one.
    is_wanted: Arc<AtomicBool>,
}

/// The log behind the last snapshot, and what that snapshot is like.
#[derive(Debug)]
struct LogBehind {
    since_last: Applied,
    snapshot_len: u64,
}

impl SnapshotTrigger {
    /// For a server whose last snapshot has `snapshot_len` bytes, 0 without one.
    pub(crate) fn new(rule: SnapshotRule, snapshot_len: u64) -> Self {
        Self {
            rule,
            log: Arc::new(Mutex::new(LogBehind {
                since_last: Applied::default(),
                snapshot_len,
            })),
            inbox: Arc::default(),
            is_stopping: Arc::default(),
            is_wanted: Arc::default(),
        }
    }

    /// Ends the snapshot thread; a snapshot it is at is given up, since the log holds everything.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.inbox.push(Order::Stop);
    }

    pub(crate) fn applied(&self, more: Applied) {
        let mut log = self.log.lock();
        log.since_last.add(more);
        if self.rule.is_due(log.since_last, log.snapshot_len) {
            log.since_last = Applied::default();
            drop(log);
            self.inbox.push(Order::Take);
        }
    }

    /// Asks for a snapshot now, whatever was applied; once, however often it is asked while one is on its way.
    pub(crate) fn take_soon(&self) {
        if !self.is_wanted.swap(true, Ordering::SeqCst) {
            self.inbox.push(Order::Take);
        }
    }

    fn taken(&self, snapshot_len: u64) {
        self.log.lock().snapshot_len = snapshot_len;
    }
}

/// What the snapshot thread is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Take,
    Stop,
}

/// What the snapshot thread works with.
pub(crate) struct SnapshotThread {
    pub(crate) core: Arc<Core>,
    pub(crate) store: SnapshotStore<RealDisk>,
    pub(crate) trigger: SnapshotTrigger,
    pub(crate) proposer: Proposer,
    pub(crate) gate: Arc<MemberGate>,
    /// `autopurge.snapRetainCount`, or `None` to keep all.
    pub(crate) retain: Option<usize>,
}

impl SnapshotThread {
    /// Takes snapshots until it is told to stop.
    pub(crate) fn run(self) {
        let mut orders = Vec::new();
        loop {
            self.trigger.inbox.drain(&mut orders, None);
            if orders.contains(&Order::Stop) {
                return;
            }
            orders.clear();
            // The log holds everything all the same, so a failed snapshot loses nothing; the next one is tried in its turn.
            if let Err(error) = self.take() {
                self.core.stats().snapshots_failed.add(1);
                tracing::error!(%error, "the snapshot could not be written; the log keeps everything");
            }
            self.trigger.is_wanted.store(false, Ordering::SeqCst);
        }
    }

    /// Where the snapshot stands, and who takes part there: both of one moment. `None` when the server stops.
    fn begin(&self) -> Option<(SnapshotCursor, SnapshotPoint, Members)> {
        while !self.trigger.is_stopping.load(Ordering::Relaxed) {
            let mut gate = self.gate.lock();
            if gate.is_known() {
                let (cursor, point) = self.core.begin_snapshot();
                if let Some(members) = gate.at(LogIndex(point.index)) {
                    return Some((cursor, point, members));
                }
            }
            drop(gate);
            time::pause(UNDECIDED_PAUSE);
        }
        None
    }

    fn take(&self) -> Result<(), LogError> {
        let begun = Stopwatch::start();
        let Some((mut cursor, point, members)) = self.begin() else {
            return Ok(());
        };
        let written = self.write(&mut cursor, point, &members);
        self.core.with_tree_mut(|tree| tree.end_snapshot(cursor));
        let Some(len) = written? else {
            tracing::info!("the snapshot is given up: the server stops, or has another state now");
            return Ok(());
        };
        self.trigger.taken(len);
        let index = LogIndex(point.index);
        let term = point.term;
        self.proposer
            .snapshot_taken(LogPosition { index, term }, members);
        if let Some(retain) = self.retain {
            self.store.purge(retain)?;
        }
        let millis = begun.elapsed_ms();
        self.core.stats().snapshot_time.record(millis);
        tracing::info!(zxid = %point.zxid, bytes = len, millis, "snapshot taken");
        Ok(())
    }

    /// Writes all of it, in steps; returns its length in bytes, or `None` when the server stops meanwhile, or gets another state.
    fn write(
        &self,
        cursor: &mut SnapshotCursor,
        point: SnapshotPoint,
        members: &Members,
    ) -> Result<Option<u64>, LogError> {
        let meta = SnapshotMeta {
            index: LogIndex(point.index),
            term: point.term,
            zxid: point.zxid.0,
            extra: members.encode(),
        };
        let mut file = self.store.begin(meta)?;
        let mut chunk = Vec::with_capacity(CHUNK_LEN);
        let mut len = 0;
        let mut since_pause = Stopwatch::start();
        loop {
            if self.trigger.is_stopping.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let step = self
                .core
                .with_tree(|tree| tree.snapshot_step(cursor, NODES_PER_STEP, &mut chunk));
            if chunk.len() >= CHUNK_LEN || step != SnapshotStep::More {
                len += chunk.len() as u64;
                file.write(&chunk)?;
                chunk.clear();
                let worked = since_pause.elapsed();
                if worked >= WORK_MIN {
                    time::pause(worked * PAUSE_TO_WORK);
                    since_pause = Stopwatch::start();
                }
            }
            match step {
                SnapshotStep::More => {}
                SnapshotStep::Done => break,
                // A snapshot of the leader took the place of the tree.
                SnapshotStep::Superseded => return Ok(None),
            }
        }
        file.finish()?;
        Ok(Some(len))
    }
}

/// Writes a snapshot of a tree that nobody else uses yet, without pauses.
pub(crate) fn write_now(
    tree: &mut Tree,
    store: &SnapshotStore<RealDisk>,
    position: LogPosition,
    members: &Members,
) -> Result<(), LogError> {
    let mut cursor = tree.begin_snapshot();
    let mut file = store.begin(SnapshotMeta {
        index: position.index,
        term: position.term,
        zxid: tree.last_zxid().0,
        extra: members.encode(),
    })?;
    let mut chunk = Vec::with_capacity(CHUNK_LEN);
    let mut step = SnapshotStep::More;
    while step == SnapshotStep::More {
        step = tree.snapshot_step(&mut cursor, NODES_PER_STEP, &mut chunk);
        file.write(&chunk)?;
        chunk.clear();
    }
    tree.end_snapshot(cursor);
    file.finish().map(drop)
}
