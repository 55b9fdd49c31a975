//! The turns of the snapshot thread: begin, a few znodes at a time, finish, cut the log, purge.

use super::Process;
use super::Thread;
use super::Told;
use bytes::Bytes;
use zoa_core::SnapshotPoint;
use zoa_ensemble::Event;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotWriter;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_testkit::disk::SimDisk;
use zoa_tree::HashKey;
use zoa_tree::LoadError;
use zoa_tree::SnapshotCursor;
use zoa_tree::SnapshotStep;
use zoa_tree::TreeLoader;

/// Bytes gathered before they are handed to the file: few, so that a crash finds a file half written.
const CHUNK_LEN: usize = 2_000;

/// Snapshots kept.
const RETAINED: usize = 2;

/// A snapshot under way.
pub(super) struct Writing {
    cursor: SnapshotCursor,
    point: SnapshotPoint,
    members: Members,
    file: SnapshotWriter<SimDisk>,
    chunk: Vec<u8>,
    /// All of it, to be loaded again at once: what cannot be loaded is no snapshot.
    copy: Vec<u8>,
}

/// The digest of the tree that a snapshot makes, with another hash key than the one it was written with.
fn load(bytes: &[u8]) -> Result<u64, LoadError> {
    let mut loader = TreeLoader::new(HashKey([31, 41]));
    for chunk in bytes.chunks(997) {
        loader.push(chunk)?;
    }
    loader.finish().map(|tree| tree.digest())
}

impl Process {
    /// Begins a snapshot unless one is under way or there is nothing new.
    pub(crate) fn begin_snapshot(&mut self, told: &mut Told) {
        if self.writing.is_some() || self.core.applied_index() == 0 {
            return;
        }
        let Some(store) = self.store().cloned() else {
            return;
        };
        let (cursor, point) = self.core.begin_snapshot();
        let Some(members) = self.members.at(LogIndex(point.index)).cloned() else {
            // A change is under way: a little later.
            self.core.with_tree_mut(|tree| tree.end_snapshot(cursor));
            return;
        };
        let meta = SnapshotMeta {
            index: LogIndex(point.index),
            term: point.term,
            zxid: point.zxid.0,
            extra: members.encode(),
        };
        match store.begin(meta) {
            Ok(file) => {
                self.writing = Some(Writing {
                    cursor,
                    point,
                    members,
                    file,
                    chunk: Vec::new(),
                    copy: Vec::new(),
                });
                self.wanted.insert(Thread::Snapshots);
            }
            Err(_) => {
                self.core.with_tree_mut(|tree| tree.end_snapshot(cursor));
                told.snapshots_failed += 1;
            }
        }
    }

    pub(super) fn turn_snapshots(&mut self, told: &mut Told) {
        let Some(mut writing) = self.writing.take() else {
            return;
        };
        match self.step_snapshot(&mut writing) {
            Ok(SnapshotStep::More) => {
                self.writing = Some(writing);
                self.wanted.insert(Thread::Snapshots);
            }
            Ok(SnapshotStep::Done) => self.finish_snapshot(writing, told),
            Ok(SnapshotStep::Superseded) => told
                .wrong
                .push("a snapshot that nobody replaced was superseded".to_owned()),
            Err(_) => {
                // The log holds everything all the same.
                self.core
                    .with_tree_mut(|tree| tree.end_snapshot(writing.cursor));
                told.snapshots_failed += 1;
            }
        }
    }

    fn step_snapshot(&mut self, writing: &mut Writing) -> Result<SnapshotStep, LogError> {
        let nodes = usize::try_from(self.random.between(1, 60)).unwrap_or(1);
        let Writing {
            cursor,
            file,
            chunk,
            copy,
            ..
        } = writing;
        let step = self
            .core
            .with_tree(|tree| tree.snapshot_step(cursor, nodes, chunk));
        if chunk.len() >= CHUNK_LEN || step != SnapshotStep::More {
            file.write(chunk)?;
            copy.extend_from_slice(chunk);
            chunk.clear();
        }
        Ok(step)
    }

    fn finish_snapshot(&mut self, writing: Writing, told: &mut Told) {
        let Writing {
            cursor,
            point,
            members,
            file,
            copy,
            ..
        } = writing;
        let finished = file.finish();
        self.core.with_tree_mut(|tree| tree.end_snapshot(cursor));
        if finished.is_err() {
            told.snapshots_failed += 1;
            return;
        }
        match load(&copy) {
            Ok(digest) => told.digests.push((point.index, digest)),
            Err(why) => told.wrong.push(format!(
                "the snapshot at index {} cannot be loaded: {why}",
                point.index
            )),
        }
        let index = LogIndex(point.index);
        self.push_log(LogInput::Compact { to: index });
        self.push_raft(Event::SnapshotTaken {
            position: LogPosition {
                index,
                term: point.term,
            },
            members,
        });
        match self.store().map(|store| store.purge(RETAINED)) {
            Some(Ok(())) => told.snapshots += 1,
            Some(Err(_)) | None => told.snapshots_failed += 1,
        }
    }

    /// The state it is of is gone.
    pub(super) fn abandon_snapshot(&mut self) {
        if let Some(writing) = self.writing.take() {
            self.core
                .with_tree_mut(|tree| tree.end_snapshot(writing.cursor));
        }
    }

    /// Reads all of a snapshot, for a peer; `None` when it is gone.
    pub(crate) fn snapshot_bytes(&self, index: LogIndex) -> Option<Vec<u8>> {
        let file = self.store()?.open_file(index).ok()?;
        let len = usize::try_from(file.len()).ok()?;
        file.read(0, len).ok()
    }

    /// A peer's snapshot has come: it is written, checked and synced, or the peer hears that it was not.
    pub(crate) fn receive_snapshot(
        &mut self,
        index: LogIndex,
        bytes: &[u8],
        message: Bytes,
    ) -> bool {
        let received = self.store().map(|store| {
            let mut receiver = store.receive(index)?;
            for piece in bytes.chunks(CHUNK_LEN) {
                receiver.write(piece)?;
            }
            receiver.finish()
        });
        let is_whole = matches!(received, Some(Ok(_)));
        if is_whole {
            self.push_raft(Event::SnapshotReceived { message });
        }
        is_whole
    }
}
