//! Settings in php.ini.

use std::ffi::CStr;

use ext_php_rs::ffi::zend_ini_entry;
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

/// A setting, as text; what is no UTF-8 is replaced.
#[expect(unsafe_code, reason = "the engine's function")]
pub(crate) fn ini_text(name: &CStr) -> String {
    // SAFETY: the name is a string of this length, which the engine only reads; the value ends in NUL, and is copied at once.
    let value = unsafe {
        ffi::zend_ini_string_ex(name.as_ptr(), name.count_bytes(), 0, std::ptr::null_mut())
    };
    super::session::c_text(value)
}

/// The setting, with its value left out where settings are shown.
pub(crate) const fn secret(mut entry: IniEntryDef) -> IniEntryDef {
    entry.displayer = Some(display_secret);
    entry
}

#[expect(unsafe_code, reason = "called by the engine")]
unsafe extern "C" fn display_secret(entry: *mut zend_ini_entry, _kind: i32) {
    // SAFETY: the engine hands in an entry of ours, whose value is null or a string.
    let is_set = unsafe {
        let value = (*entry).value;
        !value.is_null() && (*value).len > 0
    };
    super::output::print(if is_set { c"(set)" } else { c"no value" });
}
