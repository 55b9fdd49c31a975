//! A bounded queue from the driver to one who listens, awaited or waited for.
//!
//! What does not fit is left out, never waited for: a slow listener must not hold up the session. Invariant: nothing is left out
//! silently where it matters; see [`Overflow`].

use std::collections::VecDeque;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use crate::lock::Lock;

/// What becomes of the items when there are too many.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Overflow {
    /// The newest are left out, and counted.
    CountNewest,
    /// The oldest is left out: only the last word matters.
    DropOldest,
}

/// What comes out of the queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Taken<I> {
    Item(I),
    /// So many items were left out here.
    Missed(u64),
    /// There will be no more.
    End,
}

#[derive(Debug)]
pub(crate) struct Queue<I> {
    cell: Lock<Cell<I>>,
    len_max: usize,
    overflow: Overflow,
}

#[derive(Debug)]
struct Cell<I> {
    items: VecDeque<I>,
    /// Left out behind the last item.
    missed: u64,
    is_closed: bool,
    waker: Option<Waker>,
    /// Woken for each thing that can be taken, in place of the waker.
    bell: Option<Waker>,
}

impl<I> Cell<I> {
    /// Whom to wake after a change; `is_more` when one more thing can be taken than before.
    fn whom_to_wake(&mut self, is_more: bool) -> Option<Waker> {
        match &self.bell {
            Some(bell) => is_more.then(|| bell.clone()),
            None => self.waker.take(),
        }
    }

    /// How many things can be taken: items, a gap, the end.
    fn len(&self) -> usize {
        self.items.len() + usize::from(self.missed > 0) + usize::from(self.is_closed)
    }
}

impl<I> Queue<I> {
    pub(crate) fn new(len_max: usize, overflow: Overflow) -> Self {
        Self {
            cell: Lock::new(Cell {
                items: VecDeque::new(),
                missed: 0,
                is_closed: false,
                waker: None,
                bell: None,
            }),
            len_max,
            overflow,
        }
    }

    /// Adds an item; gives back who waits for it, to be woken when no lock is held.
    #[must_use = "whoever waits has to be woken"]
    pub(crate) fn push(&self, item: I) -> Option<Waker> {
        let mut cell = self.cell.lock();
        if cell.is_closed {
            return None;
        }
        let len = cell.len();
        match self.overflow {
            // Behind a gap nothing is added until the gap was told, so that the order stays true.
            Overflow::CountNewest if cell.items.len() >= self.len_max || cell.missed > 0 => {
                cell.missed += 1;
            }
            Overflow::DropOldest if cell.items.len() >= self.len_max => {
                cell.items.pop_front();
                cell.items.push_back(item);
            }
            Overflow::CountNewest | Overflow::DropOldest => cell.items.push_back(item),
        }
        let is_more = cell.len() > len;
        cell.whom_to_wake(is_more)
    }

    /// From now on this waker is woken once for each thing that can be taken, so that whoever listens to several queues learns in
    /// which order it all happened. Gives how many there are already, for which it is not woken.
    pub(crate) fn ring_each(&self, bell: Waker) -> usize {
        let mut cell = self.cell.lock();
        let replaced = cell.bell.replace(bell);
        let len = cell.len();
        drop(cell);
        // A waker may own a task: it is dropped when no lock is held.
        drop(replaced);
        len
    }

    /// How many things can be taken now.
    pub(crate) fn len(&self) -> usize {
        self.cell.lock().len()
    }

    /// Says that nothing more will come; what is there can still be taken.
    #[must_use = "whoever waits has to be woken"]
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut cell = self.cell.lock();
        let is_more = !cell.is_closed;
        cell.is_closed = true;
        cell.whom_to_wake(is_more)
    }

    /// The next item, if there is one.
    pub(crate) fn try_take(&self) -> Option<Taken<I>> {
        let mut cell = self.cell.lock();
        if let Some(item) = cell.items.pop_front() {
            return Some(Taken::Item(item));
        }
        if cell.missed > 0 {
            return Some(Taken::Missed(std::mem::take(&mut cell.missed)));
        }
        cell.is_closed.then_some(Taken::End)
    }

    /// The next item, or a promise to wake this task when there is one.
    pub(crate) fn poll_take(&self, context: &Context<'_>) -> Poll<Taken<I>> {
        if let Some(taken) = self.try_take() {
            return Poll::Ready(taken);
        }
        let waker = context.waker().clone();
        let replaced = {
            let mut cell = self.cell.lock();
            if cell.items.is_empty() && cell.missed == 0 && !cell.is_closed {
                cell.waker.replace(waker)
            } else {
                drop(cell);
                return self.try_take().map_or(Poll::Pending, Poll::Ready);
            }
        };
        // A waker may own a task: it is dropped when no lock is held.
        drop(replaced);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::Overflow;
    use super::Queue;
    use super::Taken;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    use std::task::Wake;
    use std::task::Waker;

    #[test]
    fn what_is_left_out_is_told_where_it_would_have_stood() {
        let queue = Queue::new(2, Overflow::CountNewest);
        for item in 0..5 {
            assert!(queue.push(item).is_none());
        }
        assert_eq!(queue.try_take(), Some(Taken::Item(0)));
        // There is room again, but not before the gap was told.
        assert!(queue.push(5).is_none());
        assert_eq!(queue.try_take(), Some(Taken::Item(1)));
        assert_eq!(queue.try_take(), Some(Taken::Missed(4)));
        assert!(queue.push(6).is_none());
        assert_eq!(queue.try_take(), Some(Taken::Item(6)));
        assert_eq!(queue.try_take(), None);
    }

    #[test]
    fn a_bell_rings_once_for_each_thing_that_can_be_taken() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        for (overflow, rings) in [(Overflow::CountNewest, 3), (Overflow::DropOldest, 2)] {
            let queue = Queue::new(2, overflow);
            assert!(queue.push(0).is_none());
            let count = Arc::new(Count(AtomicUsize::new(0)));
            let there = queue.ring_each(Waker::from(Arc::clone(&count)));
            assert_eq!(there, 1);
            for item in 1..5 {
                queue.push(item).into_iter().for_each(Waker::wake);
            }
            queue.close().into_iter().for_each(Waker::wake);
            assert!(queue.close().is_none());
            // The end can be taken again and again, and is rung for once.
            assert_eq!(count.0.load(Ordering::Relaxed) + there, rings + 1);
            assert_eq!(queue.len(), rings + 1);
        }
    }

    #[test]
    fn where_only_the_last_word_matters_the_oldest_is_left_out() {
        let queue = Queue::new(2, Overflow::DropOldest);
        for item in 0..5 {
            assert!(queue.push(item).is_none());
        }
        assert!(queue.close().is_none());
        assert!(queue.push(5).is_none());
        assert_eq!(queue.try_take(), Some(Taken::Item(3)));
        assert_eq!(queue.try_take(), Some(Taken::Item(4)));
        assert_eq!(queue.try_take(), Some(Taken::End));
        assert_eq!(queue.try_take(), Some(Taken::End));
    }
}
