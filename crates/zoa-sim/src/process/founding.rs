//! The steps from an empty directory to a log: what `zoa-server` makes durable when the ensemble says so.

use super::Death;
use super::Disk;
use super::Process;
use super::start::log_options;
use zoa_ensemble::Event;
use zoa_ensemble::Step;
use zoa_log::Agreement;
use zoa_log::ClusterId;
use zoa_log::Founding;
use zoa_log::LockedDir;
use zoa_log::LogDir;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::LogLoop;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotStore;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_testkit::disk::SimDisk;
use zoa_tree::HashKey;
use zoa_tree::SnapshotStep;
use zoa_tree::Tree;

impl Process {
    pub(super) fn save(&mut self, step: Step) -> Result<Event, Death> {
        let Disk::Bare(dir) = std::mem::replace(&mut self.disk, Disk::Between) else {
            return Err(Death::DiskFailed(
                "a step of a founding after it".to_owned(),
            ));
        };
        let saved = match step {
            Step::Prepare(prepared) => {
                let ids = |peers: &[zoa_proto::PeerId]| peers.iter().map(|peer| peer.0).collect();
                let agreement = Agreement {
                    cluster: prepared.cluster,
                    participants: ids(&prepared.founders.participants),
                    observers: ids(&prepared.founders.observers),
                };
                dir.agree(&agreement).map(|()| Disk::Bare(dir))
            }
            Step::Found {
                cluster,
                node,
                members,
            } => self.make(dir, (cluster, node.raft()), Some(&members)),
            Step::Join { cluster, node } => self.make(dir, (cluster, node.raft()), None),
        };
        self.disk = saved.map_err(failed)?;
        Ok(Event::Saved)
    }

    /// Makes a data directory: of a founder with a snapshot of the empty tree.
    fn make(
        &mut self,
        dir: LockedDir<SimDisk>,
        (cluster, node): (ClusterId, u64),
        members: Option<&Members>,
    ) -> Result<Disk, LogError> {
        let store = SnapshotStore::open(self.setup.disk.clone(), cluster)?;
        let mut options = log_options(&self.setup, node);
        options.cluster = Some(cluster);
        options.founding = Some(Founding {
            cluster,
            salt: self.random.bytes16(),
        });
        if let Some(members) = members {
            write_empty_tree(&store, members)?;
            options.begins_behind = (LogPosition::FOUNDING.index, LogPosition::FOUNDING.term);
        }
        let dir: LogDir<SimDisk> = dir.into_log_dir(&options)?;
        let dir = Box::new(dir);
        Ok(Disk::Made { dir, store })
    }

    pub(super) fn open_log(&mut self) -> Result<Event, Death> {
        let Disk::Made { dir, store } = std::mem::replace(&mut self.disk, Disk::Between) else {
            return Err(Death::DiskFailed("there is no log to open".to_owned()));
        };
        let (log, recovered) = dir.open().map_err(failed)?;
        if recovered.first_index > LogIndex(1) {
            let LogPosition { index, term } = LogPosition::FOUNDING;
            self.core.recovered(index.0, term);
        }
        self.disk = Disk::Open {
            log: Box::new(LogLoop::new(log)),
            store,
        };
        Ok(Event::LogOpened)
    }
}

fn failed(error: LogError) -> Death {
    Death::DiskFailed(error.to_string())
}

fn write_empty_tree(store: &SnapshotStore<SimDisk>, members: &Members) -> Result<(), LogError> {
    let mut tree = Tree::new(HashKey([3, 1]));
    let mut file = store.begin(SnapshotMeta {
        index: LogPosition::FOUNDING.index,
        term: LogPosition::FOUNDING.term,
        zxid: tree.last_zxid().0,
        extra: members.encode(),
    })?;
    let mut cursor = tree.begin_snapshot();
    let mut chunk = Vec::new();
    while tree.snapshot_step(&mut cursor, 100, &mut chunk) == SnapshotStep::More {}
    tree.end_snapshot(cursor);
    file.write(&chunk)?;
    file.finish()?;
    Ok(())
}
