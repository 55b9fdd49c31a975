//! This process, and whether it is still the one in which something was made.
//!
//! After a fork the child has the parent's memory and none of its threads: a client made by the parent is a wreck there, whose
//! locks may be held for ever. Invariant: what has threads stands in an [`OfProcess`], and is neither used nor dropped in a child.

use std::mem::ManuallyDrop;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use crate::desk::Desk;

static CURRENT: AtomicU32 = AtomicU32::new(0);

/// Run first whenever PHP calls in: finds out whether this is a child of the process that called in last.
pub(crate) fn enter() {
    let pid = std::process::id();
    let last = CURRENT.swap(pid, Ordering::Relaxed);
    if last != pid && last != 0 {
        Desk::renew_after_fork();
    }
}

/// Whether something made by this process is at hand.
fn current() -> u32 {
    CURRENT.load(Ordering::Relaxed)
}

/// Something with threads behind it, usable only in the process that made it.
#[derive(Debug)]
pub(crate) struct OfProcess<T> {
    value: ManuallyDrop<T>,
    pid: u32,
}

impl<T> OfProcess<T> {
    pub(crate) fn new(value: T) -> Self {
        let (value, pid) = (ManuallyDrop::new(value), current());
        Self { value, pid }
    }

    /// It, unless this is a child process.
    pub(crate) fn get(&self) -> Option<&T> {
        (self.pid == current()).then_some(&*self.value)
    }

    /// It, unless this is a child process.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        (self.pid == current()).then_some(&mut *self.value)
    }
}

impl<T> Drop for OfProcess<T> {
    #[expect(unsafe_code, reason = "drops by hand, or not at all")]
    fn drop(&mut self) {
        if self.pid == current() {
            // SAFETY: it is dropped once, here.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}
