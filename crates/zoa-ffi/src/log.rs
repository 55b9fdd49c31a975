//! Logging: one level and one stream for the process, a callback for each session that wants one.
//!
//! A line is `time:pid(thread):LEVEL@function@line: text`, the form that users of the original grep for. Lines made under a lock are
//! kept and written when it is free, since a callback is the caller's code.

use std::ffi::CStr;
use std::ffi::CString;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_long;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering;

use crate::abi::LogCallbackFn;
use crate::abi::ZHandle;
use crate::registry;

/// How much is logged: 0 nothing, 1 errors, 2 warnings, 3 information, 4 everything. The header's macros read it.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name is the C interface")]
pub static mut logLevel: c_int = Level::Info as c_int;

static STREAM: AtomicPtr<libc::FILE> = AtomicPtr::new(std::ptr::null_mut());

unsafe extern "C" {
    static stderr: *mut libc::FILE;
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub(crate) enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
}

/// Whether lines of this level are wanted.
pub(crate) fn is_on(level: Level) -> bool {
    // SAFETY: an aligned int that C code may write at any time; a volatile read makes no assumption about it.
    let wanted = unsafe { (&raw const logLevel).read_volatile() };
    wanted >= level as c_int
}

/// A line that waits for a lock to be free.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) function: &'static CStr,
    pub(crate) text: String,
}

/// Writes lines, to the callback if there is one.
pub(crate) fn write(callback: Option<LogCallbackFn>, lines: impl IntoIterator<Item = Line>) {
    for line in lines {
        put(callback, line.level as c_int, 0, line.function, line.text);
    }
}

/// Writes one line now. No lock may be held.
pub(crate) fn line(
    callback: Option<LogCallbackFn>,
    level: Level,
    function: &'static CStr,
    text: impl FnOnce() -> String,
) {
    if is_on(level) {
        put(callback, level as c_int, 0, function, text());
    }
}

fn put(
    callback: Option<LogCallbackFn>,
    level: c_int,
    line: c_int,
    function: &CStr,
    mut text: String,
) {
    text.retain(|character| character != '\0');
    let name = match level {
        1 => "ZOO_ERROR",
        2 => "ZOO_WARN",
        3 => "ZOO_INFO",
        4 => "ZOO_DEBUG",
        _ => "ZOO_INVALID",
    };
    let function = function.to_string_lossy();
    let prefix = prefix();
    let whole = format!("{prefix}:{name}@{function}@{line}: {text}");
    let Ok(whole) = CString::new(whole) else {
        return;
    };
    match callback {
        // SAFETY: the caller gave the function for this purpose; the string lives until it returns.
        Some(callback) => unsafe { callback(whole.as_ptr()) },
        None => {
            let stream = zoo_get_log_stream();
            // SAFETY: the stream is stderr, or what the caller gave and must keep open; the format takes one string.
            unsafe {
                libc::fprintf(stream, c"%s\n".as_ptr(), whole.as_ptr());
                libc::fflush(stream);
            }
        }
    }
}

/// The local time, the process, and in libzookeeper_mt the thread.
fn prefix() -> String {
    let mut now = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    // SAFETY: tm holds numbers and a pointer that may be null, so zeroes are a value of it.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both structs are ours and live through the calls.
    unsafe {
        libc::gettimeofday(&raw mut now, std::ptr::null_mut());
        libc::localtime_r(&raw const now.tv_sec, &raw mut local);
    }
    let process = std::process::id();
    // SAFETY: it has no preconditions.
    let thread = unsafe { libc::pthread_self() };
    let thread = if cfg!(feature = "single-threaded") {
        String::new()
    } else {
        format!("({thread:#x})")
    };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03}:{process}{thread}",
        local.tm_year + 1900,
        local.tm_mon + 1,
        local.tm_mday,
        local.tm_hour,
        local.tm_min,
        local.tm_sec,
        c_long::from(now.tv_usec) / 1000,
    )
}

/// What `log_message` (c/log_message.c) has formatted.
///
/// # Safety
/// `function` is null or a string, `text` a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoa_log_text(
    callback: Option<LogCallbackFn>,
    level: c_int,
    line: c_int,
    function: *const c_char,
    text: *const c_char,
) {
    if text.is_null() {
        return;
    }
    let function = if function.is_null() {
        c"?"
    } else {
        // SAFETY: not null, and a string by contract.
        unsafe { CStr::from_ptr(function) }
    };
    // SAFETY: a string by contract.
    let text = unsafe { CStr::from_ptr(text) };
    put(
        callback,
        level,
        line,
        function,
        text.to_string_lossy().into_owned(),
    );
}

/// Sets how much is logged; numbers beyond the range count as its ends, 0 switches logging off.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_set_debug_level(level: c_int) {
    let level = if level == 0 { 0 } else { level.clamp(1, 4) };
    // SAFETY: an aligned int that is only read and written whole.
    unsafe { (&raw mut logLevel).write_volatile(level) };
}

/// Has lines written to this stream; NULL is stderr.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_set_log_stream(stream: *mut libc::FILE) {
    STREAM.store(stream, Ordering::Release);
}

/// The stream that lines go to.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_get_log_stream() -> *mut libc::FILE {
    let stream = STREAM.load(Ordering::Acquire);
    if stream.is_null() {
        // SAFETY: the C library sets it before any code runs.
        unsafe { stderr }
    } else {
        stream
    }
}

/// The callback of a session.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_get_log_callback(zh: *const ZHandle) -> Option<LogCallbackFn> {
    registry::find(zh).ok()?.log_callback()
}

/// Has the lines of a session handed to this function; NULL has them written to the stream again.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_set_log_callback(zh: *mut ZHandle, callback: Option<LogCallbackFn>) {
    if let Ok(handle) = registry::find(zh) {
        handle.set_log_callback(callback);
    }
}
