//! The table in phpinfo().

use std::ffi::CStr;

use super::ffi;
use super::ffi::ModuleEntry;

/// Prints the rows, and the module's settings below them.
#[expect(unsafe_code, reason = "the engine's functions")]
pub(crate) fn info_table(module: *mut ModuleEntry, rows: &[(&CStr, &CStr)]) {
    // SAFETY: called by the engine while it prints this module's table; each row has the columns it says.
    unsafe {
        ext_php_rs::ffi::php_info_print_table_start();
        for (name, value) in rows {
            ext_php_rs::ffi::php_info_print_table_row(2, name.as_ptr(), value.as_ptr());
        }
        ext_php_rs::ffi::php_info_print_table_end();
        ffi::display_ini_entries(module);
    }
}

/// Prints to PHP's output.
#[expect(
    unsafe_code,
    reason = "the engine's variadic function, given a constant format"
)]
pub(super) fn print(text: &CStr) {
    // SAFETY: the format takes the one string it is given.
    unsafe { ffi::php_printf(c"%s".as_ptr(), text.as_ptr()) };
}
