//! The engine while it runs PHP code: its flag that asks for attention, the pending exception, fibers, and bailouts.

use std::ffi::CStr;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering;

use ext_php_rs::ffi::ext_php_rs_executor_globals;
use ext_php_rs::ffi::ext_php_rs_zend_try_catch;
use ext_php_rs::ffi::zend_execute_data;

type InterruptHook = unsafe extern "C" fn(*mut zend_execute_data);

/// The flag by which another thread asks this PHP thread for attention. Its address is taken on that thread, and used from others
/// until it is [`forget`](Self::forget)-ed.
#[derive(Debug)]
pub(crate) struct Interrupt(AtomicPtr<AtomicBool>);

impl Interrupt {
    /// The flag of this thread.
    #[expect(unsafe_code, reason = "takes the address of the engine's flag")]
    pub(crate) fn of_this_thread() -> Self {
        // SAFETY: the globals of this thread. The flag is one byte and atomic, or used as such, in every PHP we build for.
        let flag = unsafe { &raw mut (*ext_php_rs_executor_globals()).vm_interrupt };
        Self(AtomicPtr::new(flag.cast()))
    }

    /// Asks for attention, from any thread.
    #[expect(unsafe_code, reason = "writes the engine's flag")]
    pub(crate) fn raise(&self) {
        let flag = self.0.load(Ordering::Acquire);
        // SAFETY: the flag lives as long as its thread, and is forgotten before that ends.
        if let Some(flag) = unsafe { flag.as_ref() } {
            flag.store(true, Ordering::Release);
        }
    }

    /// Whether somebody asks for attention.
    #[expect(unsafe_code, reason = "reads the engine's flag")]
    pub(crate) fn is_raised(&self) -> bool {
        let flag = self.0.load(Ordering::Acquire);
        // SAFETY: as above.
        unsafe { flag.as_ref() }.is_some_and(|flag| flag.load(Ordering::Acquire))
    }

    /// From now on nothing is written.
    pub(crate) fn forget(&self) {
        self.0.store(ptr::null_mut(), Ordering::Release);
    }
}

/// Whether this PHP serves one request after another, as FPM does; false on the command line.
#[expect(unsafe_code, reason = "reads the name of the server API")]
pub(crate) fn serves_requests() -> bool {
    // SAFETY: the engine's own structure, complete before any module starts; its name ends in NUL.
    let name = unsafe {
        let name = (*ext_php_rs::ffi::ext_php_rs_sapi_module()).name;
        if name.is_null() {
            return false;
        }
        CStr::from_ptr(name)
    };
    !matches!(name.to_bytes(), b"cli" | b"phpdbg" | b"embed" | b"micro")
}

/// Whether an exception is on its way to whoever catches it.
#[expect(unsafe_code, reason = "reads the engine's globals")]
pub(crate) fn has_exception() -> bool {
    // SAFETY: the globals of this thread.
    unsafe { !(*ext_php_rs_executor_globals()).exception.is_null() }
}

/// The fiber that runs, as nothing but an identity; null outside of fibers.
#[expect(unsafe_code, reason = "reads the engine's globals")]
pub(crate) fn current_fiber() -> *const c_void {
    // SAFETY: the globals of this thread.
    unsafe {
        (*ext_php_rs_executor_globals())
            .active_fiber
            .cast_const()
            .cast()
    }
}

/// Runs `body`; when the engine bails out of it (a fatal error, a memory limit), runs `cleanup` and lets the bailout go on.
#[expect(unsafe_code, reason = "the engine's longjmp")]
pub(crate) fn guard_bailout(body: &dyn Fn(), cleanup: impl FnOnce()) {
    unsafe extern "C" fn call(context: *const c_void) -> *const c_void {
        // SAFETY: the pointer below, used while the call lasts.
        let body = unsafe { &*context.cast::<&dyn Fn()>() };
        body();
        ptr::null()
    }
    let mut result = ptr::null_mut();
    let context = ptr::from_ref(&body).cast();
    // SAFETY: the context outlives the call. Frames that a bailout skips hold nothing that must be dropped.
    let has_bailed_out = unsafe { ext_php_rs_zend_try_catch(call, context, &raw mut result) };
    if has_bailed_out {
        cleanup();
        // SAFETY: what the engine would have done had we not looked in between.
        unsafe { ext_php_rs::ffi::ext_php_rs_zend_bailout() };
    }
}

/// Whoever was asked before us.
static PREVIOUS_HOOK: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// From now on the engine calls us, on the thread that was asked, when the flag is up and PHP code reaches a safe point.
#[expect(unsafe_code, reason = "the engine's hook")]
pub(crate) fn install_interrupt_hook() {
    // SAFETY: modules start on one thread, before PHP code runs.
    unsafe {
        let hook = &raw mut ext_php_rs::ffi::zend_interrupt_function;
        let previous = (*hook).map_or(ptr::null_mut(), |hook| hook as *mut c_void);
        PREVIOUS_HOOK.store(previous, Ordering::Release);
        *hook = Some(on_interrupt);
    }
}

/// Undoes [`install_interrupt_hook`], if nobody has come after us.
#[expect(unsafe_code, reason = "the engine's hook")]
pub(crate) fn remove_interrupt_hook() {
    // SAFETY: modules end on one thread, after all PHP code.
    unsafe {
        let hook = &raw mut ext_php_rs::ffi::zend_interrupt_function;
        if (*hook).is_some_and(|hook| ptr::fn_addr_eq(hook, on_interrupt as InterruptHook)) {
            *hook = previous_hook();
        }
    }
}

#[expect(unsafe_code, reason = "a function pointer kept as a plain one")]
fn previous_hook() -> Option<InterruptHook> {
    let previous = PREVIOUS_HOOK.load(Ordering::Acquire);
    // SAFETY: null, or what was a function of this type.
    (!previous.is_null())
        .then(|| unsafe { std::mem::transmute::<*mut c_void, InterruptHook>(previous) })
}

#[expect(unsafe_code, reason = "the engine's hook")]
unsafe extern "C" fn on_interrupt(frame: *mut zend_execute_data) {
    // A panic must not unwind into the engine; there is nobody to tell it to.
    let _ = std::panic::catch_unwind(crate::delivery::deliver);
    if let Some(previous) = previous_hook() {
        // SAFETY: called as the engine would have.
        unsafe { previous(frame) };
    }
}
