//! What `ext_php_rs` does not bind: a few functions of the engine, and those of `shim/shim.c`.
//!
//! Declarations only.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use ext_php_rs::ffi::zend_class_entry;
use ext_php_rs::ffi::zend_execute_data;
use ext_php_rs::ffi::zend_function_entry;
use ext_php_rs::ffi::zend_long;
use ext_php_rs::ffi::zend_module_entry;
use ext_php_rs::ffi::zend_object;
use ext_php_rs::ffi::zend_string;
use ext_php_rs::ffi::zval;
use ext_php_rs::types::Zval;

/// The module as PHP sees it.
pub(crate) type ModuleEntry = zend_module_entry;

/// `zend_result`: 0 is success.
pub(crate) const SUCCESS: c_int = 0;

/// Room for a `zend_fcall_info` or a `zend_fcall_info_cache`; the shim checks that they fit.
#[repr(C, align(16))]
pub(crate) struct CallBuffer(pub(crate) [u64; 16]);

impl CallBuffer {
    pub(crate) const fn new() -> Self {
        Self([0; 16])
    }
}

/// A callable kept by the shim.
#[repr(C)]
pub(crate) struct KeptCallable {
    _opaque: [u8; 0],
}

#[expect(
    unsafe_code,
    reason = "declarations of the engine's own functions, as its headers have them"
)]
unsafe extern "C" {
    pub(crate) fn zend_parse_parameters(count: u32, spec: *const c_char, ...) -> c_int;
    pub(crate) fn zend_throw_exception(
        class: *mut zend_class_entry,
        message: *const c_char,
        code: zend_long,
    ) -> *mut zend_object;
    pub(crate) fn zend_declare_class_constant_long(
        class: *mut zend_class_entry,
        name: *const c_char,
        len: usize,
        value: zend_long,
    );
    pub(crate) fn zend_ini_long(name: *const c_char, len: usize, original: c_int) -> zend_long;
    pub(crate) fn zend_ini_string_ex(
        name: *const c_char,
        len: usize,
        original: c_int,
        exists: *mut bool,
    ) -> *mut c_char;
    pub(crate) fn php_printf(format: *const c_char, ...) -> usize;
    pub(crate) fn zend_unregister_ini_entries(module_number: c_int);
    pub(crate) fn display_ini_entries(module: *mut zend_module_entry);

    pub(crate) fn zoa_session_register();
    pub(crate) fn zoa_session_new_id(mod_data: *mut *mut c_void) -> *mut zend_string;
    fn zoa_module_entry(
        version: *const c_char,
        functions: *const zend_function_entry,
    ) -> *mut zend_module_entry;
    pub(crate) fn zoa_hide_parameter(
        class: *mut zend_class_entry,
        method: *const c_char,
        len: usize,
        number: u32,
    );
    pub(crate) fn zoa_arg_count(frame: *mut zend_execute_data) -> u32;
    pub(crate) fn zoa_this(frame: *mut zend_execute_data) -> *mut zend_object;
    pub(crate) fn zoa_assign_by_ref(frame: *mut zend_execute_data, number: u32, value: *mut zval);
    pub(crate) fn zoa_text_of(value: *mut zval) -> *mut zend_string;
    pub(crate) fn zoa_stream_is(value: *mut Zval) -> bool;
    pub(crate) fn zoa_stream_open(path: *const c_char, value: *mut Zval) -> bool;
    pub(crate) fn zoa_stream_write(value: *mut Zval, bytes: *const c_char, len: usize);
    pub(crate) fn zoa_callable_is_given(fci: *const c_void) -> bool;
    pub(crate) fn zoa_callable_keep(fci: *const c_void, fcc: *const c_void) -> *mut KeptCallable;
    pub(crate) fn zoa_callable_of(value: *mut zval) -> *mut KeptCallable;
    pub(crate) fn zoa_callable_release(callable: *mut KeptCallable);
    pub(crate) fn zoa_callable_is_same(callable: *const KeptCallable, fci: *const c_void) -> bool;
    pub(crate) fn zoa_callable_call(callable: *const KeptCallable, count: u32, args: *mut zval);
}

/// The module entry, with these functions. The version ends in NUL.
#[expect(unsafe_code, reason = "the shim owns the entry")]
pub(crate) fn module_entry(
    version: &'static std::ffi::CStr,
    functions: &'static [zend_function_entry],
) -> *mut ModuleEntry {
    // SAFETY: both live as long as the process, as the engine demands.
    unsafe { zoa_module_entry(version.as_ptr(), functions.as_ptr()) }
}
