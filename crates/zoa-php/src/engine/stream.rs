//! PHP's streams, as far as lines are written to one.

use std::ffi::CString;

use ext_php_rs::types::Zval;

use super::ffi;

/// A stream, held by reference count. Whoever else holds it may close it.
#[derive(Debug)]
pub(crate) struct Stream(Zval);

impl Stream {
    /// The stream that this value is; `None` when it is none, or closed.
    #[expect(unsafe_code, reason = "the shim looks at the value")]
    pub(crate) fn of(value: &Zval) -> Option<Self> {
        let mut held = value.shallow_clone();
        // SAFETY: the value is one, and held.
        unsafe { ffi::zoa_stream_is(&raw mut held) }.then_some(Self(held))
    }

    /// Opens a file to add lines to, by PHP's rules; PHP says why when it cannot be. NUL is in no path.
    #[expect(unsafe_code, reason = "the shim opens it")]
    pub(crate) fn open(path: &[u8]) -> Option<Self> {
        let path = CString::new(path).ok()?;
        let mut opened = Zval::new();
        // SAFETY: the path ends in NUL; the slot is null, and gets the one reference to the stream.
        unsafe { ffi::zoa_stream_open(path.as_ptr(), &raw mut opened) }.then_some(Self(opened))
    }

    /// Writes to it; nothing when it was closed. PHP code may run in here: nothing may be borrowed or locked.
    #[expect(unsafe_code, reason = "the shim writes")]
    pub(crate) fn write(&self, bytes: &[u8]) {
        let mut held = self.0.shallow_clone();
        // SAFETY: the value is held; the bytes are only read.
        unsafe { ffi::zoa_stream_write(&raw mut held, bytes.as_ptr().cast(), bytes.len()) };
    }
}
