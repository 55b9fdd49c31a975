//! The save handler `zookeeper` of PHP's sessions: what PHP calls, in terms of [`crate::session_store`].
//!
//! It keeps one client per `session.save_path` and process. Invariant: whatever goes wrong is a warning that says what, and
//! PHP's own failure; nothing waits longer than the limits say.

use std::cell::RefCell;
use std::ffi::c_char;
use std::ffi::c_void;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Duration;

use ext_php_rs::ffi::zend_string;
use ext_php_rs::types::ZendStr;
use zoa_client::SessionState;
use zoa_client::TlsOptions;
use zoa_client::blocking::Client;

use crate::engine::c_text;
use crate::engine::deaf_to_signals;
use crate::engine::new_session_id;
use crate::engine::warn;
use crate::process;
use crate::process::OfProcess;
use crate::session::BACKOFF;
use crate::session_store::Store;
use crate::session_store::Trouble;
use crate::settings;

const SUCCESS: i32 = 0;
const FAILURE: i32 = -1;

/// How long a lock is waited for when scripts may run for ever.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// How often a new session id is drawn when the last one is taken.
const ID_TRIES: usize = 3;

/// The client of the last save path.
#[derive(Debug)]
struct Kept {
    save_path: String,
    tls: Option<TlsOptions>,
    client: Rc<OfProcess<Client>>,
}

thread_local! {
    static CLIENT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    /// The sessions that are open, as PHP opens them: one at a time.
    static OPEN: RefCell<Option<Store>> = const { RefCell::new(None) };
}

/// How long a session's lock, and the server, are waited for.
fn limit() -> Duration {
    match u64::try_from(settings::max_execution_time_s()) {
        Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
        _ => LOCK_LIMIT,
    }
}

fn open(save_path: &str) -> Result<(), Trouble> {
    if save_path.is_empty() {
        return Err(
            "session.save_path must name the servers: host:port,host:port/chroot".to_owned(),
        );
    }
    let client = client_of(save_path)?;
    let is_private = settings::session_auth().is_some();
    OPEN.replace(Some(Store::new(client, limit(), is_private)));
    Ok(())
}

/// The client for this save path: the last one while it is of use, or a new one.
fn client_of(save_path: &str) -> Result<Rc<OfProcess<Client>>, Trouble> {
    let tls = settings::tls()?;
    let kept = CLIENT.with_borrow(|kept| {
        let Kept {
            save_path: path,
            tls: with,
            client,
        } = kept.as_ref()?;
        let state = client.get()?.handle().state();
        let is_alive = !matches!(
            state,
            SessionState::Expired | SessionState::AuthFailed | SessionState::Closed
        );
        (path == save_path && *with == tls && is_alive).then(|| Rc::clone(client))
    });
    let client = match kept {
        Some(client) => client,
        None => start(save_path, tls)?,
    };
    // The limit of the settings, for the way to a server too.
    let within = limit().min(settings::recv_timeout());
    if let Some(alive) = client.get() {
        alive
            .wait_connected(within)
            .map_err(|error| error.to_string())?;
    }
    Ok(client)
}

fn start(save_path: &str, tls: Option<TlsOptions>) -> Result<Rc<OfProcess<Client>>, Trouble> {
    let mut builder = Client::builder(save_path)
        .session_timeout(settings::recv_timeout())
        .request_timeout(limit())
        .backoff(BACKOFF)
        .close_timeout(Duration::from_secs(1));
    if let Some(tls) = &tls {
        builder = builder.tls(tls.clone());
    }
    if let Some((scheme, cert)) = settings::session_auth() {
        builder = builder.auth(&scheme, cert);
    }
    let client = deaf_to_signals(|| builder.start_blocking());
    let client = client.map_err(|error| error.to_string())?;
    let client = Rc::new(OfProcess::new(client));
    let replaced = CLIENT.replace(Some(Kept {
        save_path: save_path.to_owned(),
        tls,
        client: Rc::clone(&client),
    }));
    drop(replaced);
    Ok(client)
}

/// Closes the client that is kept, and with it all that it holds; at the end of the process, and when that is in doubt.
pub(crate) fn end() {
    if let Some(kept) = CLIENT.take()
        && let Some(client) = kept.client.get()
    {
        let _ = client.close();
    }
}

fn with_store<R>(body: impl FnOnce(&mut Store) -> Result<R, Trouble>) -> Result<R, Trouble> {
    OPEN.with_borrow_mut(|open| match open {
        Some(store) => body(store),
        None => Err("the session is not open".to_owned()),
    })
}

