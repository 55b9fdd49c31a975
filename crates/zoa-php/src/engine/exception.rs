//! Throwing into PHP.

use std::ffi::CString;

use super::class::Class;
use super::ffi;

/// An exception is pending in the engine; whoever gets this returns at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Thrown;

/// Throws an exception of this class.
#[expect(unsafe_code, reason = "the engine makes the exception")]
pub(crate) fn throw(class: &Class, message: &str, code: i64) -> Thrown {
    let message = c_string(message);
    // SAFETY: the class is registered; the engine copies the message.
    unsafe { ffi::zend_throw_exception(class.entry(), message.as_ptr(), code) };
    Thrown
}

/// Throws an `Error`.
#[expect(unsafe_code, reason = "the engine makes the exception")]
pub(crate) fn throw_error(message: &str) -> Thrown {
    let message = c_string(message);
    // SAFETY: the engine registers its own classes before any module starts, and copies the message.
    unsafe { ffi::zend_throw_exception(ext_php_rs::ffi::zend_ce_error, message.as_ptr(), 0) };
    Thrown
}

/// Throws a `TypeError`.
#[expect(unsafe_code, reason = "the engine makes the exception")]
pub(crate) fn throw_type_error(message: &str) -> Thrown {
    let message = c_string(message);
    // SAFETY: as above.
    unsafe { ffi::zend_throw_exception(ext_php_rs::ffi::zend_ce_type_error, message.as_ptr(), 0) };
    Thrown
}

/// Raises a warning.
#[expect(
    unsafe_code,
    reason = "the engine's variadic function, given a constant format"
)]
pub(crate) fn warn(message: &str) {
    let message = c_string(message);
    let level = i32::try_from(ext_php_rs::ffi::E_WARNING).expect("a small number");
    // SAFETY: the format takes the one string it is given.
    unsafe {
        ext_php_rs::ffi::php_error_docref(
            std::ptr::null(),
            level,
            c"%s".as_ptr(),
            message.as_ptr(),
        );
    }
}

/// NUL ends a message early, and nothing worse.
fn c_string(text: &str) -> CString {
    let text = text.split('\0').next().unwrap_or_default();
    CString::new(text).expect("it was cut at the first NUL")
}
