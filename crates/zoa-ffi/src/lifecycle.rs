//! The life of a session: `zookeeper_init` to `zookeeper_close`, and the plain questions in between.
//!
//! Invariants: init gives NULL and an errno, or a session that tries to connect. Close ends the session on the server if it can be
//! reached, answers everything with ZCLOSING, and may be called from anywhere, twice, and in a child of fork(), where it only closes
//! that process's copy of the socket.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::event::EventfdFlags;
use zoa_client_core::Backoff;
use zoa_client_core::Client;
use zoa_client_core::ClientConfig;
use zoa_client_core::ConnectString;
use zoa_client_core::Offline;
use zoa_client_core::SessionTicket;
use zoa_proto::SessionId;
use zoa_proto::Zxid;

use crate::abi::ClientId;
use crate::abi::LogCallbackFn;
use crate::abi::WatcherFn;
use crate::abi::ZHandle;
use crate::clock;
use crate::codes::ZINVALIDSTATE;
use crate::codes::ZOK;
use crate::constants::FLAG_NO_LOG_CLIENTENV;
use crate::constants::FLAG_READONLY;
use crate::driver::Mailbox;
use crate::driver::State;
use crate::driver::Tls;
use crate::driver::look_up;
use crate::events::Circumstances;
use crate::handle::Birth;
use crate::handle::Handle;
use crate::hosts;
use crate::hosts::Hosts;
use crate::limits;
use crate::log;
use crate::log::Level;
use crate::registry;
use crate::registry::Reserved;
use crate::servers;
use crate::submit::guarded;

/// How long a close waits for the server to say that the session has ended.
const CLOSE_PATIENCE_MS: u64 = 3_000;

/// The version of the original whose interface this is, as `ZOO_VERSION` in the header.
const INTERFACE_VERSION: &std::ffi::CStr = c"3.9.5";

/// What the caller of an init gives.
struct Wanted {
    host: *const c_char,
    watcher: Option<WatcherFn>,
    timeout_ms: c_int,
    client_id: *const ClientId,
    context: *mut c_void,
    flags: c_int,
    log_callback: Option<LogCallbackFn>,
    /// The files for TLS; `None` when it is not spoken.
    cert: Option<*const c_char>,
}

/// Makes a session.
///
/// # Safety
/// As the header says: strings and structs are null or valid, functions are callable from another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zookeeper_init(
    host: *const c_char,
    watcher: Option<WatcherFn>,
    recv_timeout: c_int,
    client_id: *const ClientId,
    context: *mut c_void,
    flags: c_int,
) -> *mut ZHandle {
    // SAFETY: the same contract.
    unsafe { zookeeper_init2(host, watcher, recv_timeout, client_id, context, flags, None) }
}

/// Makes a session whose log lines go to a function.
///
/// # Safety
/// As [`zookeeper_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zookeeper_init2(
    host: *const c_char,
    watcher: Option<WatcherFn>,
    recv_timeout: c_int,
    client_id: *const ClientId,
    context: *mut c_void,
    flags: c_int,
    log_callback: Option<LogCallbackFn>,
) -> *mut ZHandle {
    let wanted = Wanted {
        host,
        watcher,
        timeout_ms: recv_timeout,
        client_id,
        context,
        flags,
        log_callback,
        cert: None,
    };
    // SAFETY: the same contract.
    unsafe { make_or_say_why(&wanted) }
}

/// Makes a session over TLS.
///
/// # Safety
/// As [`zookeeper_init`]; `cert` is null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zookeeper_init_ssl(
    host: *const c_char,
    cert: *const c_char,
    watcher: Option<WatcherFn>,
    recv_timeout: c_int,
    client_id: *const ClientId,
    context: *mut c_void,
    flags: c_int,
) -> *mut ZHandle {
    let wanted = Wanted {
        host,
        watcher,
        timeout_ms: recv_timeout,
        client_id,
        context,
        flags,
        log_callback: None,
        cert: Some(cert),
    };
    // SAFETY: the same contract.
    unsafe { make_or_say_why(&wanted) }
}

