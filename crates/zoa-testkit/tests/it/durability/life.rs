//! Plays a scenario on a disk until it ends or the disk fails.
//!
//! What it is not: a judge; it keeps the model that a judge needs.

use std::collections::BTreeSet;

use zoa_log::Log;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::LogOptions;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotStore;
use zoa_log::testing;
use zoa_testkit::disk::SimDisk;

use super::model::Model;
use super::model::Step;

/// Entries kept before a snapshot in all scenarios.
pub(crate) const TAIL: u64 = 2;

/// Segments of four blocks, so that every few entries rotate.
pub(crate) fn options() -> LogOptions {
    LogOptions {
        segment_len: 16 << 10,
        first_segment_len: 8 << 10,
        tail_entries: TAIL,
        ..testing::small_options()
    }
}

/// The bytes of a snapshot.
pub(crate) fn snapshot_content(index: u64, len: usize) -> Vec<u8> {
    index.to_le_bytes().into_iter().cycle().take(len).collect()
}

/// How far a scenario came.
#[derive(Debug)]
pub(crate) struct Life {
    /// What has been acknowledged.
    pub(crate) acked: Model,
    /// Snapshots whose taking or removal failed: they may be there or not, but whole if they are.
    pub(crate) uncertain: BTreeSet<u64>,
    /// The step that was under way when the disk failed, and how it ended; `None` at the end of the scenario or when
    /// opening failed.
    pub(crate) failed: Option<(Step, LogError)>,
    /// Why it could not be opened in the first place.
    pub(crate) not_opened: Option<LogError>,
    /// The log as the scenario left it.
    pub(crate) log: Option<Log<SimDisk>>,
}

impl Life {
    /// Plays `steps` until one fails. A failed snapshot or preparation is given up and the scenario goes on unless the disk is down.
    pub(crate) fn play(disk: &SimDisk, steps: &[Step]) -> Self {
        let mut life = Self {
            acked: Model::default(),
            uncertain: BTreeSet::new(),
            failed: None,
            not_opened: None,
            log: None,
        };
        let mut store = match life.open(disk) {
            Ok(store) => store,
            Err(error) => {
                life.not_opened = Some(error);
                return life;
            }
        };
        for step in steps {
            let outcome = match step {
                Step::Reopen => {
                    life.log = None;
                    life.open(disk).map(|reopened| store = reopened)
                }
                // A log is cut only for a snapshot that was finished.
                Step::Compact(to) if life.uncertain.contains(to) => continue,
                step => life.take(&store, step),
            };
            match outcome {
                Ok(()) => life.acknowledge(step),
                Err(_)
                    if matches!(step, Step::Snapshot(..) | Step::Purge(_)) && !disk.is_down() =>
                {
                    life.doubt(step);
                }
                // A segment that is not needed yet: the log goes on without it.
                Err(_) if matches!(step, Step::Prepare) && !disk.is_down() => {}
                Err(error) => {
                    life.failed = Some((step.clone(), error));
                    return life;
                }
            }
        }
        life
    }

    fn acknowledge(&mut self, step: &Step) {
        if matches!(step, Step::Purge(_)) && !self.uncertain.is_empty() {
            self.doubt(step);
        }
        self.acked = self.acked.after(step, TAIL);
    }

    /// Notes which snapshots nobody can be sure of after this step: one whose taking failed; those whose removal failed; and
    /// those that were removed or not depending on whether an uncertain one counts.
    fn doubt(&mut self, step: &Step) {
        match step {
            Step::Snapshot(index, _) => {
                self.uncertain.insert(*index);
            }
            Step::Purge(retain) => {
                let there = self.acked.snapshots.len() + self.uncertain.len();
                self.uncertain.extend(
                    self.acked
                        .snapshots
                        .keys()
                        .take(there.saturating_sub(*retain)),
                );
            }
            _ => {}
        }
    }

    fn open(&mut self, disk: &SimDisk) -> Result<SnapshotStore<SimDisk>, LogError> {
        let (log, recovered) = Log::open(disk.clone(), &options())?;
        let store = SnapshotStore::open(disk.clone(), recovered.metadata.cluster)?;
        self.log = Some(log);
        Ok(store)
    }

    fn take(&mut self, store: &SnapshotStore<SimDisk>, step: &Step) -> Result<(), LogError> {
        let log = self.log.as_mut().expect("it was opened");
        match step {
            Step::Persist(orders) => log.persist(orders),
            Step::Compact(to) => log.compact(LogIndex(*to)).map(drop),
            Step::Reset(index, term) => log.reset(LogIndex(*index), *term),
            Step::Mark => log.mark(),
            Step::Prepare => log.prepare(),
            Step::Reopen => Ok(()),
            Step::Snapshot(index, len) => take_snapshot(store, *index, *len),
            Step::Purge(retain) => store.purge(*retain),
        }
    }
}

fn take_snapshot(store: &SnapshotStore<SimDisk>, index: u64, len: usize) -> Result<(), LogError> {
    let meta = SnapshotMeta {
        index: LogIndex(index),
        term: 1,
        zxid: index,
        extra: vec![1, 2, 3],
    };
    let mut writer = store.begin(meta)?;
    writer.write(&snapshot_content(index, len))?;
    writer.finish().map(drop)
}
