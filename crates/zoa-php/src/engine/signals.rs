//! Signals: they are PHP's, whose handlers expect to run on PHP's threads.

use std::mem::MaybeUninit;
use std::ptr;

/// Runs `start`, which starts threads: they and those that they start never take a signal.
#[expect(unsafe_code, reason = "the mask of signals of this thread")]
pub(crate) fn deaf_to_signals<R>(start: impl FnOnce() -> R) -> R {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are written by the functions that get them first; the old mask is put back below. None of the calls can
    // fail with these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let result = start();
    // SAFETY: as above.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
    }
    result
}
