//! A PHP callable that is kept and called later, of whatever kind.
//!
//! What the engine resolved when it was given is kept with it, so that a private method works as where it was given.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use ext_php_rs::types::Zval;

use super::ffi;
use super::ffi::KeptCallable;
use super::value::Value;
use super::value::array_of;

/// A callable, held by reference count. Dropping it may run destructors of PHP code.
#[derive(Debug)]
pub(crate) struct Callable(*mut KeptCallable);

impl Callable {
    #[expect(unsafe_code, reason = "the shim takes references")]
    pub(super) fn keep(fci: *const c_void, fcc: *const c_void) -> Self {
        // SAFETY: the caller has seen that the engine has filled them.
        Self(unsafe { ffi::zoa_callable_keep(fci, fcc) })
    }

    /// Keeps the method of an object; `None` when it cannot be called.
    #[expect(unsafe_code, reason = "the shim takes references")]
    pub(crate) fn of_method(object: &Zval, method: &str) -> Option<Self> {
        let object = Value::zval(object.shallow_clone());
        let mut pair = array_of([object, Value::string(method)]).into_zval();
        // SAFETY: the value is one; the shim takes a reference of its own.
        let kept = unsafe { ffi::zoa_callable_of(&raw mut pair) };
        (!kept.is_null()).then(|| Self(kept))
    }

    #[expect(unsafe_code, reason = "the shim compares values")]
    pub(super) fn is_same(&self, fci: *const c_void) -> bool {
        // SAFETY: the callable is held, and the caller has seen that the engine has filled the other one.
        unsafe { ffi::zoa_callable_is_same(self.0, fci) }
    }

    /// Calls it. An exception it throws is pending afterwards. PHP code runs in here: nothing may be borrowed or locked.
    #[expect(unsafe_code, reason = "the engine calls PHP code")]
    pub(crate) fn call<const COUNT: usize>(&self, args: [Value; COUNT]) {
        let mut args = args.map(|arg| MaybeUninit::new(arg.into_zval()));
        let count = u32::try_from(COUNT).expect("there are few arguments");
        // SAFETY: the callable is held; the arguments are handed over, and not dropped here.
        unsafe {
            ffi::zoa_callable_call(self.0, count, args.as_mut_ptr().cast::<Zval>());
        }
    }
}

impl Drop for Callable {
    #[expect(unsafe_code, reason = "the shim gives the references back")]
    fn drop(&mut self) {
        // SAFETY: it is dropped once.
        unsafe { ffi::zoa_callable_release(self.0) };
    }
}
