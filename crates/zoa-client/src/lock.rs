//! The lock around what callers and the driver share: the standard library's, without poisoning.
//!
//! A process may fork while the driver runs, as PHP's do, and make a client of its own in the child. The standard library's lock
//! is nothing but a word in memory. One that keeps who waits in a table of the whole process, as parking_lot does, could be
//! left with a part of that table locked for ever by a thread that is not there. Invariant: nothing in this crate that is made
//! anew in a child depends on what a thread of the parent held.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::TryLockError;

#[derive(Debug)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// What panics under the lock leaves things as any other early end does.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unless somebody holds it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
