//! What the servers' logs hold: read from copies, whenever a server is down or stands still, and kept together.
//!
//! A copy of a log directory is what a power cut with a lucky disk would leave; it is recovered by the code that recovers servers.
//! Invariant: what a log says is committed is compared with what any log said before about the same place; an entry that differs
//! was lost or rewritten (G-02, G-18).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use zoa_log::Entry;
use zoa_log::HardState;
use zoa_log::LockedDir;
use zoa_log::LogIndex;
use zoa_log::LogOptions;
use zoa_raft::Committed;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Recovery;
use zoa_server::disk::RealDisk;

/// Bytes of entries read in one go.
const READ_LEN: u64 = 4 << 20;

/// What one log held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// By index.
    entries: BTreeMap<u64, Entry>,
    commit: u64,
}

/// Everything that was committed, as far as logs were read.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    entries: BTreeMap<u64, Entry>,
    /// Of each log that was read, what it did not know to be committed.
    tails: Vec<BTreeMap<u64, Entry>>,
    /// Places where two logs have different committed entries.
    pub(crate) contradictions: Vec<String>,
    /// How many logs were read.
    pub(crate) read: u64,
}

impl Gathering {
    /// Reads the log of a server that is down or stands still.
    /// Returns what it held, in words.
    pub(crate) fn take(&mut self, data: &Path, scratch: &Path) -> Result<String> {
        let held = read(data, scratch)?;
        self.read += 1;
        let ends = [held.entries.keys().next(), held.entries.keys().next_back()];
        let words = format!("holds {ends:?}, committed up to {}", held.commit);
        self.take_held(held);
        Ok(words)
    }

    fn take_held(&mut self, mut held: Held) {
        self.keep(&held.entries, held.commit);
        let tail = held.entries.split_off(&(held.commit + 1));
        self.tails.push(tail);
        self.confirm_tails();
    }

    /// Of two logs that agree in an entry all entries before it agree, too: a tail is committed up to the last one that another log
    /// knows to be.
    fn confirm_tails(&mut self) {
        for mut tail in std::mem::take(&mut self.tails) {
            let is_known = |(index, entry): &(&u64, &Entry)| self.entries.get(index) == Some(entry);
            if let Some(last) = tail.iter().rev().find(is_known).map(|(index, _)| *index) {
                let rest = tail.split_off(&(last + 1));
                self.keep(&tail, last);
                tail = rest;
            }
            if !tail.is_empty() {
                self.tails.push(tail);
            }
        }
    }

    /// Reads the logs of all servers, which are down after everything had come to rest: what more than half of them hold is
    /// committed, whether they had heard so or not.
    pub(crate) fn take_last(&mut self, all: &[&Path], scratch: &Path) -> Result<()> {
        let held: Vec<Held> = all
            .iter()
            .map(|data| read(data, scratch))
            .collect::<Result<_>>()?;
        for one in &held {
            self.read += 1;
            self.keep(&one.entries, one.commit);
        }
        let holders = |entry: &Entry| {
            let has = |other: &&Held| other.entries.get(&entry.index.0) == Some(entry);
            held.iter().filter(has).count()
        };
        for one in &held {
            let agreed = one
                .entries
                .values()
                .filter(|entry| holders(entry) * 2 > held.len());
            let last = agreed.map(|entry| entry.index.0).max().unwrap_or(0);
            self.keep(&one.entries, last.max(one.commit));
        }
        self.confirm_tails();
        Ok(())
    }

    fn keep(&mut self, entries: &BTreeMap<u64, Entry>, commit: u64) {
        for (index, entry) in entries.range(..=commit) {
            match self.entries.get(index) {
                Some(before) if before != entry => self.contradictions.push(format!(
                    "entry {index} was committed as {before:?} and as {entry:?}"
                )),
                Some(_) => {}
                None => {
                    self.entries.insert(*index, entry.clone());
                }
            }
        }
    }

