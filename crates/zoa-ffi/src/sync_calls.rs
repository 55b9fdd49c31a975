//! The synchronous calls of libzookeeper_mt: the same requests, and a caller who sleeps until the answer is in its room.
//!
//! Invariant: a room is written only while its caller sleeps, and only when the call succeeds.
#![allow(
    clippy::too_many_arguments,
    reason = "the signatures are the C interface"
)]

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use crate::abi::AclVector;
use crate::abi::Stat;
use crate::abi::StringVector;
use crate::abi::WatcherFn;
use crate::abi::ZHandle;
use crate::ask::Making;
use crate::ask::Watch;
use crate::codes::ZBADARGUMENTS;
use crate::codes::ZOK;
use crate::handle::Handle;
use crate::submit::enter;
use crate::tag::Call;
use crate::tag::Room;
use crate::tag::Tag;
use crate::tag::Waiting;

/// Asks, and sleeps until the answer is there.
pub(crate) fn wait(
    zh: *mut ZHandle,
    room: Room,
    ask: impl FnOnce(&Arc<Handle>, Tag) -> Result<(), c_int>,
) -> c_int {
    let mut answer = ZOK;
    let rc = enter(zh, |handle| {
        let call = Call::new(room);
        // SAFETY: the call stays on this stack until it is answered: `ask` either fails, and forgets it, or is waited for.
        let waiting = unsafe { Waiting::new(&raw const call) };
        ask(handle, Tag::of_call(waiting))?;
        answer = call.wait();
        Ok(())
    });
    if rc == ZOK { answer } else { rc }
}

/// Where data go, if there is room for as many as `len` tells.
fn data_room(buffer: *mut c_char, len: *mut c_int, stat: *mut Stat) -> Result<Room, c_int> {
    if len.is_null() {
        return Err(ZBADARGUMENTS);
    }
    // SAFETY: not null, so a number by contract.
    if buffer.is_null() && unsafe { *len } > 0 {
        return Err(ZBADARGUMENTS);
    }
    Ok(Room::Data {
        buffer: buffer.cast(),
        len,
        stat,
    })
}

/// create.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_create(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    buffer: *mut c_char,
    buffer_len: c_int,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { zoo_create_ttl(zh, path, value, len, acl, mode, -1, buffer, buffer_len) }
}

/// create, with a time to live for the modes that have one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_create_ttl(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    ttl: i64,
    buffer: *mut c_char,
    buffer_len: c_int,
) -> c_int {
    let making = Making {
        path,
        value,
        len,
        acl,
        mode,
        ttl,
        is_second: false,
    };
    let room = Room::Path {
        buffer,
        len: buffer_len,
        stat: null_mut(),
    };
    // SAFETY: the same contract.
    wait(zh, room, |handle, tag| unsafe {
        handle.ask_create(making, tag)
    })
}

/// create2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_create2(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    buffer: *mut c_char,
    buffer_len: c_int,
    stat: *mut Stat,
) -> c_int {
    // SAFETY: the same contract.
    unsafe {
        zoo_create2_ttl(
            zh, path, value, len, acl, mode, -1, buffer, buffer_len, stat,
        )
    }
}

/// create2, with a time to live for the modes that have one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_create2_ttl(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    ttl: i64,
    buffer: *mut c_char,
    buffer_len: c_int,
    stat: *mut Stat,
) -> c_int {
    let making = Making {
        path,
        value,
        len,
        acl,
        mode,
        ttl,
        is_second: true,
    };
    let room = Room::Path {
        buffer,
        len: buffer_len,
        stat,
    };
    // SAFETY: the same contract.
    wait(zh, room, |handle, tag| unsafe {
        handle.ask_create(making, tag)
    })
}

/// delete.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_delete(
    zh: *mut ZHandle,
    path: *const c_char,
    version: c_int,
) -> c_int {
    // SAFETY: the same contract.
    wait(zh, Room::Nothing, |handle, tag| unsafe {
        handle.ask_delete(path, version, tag)
    })
}

/// exists, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_exists(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    stat: *mut Stat,
) -> c_int {
    // SAFETY: the same contract.
    wait(zh, Room::Stat(stat), |handle, tag| unsafe {
        handle.ask_exists(path, Watch::Default(watch), tag)
    })
}

/// exists, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_wexists(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    stat: *mut Stat,
) -> c_int {
    // SAFETY: the same contract.
    wait(zh, Room::Stat(stat), |handle, tag| unsafe {
        handle.ask_exists(path, Watch::Own(watcher, context), tag)
    })
}

/// getData, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_get(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    buffer: *mut c_char,
    buffer_len: *mut c_int,
    stat: *mut Stat,
) -> c_int {
    match data_room(buffer, buffer_len, stat) {
        // SAFETY: the same contract.
        Ok(room) => wait(zh, room, |handle, tag| unsafe {
            handle.ask_get(path, Watch::Default(watch), tag)
        }),
        Err(rc) => rc,
    }
}