/// The handle, or null and an errno.
///
/// # Safety
/// As [`zookeeper_init`].
unsafe fn make_or_say_why(wanted: &Wanted) -> *mut ZHandle {
    let mut made = null_mut();
    let rc = guarded(|| {
        // SAFETY: the same contract.
        match unsafe { make(wanted) } {
            Ok(pointer) => {
                made = pointer;
                ZOK
            }
            Err(errno) => errno,
        }
    });
    if made.is_null() {
        set_errno(if rc > 0 { rc } else { libc::ENOMEM });
    }
    made
}

/// Sets what `errno` shows.
pub(crate) fn set_errno(errno: c_int) {
    // SAFETY: the C library's own place for this thread.
    unsafe { *libc::__errno_location() = errno };
}

/// # Safety
/// As [`zookeeper_init`].
unsafe fn make(wanted: &Wanted) -> Result<*mut ZHandle, c_int> {
    let callback = wanted.log_callback;
    if wanted.flags & FLAG_NO_LOG_CLIENTENV == 0 {
        log_environment(callback);
    }
    let client_id = if wanted.client_id.is_null() {
        ClientId::NONE
    } else {
        // SAFETY: not null, so valid by contract.
        unsafe { *wanted.client_id }
    };
    // SAFETY: null or a string, by contract.
    let text = unsafe { crate::arguments::text(wanted.host) }.map_err(|_| libc::EINVAL)?;
    log::line(callback, Level::Info, c"zookeeper_init", || {
        let ClientId { client_id, .. } = client_id;
        let Wanted {
            timeout_ms,
            flags,
            context,
            ..
        } = wanted;
        format!(
            "Initiating client connection, host={text} sessionTimeout={timeout_ms} sessionId={client_id:#x} context={context:?} flags={flags}"
        )
    });
    let parsed = hosts::parse(text).map_err(|error| {
        log::line(callback, Level::Error, c"zookeeper_init", || error);
        libc::EINVAL
    })?;
    check_names(&parsed, callback)?;
    // SAFETY: the same contract.
    let tls = unsafe { tls_of(wanted) }?;
    let reserved = Reserved::take().ok_or(libc::EMFILE)?;
    let birth = Birth {
        number: reserved.pointer().addr(),
        forks: registry::forks(),
        timeout_ms: wanted.timeout_ms,
        client_id,
        watcher: wanted.watcher,
        context: wanted.context,
        log_callback: callback,
    };
    match build(&birth, &parsed, wanted.flags, tls) {
        Ok(handle) => {
            let pointer = reserved.pointer();
            reserved.fill(Arc::clone(&handle));
            begin(&handle, pointer)
        }
        Err(errno) => {
            reserved.abandon();
            Err(errno)
        }
    }
}

/// What `cert` says, if TLS is asked for.
///
/// # Safety
/// `cert` is null or a string.
unsafe fn tls_of(wanted: &Wanted) -> Result<Option<Tls>, c_int> {
    let Some(cert) = wanted.cert else {
        return Ok(None);
    };
    // SAFETY: the same contract.
    let text = unsafe { crate::arguments::text(cert) }.map_err(|_| libc::EINVAL)?;
    let tls = Tls::parse(text).map_err(|error| {
        log::line(
            wanted.log_callback,
            Level::Error,
            c"zookeeper_init_ssl",
            || error,
        );
        libc::EINVAL
    })?;
    Ok(Some(tls))
}

#[cfg(not(feature = "single-threaded"))]
fn begin(handle: &Arc<Handle>, pointer: *mut ZHandle) -> Result<*mut ZHandle, c_int> {
    match handle.start() {
        Ok(()) => Ok(pointer),
        Err(error) => {
            drop(registry::remove(pointer));
            Err(error.raw_os_error().unwrap_or(libc::EAGAIN))
        }
    }
}

#[cfg(feature = "single-threaded")]
#[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
fn begin(_: &Arc<Handle>, pointer: *mut ZHandle) -> Result<*mut ZHandle, c_int> {
    Ok(pointer)
}

