//! The snapshot thread: writes the tree to disk in small steps while it goes on changing, then lets the log be cut.
//!
//! A step holds the tree's shared lock for a bounded number of znodes, so writes wait for it no longer than for any reader. What the
//! snapshot holds is exact at one zxid all the same: see `zoa-tree`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;

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

/// Znodes read under one hold of the lock: well below a millisecond.
const NODES_PER_STEP: usize = 1_000;

/// Bytes gathered before they are handed to the file.
const CHUNK_LEN: usize = 256 << 10;

/// Counts applied entries and asks for a snapshot when there are enough.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotTrigger {
    since_last: Arc<AtomicU64>,
    every: u64,
    inbox: Arc<Inbox<Order>>,
}

impl SnapshotTrigger {
    /// A snapshot is due every `every` entries (`snapCount`).
    pub(crate) fn new(every: u64) -> Self {
        Self {
            since_last: Arc::default(),
            every: every.max(1),
            inbox: Arc::default(),
        }
    }

    /// Ends the snapshot thread, after the snapshot it may be at.
    pub(crate) fn stop(&self) {
        self.inbox.push(Order::Stop);
    }

    pub(crate) fn applied(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let before = self.since_last.fetch_add(count, Ordering::Relaxed);
        if before < self.every && before + count >= self.every {
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
            self.trigger.since_last.store(0, Ordering::Relaxed);
            // The log holds everything all the same, so a failed snapshot loses nothing; the next one is tried in its turn.
            if let Err(error) = self.take() {
                tracing::error!(%error, "the snapshot could not be written; the log keeps everything");
            }
        }
    }

    fn take(&self) -> Result<(), LogError> {
        let begun = Instant::now();
        let (mut cursor, point) = self.core.begin_snapshot();
        let written = self.write(&mut cursor, point);
        self.core.with_tree_mut(|tree| tree.end_snapshot(cursor));
        let len = written?;
        let index = LogIndex(point.index);
        self.proposer.snapshot_taken(LogPosition {
            index,
            term: point.term,
        });
        if let Some(retain) = self.retain {
            self.store.purge(retain)?;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        tracing::info!(zxid = %point.zxid, bytes = len, millis = begun.elapsed().as_millis(), "snapshot taken");
        Ok(())
    }

    /// Writes all of it, in steps; returns its length in bytes.
    fn write(&self, cursor: &mut SnapshotCursor, point: SnapshotPoint) -> Result<usize, LogError> {
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
        Ok(len)
    }
}
