//! What is exported and not served: SASL, which says so, and locks that the original shows by accident.
//!
//! Invariant: none of them does half of a thing. A session that was asked to be authenticated is not made at all.

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null_mut;

use crate::abi::ClientId;
use crate::abi::LogCallbackFn;
use crate::abi::WatcherFn;
use crate::abi::ZHandle;
use crate::abi::ZSock;
use crate::lifecycle::set_errno;
use crate::log;
use crate::log::Level;
use crate::submit::guarded;

fn refuse(callback: Option<LogCallbackFn>, function: &'static CStr, what: &str) {
    guarded(|| {
        log::line(callback, Level::Error, function, || {
            format!("{what} is not served by this library yet; no session was made")
        });
        0
    });
    set_errno(libc::ENOTSUP);
}

/// Would make a session with SASL: gives NULL and ENOTSUP.
#[unsafe(no_mangle)]
pub extern "C" fn zookeeper_init_sasl(
    _host: *const c_char,
    _watcher: Option<WatcherFn>,
    _recv_timeout: c_int,
    _client_id: *const ClientId,
    _context: *mut c_void,
    _flags: c_int,
    log_callback: Option<LogCallbackFn>,
    _parameters: *mut c_void,
) -> *mut ZHandle {
    refuse(log_callback, c"zookeeper_init_sasl", "SASL");
    null_mut()
}

/// Would make callbacks for Cyrus SASL: gives NULL and ENOTSUP.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_sasl_make_basic_callbacks(
    _user: *const c_char,
    _realm: *const c_char,
    _password_file: *const c_char,
) -> *mut c_void {
    refuse(None, c"zoo_sasl_make_basic_callbacks", "SASL");
    null_mut()
}

/// Would make callbacks for Cyrus SASL: gives NULL and ENOTSUP.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_sasl_make_password_callbacks(
    _user: *const c_char,
    _realm: *const c_char,
    _password: *mut c_void,
) -> *mut c_void {
    refuse(None, c"zoo_sasl_make_password_callbacks", "SASL");
    null_mut()
}

/// Closes a socket that a program keeps in the original's struct.
///
/// # Safety
/// `zsock` is null or a `zsock_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close_zsock(zsock: *mut ZSock) {
    if zsock.is_null() {
        return;
    }
    // SAFETY: not null, so a struct by contract; its socket is the caller's to close.
    unsafe {
        if (*zsock).sock != -1 {
            libc::close((*zsock).sock);
            (*zsock).sock = -1;
        }
    }
}

/// Guards nothing here: identities are behind the session's own lock.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_lock_auth(_: *mut ZHandle) -> c_int {
    0
}

/// See [`zoo_lock_auth`].
#[unsafe(no_mangle)]
pub extern "C" fn zoo_unlock_auth(_: *mut ZHandle) -> c_int {
    0
}

/// The threads of the session do this in libzookeeper_mt: nothing happens, ZINVALIDSTATE.
#[cfg(not(feature = "single-threaded"))]
#[unsafe(no_mangle)]
pub extern "C" fn zookeeper_interest(
    _: *mut ZHandle,
    _: *mut c_int,
    _: *mut c_int,
    _: *mut c_void,
) -> c_int {
    crate::codes::ZINVALIDSTATE
}

/// See [`zookeeper_interest`].
#[cfg(not(feature = "single-threaded"))]
#[unsafe(no_mangle)]
pub extern "C" fn zookeeper_process(_: *mut ZHandle, _: c_int) -> c_int {
    crate::codes::ZINVALIDSTATE
}