/// At least one of the names must have an address, as with the original.
fn check_names(parsed: &ConnectString, callback: Option<LogCallbackFn>) -> Result<(), c_int> {
    let hosts = parsed.hosts().iter();
    let bad: Vec<_> = hosts.filter(|host| look_up(host).is_empty()).collect();
    let is_hopeless = bad.len() == parsed.hosts().len();
    let level = if is_hopeless {
        Level::Error
    } else {
        Level::Warn
    };
    for host in bad {
        log::line(callback, level, c"zookeeper_init", || {
            format!("{host} does not resolve")
        });
    }
    if is_hopeless {
        Err(libc::EINVAL)
    } else {
        Ok(())
    }
}

fn build(
    birth: &Birth,
    parsed: &ConnectString,
    flags: c_int,
    tls: Option<Tls>,
) -> Result<Arc<Handle>, c_int> {
    let wake = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .map_err(|error| error.raw_os_error())?;
    let copy = wake
        .try_clone()
        .map_err(|error| error.raw_os_error().unwrap_or(libc::EMFILE))?;
    let entropy = clock::entropy().ok_or(libc::EAGAIN)?;
    let mut list = Hosts::new(parsed);
    if !servers::is_order_kept() {
        list.arrange(servers::randomly(entropy.seed), |_| true);
    }
    let connect_string = list.connect_string().ok_or(libc::EINVAL)?;
    let config = configure(birth, connect_string, flags);
    let core = Client::new(config, entropy, clock::now_ms());
    let default = crate::watchers::Watcher {
        function: birth.watcher.unwrap_or(crate::handle::watch_nothing),
        context: birth.context,
    };
    let state = State::new(core, list, Arc::new(Mailbox::new(copy)), tls, default);
    Ok(Arc::new(Handle::new(birth, state, wake)))
}

pub(crate) fn configure(
    birth: &Birth,
    connect_string: ConnectString,
    flags: c_int,
) -> ClientConfig {
    let mut config = ClientConfig::new(connect_string);
    config.session_timeout_ms = u32::try_from(birth.timeout_ms).unwrap_or(1).max(1);
    config.read_only_allowed = flags & FLAG_READONLY != 0;
    config.offline = Offline::FailWithAttempt;
    config.expires_by_silence = false;
    // `hosts` arranges them.
    config.shuffles_hosts = false;
    let pause_ms = u64::from(config.session_timeout_ms / 60).clamp(20, 1_000);
    config.backoff = Backoff {
        min_ms: pause_ms,
        max_ms: pause_ms,
    };
    config.request_len_max = limits::REQUEST_LEN_MAX;
    config.reply_len_max = limits::REPLY_LEN_MAX;
    config.pending_max = limits::PENDING_MAX;
    config.unsent_len_max = limits::UNSENT_LEN_MAX;
    config.watches_max = usize::MAX;
    if birth.client_id.client_id != 0 {
        config.session = Some(SessionTicket {
            id: SessionId(birth.client_id.client_id),
            password: birth
                .client_id
                .passwd
                .map(|byte| byte.to_ne_bytes()[0])
                .to_vec(),
            last_zxid_seen: Zxid::ZERO,
        });
    }
    config
}

fn log_environment(callback: Option<LogCallbackFn>) {
    if !log::is_on(Level::Info) {
        return;
    }
    let system = rustix::system::uname();
    let shown = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "<NA>".to_owned());
    let folder = std::env::current_dir().map(|folder| folder.display().to_string());
    let version = shown(INTERFACE_VERSION) + "-zoarium-" + env!("CARGO_PKG_VERSION");
    let facts = [
        ("zookeeper.version", version),
        ("host.name", shown(system.nodename())),
        ("os.name", shown(system.sysname())),
        ("os.arch", shown(system.release())),
        ("os.version", shown(system.version())),
        ("user.name", variable("USER")),
        ("user.home", variable("HOME")),
        ("user.dir", folder.unwrap_or_else(|_| "<NA>".to_owned())),
    ];
    for (name, value) in facts {
        log::line(callback, Level::Info, c"log_env", || {
            format!("Client environment:{name}={value}")
        });
    }
}

