//! Which servers a session uses: changing the list, looking at the one in use, the order in which they are tried.
//!
//! Invariant: when a list grows, each session moves to one of the new servers with the probability that evens out the load; when its
//! server is taken off the list, it moves at once.

use std::ffi::c_char;
use std::ffi::c_int;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use zoa_client_core::Host;

use crate::abi::ZHandle;
use crate::arguments::text;
use crate::clock;
use crate::codes::ZBADARGUMENTS;
use crate::codes::ZSYSTEMERROR;
use crate::constants::STATE_CONNECTED;
use crate::driver::State;
use crate::driver::look_up;
use crate::hosts;
use crate::hosts::Hosts;
use crate::log::Level;
use crate::registry;
use crate::submit::enter;

/// Whether hosts are tried as they are listed, in sessions made from now on.
static IS_ORDER_KEPT: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_order_kept() -> bool {
    IS_ORDER_KEPT.load(Ordering::Relaxed)
}

/// Has hosts tried in the order of the list, not in a random one.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_deterministic_conn_order(yes_or_no: c_int) {
    IS_ORDER_KEPT.store(yes_or_no != 0, Ordering::Relaxed);
}

/// Random numbers of a seed, good enough to spread clients over servers (splitmix64).
pub(crate) fn randomly(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// From now on these are the servers.
///
/// # Safety
/// `hosts` is null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_set_servers(zh: *mut ZHandle, hosts: *const c_char) -> c_int {
    enter(zh, |handle| {
        // SAFETY: the same contract.
        let list = unsafe { text(hosts) }?;
        let parsed = hosts::parse(list).map_err(|error| {
            handle.log(Level::Error, c"zoo_set_servers", || error);
            ZBADARGUMENTS
        })?;
        if parsed.hosts().iter().all(|host| look_up(host).is_empty()) {
            handle.log(Level::Error, c"zoo_set_servers", || {
                format!("none of {list} resolves")
            });
            return Err(ZSYSTEMERROR);
        }
        let seed = clock::entropy().map_or(1, |entropy| entropy.seed);
        let mut state = handle.state.lock();
        change_servers(&mut state, Hosts::new(&parsed), randomly(seed));
        handle.signal(&mut state);
        Ok(())
    })
}

fn change_servers(state: &mut State, mut new: Hosts, mut random: impl FnMut() -> u64) {
    let (old_count, new_count) = (state.hosts.len(), new.len());
    let old = std::mem::take(&mut state.hosts);
    let current = state.core.server().map(|(host, _)| host.clone());
    let is_listed = current.as_ref().is_some_and(|host| new.contains(host));
    let seed = random();
    if is_order_kept() {
        // The new ones first, as they are listed.
        new.arrange_new_first(|host| !old.contains(host));
    } else {
        new.arrange(randomly(seed), |host: &Host| !old.contains(host));
    }
    if let Some(connect_string) = new.connect_string() {
        let now_ms = clock::now_ms();
        state.core.set_hosts(now_ms, &connect_string);
        let count = u64::try_from(new_count).unwrap_or(u64::MAX);
        let grown = u64::try_from(new_count.saturating_sub(old_count)).unwrap_or(0);
        if is_listed && random() % count.max(1) < grown {
            state.core.reconnect(now_ms);
        }
    }
    state.hosts = new;
}

/// How often names are looked up again while a connection stands: the library looks them up at every connect, and never between;
/// so the delay is checked, and otherwise without effect.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_set_servers_resolution_delay(zh: *mut ZHandle, delay_ms: c_int) -> c_int {
    enter(zh, |handle| {
        if delay_ms < -1 {
            handle.log(Level::Error, c"zoo_set_servers_resolution_delay", || {
                format!("Resolution delay cannot be {delay_ms}")
            });
            return Err(ZBADARGUMENTS);
        }
        Ok(())
    })
}

/// Goes on to the next server of the list: it is shown as the current one, and is the next to be tried.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_cycle_next_server(zh: *mut ZHandle) {
    let _ = enter(zh, |handle| {
        let mut state = handle.state.lock();
        let current = match &state.cycled {
            Some(host) => Some(host.clone()),
            None => state.core.server().map(|(host, _)| host.clone()),
        };
        let next = state.hosts.cycle(current.as_ref()).cloned();
        if let Some(connect_string) = state.hosts.connect_string() {
            state.core.set_hosts(clock::now_ms(), &connect_string);
        }
        state.cycled = next;
        Ok(())
    });
}

/// The server in use or being tried, as `address:port`; in memory of this thread, until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_get_current_server(zh: *mut ZHandle) -> *const c_char {
    const LEN: usize = 136;
    thread_local! {
        static SHOWN: std::cell::UnsafeCell<[u8; LEN]> = const { std::cell::UnsafeCell::new([0; LEN]) };
    }
    let text = match registry::find(zh) {
        Ok(handle) => handle.state.lock().server_text(),
        Err(_) => String::new(),
    };
    SHOWN.with(|shown| {
        // SAFETY: this thread's own, and nobody holds a reference into it; the caller has a pointer at most.
        let shown = unsafe { &mut *shown.get() };
        shown.fill(0);
        for (to, from) in shown.iter_mut().take(LEN - 1).zip(text.bytes()) {
            *to = from;
        }
        shown.as_ptr().cast()
    })
}

/// The address of the server that the session is connected to; NULL when it is not.
///
/// # Safety
/// `addr` has `*addr_len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zookeeper_get_connected_host(
    zh: *mut ZHandle,
    addr: *mut libc::sockaddr,
    addr_len: *mut libc::socklen_t,
) -> *mut libc::sockaddr {
    let rc = enter(zh, |handle| {
        if handle.state_code() != STATE_CONNECTED || addr.is_null() || addr_len.is_null() {
            return Err(ZBADARGUMENTS);
        }
        let state = handle.state.lock();
        let (socket, _) = state.socket().ok_or(ZSYSTEMERROR)?;
        // SAFETY: an open socket, and a room of the length it tells, by contract.
        match unsafe { libc::getpeername(socket.as_raw_fd(), addr, addr_len) } {
            0 => Ok(()),
            _ => Err(ZSYSTEMERROR),
        }
    });
    if rc == 0 { addr } else { std::ptr::null_mut() }
}
