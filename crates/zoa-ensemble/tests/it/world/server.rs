//! One server of the world: its program as far as it runs, its disk, and what it has said.
//!
//! It moves nothing by itself: the world does.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

use zoa_ensemble::Ensemble;
use zoa_ensemble::EnsembleConfig;
use zoa_ensemble::Identity;
use zoa_ensemble::Notice;
use zoa_ensemble::Role;
use zoa_ensemble::Versions;
use zoa_log::LogIndex;
use zoa_proto::PeerId;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_tree::MemberLines;
use zoa_tree::Settings;
use zoa_tree::Touch;

use super::INIT_MS;
use super::QUIET_MS;
use super::TICK_MS;
use crate::disk::Disk;
use crate::disk::Snapshot;
use crate::machine::Machine;

/// One connection of a client: what it has written, and what it waits for.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(super) next: u64,
    pub(super) unanswered: VecDeque<String>,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) id: u8,
    pub(crate) ensemble: Option<Ensemble>,
    pub(crate) life: u64,
    pub(crate) disk: Disk,
    pub(crate) machine: Machine,
    pub(crate) identity: Option<Identity>,
    pub(crate) lines: MemberLines,
    /// What its program can do.
    pub(crate) versions: Versions,
    pub(crate) settings: Settings,
    /// What its clock says.
    pub(crate) wall_ms: i64,
    pub(crate) may_found: bool,
    pub(crate) initialize: bool,
    pub(crate) force: bool,
    pub(crate) role: Option<(Role, Option<PeerId>, u64)>,
    pub(crate) serves: bool,
    /// What it last said of that in this life.
    pub(super) said: Option<bool>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) touches: Vec<Touch>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) handed_over: bool,
    pub(crate) unknowns: usize,
    pub(crate) wants_snapshot: bool,
    pub(super) dials: BTreeSet<u8>,
    /// The members as of each place.
    pub(crate) members: Vec<(LogIndex, Members)>,
    pub(super) arriving: Option<Snapshot>,
    pub(super) must_see: u64,
}

impl Server {
    /// An empty one that never ran.
    pub(super) fn new(id: u8, lines: MemberLines) -> Self {
        Self {
            id,
            ensemble: None,
            life: 0,
            disk: Disk::default(),
            machine: Machine::default(),
            identity: None,
            lines,
            versions: Versions::THIS,
            settings: Settings::RECONFIG_ENABLED,
            wall_ms: 0,
            may_found: true,
            initialize: false,
            force: false,
            role: None,
            serves: false,
            said: None,
            notices: Vec::new(),
            touches: Vec::new(),
            connections: BTreeMap::new(),
            handed_over: false,
            unknowns: 0,
            wants_snapshot: false,
            dials: BTreeSet::new(),
            members: Vec::new(),
            arriving: None,
            must_see: 0,
        }
    }

    pub(super) fn config(&self, seed: u64) -> EnsembleConfig {
        EnsembleConfig {
            me: PeerId(self.id),
            lines: self.lines.clone(),
            raft_tick_ms: TICK_MS,
            election_ticks: 10,
            heartbeat_ticks: 2,
            init_ms_max: INIT_MS,
            quiet_ms_max: QUIET_MS,
            may_found: self.may_found,
            initialize: self.initialize,
            force_new_ensemble: self.force,
            seed: seed.wrapping_mul(31).wrapping_add(u64::from(self.id)),
            notices: Notices::default(),
            settings: self.settings,
            versions: self.versions,
        }
    }

    /// Its program is no more: what it had not on the disk is gone.
    pub(super) fn crash(&mut self) {
        self.ensemble = None;
        self.identity = None;
        self.role = None;
        self.serves = false;
        self.said = None;
        self.connections.clear();
        self.members.clear();
        self.arriving = None;
        self.wants_snapshot = false;
        self.disk.crash();
    }

    /// Nothing waits for its disk.
    pub(super) fn is_at_rest(&self) -> bool {
        self.disk.queue.is_empty() && self.disk.saving.is_none()
    }
}
