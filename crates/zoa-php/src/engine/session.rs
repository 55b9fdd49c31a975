//! PHP's session module, as far as it offers something to save handlers.

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_void;

use ext_php_rs::ffi::zend_string;

use super::ffi;

/// Registers the save handler, if this PHP has sessions.
#[expect(unsafe_code, reason = "the shim's function")]
pub(crate) fn register_save_handler() {
    // SAFETY: called once while the module starts; the table lives as long as the process.
    unsafe { ffi::zoa_session_register() };
}

/// A new session id, drawn as PHP draws it.
#[expect(unsafe_code, reason = "the shim's function")]
pub(crate) fn new_session_id(mod_data: *mut *mut c_void) -> *mut zend_string {
    // SAFETY: called only by the session module, which therefore is there.
    unsafe { ffi::zoa_session_new_id(mod_data) }
}

/// A string of C's, copied; what is no UTF-8 is replaced.
#[expect(unsafe_code, reason = "reads a string that PHP hands in")]
pub(crate) fn c_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: PHP hands in a string that ends in NUL and outlives the call.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}
