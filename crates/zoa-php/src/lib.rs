//! The PHP extension `zookeeper`: the class of that name and its kin, on our own client.
//!
//! It decides nothing about the protocol, and what touches PHP's structures stands in [`engine`]. Invariant: PHP code runs on
//! PHP's threads only; the clients' threads put a number into a mailbox and raise a flag.
//!
//! ```text
//! PHP thread                                             a client's thread
//!   $zk->get('/a', $cb)   -> methods -> session -------> request, reply
//!   safe point            <- delivery <- mailbox <------ event
//! ```

mod delivery;
mod desk;
mod engine;
mod errors;
mod idle;
mod limits;
mod log;
mod mailbox;
mod methods;
mod process;
mod registration;
mod session;
mod session_handler;
mod session_state;
mod session_store;
mod settings;
mod values;
mod zookeeper;
mod zookeeper_client;

use engine::ModuleEntry;
use engine::Native;

/// Ends in NUL, as PHP wants it.
const VERSION: &std::ffi::CStr = match std::ffi::CStr::from_bytes_with_nul(
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes(),
) {
    Ok(version) => version,
    Err(_) => c"0",
};

/// PHP asks for the module here.
#[expect(unsafe_code, reason = "the name by which PHP finds it")]
#[unsafe(no_mangle)]
extern "C" fn get_module() -> *mut ModuleEntry {
    let functions = engine::function_table(zookeeper::FUNCTIONS);
    engine::module_entry(VERSION, functions)
}

#[expect(unsafe_code, reason = "the name by which the shim calls it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_minit(_kind: i32, module_number: i32) -> i32 {
    engine::register_ini(settings::entries(), module_number);
    errors::register();
    zookeeper::Zookeeper::register();
    // A credential.
    zookeeper::ZOOKEEPER.hide_parameter(c"addauth", 1);
    zookeeper::ZookeeperConfig::register();
    zookeeper_client::register();
    engine::register_save_handler();
    engine::install_interrupt_hook();
    0
}

#[expect(unsafe_code, reason = "the name by which the shim calls it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_mshutdown(_kind: i32, module_number: i32) -> i32 {
    process::enter();
    // A panic must not unwind into the engine.
    let _ = std::panic::catch_unwind(|| {
        session_handler::end();
        idle::end();
    });
    engine::remove_interrupt_hook();
    engine::unregister_ini(module_number);
    0
}

#[expect(unsafe_code, reason = "the name by which the shim calls it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_rinit(_kind: i32, _module_number: i32) -> i32 {
    process::enter();
    0
}

#[expect(unsafe_code, reason = "the name by which the shim calls it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_rshutdown(_kind: i32, _module_number: i32) -> i32 {
    process::enter();
    // A panic must not unwind into the engine.
    let _ = std::panic::catch_unwind(|| desk::Desk::here().end_request());
    0
}

#[expect(unsafe_code, reason = "the name by which the shim calls it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_gshutdown(_globals: *mut std::ffi::c_void) {
    desk::Desk::end_thread();
}

#[expect(unsafe_code, reason = "the name by which the shim calls it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_minfo(module: *mut ModuleEntry) {
    let rows = [
        (c"zookeeper support", c"enabled"),
        (c"version", VERSION),
        (c"libzookeeper version", c"none: Zoarium's own client"),
    ];
    engine::info_table(module, &rows);
}