/// Runs what PHP called; trouble becomes a warning. A panic does not unwind into PHP.
fn told<R>(body: impl FnOnce() -> Result<R, Trouble>) -> Option<R> {
    process::enter();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(result)) => Some(result),
        Ok(Err(trouble)) => {
            warn(&format!("zookeeper session: {trouble}"));
            None
        }
        Err(_) => None,
    }
}

fn result_of(done: Option<()>) -> i32 {
    if done.is_some() { SUCCESS } else { FAILURE }
}

#[expect(unsafe_code, reason = "a string that PHP holds during the call")]
fn bytes_of<'c>(text: *mut zend_string) -> &'c [u8] {
    // SAFETY: PHP hands in strings that outlive the call; null is as empty.
    unsafe { text.cast::<ZendStr>().as_ref() }.map_or(&[], ZendStr::as_bytes)
}

fn id_of<'c>(text: *mut zend_string) -> Result<&'c str, Trouble> {
    std::str::from_utf8(bytes_of(text)).map_err(|_| "the session id is no text".to_owned())
}

#[expect(
    unsafe_code,
    reason = "called by PHP, which owns what the pointer points to"
)]
fn set_open(mod_data: *mut *mut c_void, is_open: bool) {
    let mark = std::ptr::without_provenance_mut(usize::from(is_open));
    // SAFETY: PHP hands in its own variable.
    unsafe { *mod_data = mark };
}

#[expect(unsafe_code, reason = "the name by which the shim's table has it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_session_open(
    mod_data: *mut *mut c_void,
    save_path: *const c_char,
    _name: *const c_char,
) -> i32 {
    let opened = told(|| open(&c_text(save_path)));
    set_open(mod_data, opened.is_some());
    result_of(opened)
}

#[expect(unsafe_code, reason = "the name by which the shim's table has it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_session_close(mod_data: *mut *mut c_void) -> i32 {
    set_open(mod_data, false);
    let store = OPEN.take();
    result_of(told(|| {
        let Some(mut store) = store else {
            return Ok(());
        };
        let unlocked = store.unlock();
        if store.is_in_doubt() {
            end();
        }
        unlocked
    }))
}

#[expect(unsafe_code, reason = "the name by which the shim's table has it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_session_read(
    _mod_data: *mut *mut c_void,
    key: *mut zend_string,
    value: *mut *mut zend_string,
    age_max_s: i64,
) -> i32 {
    let locked = settings::locks_sessions();
    let read = told(|| with_store(|store| store.read(id_of(key)?, age_max_s, locked)));
    let Some(data) = read else {
        return FAILURE;
    };
    // SAFETY: PHP hands in its own variable, and takes the string over.
    unsafe { *value = ZendStr::new(data, false).into_raw() };
    SUCCESS
}

#[expect(unsafe_code, reason = "the name by which the shim's table has it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_session_write(
    _mod_data: *mut *mut c_void,
    key: *mut zend_string,
    value: *mut zend_string,
    _age_max_s: i64,
) -> i32 {
    let written = told(|| with_store(|store| store.write(id_of(key)?, bytes_of(value))));
    result_of(written)
}

#[expect(unsafe_code, reason = "the name by which the shim's table has it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_session_destroy(_mod_data: *mut *mut c_void, key: *mut zend_string) -> i32 {
    result_of(told(|| with_store(|store| store.destroy(id_of(key)?))))
}

#[expect(unsafe_code, reason = "the name by which the shim's table has it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_session_gc(_mod_data: *mut *mut c_void, age_max_s: i64, count: *mut i64) -> i64 {
    let collected = told(|| with_store(|store| store.collect(age_max_s)));
    let collected = collected.unwrap_or(-1);
    // SAFETY: PHP hands in its own variable.
    unsafe { *count = collected };
    collected
}

#[expect(unsafe_code, reason = "the name by which the shim's table has it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_session_create_sid(mod_data: *mut *mut c_void) -> *mut zend_string {
    for _ in 1..ID_TRIES {
        let id = new_session_id(mod_data);
        let is_taken = OPEN.with_borrow(|open| {
            let store = open.as_ref()?;
            store.is_known(id_of(id).ok()?, i64::MAX).ok()
        });
        if is_taken != Some(true) {
            return id;
        }
        // SAFETY: it was made above, and nobody else has it.
        unsafe { ext_php_rs::ffi::ext_php_rs_zend_string_release(id) };
    }
    new_session_id(mod_data)
}

#[expect(unsafe_code, reason = "the name by which the shim's table has it")]
#[unsafe(no_mangle)]
extern "C" fn zoa_session_validate_sid(_mod_data: *mut *mut c_void, key: *mut zend_string) -> i32 {
    let age_max_s = settings::session_age_max_s();
    let known = told(|| with_store(|store| store.is_known(id_of(key)?, age_max_s)));
    if known == Some(true) {
        SUCCESS
    } else {
        FAILURE
    }
}
