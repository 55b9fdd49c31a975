//! Committed entries leave, and changes of members take effect.
//!
//! ```text
//!   a b C c d        C changes the members, and the layer above decides whether it counts
//!   Commit[a b C]    c and d are held
//!   ChangeDecided    -> Members, Commit[c d]
//! ```
//!
//! Invariant: entries are handed out once each, in order; nothing behind a change is, before the change
//! is decided and, if accepted, in effect. The library is told "applied" no further than that, so it
//! neither campaigns nor begins another change in between.

use std::collections::VecDeque;

use raft::INVALID_ID;
use raft::eraftpb;
use raft::eraftpb::ConfState;
use zoa_log::LogIndex;

use super::RaftLoop;
use crate::event::Committed;
use crate::event::RaftEffect;
use crate::members::ChangeEntry;
use crate::members::Members;

/// A change that was handed out, and what came behind it.
pub(super) struct Undecided {
    index: LogIndex,
    term: u64,
    change: ChangeEntry,
    held: VecDeque<eraftpb::Entry>,
}

impl RaftLoop {
    pub(super) fn hand_out(&mut self, entries: Vec<eraftpb::Entry>, effects: &mut Vec<RaftEffect>) {
        match &mut self.undecided {
            Some(undecided) => undecided.held.extend(entries),
            None => self.hand_out_now(entries.into(), effects),
        }
    }

    pub(super) fn handle_change_decided(
        &mut self,
        index: LogIndex,
        accepted: bool,
        effects: &mut Vec<RaftEffect>,
    ) {
        let undecided = match self.undecided.take() {
            Some(undecided) if undecided.index == index => undecided,
            other => {
                assert!(
                    index <= self.handed_out,
                    "only what was handed out is decided"
                );
                // A snapshot has taken the place of all that.
                self.undecided = other;
                return;
            }
        };
        if accepted {
            self.change_members(&undecided.change);
        }
        self.report_members(index, effects);
        self.note_applied((index, undecided.term), effects);
        self.hand_out_now(undecided.held, effects);
    }

    fn hand_out_now(
        &mut self,
        mut entries: VecDeque<eraftpb::Entry>,
        effects: &mut Vec<RaftEffect>,
    ) {
        let mut batch = Vec::with_capacity(entries.len());
        let mut last = None;
        while let Some(entry) = entries.pop_front() {
            let (index, term) = (LogIndex(entry.index), entry.term);
            assert!(
                index > self.handed_out,
                "entries are handed out once, in order"
            );
            let change = match entry.get_entry_type() {
                eraftpb::EntryType::EntryNormal => {
                    // Empty entries are the library's own: a new leader's first one.
                    if !entry.data.is_empty() {
                        batch.push(committed(index, term, entry.data));
                    }
                    last = Some((index, term));
                    continue;
                }
                eraftpb::EntryType::EntryConfChange | eraftpb::EntryType::EntryConfChangeV2 => {
                    ChangeEntry::decode(&entry.data)
                        .expect("changes are checked on their way into the log")
                }
            };
            if change.data.is_empty() {
                give(&mut batch, effects);
                self.change_members(&change);
                self.report_members(index, effects);
                last = Some((index, term));
                continue;
            }
            batch.push(Committed {
                is_change: true,
                ..committed(index, term, change.data.clone())
            });
            self.undecided = Some(Undecided {
                index,
                term,
                change,
                held: entries,
            });
            break;
        }
        give(&mut batch, effects);
        if let Some(last) = last {
            self.note_applied(last, effects);
        }
    }

    /// All up to here is handed out, and its changes are in effect.
    fn note_applied(&mut self, (index, term): (LogIndex, u64), effects: &mut Vec<RaftEffect>) {
        self.handed_out = index;
        let last_before = self.node.raft.raft_log.last_index();
        self.node.advance_apply_to(index.0);
        self.node.mut_store().trim(index);
        if self.node.raft.raft_log.last_index() > last_before {
            // The entry that ends a joint membership. The library would not send it before the
            // next heartbeat is answered.
            self.node.raft.bcast_append();
        }
        if self.is_leader() && term == self.node.raft.term && self.established_term < term {
            self.established_term = term;
            effects.push(RaftEffect::Established { term });
        }
    }

    fn change_members(&mut self, change: &ChangeEntry) {
        let next = if change.leaves() {
            Some(self.members.left()).filter(|_| self.members.is_joint())
        } else {
            self.members.changed(&change.changes).ok()
        };
        // What cannot be was proposed by no correct leader, and is void on every server alike.
        let Some(next) = next else { return };
        let now = self.node.apply_conf_change(&change.to_library());
        let now = now.map(|state: ConfState| Members::from(&state)).ok();
        assert!(
            now.as_ref() == Some(&next),
            "the library and we agree on the members: {now:?}, {next:?}"
        );
        self.node.mut_store().set_members(&next);
        self.members = next;
        if self.is_leader() && !self.members.votes(self.node.raft.id) {
            // The library would go on leading, and panic at the next sync of a leader that is no
            // member. Whoever is left hears of the last commit index with the messages that this
            // change was committed by, or elects a leader that finds out.
            let term = self.node.raft.term;
            self.node.raft.become_follower(term, INVALID_ID);
        }
    }

    pub(super) fn report_members(&self, index: LogIndex, effects: &mut Vec<RaftEffect>) {
        effects.push(RaftEffect::Members {
            index,
            members: self.members.clone(),
        });
    }
}

fn committed(index: LogIndex, term: u64, data: bytes::Bytes) -> Committed {
    Committed {
        index,
        term,
        data,
        is_change: false,
    }
}

fn give(batch: &mut Vec<Committed>, effects: &mut Vec<RaftEffect>) {
    if !batch.is_empty() {
        effects.push(RaftEffect::Commit(std::mem::take(batch)));
    }
}
