//! Settings in php.ini.

use std::ffi::CStr;

use ext_php_rs::zend::IniEntryDef;

use super::ffi;

/// Registers settings.
pub(crate) fn register_ini(entries: &'static [IniEntryDef], module_number: i32) {
    IniEntryDef::register(entries, module_number);
}

/// Takes them back.
#[expect(unsafe_code, reason = "the engine's function")]
pub(crate) fn unregister_ini(module_number: i32) {
    // SAFETY: called while the module ends, as the engine expects.
    unsafe { ffi::zend_unregister_ini_entries(module_number) };
}

/// A setting, as a number.
#[expect(unsafe_code, reason = "the engine's function")]
pub(crate) fn ini_long(name: &CStr) -> i64 {
    // SAFETY: the name is a string of this length.
    unsafe { ffi::zend_ini_long(name.as_ptr(), name.count_bytes(), 0) }
}