/// getData, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_wget(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    buffer: *mut c_char,
    buffer_len: *mut c_int,
    stat: *mut Stat,
) -> c_int {
    match data_room(buffer, buffer_len, stat) {
        // SAFETY: the same contract.
        Ok(room) => wait(zh, room, |handle, tag| unsafe {
            handle.ask_get(path, Watch::Own(watcher, context), tag)
        }),
        Err(rc) => rc,
    }
}

/// The configuration, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_getconfig(
    zh: *mut ZHandle,
    watch: c_int,
    buffer: *mut c_char,
    buffer_len: *mut c_int,
    stat: *mut Stat,
) -> c_int {
    match data_room(buffer, buffer_len, stat) {
        Ok(room) => wait(zh, room, |handle, tag| {
            handle.ask_config(Watch::Default(watch), tag)
        }),
        Err(rc) => rc,
    }
}

/// The configuration, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_wgetconfig(
    zh: *mut ZHandle,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    buffer: *mut c_char,
    buffer_len: *mut c_int,
    stat: *mut Stat,
) -> c_int {
    match data_room(buffer, buffer_len, stat) {
        Ok(room) => wait(zh, room, |handle, tag| {
            handle.ask_config(Watch::Own(watcher, context), tag)
        }),
        Err(rc) => rc,
    }
}

/// reconfig.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_reconfig(
    zh: *mut ZHandle,
    joining: *const c_char,
    leaving: *const c_char,
    members: *const c_char,
    version: i64,
    buffer: *mut c_char,
    buffer_len: *mut c_int,
    stat: *mut Stat,
) -> c_int {
    let lists = [joining, leaving, members];
    match data_room(buffer, buffer_len, stat) {
        // SAFETY: the same contract.
        Ok(room) => wait(zh, room, |handle, tag| unsafe {
            handle.ask_reconfig(lists, version, tag)
        }),
        Err(rc) => rc,
    }
}

/// setData.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_set(
    zh: *mut ZHandle,
    path: *const c_char,
    buffer: *const c_char,
    len: c_int,
    version: c_int,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { zoo_set2(zh, path, buffer, len, version, null_mut()) }
}

/// setData, and the stat after it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_set2(
    zh: *mut ZHandle,
    path: *const c_char,
    buffer: *const c_char,
    len: c_int,
    version: c_int,
    stat: *mut Stat,
) -> c_int {
    // SAFETY: the same contract.
    wait(zh, Room::Stat(stat), |handle, tag| unsafe {
        handle.ask_set(path, (buffer, len), version, tag)
    })
}

/// getChildren, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_get_children(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    strings: *mut StringVector,
) -> c_int {
    let room = Room::Strings {
        strings,
        stat: null_mut(),
    };
    // SAFETY: the same contract.
    wait(zh, room, |handle, tag| unsafe {
        handle.ask_children(path, Watch::Default(watch), false, tag)
    })
}

/// getChildren, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_wget_children(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    strings: *mut StringVector,
) -> c_int {
    let room = Room::Strings {
        strings,
        stat: null_mut(),
    };
    // SAFETY: the same contract.
    wait(zh, room, |handle, tag| unsafe {
        handle.ask_children(path, Watch::Own(watcher, context), false, tag)
    })
}

/// getChildren2, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_get_children2(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    strings: *mut StringVector,
    stat: *mut Stat,
) -> c_int {
    // SAFETY: the same contract.
    wait(zh, Room::Strings { strings, stat }, |handle, tag| unsafe {
        handle.ask_children(path, Watch::Default(watch), true, tag)
    })
}

/// getChildren2, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_wget_children2(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    strings: *mut StringVector,
    stat: *mut Stat,
) -> c_int {
    // SAFETY: the same contract.
    wait(zh, Room::Strings { strings, stat }, |handle, tag| unsafe {
        handle.ask_children(path, Watch::Own(watcher, context), true, tag)
    })
}

/// getACL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_get_acl(
    zh: *mut ZHandle,
    path: *const c_char,
    acl: *mut AclVector,
    stat: *mut Stat,
) -> c_int {
    // SAFETY: the same contract.
    wait(zh, Room::Acl { acl, stat }, |handle, tag| unsafe {
        handle.ask_acl(path, tag)
    })
}

/// setACL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_set_acl(
    zh: *mut ZHandle,
    path: *const c_char,
    version: c_int,
    acl: *const AclVector,
) -> c_int {
    // setACL is answered with a stat that the interface does not show.
    // SAFETY: the same contract.
    wait(zh, Room::Stat(null_mut()), |handle, tag| unsafe {
        handle.ask_set_acl(path, version, acl, tag)
    })
}
