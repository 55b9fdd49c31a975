//! A disk in memory that syncs when it is told to, and forgets what was not synced when its server crashes.

use std::collections::VecDeque;

use zoa_ensemble::NodeId;
use zoa_ensemble::Prepared;
use zoa_ensemble::Start;
use zoa_ensemble::Step;
use zoa_log::ClusterId;
use zoa_log::Entry;
use zoa_log::HardState;
use zoa_log::LogIndex;
use zoa_log::Persist;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Recovery;

use crate::machine::Machine;

#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) position: LogPosition,
    pub(crate) members: Members,
    pub(crate) state: Machine,
}

/// What is durable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) prepared: Option<Prepared>,
    pub(crate) identity: Option<(ClusterId, NodeId)>,
    pub(crate) hard_state: HardState,
    /// The entry before the first one.
    pub(crate) base: LogPosition,
    pub(crate) entries: Vec<Entry>,
    pub(crate) snapshot: Option<Snapshot>,
    /// What is not durable yet.
    pub(crate) queue: VecDeque<Persist>,
    pub(crate) saving: Option<Step>,
    /// Every cluster that this server's disks, this one and those before it, have taken part in.
    pub(crate) founded_in: Vec<ClusterId>,
}

impl Disk {
    /// Makes a queued step of the founding durable; whether there was one.
    pub(crate) fn save(&mut self) -> bool {
        let Some(step) = self.saving.take() else {
            return false;
        };
        match step {
            Step::Prepare(prepared) => {
                assert_eq!(self.identity, None, "who has data prepares nothing");
                self.prepared = Some(prepared);
            }
            Step::Found {
                cluster,
                node,
                members,
            } => {
                self.begin(cluster, node);
                self.founded_in.push(cluster);
                self.base = LogPosition::FOUNDING;
                self.snapshot = Some(Snapshot {
                    position: LogPosition::FOUNDING,
                    members,
                    state: Machine::default(),
                });
            }
            Step::Join { cluster, node } => self.begin(cluster, node),
        }
        true
    }

    fn begin(&mut self, cluster: ClusterId, node: NodeId) {
        assert_eq!(self.identity, None, "data is founded once");
        self.identity = Some((cluster, node));
        self.prepared = None;
    }

    /// Syncs the first `count` queued steps at once and returns the number to acknowledge.
    pub(crate) fn sync(&mut self, count: usize) -> Option<u64> {
        let synced: Vec<Persist> = self.queue.drain(..count.min(self.queue.len())).collect();
        let number = synced.last()?.number;
        for step in synced {
            if let Some(hard_state) = step.hard_state {
                self.hard_state = hard_state;
            }
            let Some(first) = step.entries.first() else {
                continue;
            };
            assert!(first.index > self.base.index && first.index.0 <= self.last().0 + 1);
            self.entries.retain(|entry| entry.index < first.index);
            self.entries.extend(step.entries);
        }
        Some(number)
    }

    pub(crate) fn last(&self) -> LogIndex {
        let last = self.entries.last();
        last.map_or(self.base.index, |entry| entry.index)
    }

    pub(crate) fn read(&self, low: LogIndex, high: LogIndex) -> Vec<Entry> {
        if low <= self.base.index {
            return Vec::new();
        }
        let wanted = |entry: &&Entry| entry.index >= low && entry.index < high;
        self.entries
            .iter()
            .filter(wanted)
            .take(50)
            .cloned()
            .collect()
    }

    /// A snapshot is durable; the log keeps `keep` entries before it. Returns the first index.
    pub(crate) fn take(&mut self, snapshot: Snapshot, keep: u64) -> LogIndex {
        let base = LogIndex(snapshot.position.index.0.saturating_sub(keep));
        if let Some(entry) = self.entries.iter().find(|entry| entry.index == base) {
            let (index, term) = (entry.index, entry.term);
            self.base = LogPosition { index, term };
            self.entries.retain(|entry| entry.index > base);
        }
        self.snapshot = Some(snapshot);
        self.base.index.next()
    }

    pub(crate) fn install(&mut self, snapshot: Snapshot) {
        self.sync(usize::MAX);
        self.base = snapshot.position;
        self.entries.clear();
        self.hard_state.commit = self.hard_state.commit.max(snapshot.position.index.0);
        self.hard_state.term = self.hard_state.term.max(snapshot.position.term);
        self.snapshot = Some(snapshot);
    }

    /// What was not synced is gone.
    pub(crate) fn crash(&mut self) {
        self.queue.clear();
        self.saving = None;
    }

    /// What the next start begins with, and the state that recovery has made; `forced` goes on without the other disks.
    pub(crate) fn start(&mut self, random: [u8; 32], forced: bool) -> (Start, Machine) {
        let Some((cluster, node)) = self.identity else {
            let start = match self.prepared.clone() {
                Some(prepared) => Start::Prepared { prepared, random },
                None => Start::Empty { random },
            };
            return (start, Machine::default());
        };
        let mut hard_state = self.hard_state;
        if forced {
            hard_state.commit = self.last().0;
        }
        let (position, members, mut state) = match self.snapshot.clone() {
            Some(it) => (it.position, it.members, it.state),
            None => (self.base, Members::default(), Machine::default()),
        };
        let mut recovery = Recovery::new(hard_state, position, members);
        for entry in &self.entries {
            let pushed = recovery.push(entry.clone()).expect("the log is sound");
            if let Some(committed) = pushed {
                let accepted = state.apply(&committed);
                if committed.is_change {
                    recovery.decided(committed.index, accepted);
                }
            }
        }
        let mut start = (cluster, recovery);
        if forced {
            start = self.go_alone(random, start.1, &state);
        }
        let (cluster, recovery) = start;
        let start = Start::Founded {
            cluster,
            node,
            recovery: Box::new(recovery),
        };
        (start, state)
    }

    /// All of it at once: what may lie between its steps is the business of a real disk.
    fn go_alone(
        &mut self,
        random: [u8; 32],
        recovery: Recovery,
        state: &Machine,
    ) -> (ClusterId, Recovery) {
        let (_, node) = self.identity.expect("it has data");
        let mut cluster = ClusterId([0; 16]);
        cluster.0.copy_from_slice(&random[..16]);
        let recovery = recovery.alone(node.raft());
        let position = recovery.snapshot();
        self.identity = Some((cluster, node));
        self.founded_in.push(cluster);
        (self.base, self.hard_state) = (position, HardState::default());
        self.entries.clear();
        self.snapshot = Some(Snapshot {
            position,
            members: recovery.members().clone(),
            state: state.clone(),
        });
        (cluster, recovery)
    }
}
