//! Room for the replies of long lists, of all connections together.
//!
//! A list is walked without waiting for its client, so what the client has not taken yet lies in memory. Who finds no room is not refused: the
//! request waits in the input, and its connection is woken when there is room again. It is not about the length of one list: see
//! `connection/listing.rs`.
//!
//! Invariant: whoever waits is in `waiting`, or will look again because it was woken. Serves G-22.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Waker;

use parking_lot::Mutex;

use crate::lane::Lane;
use crate::limits::LIST_REPLY_LEN_MAX;
use crate::limits::LISTS_LEN_MAX;

const _: () = assert!(
    LIST_REPLY_LEN_MAX <= LISTS_LEN_MAX,
    "the longest list has room when it is alone"
);

/// What is taken, and who waits.
#[derive(Debug)]
pub(crate) struct ListRoom {
    /// Bytes of one reply, at most.
    pub(crate) reply_len_max: usize,
    taken_len: AtomicUsize,
    waiting: Mutex<Vec<Arc<Lane>>>,
}

impl ListRoom {
    pub(crate) fn new() -> Self {
        Self {
            reply_len_max: LIST_REPLY_LEN_MAX,
            taken_len: AtomicUsize::new(0),
            waiting: Mutex::default(),
        }
    }

    /// Takes room for a reply of this length; when there is none, `lane` is woken later.
    pub(crate) fn take(&self, lane: &Arc<Lane>, len: usize) -> bool {
        if self.try_take(len) {
            return true;
        }
        let mut waiting = self.waiting.lock();
        if !lane.lock().wait_for_list_room() {
            waiting.push(Arc::clone(lane));
        }
        drop(waiting);
        // Some may have been given back between the look and the push; then nobody would wake this lane.
        self.try_take(len)
    }

    /// Gives room back, and wakes all who wait: each looks again for itself.
    pub(crate) fn give_back(&self, len: usize) {
        if len == 0 {
            return;
        }
        let before = self.taken_len.fetch_sub(len, Ordering::Relaxed);
        assert!(before >= len, "no more is given back than was taken");
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for lane in waiting {
            let waker = lane.lock().found_list_room();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Forgets a connection that is over.
    pub(crate) fn forget(&self, lane: &Lane) {
        self.waiting
            .lock()
            .retain(|waiting| waiting.number() != lane.number());
    }

    /// Bytes for which there is room in use.
    pub(crate) fn taken_len(&self) -> usize {
        self.taken_len.load(Ordering::Relaxed)
    }

    fn try_take(&self, len: usize) -> bool {
        let with = |taken: usize| taken.checked_add(len).filter(|sum| *sum <= LISTS_LEN_MAX);
        self.taken_len
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn all_lists_together_have_lists_len_max_bytes() {
        let room = ListRoom::new();
        let lane = testing::lane(1);
        assert!(room.take(&lane, LISTS_LEN_MAX - 10));
        assert!(room.take(&lane, 10));
        assert!(!room.take(&lane, 1));
        room.give_back(10);
        assert!(room.take(&lane, 10));
        assert!(!room.take(&lane, usize::MAX), "no sum overflows");
    }

    #[test]
    fn who_waits_stands_in_the_list_once_and_leaves_it_when_there_is_room() {
        let room = ListRoom::new();
        let lane = testing::lane(1);
        assert!(room.take(&lane, LISTS_LEN_MAX));
        for _ in 0..3 {
            assert!(!room.take(&lane, 1));
        }
        assert_eq!(room.waiting.lock().len(), 1);
        assert!(lane.lock().waits_for_the_server());
        room.give_back(1);
        assert!(room.waiting.lock().is_empty());
        assert!(!lane.lock().waits_for_the_server());
        assert!(room.take(&lane, 1));
        assert!(!room.take(&lane, 1));
        assert_eq!(room.waiting.lock().len(), 1, "and may come back");
        room.forget(&lane);
        assert!(room.waiting.lock().is_empty());
    }
}
