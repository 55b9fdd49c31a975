//! The place where one request's answer is put by the driver and taken by its caller.
//!
//! Invariant: an answer is put in once, and nothing is woken or dropped while the lock is held.

use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use smallvec::SmallVec;
use zoa_proto::OpCode;

use crate::answer::Answer;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::limits::PATH_INLINE_LEN_MAX;
use crate::lock::Lock;

/// What is in flight behind a request.
#[derive(Debug)]
pub(crate) struct Slot {
    op: OpCode,
    path: SmallVec<[u8; PATH_INLINE_LEN_MAX]>,
    cell: Lock<Cell>,
}

#[derive(Debug)]
enum Cell {
    Empty(Option<Waker>),
    Full(Result<Answer, ErrorKind>),
    Taken,
}

impl Slot {
    pub(crate) fn new(op: OpCode, path: &str) -> Arc<Self> {
        Arc::new(Self {
            op,
            path: SmallVec::from_slice(path.as_bytes()),
            cell: Lock::new(Cell::Empty(None)),
        })
    }

    /// Puts the answer in; gives back who waits for it, to be woken when no lock is held.
    #[must_use = "whoever waits has to be woken"]
    pub(crate) fn fill(&self, result: Result<Answer, ErrorKind>) -> Option<Waker> {
        let mut cell = self.cell.lock();
        match &mut *cell {
            Cell::Empty(waker) => {
                let waker = waker.take();
                *cell = Cell::Full(result);
                waker
            }
            Cell::Full(_) | Cell::Taken => None,
        }
    }

    /// Takes the answer, or promises to wake this task.
    ///
    /// # Panics
    /// When it was taken already.
    pub(crate) fn poll_take(&self, context: &Context<'_>) -> Poll<Result<Answer, ErrorKind>> {
        let mut cell = self.cell.lock();
        let replaced = match &mut *cell {
            Cell::Empty(Some(waker)) if waker.will_wake(context.waker()) => return Poll::Pending,
            Cell::Empty(waker) => waker.replace(context.waker().clone()),
            Cell::Full(_) => match std::mem::replace(&mut *cell, Cell::Taken) {
                Cell::Full(result) => return Poll::Ready(result),
                Cell::Empty(_) | Cell::Taken => return Poll::Pending,
            },
            Cell::Taken => panic!("a request was polled after its answer was taken"),
        };
        drop(cell);
        // A waker may own a task, and the task this slot.
        drop(replaced);
        Poll::Pending
    }

    /// The error with what it is about.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        let path = std::str::from_utf8(&self.path).unwrap_or_default();
        Error::new(self.op, path, kind)
    }
}

/// What the core gives back with an outcome.
#[derive(Debug)]
pub(crate) enum Tag {
    /// To this slot it goes.
    Slot(Arc<Slot>),
    /// Nobody waits.
    Nobody,
}

#[cfg(test)]
mod tests {
    use super::Slot;
    use crate::error::ErrorKind;
    use crate::limits::PATH_INLINE_LEN_MAX;
    use zoa_proto::ErrorCode;
    use zoa_proto::OpCode;

    #[test]
    fn a_path_longer_than_what_is_kept_inline_is_kept_too() {
        for len in [PATH_INLINE_LEN_MAX, PATH_INLINE_LEN_MAX + 1] {
            let path = "/".repeat(len);
            let slot = Slot::new(OpCode::Delete, &path);
            assert_eq!(slot.path.spilled(), len > PATH_INLINE_LEN_MAX);
            let error = slot.error(ErrorKind::Code(ErrorCode::NoNode));
            assert_eq!(error.path(), path);
        }
    }
}
