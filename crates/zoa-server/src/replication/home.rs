//! The data directory of a server that is to belong to an ensemble and does not yet: each step of that, durable before the next.
//!
//! What it is not: the decision which step comes. Invariant: the metadata appear last, so that a directory that has them has everything
//! (G-19); what an earlier life of this server has left is set aside and not removed.

use std::path::PathBuf;

use zoa_core::Core;
use zoa_ensemble::NodeId;
use zoa_ensemble::Step;
use zoa_log::Agreement;
use zoa_log::ClusterId;
use zoa_log::Founding;
use zoa_log::LockedDir;
use zoa_log::LogDir;
use zoa_log::LogLoop;
use zoa_log::LogOptions;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;
use zoa_raft::LogPosition;
use zoa_raft::Members;

use crate::disk::RealDisk;
use crate::entropy;
use crate::server::ServeError;
use crate::snapshots;

/// The files in `dataDir` by which an operator says what may be done.
pub(crate) const INITIALIZE: &str = "initialize";
pub(crate) const FORCE: &str = "force-new-ensemble";

/// Starts the snapshot thread, once there is a place for snapshots.
pub(crate) type StartSnapshots =
    Box<dyn FnOnce(SnapshotStore<RealDisk>) -> Result<(), ServeError> + Send>;

/// See the module.
pub(crate) struct Home {
    data_dir: PathBuf,
    snapshot_disk: RealDisk,
    /// `None` once there is a log.
    locked: Option<LockedDir<RealDisk>>,
    made: Option<(LogDir<RealDisk>, SnapshotStore<RealDisk>)>,
    start_snapshots: Option<StartSnapshots>,
}

impl Home {
    /// Of a server with a log, which has everything.
    pub(crate) fn complete(data_dir: PathBuf, snapshot_disk: RealDisk) -> Self {
        Self {
            data_dir,
            snapshot_disk,
            locked: None,
            made: None,
            start_snapshots: None,
        }
    }

    /// Of a server without one.
    pub(crate) fn empty(
        data_dir: PathBuf,
        snapshot_disk: RealDisk,
        locked: LockedDir<RealDisk>,
        start_snapshots: StartSnapshots,
    ) -> Self {
        Self {
            locked: Some(locked),
            start_snapshots: Some(start_snapshots),
            ..Self::complete(data_dir, snapshot_disk)
        }
    }

    /// Makes a step durable.
    pub(super) fn save(&mut self, step: &Step, core: &Core) -> Result<(), ServeError> {
        match step {
            Step::Prepare(prepared) => {
                let ids = |peers: &[PeerId]| peers.iter().map(|peer| peer.0).collect();
                let agreement = Agreement {
                    cluster: prepared.cluster,
                    participants: ids(&prepared.founders.participants),
                    observers: ids(&prepared.founders.observers),
                };
                self.locked().agree(&agreement)?;
                Ok(())
            }
            Step::Found {
                cluster,
                node,
                members,
            } => self.make(*cluster, *node, Some((members, core))),
            Step::Join { cluster, node } => self.make(*cluster, *node, None),
        }
    }

    /// Opens the log that a step has made.
    pub(super) fn open(
        &mut self,
    ) -> Result<(LogLoop<RealDisk>, SnapshotStore<RealDisk>), ServeError> {
        let (dir, store) = self.made.take().expect("a step has made it");
        let (log, _) = dir.open()?;
        if let Some(start) = self.start_snapshots.take() {
            start(store.clone())?;
        }
        Ok((LogLoop::new(log), store))
    }

    /// What the operator allowed has happened, and is not allowed again.
    pub(super) fn remove_markers(&self) {
        for marker in [INITIALIZE, FORCE] {
            remove_marker(&self.data_dir.join(marker));
        }
    }

    fn locked(&self) -> &LockedDir<RealDisk> {
        let locked = self.locked.as_ref();
        locked.expect("steps of a founding come before there is a log")
    }

    fn make(
        &mut self,
        cluster: ClusterId,
        node: NodeId,
        founding: Option<(&Members, &Core)>,
    ) -> Result<(), ServeError> {
        let store = SnapshotStore::open(self.snapshot_disk.clone(), cluster)?;
        let old = store.set_aside()?;
        if old > 0 {
            tracing::warn!(
                "dataDir holds {old} snapshots of an earlier life of this server, whose log is gone: they are called .old from here on, \
                 and nothing reads them"
            );
        }
        let mut options = LogOptions::new(node.raft());
        options.founding = Some(self::founding(cluster));
        if let Some((members, core)) = founding {
            let position = LogPosition::FOUNDING;
            core.with_tree_mut(|tree| snapshots::write_now(tree, &store, position, members))?;
            core.recovered(position.index.0, position.term);
            options.begins_behind = (position.index, position.term);
        }
        let locked = self.locked.take().expect("a log is made once");
        let dir = locked.into_log_dir(&options)?;
        dir.forget_agreement()?;
        self.made = Some((dir, store));
        Ok(())
    }
}

/// Random bytes for a new directory.
pub(crate) fn founding(cluster: ClusterId) -> Founding {
    let mut salt = [0; 16];
    entropy::fill(&mut salt);
    Founding { cluster, salt }
}

/// Removes a marker, if it is there.
pub(crate) fn remove_marker(marker: &std::path::Path) {
    if let Err(error) = std::fs::remove_file(marker)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(file = %marker.display(), %error, "cannot remove the file by which something was allowed once");
    }
}