    /// How many entries are known, the last of them, and the gaps between them.
    pub(crate) fn gaps(&self) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut last = LogPosition::FOUNDING.index.0;
        for index in self.entries.keys() {
            if *index > last + 1 {
                gaps.push((last + 1, index - 1));
            }
            last = *index;
        }
        gaps
    }

    /// What a server would be handed of these entries, in their order. The founders are the servers with these numbers.
    pub(crate) fn committed(&self, founders: u8) -> Result<Vec<Committed>> {
        let commit = self.entries.keys().next_back().copied().unwrap_or(0);
        let term = self
            .entries
            .values()
            .map(|entry| entry.term)
            .max()
            .unwrap_or(0);
        let hard_state = HardState {
            term,
            vote: 0,
            commit,
        };
        let members = Members::of_voters((1..=founders).map(u64::from));
        let mut recovery = Recovery::new(hard_state, LogPosition::FOUNDING, members);
        let mut committed = Vec::new();
        for entry in self.entries.values() {
            if entry.index <= LogPosition::FOUNDING.index {
                continue;
            }
            let Some(one) = recovery
                .push(entry.clone())
                .context("reading the gathered log")?
            else {
                continue;
            };
            if one.is_change {
                recovery.decided(one.index, true);
            }
            committed.push(one);
        }
        Ok(committed)
    }
}

/// What the log in a dataDir holds. A server that was never founded holds nothing.
fn read(data: &Path, scratch: &Path) -> Result<Held> {
    if scratch.exists() {
        fs::remove_dir_all(scratch).context("removing an older copy of a log")?;
    }
    fs::create_dir_all(scratch.join("log")).context("making a folder for a copy")?;
    for folder in ["", "log"] {
        copy_files(&data.join(folder), &scratch.join(folder))?;
    }
    let disk = RealDisk::open_buffered(scratch).context("opening a copy")?;
    let dir = LockedDir::lock(disk).context("locking a copy")?;
    let Some(metadata) = dir.metadata().context("reading the metadata of a copy")? else {
        return Ok(Held::default());
    };
    let dir = dir.into_log_dir(&LogOptions::new(metadata.node));
    let opened = dir.and_then(zoa_log::LogDir::open);
    let (log, recovered) = opened.context("recovering a copy of a log")?;
    let mut held = Held {
        commit: recovered.hard_state.commit,
        ..Held::default()
    };
    let mut next = recovered.first_index;
    while next <= recovered.last_index {
        let entries = log.read(next, recovered.last_index.next(), READ_LEN)?;
        for entry in entries {
            next = LogIndex(entry.index.0 + 1);
            held.entries.insert(entry.index.0, entry);
        }
    }
    Ok(held)
}

/// Copies the files of a folder, without those in folders below it; a file that goes meanwhile is none.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(from) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let is_snapshot = entry.file_name().to_string_lossy().starts_with("snapshot");
        if is_file && !is_snapshot {
            fs::copy(entry.path(), to.join(entry.file_name()))
                .with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(range: std::ops::RangeInclusive<u64>, term: u64, commit: u64) -> Held {
        let entry = |index| {
            let entry = Entry {
                index: LogIndex(index),
                term,
                kind: zoa_log::EntryKind::Normal,
                data: Default::default(),
            };
            (index, entry)
        };
        Held {
            entries: range.map(entry).collect(),
            commit,
        }
    }

    #[test]
    fn a_tail_fills_a_gap_when_a_later_log_agrees_with_it() {
        let mut gathering = Gathering::default();
        gathering.take_held(held(1..=12, 1, 5));
        gathering.take_held(held(11..=20, 1, 20));
        assert_eq!(gathering.gaps(), []);
    }

    #[test]
    fn a_tail_that_another_leader_wrote_over_fills_nothing() {
        let mut gathering = Gathering::default();
        gathering.take_held(held(1..=12, 1, 5));
        gathering.take_held(held(11..=20, 2, 20));
        assert_eq!(gathering.gaps(), [(6, 10)]);
        assert_eq!(gathering.contradictions, [""; 0]);
    }
}
