//! A session of C's: the core behind one lock, what is read without it, and what its threads share.
//!
//! It moves nothing by itself: `driver` does, for the I/O thread or for the caller's loop. Invariant: the lock is held by code of ours
//! only, and what is published here (state, timeout, id) is what the core said when the lock was last given back.

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use parking_lot::MutexGuard;

use crate::abi::ClientId;
use crate::abi::LogCallbackFn;
use crate::abi::WatcherFn;
use crate::abi::ZHandle;
use crate::constants::STATE_NOTCONNECTED;
use crate::driver::State;
use crate::log;
use crate::log::Level;
#[cfg(not(feature = "single-threaded"))]
use crate::threads::Threads;
use crate::watchers::Watcher;

/// A session.
#[derive(Debug)]
pub(crate) struct Handle {
    /// The process it belongs to, as `registry::forks` counts them.
    pub(crate) forks: u32,
    /// The number C code knows it by.
    pub(crate) number: usize,
    pub(crate) state: Mutex<State>,
    pub(crate) is_closing: AtomicBool,
    state_code: AtomicI32,
    timeout_ms: AtomicI32,
    /// The socket, for a child of fork() to close; -1 for none.
    pub(crate) socket: AtomicI32,
    client_id: Mutex<Box<ClientId>>,
    default: Mutex<Default>,
    log_callback: AtomicUsize,
    /// Wakes who waits for the socket.
    pub(crate) wake: OwnedFd,
    #[cfg(not(feature = "single-threaded"))]
    pub(crate) threads: Threads,
    #[cfg(feature = "single-threaded")]
    pub(crate) st: crate::st::Loop,
}

/// The default watcher and the context of the session.
#[derive(Clone, Copy, Debug)]
struct Default {
    function: WatcherFn,
    context: *mut c_void,
}

/// Stands where the caller gave no watcher: watches are set all the same, and tell nobody.
pub(crate) unsafe extern "C" fn watch_nothing(
    _: *mut ZHandle,
    _: c_int,
    _: c_int,
    _: *const c_char,
    _: *mut c_void,
) {
}

// SAFETY: the context is the caller's and only handed back.
unsafe impl Send for Default {}

/// What the caller says of a new session.
#[derive(Debug)]
pub(crate) struct Birth {
    pub(crate) number: usize,
    pub(crate) forks: u32,
    pub(crate) timeout_ms: c_int,
    pub(crate) client_id: ClientId,
    pub(crate) watcher: Option<WatcherFn>,
    pub(crate) context: *mut c_void,
    pub(crate) log_callback: Option<LogCallbackFn>,
}

impl Handle {
    pub(crate) fn new(birth: &Birth, state: State, wake: OwnedFd) -> Self {
        let handle = Self {
            forks: birth.forks,
            number: birth.number,
            state: Mutex::new(state),
            is_closing: AtomicBool::new(false),
            state_code: AtomicI32::new(STATE_NOTCONNECTED),
            timeout_ms: AtomicI32::new(birth.timeout_ms),
            socket: AtomicI32::new(-1),
            client_id: Mutex::new(Box::new(birth.client_id)),
            default: Mutex::new(Default {
                function: birth.watcher.unwrap_or(watch_nothing),
                context: birth.context,
            }),
            log_callback: AtomicUsize::new(0),
            wake,
            #[cfg(not(feature = "single-threaded"))]
            threads: Threads::default(),
            #[cfg(feature = "single-threaded")]
            st: crate::st::Loop::default(),
        };
        handle.set_log_callback(birth.log_callback);
        handle
    }

    /// What C code knows it by.
    pub(crate) const fn pointer(&self) -> *mut ZHandle {
        std::ptr::without_provenance_mut(self.number)
    }

    /// The state as the interface numbers them.
    pub(crate) fn state_code(&self) -> c_int {
        self.state_code.load(Ordering::Acquire)
    }

    /// Milliseconds, as agreed on with the server; before that, as asked for.
    pub(crate) fn timeout_ms(&self) -> c_int {
        self.timeout_ms.load(Ordering::Acquire)
    }

    /// Where the id is; it stays there as long as the handle, and changes as sessions do.
    pub(crate) fn client_id(&self) -> *const ClientId {
        &raw const **self.client_id.lock()
    }

    /// Makes visible what the core has come to.
    pub(crate) fn publish(&self, state: &State) {
        self.state_code.store(state.code(), Ordering::Release);
        self.socket.store(state.socket_number(), Ordering::Release);
        if let Some(ticket) = state.new_ticket() {
            let timeout = c_int::try_from(state.core.session_timeout_ms()).unwrap_or(c_int::MAX);
            self.timeout_ms.store(timeout, Ordering::Release);
            **self.client_id.lock() = ticket;
        }
    }

    pub(crate) fn log_callback(&self) -> Option<LogCallbackFn> {
        let address = self.log_callback.load(Ordering::Acquire);
        // SAFETY: 0 or a function that was stored below; an Option of a function has the same representation.
        unsafe { std::mem::transmute::<usize, Option<LogCallbackFn>>(address) }
    }

    pub(crate) fn set_log_callback(&self, callback: Option<LogCallbackFn>) {
        let address = callback.map_or(0, |callback| callback as usize);
        self.log_callback.store(address, Ordering::Release);
    }

    /// Logs a line. No lock may be held.
    pub(crate) fn log(&self, level: Level, function: &'static CStr, text: impl FnOnce() -> String) {
        log::line(self.log_callback(), level, function, text);
    }

    pub(crate) fn context(&self) -> *mut c_void {
        self.default.lock().context
    }

    pub(crate) fn set_context(&self, context: *mut c_void) {
        self.default.lock().context = context;
    }

    /// The default watcher with the session's context.
    pub(crate) fn default_watcher(&self) -> Watcher {
        let Default { function, context } = *self.default.lock();
        Watcher { function, context }
    }

    /// Takes another default watcher; the one before.
    pub(crate) fn set_watcher(&self, function: Option<WatcherFn>) -> WatcherFn {
        let function = function.unwrap_or(watch_nothing);
        std::mem::replace(&mut self.default.lock().function, function)
    }

    /// Wakes the I/O thread if it sleeps. The lock is held by who asks.
    pub(crate) fn signal(&self, state: &mut MutexGuard<'_, State>) {
        if std::mem::take(&mut state.is_sleeping) {
            // A full counter wakes as well as one more.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }
}
