//! libzookeeper_st: the caller's loop drives the session; no thread, no synchronous call.
//!
//! ```text
//! zookeeper_interest -> socket, what to wait for, how long     select/poll by the caller     zookeeper_process -> functions called
//! ```
//!
//! The caller's functions run inside `zookeeper_process`, `zookeeper_interest` and `zookeeper_close`, without a lock, and may call
//! anything. Invariant: a close from inside one of them ends the session when the outermost of these calls returns.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;

use crate::abi::ZHandle;
use crate::clock;
use crate::codes::ZBADARGUMENTS;
use crate::codes::ZINVALIDSTATE;
use crate::codes::ZNOTHING;
use crate::codes::ZOK;
use crate::constants::READ;
use crate::constants::WRITE;
use crate::handle::Handle;
use crate::submit::enter;

/// How deep the caller is in calls that may call its functions.
#[derive(Debug, Default)]
pub(crate) struct Loop {
    depth: AtomicUsize,
}

impl Handle {
    /// One turn, and the functions it calls for; the code of what went wrong, and whether anything happened.
    fn turn_and_tell(self: &Arc<Self>) -> (c_int, bool) {
        self.st.depth.fetch_add(1, Ordering::Relaxed);
        let mut trouble = ZOK;
        let mut has_told = false;
        loop {
            let mut state = self.state.lock();
            state.trouble = ZOK;
            self.refresh(&mut state);
            state.turn(clock::now_ms());
            self.publish(&state);
            if trouble == ZOK {
                trouble = state.trouble;
            }
            let batch = std::mem::take(&mut state.batch);
            let lines = std::mem::take(&mut state.lines);
            drop(state);
            crate::log::write(self.log_callback(), lines);
            if batch.is_empty() {
                break;
            }
            has_told = true;
            let spare = batch.tell(self.pointer());
            let mut state = self.state.lock();
            if state.batch.is_empty() {
                state.batch = spare;
            }
        }
        let depth = self.st.depth.fetch_sub(1, Ordering::Relaxed) - 1;
        if depth == 0 && self.is_closing.load(Ordering::Acquire) {
            self.finish();
        }
        (trouble, has_told)
    }

    /// Ends a session that is being closed: waits until the server knows, unless one of the caller's functions is running.
    pub(crate) fn finish(self: &Arc<Self>) {
        if self.st.depth.load(Ordering::Relaxed) > 0 {
            return;
        }
        loop {
            self.st.depth.fetch_add(1, Ordering::Relaxed);
            self.turn_and_tell();
            self.st.depth.fetch_sub(1, Ordering::Relaxed);
            let state = self.state.lock();
            if state.is_over && state.batch.is_empty() {
                break;
            }
            let now_ms = clock::now_ms();
            let wait_ms = state.wait_ms(now_ms).unwrap_or(10).min(100);
            let timeout = timespec(wait_ms);
            if let Some((socket, is_full)) = state.socket() {
                let flags = if is_full {
                    PollFlags::IN | PollFlags::OUT
                } else {
                    PollFlags::IN
                };
                // Interrupted, timed out, ready: the next turn looks.
                let _ = rustix::event::poll(&mut [PollFd::new(&socket, flags)], Some(&timeout));
            }
        }
        self.finish_close();
    }
}

fn timespec(wait_ms: u64) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(wait_ms / 1000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(wait_ms % 1000).unwrap_or(0) * 1_000_000,
    }
}

/// The codes that both calls begin with.
fn check(handle: &Handle) -> Result<(), c_int> {
    if handle.state_code() < 0 || handle.is_closing.load(Ordering::Acquire) {
        return Err(ZINVALIDSTATE);
    }
    Ok(())
}

/// What to wait for: the socket (-1 for none), reading or writing, and for how long at most.
///
/// # Safety
/// The pointers are null or point at what their types say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zookeeper_interest(
    zh: *mut ZHandle,
    fd: *mut c_int,
    interest: *mut c_int,
    tv: *mut libc::timeval,
) -> c_int {
    if fd.is_null() || interest.is_null() || tv.is_null() {
        return ZBADARGUMENTS;
    }
    enter(zh, |handle| {
        check(handle)?;
        let (trouble, _) = handle.turn_and_tell();
        let state = handle.state.lock();
        let wanted = match state.socket() {
            Some((_, true)) => READ | WRITE,
            Some((_, false)) => READ,
            None => 0,
        };
        let wait_ms = state.wait_ms(clock::now_ms()).unwrap_or(1_000);
        // SAFETY: not null, so what their types say by contract.
        unsafe {
            *fd = state.socket_number();
            *interest = wanted;
            *tv = libc::timeval {
                tv_sec: i64::try_from(wait_ms / 1000).unwrap_or(i64::MAX),
                tv_usec: i64::try_from(wait_ms % 1000).unwrap_or(0) * 1000,
            };
        }
        if trouble == ZOK { Ok(()) } else { Err(trouble) }
    })
}

/// Does what the socket is ready for, and calls the functions that are due.
#[unsafe(no_mangle)]
pub extern "C" fn zookeeper_process(zh: *mut ZHandle, events: c_int) -> c_int {
    enter(zh, |handle| {
        check(handle)?;
        if handle.state.lock().socket_number() < 0 {
            return Err(ZINVALIDSTATE);
        }
        let before = handle.state_code();
        let (trouble, has_told) = handle.turn_and_tell();
        if trouble != ZOK {
            return Err(trouble);
        }
        let has_happened = has_told || handle.state_code() != before;
        if events & READ != 0 && !has_happened {
            return Err(ZNOTHING);
        }
        Ok(())
    })
}
