//! Who attaches next, and who has tried for too long: so many attempts at a time, the others wait their turn.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::time::Instant;

/// See the module.
pub(super) struct Queue {
    at_once_max: usize,
    waiting: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Attempts under way, and when each has taken too long.
    under_way: HashMap<usize, Instant>,
    /// The same in the order of their beginning, with some that are over.
    deadlines: VecDeque<(Instant, usize)>,
}

impl Queue {
    /// An empty queue that lets so many try at once.
    pub(super) fn new(at_once_max: usize) -> Self {
        Self {
            at_once_max,
            waiting: BinaryHeap::new(),
            under_way: HashMap::new(),
            deadlines: VecDeque::new(),
        }
    }

    /// This one is to try from `due` on.
    pub(super) fn push(&mut self, who: usize, due: Instant) {
        self.waiting.push(Reverse((due, who)));
    }

    /// The attempt of this one is over, well or not.
    pub(super) fn settled(&mut self, who: usize) {
        self.under_way.remove(&who);
    }

    /// The next one that may try now; its attempt may last until `deadline`.
    pub(super) fn take_due(&mut self, now: Instant, deadline: Instant) -> Option<usize> {
        let Reverse((due, _)) = self.waiting.peek()?;
        if now < *due || self.at_once_max <= self.under_way.len() {
            return None;
        }
        let Reverse((_, who)) = self.waiting.pop()?;
        self.under_way.insert(who, deadline);
        self.deadlines.push_back((deadline, who));
        Some(who)
    }

    /// One whose attempt has taken too long; its attempt is over.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<usize> {
        while let Some((deadline, who)) = self.deadlines.front().copied() {
            let is_under_way = self.under_way.get(&who) == Some(&deadline);
            if is_under_way && now < deadline {
                return None;
            }
            self.deadlines.pop_front();
            if is_under_way {
                self.settled(who);
                return Some(who);
            }
        }
        None
    }

    /// When there is something to do next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let has_room = self.under_way.len() < self.at_once_max;
        let due = self.waiting.peek().filter(|_| has_room);
        let overdue = self.deadlines.front().map(|(deadline, _)| *deadline);
        due.map(|Reverse((due, _))| *due)
            .into_iter()
            .chain(overdue)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::clock;

    #[test]
    fn only_so_many_try_at_once_each_in_its_turn() {
        let now = clock::now();
        let later = |ms| now + Duration::from_millis(ms);
        let mut queue = Queue::new(2);
        queue.push(7, later(1));
        queue.push(8, now);
        queue.push(9, now);
        assert_eq!(queue.take_due(now, later(100)), Some(8));
        assert_eq!(queue.take_due(now, later(100)), Some(9));
        assert_eq!(queue.take_due(later(1), later(100)), None, "two are at it");
        queue.settled(8);
        assert_eq!(queue.next_due(), Some(later(1)));
        assert_eq!(queue.take_due(now, later(100)), None, "it waits a moment");
        assert_eq!(queue.take_due(later(1), later(101)), Some(7));
    }

    #[test]
    fn an_attempt_that_takes_too_long_is_over() {
        let now = clock::now();
        let later = |ms| now + Duration::from_millis(ms);
        let mut queue = Queue::new(1);
        queue.push(1, now);
        assert_eq!(queue.take_due(now, later(10)), Some(1));
        assert_eq!(queue.next_due(), Some(later(10)));
        assert_eq!(queue.take_overdue(later(9)), None);
        assert_eq!(queue.take_overdue(later(10)), Some(1));
        queue.push(1, later(10));
        assert_eq!(queue.take_due(later(10), later(20)), Some(1));
        queue.settled(1);
        assert_eq!(queue.take_overdue(later(30)), None, "it was in time");
    }
}
