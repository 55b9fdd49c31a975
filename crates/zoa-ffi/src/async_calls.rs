//! The asynchronous calls: a function of the caller's and its data become the tag of what is asked for in `ask`.
//!
//! Each returns when the request is queued; the function is told how it ended. Invariant: what is refused by a return code is told to no function.
#![allow(
    clippy::too_many_arguments,
    reason = "the signatures are the C interface"
)]

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use crate::abi::AclCompletion;
use crate::abi::AclVector;
use crate::abi::DataCompletion;
use crate::abi::StatCompletion;
use crate::abi::StringCompletion;
use crate::abi::StringStatCompletion;
use crate::abi::StringsCompletion;
use crate::abi::StringsStatCompletion;
use crate::abi::VoidCompletion;
use crate::abi::WatcherFn;
use crate::abi::ZHandle;
use crate::ask::Making;
use crate::ask::Watch;
use crate::submit::enter;
use crate::tag::Callback;
use crate::tag::Function;
use crate::tag::Tag;

const fn then(function: Function, data: *const c_void) -> Tag {
    Tag::of_callback(Callback { function, data })
}

/// create.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_acreate(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    completion: Option<StringCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { zoo_acreate_ttl(zh, path, value, len, acl, mode, -1, completion, data) }
}

/// create, with a time to live for the modes that have one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_acreate_ttl(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    ttl: i64,
    completion: Option<StringCompletion>,
    data: *const c_void,
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
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_create(making, then(Function::Text(completion), data))
    })
}

/// create2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_acreate2(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    completion: Option<StringStatCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { zoo_acreate2_ttl(zh, path, value, len, acl, mode, -1, completion, data) }
}

/// create2, with a time to live for the modes that have one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_acreate2_ttl(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    ttl: i64,
    completion: Option<StringStatCompletion>,
    data: *const c_void,
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
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_create(making, then(Function::TextStat(completion), data))
    })
}

/// delete.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_adelete(
    zh: *mut ZHandle,
    path: *const c_char,
    version: c_int,
    completion: Option<VoidCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_delete(path, version, then(Function::Void(completion), data))
    })
}

/// exists, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aexists(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    completion: Option<StatCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_exists(
            path,
            Watch::Default(watch),
            then(Function::Stat(completion), data),
        )
    })
}

/// exists, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_awexists(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<StatCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_exists(
            path,
            Watch::Own(watcher, context),
            then(Function::Stat(completion), data),
        )
    })
}

/// getData, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aget(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_get(
            path,
            Watch::Default(watch),
            then(Function::Data(completion), data),
        )
    })
}

/// getData, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_awget(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_get(
            path,
            Watch::Own(watcher, context),
            then(Function::Data(completion), data),
        )
    })
}

/// The configuration, with the default watcher.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_agetconfig(
    zh: *mut ZHandle,
    watch: c_int,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    enter(zh, |handle| {
        handle.ask_config(
            Watch::Default(watch),
            then(Function::Data(completion), data),
        )
    })
}

/// The configuration, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_awgetconfig(
    zh: *mut ZHandle,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    enter(zh, |handle| {
        handle.ask_config(
            Watch::Own(watcher, context),
            then(Function::Data(completion), data),
        )
    })
}

/// reconfig.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_areconfig(
    zh: *mut ZHandle,
    joining: *const c_char,
    leaving: *const c_char,
    members: *const c_char,
    version: i64,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    let lists = [joining, leaving, members];
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_reconfig(lists, version, then(Function::Data(completion), data))
    })
}

/// setData.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aset(
    zh: *mut ZHandle,
    path: *const c_char,
    buffer: *const c_char,
    len: c_int,
    version: c_int,
    completion: Option<StatCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_set(
            path,
            (buffer, len),
            version,
            then(Function::Stat(completion), data),
        )
    })
}

/// getChildren, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aget_children(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    completion: Option<StringsCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_children(
            path,
            Watch::Default(watch),
            false,
            then(Function::Strings(completion), data),
        )
    })
}

/// getChildren, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_awget_children(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<StringsCompletion>,
    data: *const c_void,
) -> c_int {
    let watch = Watch::Own(watcher, context);
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_children(
            path,
            watch,
            false,
            then(Function::Strings(completion), data),
        )
    })
}

/// getChildren2, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aget_children2(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    completion: Option<StringsStatCompletion>,
    data: *const c_void,
) -> c_int {
    let watch = Watch::Default(watch);
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_children(
            path,
            watch,
            true,
            then(Function::StringsStat(completion), data),
        )
    })
}

/// getChildren2, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_awget_children2(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<StringsStatCompletion>,
    data: *const c_void,
) -> c_int {
    let watch = Watch::Own(watcher, context);
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_children(
            path,
            watch,
            true,
            then(Function::StringsStat(completion), data),
        )
    })
}

/// sync.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_async(
    zh: *mut ZHandle,
    path: *const c_char,
    completion: Option<StringCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_sync(path, then(Function::Text(completion), data))
    })
}

/// getACL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aget_acl(
    zh: *mut ZHandle,
    path: *const c_char,
    completion: Option<AclCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_acl(path, then(Function::Acl(completion), data))
    })
}

/// setACL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aset_acl(
    zh: *mut ZHandle,
    path: *const c_char,
    version: c_int,
    acl: *mut AclVector,
    completion: Option<VoidCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_set_acl(path, version, acl, then(Function::Void(completion), data))
    })
}

/// Adds an identity.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_add_auth(
    zh: *mut ZHandle,
    scheme: *const c_char,
    cert: *const c_char,
    len: c_int,
    completion: Option<VoidCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_auth(scheme, (cert, len), then(Function::Void(completion), data))
    })
}
