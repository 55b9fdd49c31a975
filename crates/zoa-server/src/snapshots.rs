//! The snapshot thread: writes the tree to disk in small steps while it goes on changing, then lets the log be cut.
//!
//! A step holds the tree's shared lock for a bounded number of znodes, so writes wait for it no longer than for any reader. What the
//! snapshot holds is exact at one zxid all the same: see `zoa-tree`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use zoa_core::Committed;
use zoa_core::Core;
use zoa_core::SnapshotPoint;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotStore;
use zoa_raft::LogPosition;
use zoa_tree::SnapshotCursor;
use zoa_tree::SnapshotStep;

use crate::disk::RealDisk;
use crate::inbox::Inbox;
use crate::replication::Proposer;
use crate::time;

/// Znodes read under one hold of the lock: well below a millisecond.
const NODES_PER_STEP: usize = 1_000;

/// Bytes gathered before they are handed to the file.
const CHUNK_LEN: usize = 256 << 10;

/// How much was applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) entries: u64,
    /// Bytes of those entries.
    pub(crate) len: u64,
}

impl Applied {
    pub(crate) fn count(&mut self, committed: &[Committed]) {
        for entry in committed {
            self.entries += 1;
            self.len += u64::try_from(entry.bytes.len()).unwrap_or(u64::MAX);
        }
    }
}

/// Counts what is applied and asks for a snapshot when it is enough.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotTrigger {
    since_last: Arc<Mutex<Applied>>,
    every: u64,
    log_len: Option<u64>,
    inbox: Arc<Inbox<Order>>,
    is_stopping: Arc<AtomicBool>,
}

impl SnapshotTrigger {
    /// A snapshot is due every `every` entries (`snapCount`), or when these have `log_len` bytes (`snapSizeLimitInKb`).
    pub(crate) fn new(every: u64, log_len: Option<u64>) -> Self {
        Self {
            since_last: Arc::default(),
            every: every.max(1),
            log_len,
            inbox: Arc::default(),
            is_stopping: Arc::default(),
        }
    }

    /// Ends the snapshot thread; a snapshot it is at is given up, since the log holds everything.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.inbox.push(Order::Stop);
    }

    pub(crate) fn applied(&self, more: Applied) {
        let mut since_last = self.since_last.lock();
        since_last.entries += more.entries;
        since_last.len += more.len;
        let is_long = self.log_len.is_some_and(|len| since_last.len >= len);
        if since_last.entries >= self.every || is_long {
            *since_last = Applied::default();
            drop(since_last);
            self.inbox.push(Order::Take);
        }
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
    /// `autopurge.snapRetainCount`, or `None` to keep all.
    pub(crate) retain: Option<usize>,
    pub(crate) taken: Arc<AtomicU64>,
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
                tracing::error!(%error, "the snapshot could not be written; the log keeps everything");
            }
        }
    }

    fn take(&self) -> Result<(), LogError> {
        let begun = time::Stopwatch::start();
        let (mut cursor, point) = self.core.begin_snapshot();
        let written = self.write(&mut cursor, point);
        self.core.with_tree_mut(|tree| tree.end_snapshot(cursor));
        let Some(len) = written? else {
            tracing::info!("the snapshot is given up, since the server stops");
            return Ok(());
        };
        let index = LogIndex(point.index);
        self.proposer.snapshot_taken(LogPosition {
            index,
            term: point.term,
        });
        if let Some(retain) = self.retain {
            self.store.purge(retain)?;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        let millis = begun.elapsed_ms();
        self.core.stats().snapshot_time.record(millis);
        tracing::info!(zxid = %point.zxid, bytes = len, millis, "snapshot taken");
        Ok(())
    }

    /// Writes all of it, in steps; returns its length in bytes, or `None` when the server stops meanwhile.
    fn write(
        &self,
        cursor: &mut SnapshotCursor,
        point: SnapshotPoint,
    ) -> Result<Option<usize>, LogError> {
        let meta = SnapshotMeta {
            index: LogIndex(point.index),
            term: point.term,
            zxid: point.zxid.0,
            extra: Vec::new(),
        };
        let mut file = self.store.begin(meta)?;
        let mut chunk = Vec::with_capacity(CHUNK_LEN);
        let mut len = 0;
        loop {
            if self.trigger.is_stopping.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let step = self
                .core
                .with_tree(|tree| tree.snapshot_step(cursor, NODES_PER_STEP, &mut chunk));
            if chunk.len() >= CHUNK_LEN || step != SnapshotStep::More {
                len += chunk.len();
                file.write(&chunk)?;
                chunk.clear();
            }
            match step {
                SnapshotStep::More => {}
                SnapshotStep::Done => break,
                SnapshotStep::Superseded => unreachable!("only this thread begins snapshots"),
            }
        }
        file.finish()?;
        Ok(Some(len))
    }
}
