//! How much this server holds in memory for its clients, each amount beside the limit that has a name (G-22).
//!
//! Looked at behind every turn in which an amount can grow, since the largest there ever was is what counts.

use super::Process;
use super::Told;
use super::tasks::READ_LEN;
use zoa_core::HeldByLane;
use zoa_core::limits as core_limits;
use zoa_ensemble::limits as ensemble_limits;
use zoa_proto::limits::FRAME_LEN_MAX;

/// An amount of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) what: &'static str,
    pub(crate) amount: u64,
    pub(crate) limit: u64,
}

/// Where amounts are put.
fn note(told: &mut Told, what: &'static str, amount: usize, limit: usize) {
    if amount == 0 {
        return;
    }
    let (amount, limit) = (amount as u64, limit as u64);
    told.amounts.push(Amount {
        what,
        amount,
        limit,
    });
}

impl Process {
    /// What a connection's input has made of its lane.
    ///
    /// Who has left [`core_limits::OUTBOX_HIGH_WATER`] unread is answered nothing more, so one turn adds no more than the longest of answers to
    /// that, or to what was there; and the lists that have room.
    pub(super) fn note_answers(&self, [before, after]: [HeldByLane; 2], told: &mut Told) {
        let replies = |held: HeldByLane| held.outbox_len.saturating_sub(held.events_len);
        let allowed = replies(before).max(core_limits::OUTBOX_HIGH_WATER);
        let longest = core_limits::MULTI_READ_REPLY_LEN_MAX + FRAME_LEN_MAX;
        let lists_len = self.core.held().lists_len;
        let what = "bytes answered beyond the high water in one turn";
        let amount = replies(after).saturating_sub(allowed);
        note(told, what, amount, longest + lists_len);
    }

    /// What each lane holds.
    pub(super) fn note_lanes(&self, told: &mut Told) {
        for task in self.tasks.values() {
            note_lane(task.connection().lane().held(), told);
        }
    }

    /// What the task of this connection holds, and what is held for all clients together.
    pub(super) fn note_connection(&self, number: u64, told: &mut Told) {
        if let Some(task) = self.tasks.get(&number) {
            let input_max = FRAME_LEN_MAX + 4 + READ_LEN;
            let input_len = task.connection().input_len();
            note(told, "bytes of input", input_len, input_max);
            note_lane(task.connection().lane().held(), told);
        }
        let all = self.core.held();
        for (what, amount, limit) in [
            (
                "unanswered writes",
                all.outstanding,
                core_limits::OUTSTANDING_MAX,
            ),
            // It is looked at before a write is added, and the connection's identities travel with it.
            (
                "bytes of unanswered writes",
                all.outstanding_len,
                core_limits::OUTSTANDING_BYTES_MAX
                    + FRAME_LEN_MAX
                    + core_limits::IDENTITIES_LEN_PER_CONNECTION_MAX,
            ),
            (
                "bytes of long lists",
                all.lists_len,
                core_limits::LISTS_LEN_MAX,
            ),
            ("watches", all.watches, core_limits::WATCHES_MAX),
            (
                "bytes of watched paths",
                all.watched_len,
                core_limits::WATCHED_LEN_MAX,
            ),
            ("last signs of life", all.parted, core_limits::PARTED_MAX),
        ] {
            note(told, what, amount, limit);
        }
    }

    /// What waits for a leader.
    pub(super) fn note_ensemble(&self, told: &mut Told) {
        let held = self.ensemble.held();
        let alone_len = if held.writes == 1 { held.writes_len } else { 0 };
        for (what, amount, limit) in [
            (
                "writes without a leader",
                held.writes,
                ensemble_limits::WAITING_MAX,
            ),
            (
                "bytes of writes without a leader",
                held.writes_len,
                ensemble_limits::WAITING_LEN_MAX.max(alone_len),
            ),
            (
                "signs of life for the leader",
                held.touches,
                ensemble_limits::TOUCHES_WAITING_MAX,
            ),
            ("links", held.links, ensemble_limits::LINKS_MAX),
        ] {
            note(told, what, amount, limit);
        }
    }
}

fn note_lane(held: HeldByLane, told: &mut Told) {
    for (what, amount, limit) in [
        (
            "bytes of events for one connection",
            held.events_len,
            core_limits::OUTBOX_EVENTS_LEN_MAX,
        ),
        (
            "requests of one connection that wait",
            held.pending,
            core_limits::PENDING_PER_CONNECTION_MAX + core_limits::PARKED_READS_MAX,
        ),
        (
            "parked reads of one connection",
            held.parked,
            core_limits::PARKED_READS_MAX,
        ),
        (
            "bytes of parked reads of one connection",
            held.parked_len,
            core_limits::PARKED_LEN_MAX,
        ),
        (
            "bytes of identities of one connection",
            held.identities_len,
            core_limits::IDENTITIES_LEN_PER_CONNECTION_MAX,
        ),
    ] {
        note(told, what, amount, limit);
    }
}