/// Ends a session.
#[unsafe(no_mangle)]
pub extern "C" fn zookeeper_close(zh: *mut ZHandle) -> c_int {
    guarded(|| match registry::find_anywhere(zh) {
        Ok(handle) if handle.forks == registry::forks() => handle.close(),
        Ok(handle) => {
            handle.abandon_in_child();
            ZOK
        }
        Err(rc) => rc,
    })
}

impl Handle {
    fn close(self: &Arc<Self>) -> c_int {
        if self.is_closing.swap(true, Ordering::AcqRel) {
            return ZINVALIDSTATE;
        }
        self.log(Level::Info, c"zookeeper_close", || {
            let state = self.state.lock();
            format!(
                "Closing zookeeper sessionId={} to {}",
                state.core.session_id(),
                state.server_text()
            )
        });
        let mut state = self.state.lock();
        state.circumstances.is_closing = true;
        // Without a connection there is nobody to tell, as with the original.
        let patience_ms = if state.is_connected() {
            CLOSE_PATIENCE_MS
        } else {
            0
        };
        state.core.close(clock::now_ms(), patience_ms);
        self.signal(&mut state);
        drop(state);
        self.finish();
        ZOK
    }

    #[cfg(not(feature = "single-threaded"))]
    fn finish(self: &Arc<Self>) {
        self.join();
    }

    /// The last thing of a session: nobody finds it any more.
    pub(crate) fn finish_close(&self) {
        self.log(Level::Info, c"zookeeper_close", || {
            let session = self.state.lock().core.session_id();
            format!("Freeing zookeeper resources for sessionId={session}")
        });
        drop(registry::remove(self.pointer()));
    }

    /// In a child of fork(): its copies of the descriptors go, the session stays the parent's.
    fn abandon_in_child(self: &Arc<Self>) {
        use std::os::fd::AsRawFd;
        if let Some(handle) = registry::remove(self.pointer()) {
            // Whatever its lock guards may be half changed: it is never looked at again, and never freed.
            std::mem::forget(handle);
            for number in [self.socket.load(Ordering::Acquire), self.wake.as_raw_fd()] {
                if number >= 0 {
                    // SAFETY: descriptors of a handle that this process has just given up.
                    unsafe { libc::close(number) };
                }
            }
        }
    }

    /// How things are, for the events of the next turn.
    pub(crate) fn refresh(&self, state: &mut State) {
        state.circumstances = Circumstances {
            default: self.default_watcher(),
            is_closing: self.is_closing.load(Ordering::Acquire),
        };
    }
}

/// The state of the session; 0 between connections and for what is no session.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_state(zh: *mut ZHandle) -> c_int {
    registry::find(zh).map_or(0, |handle| handle.state_code())
}

/// ZOK as long as the session may recover, ZINVALIDSTATE when it is over.
#[unsafe(no_mangle)]
pub extern "C" fn is_unrecoverable(zh: *mut ZHandle) -> c_int {
    match registry::find(zh) {
        Ok(handle) if handle.state_code() >= 0 => ZOK,
        Ok(_) | Err(_) => ZINVALIDSTATE,
    }
}

/// Where id and password of the session are; zeroes for what is no session.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_client_id(zh: *mut ZHandle) -> *const ClientId {
    static NONE: ClientId = ClientId::NONE;
    registry::find(zh).map_or(&raw const NONE, |handle| handle.client_id())
}

/// The timeout agreed on, in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_recv_timeout(zh: *mut ZHandle) -> c_int {
    registry::find(zh).map_or(0, |handle| handle.timeout_ms())
}

/// The context of the session.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_get_context(zh: *mut ZHandle) -> *const c_void {
    registry::find(zh).map_or(null_mut(), |handle| handle.context())
}

/// Changes the context of the session.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_set_context(zh: *mut ZHandle, context: *mut c_void) {
    if let Ok(handle) = registry::find(zh) {
        handle.set_context(context);
    }
}

/// Changes the default watcher; the one before.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_set_watcher(
    zh: *mut ZHandle,
    watcher: Option<WatcherFn>,
) -> Option<WatcherFn> {
    Some(registry::find(zh).ok()?.set_watcher(watcher))
}

/// The version of the original whose interface this is.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_version_str() -> *const c_char {
    INTERFACE_VERSION.as_ptr()
}
