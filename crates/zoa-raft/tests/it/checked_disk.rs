//! A disk in memory that syncs when it is told to, forgets what was not synced when its server
//! crashes, and checks every message of its server against what is synced.

use std::collections::VecDeque;

use zoa_log::Entry;
use zoa_log::HardState;
use zoa_log::LogIndex;
use zoa_log::Persist;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::RaftError;
use zoa_raft::Recovery;

use crate::wire;

/// The layer above in these tests: a change whose data begin with "void" is refused by every server.
pub(crate) fn accepts(data: &[u8]) -> bool {
    !data.starts_with(b"void")
}

/// What a server finds on its disk.
pub(crate) struct Recovered {
    pub(crate) recovery: Recovery,
    pub(crate) applied: Applied,
    /// The changes of members that were replayed.
    pub(crate) changes: Vec<(LogIndex, Members)>,
}

/// A snapshot's state in these tests: everything that was applied.
pub(crate) type Applied = Vec<(u64, u64, Vec<u8>)>;

#[derive(Debug, Default)]
pub(crate) struct CheckedDisk {
    pub(crate) hard_state: HardState,
    /// The entry before the first one.
    pub(crate) base: LogPosition,
    pub(crate) entries: Vec<Entry>,
    pub(crate) snapshot: LogPosition,
    /// At the founding position there is no file before one is taken.
    pub(crate) has_file: bool,
    pub(crate) snapshot_state: Applied,
    /// As of the snapshot, or of the founding.
    pub(crate) members: Members,
    pub(crate) queue: VecDeque<Persist>,
    pub(crate) syncs: u64,
    newest: u64,
    installed: bool,
}

impl CheckedDisk {
    /// The disk of a member of the founding, whose log begins behind `base`.
    pub(crate) fn founded(base: LogPosition, members: Members) -> Self {
        Self {
            base,
            snapshot: base,
            members,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, persist: Persist) {
        assert!(persist.number > self.newest, "steps come in order");
        let queued = self.queue.iter().rev().find_map(|step| step.hard_state);
        let old = queued.unwrap_or(self.hard_state);
        let moves_vote = persist.hard_state.is_some_and(|new| {
            assert!(
                new != old || self.installed,
                "a hard state comes when it changes"
            );
            (new.term, new.vote) != (old.term, old.vote)
        });
        let needed = moves_vote || !persist.entries.is_empty() || self.installed;
        assert!(needed, "a step that needs no sync: {persist:?}");
        self.installed = false;
        self.newest = persist.number;
        self.queue.push_back(persist);
    }

    /// Syncs the first `count` queued steps at once and returns the number to acknowledge.
    pub(crate) fn sync(&mut self, count: usize) -> Option<u64> {
        let mut number = None;
        let synced: Vec<Persist> = self.queue.drain(..count.min(self.queue.len())).collect();
        for step in synced {
            number = Some(step.number);
            if let Some(hard_state) = step.hard_state {
                self.hard_state = hard_state;
            }
            let Some(first) = step.entries.first() else {
                continue;
            };
            assert!(first.index > self.base.index && first.index.0 <= self.last().index.0 + 1);
            self.entries.retain(|entry| entry.index < first.index);
            self.entries.extend(step.entries);
            assert!(
                self.hard_state.commit <= self.last().index.0,
                "commit is within the log"
            );
        }
        self.syncs += u64::from(number.is_some());
        number
    }

    /// What was not synced is gone.
    pub(crate) fn crash(&mut self) {
        self.queue.clear();
        self.newest = 0;
        self.installed = false;
    }

    pub(crate) fn last(&self) -> LogPosition {
        let last = self.entries.last();
        last.map_or(self.base, |entry| LogPosition {
            index: entry.index,
            term: entry.term,
        })
    }

    pub(crate) fn recover(&self) -> Result<Recovered, RaftError> {
        let mut recovery = Recovery::new(self.hard_state, self.snapshot, self.members.clone());
        let mut applied = self.snapshot_state.clone();
        let mut changes = Vec::new();
        for entry in &self.entries {
            let before = recovery.members().clone();
            if let Some(committed) = recovery.push(entry.clone())? {
                if committed.is_change {
                    recovery.decided(committed.index, accepts(&committed.data));
                }
                applied.push((committed.index.0, committed.term, committed.data.to_vec()));
            }
            if *recovery.members() != before {
                changes.push((entry.index, recovery.members().clone()));
            }
        }
        Ok(Recovered {
            recovery,
            applied,
            changes,
        })
    }

    pub(crate) fn read(&self, low: LogIndex, high: LogIndex, bytes_max: u64) -> Vec<Entry> {
        assert!(
            high.0 <= self.last().index.0 + 1,
            "only synced entries are asked for"
        );
        let mut bytes = 0;
        let wanted = self
            .entries
            .iter()
            .filter(|entry| entry.index >= low && entry.index < high);
        wanted
            .take_while(|entry| {
                let first = bytes == 0;
                bytes += entry.data.len() as u64 + 1;
                first || bytes <= bytes_max
            })
            .cloned()
            .collect()
    }

    /// A snapshot of `applied`; the log keeps `keep` entries before it.
    pub(crate) fn take_snapshot(
        &mut self,
        (applied, members): (&Applied, &Members),
        position: LogPosition,
        keep: u64,
    ) -> LogIndex {
        self.snapshot = position;
        self.has_file = true;
        self.snapshot_state = applied.clone();
        self.members = members.clone();
        let base = LogIndex(position.index.0.saturating_sub(keep));
        if let Some(entry) = self.entries.iter().find(|entry| entry.index == base) {
            self.base = LogPosition {
                index: base,
                term: entry.term,
            };
            self.entries.retain(|entry| entry.index > base);
        }
        LogIndex(self.base.index.0 + 1)
    }

    pub(crate) fn install(&mut self, position: LogPosition, (state, members): (Applied, Members)) {
        assert!(
            self.queue.iter().all(|step| step.entries.is_empty()),
            "the log is at rest"
        );
        self.installed = true;
        self.snapshot = position;
        self.has_file = true;
        self.snapshot_state = state;
        self.members = members;
        self.base = position;
        self.entries.clear();
        self.hard_state.commit = self.hard_state.commit.max(position.index.0);
    }

    /// Goal: no message vouches for what this disk could still lose.
    pub(crate) fn check_send(&self, message: &[u8]) {
        let said = wire::read(message);
        let durable = self.hard_state;
        let speaks_for_term = !matches!(said.kind, wire::PRE_VOTE | wire::PRE_VOTE_ANSWER);
        if speaks_for_term {
            assert!(
                durable.term >= said.term,
                "term not durable: {said:?}, {durable:?}"
            );
        }
        // A vote in a term that is over binds nobody any more.
        let vote_is_kept = |whom: u64| durable.term > said.term || durable.vote == whom;
        match said.kind {
            wire::APPEND_ANSWER if !said.reject => {
                let last = self.last().index.0;
                // What was stored in a term that is over may have been replaced in the same sync.
                let kept = last >= said.index || durable.term > said.term;
                assert!(kept, "not durable beyond {last}: {said:?}");
            }
            wire::VOTE_ANSWER if !said.reject => {
                assert!(vote_is_kept(said.to), "{said:?}, {durable:?}");
            }
            wire::VOTE => assert!(vote_is_kept(said.from), "{said:?}, {durable:?}"),
            _ => {}
        }
    }
}
