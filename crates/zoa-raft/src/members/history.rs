//! Which members belong to which place in the log: for whoever writes a snapshot.
//!
//! A snapshot at a place must carry the members as of that very place: with newer ones, the
//! changes between would be made twice. The thread that writes it is not the thread that hears of
//! changes, so the places are kept here, and one whose members are not known yet has none.

use std::collections::VecDeque;

use zoa_log::LogIndex;

use super::Members;
use crate::event::RaftEffect;

/// The members at each place since the oldest one still asked for. Not shared between threads by
/// itself.
#[derive(Clone, Debug, Default)]
pub struct MemberHistory {
    known: VecDeque<(LogIndex, Members)>,
    /// A change is handed out here and not decided yet.
    undecided: Option<LogIndex>,
}

impl MemberHistory {
    /// Hears of an effect, before whoever applies hears of it.
    pub fn note(&mut self, effect: &RaftEffect) {
        match effect {
            RaftEffect::Commit(committed) => {
                let last = committed.last().filter(|last| last.is_change);
                self.undecided = last.map(|last| last.index).or(self.undecided);
            }
            RaftEffect::Members { index, members } => {
                if self.undecided.is_some_and(|undecided| undecided <= *index) {
                    self.undecided = None;
                }
                self.known.push_back((*index, members.clone()));
            }
            RaftEffect::Role { .. }
            | RaftEffect::Persist(_)
            | RaftEffect::Send { .. }
            | RaftEffect::SendSnapshot { .. }
            | RaftEffect::SnapshotWanted
            | RaftEffect::InstallSnapshot { .. }
            | RaftEffect::ReadLog { .. }
            | RaftEffect::Established { .. }
            | RaftEffect::Refused { .. }
            | RaftEffect::PeerFault { .. } => {}
        }
    }

    /// The members after the entry at `index` and before the next change; `None` while a change
    /// at or before it is not decided, and for a place before the oldest one known. A snapshot
    /// there has to wait.
    pub fn at(&self, index: LogIndex) -> Option<&Members> {
        if self.undecided.is_some_and(|undecided| undecided <= index) {
            return None;
        }
        let found = self.known.iter().rev().find(|(place, _)| *place <= index);
        found.map(|(_, members)| members)
    }

    /// Nothing before `index` will be asked for again.
    pub fn forget_before(&mut self, index: LogIndex) {
        while self.known.get(1).is_some_and(|(next, _)| *next <= index) {
            self.known.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::event::Committed;

    fn members(history: &mut MemberHistory, index: u64, voters: u64) {
        history.note(&RaftEffect::Members {
            index: LogIndex(index),
            members: Members::of_voters(1..=voters),
        });
    }

    fn check(history: &MemberHistory, index: u64, voters: Option<usize>) {
        let found = history.at(LogIndex(index)).map(|found| found.voters.len());
        assert_eq!(found, voters, "at {index}");
    }

    #[test]
    fn each_place_has_the_members_of_the_change_before_it() {
        let mut history = MemberHistory::default();
        members(&mut history, 5, 1);
        members(&mut history, 9, 2);
        for (index, voters) in [(4, None), (5, Some(1)), (8, Some(1)), (9, Some(2))] {
            check(&history, index, voters);
        }
        history.forget_before(LogIndex(8));
        check(&history, 8, Some(1));
        history.forget_before(LogIndex(9));
        check(&history, 8, None);
        check(&history, 100, Some(2));
    }

    #[test]
    fn a_place_behind_an_undecided_change_has_to_wait() {
        let mut history = MemberHistory::default();
        members(&mut history, 5, 1);
        history.note(&RaftEffect::Commit(vec![Committed {
            index: LogIndex(7),
            term: 1,
            data: Bytes::from_static(b"x"),
            is_change: true,
        }]));
        check(&history, 6, Some(1));
        check(&history, 7, None);
        members(&mut history, 7, 2);
        check(&history, 7, Some(2));
    }
}
