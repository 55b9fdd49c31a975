//! A queue between two threads that is emptied whole: whoever waits takes everything that is there, so that batches size themselves.
//!
//! Waiting parks the thread; it never spins. Filling an inbox that nobody waits for costs one lock and no system call.

use std::time::Duration;

use parking_lot::Condvar;
use parking_lot::Mutex;

/// Many writers, one reader.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: Vec<T>,
    reader_waits: bool,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                items: Vec::new(),
                reader_waits: false,
            }),
            filled: Condvar::new(),
        }
    }
}

impl<T> Inbox<T> {
    /// Puts one item in.
    pub(crate) fn push(&self, item: T) {
        let mut state = self.state.lock();
        state.items.push(item);
        let wake = std::mem::take(&mut state.reader_waits);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
    }

    /// Waits until there is something or `patience` is over, and swaps all of it into `into`, which must be empty.
    pub(crate) fn drain(&self, into: &mut Vec<T>, patience: Option<Duration>) {
        assert!(into.is_empty(), "an inbox is drained into an empty vector");
        let mut state = self.state.lock();
        while state.items.is_empty() {
            state.reader_waits = true;
            match patience {
                None => self.filled.wait(&mut state),
                Some(patience) => {
                    if self.filled.wait_for(&mut state, patience).timed_out() {
                        break;
                    }
                }
            }
        }
        state.reader_waits = false;
        std::mem::swap(&mut state.items, into);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn everything_that_waits_is_taken_at_once_and_in_order() {
        let inbox = Inbox::default();
        inbox.push(1);
        inbox.push(2);
        inbox.push(3);
        let mut taken = Vec::new();
        inbox.drain(&mut taken, None);
        assert_eq!(taken, [1, 2, 3]);
    }

    #[test]
    fn a_reader_is_woken_and_an_impatient_one_goes_away_empty_handed() {
        let inbox = Arc::new(Inbox::default());
        let mut taken: Vec<i32> = Vec::new();
        inbox.drain(&mut taken, Some(Duration::from_millis(1)));
        assert!(taken.is_empty());
        let writer = Arc::clone(&inbox);
        let thread = std::thread::spawn(move || writer.push(7));
        inbox.drain(&mut taken, None);
        assert_eq!(taken, [7]);
        thread.join().expect("the writer does not panic");
    }
}
