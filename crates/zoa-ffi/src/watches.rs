//! Taking watches back: one watcher's, or all of a path.
//!
//! The server is asked, in a way that leaves it its watch when another watcher here needs that. Invariant: after an answer without error the watches are gone
//! here and there; with `local` they are gone here in any case.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use zoa_client_core::Rejected;
use zoa_client_core::SubmitError;
use zoa_client_core::WatchRemoval;
use zoa_proto::Request;
use zoa_proto::WatcherType;
use zoa_proto::request::ChangeWatches;

use crate::abi::VoidCompletion;
use crate::abi::WatcherFn;
use crate::abi::ZHandle;
use crate::arguments;
use crate::ask::is_path;
use crate::clock;
use crate::codes::ZBADARGUMENTS;
use crate::handle::Handle;
use crate::submit::enter;
use crate::tag::Callback;
use crate::tag::Function;
use crate::tag::Tag;
use crate::watchers::Watcher;

/// Whose watches of what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removal {
    pub(crate) path: *const c_char,
    pub(crate) kind: c_int,
    /// None for everybody's.
    pub(crate) watcher: Option<Watcher>,
    pub(crate) local: c_int,
}

impl Handle {
    /// # Safety
    /// The path is null or a string.
    pub(crate) unsafe fn ask_removal(&self, removal: Removal, mut tag: Tag) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let path = unsafe { arguments::text(removal.path) }?;
        let kind = match removal.kind {
            1 => WatcherType::Children,
            2 => WatcherType::Data,
            3 => WatcherType::Any,
            _ => return Err(ZBADARGUMENTS),
        };
        if !is_path(path, zoa_proto::CreateFlags::default()) {
            return Err(ZBADARGUMENTS);
        }
        tag.is_local = removal.local != 0;
        self.take(tag, |state, tag| {
            let watcher = match removal.watcher.map(|watcher| state.watchers.find(watcher)) {
                // Somebody who never watched anything.
                Some(None) => {
                    let error = SubmitError::NoWatcher;
                    return Err(Rejected { error, tag });
                }
                Some(Some(id)) => Some(id),
                None => None,
            };
            let wanted = WatchRemoval {
                path,
                watcher_type: kind,
                watcher,
                local: tag.is_local,
            };
            match state.core.remove_watches(clock::now_ms(), wanted, tag) {
                // Nobody watches here. The original has the server say so.
                Err(Rejected {
                    error: SubmitError::NoWatcher,
                    tag,
                }) if watcher.is_none() && !wanted.local => {
                    let body = ChangeWatches {
                        path,
                        watcher_type: kind,
                    };
                    let request = Request::CheckWatches(body);
                    state.core.submit(clock::now_ms(), request.into(), tag)
                }
                taken => taken,
            }
        })
    }
}

/// The completion is declared as a pointer to a function's type and is the function itself, as in the original.
type Declared = *mut VoidCompletion;

fn function_of(declared: Declared) -> Function {
    // SAFETY: null or the address of a function of this type, which is what the header asks callers for.
    Function::Void(unsafe { std::mem::transmute::<Declared, Option<VoidCompletion>>(declared) })
}

fn own(function: Option<WatcherFn>, context: *mut c_void) -> Option<Watcher> {
    function.map(|function| Watcher { function, context })
}

/// Removes the watches of one watcher from a path.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aremove_watches(
    zh: *mut ZHandle,
    path: *const c_char,
    kind: c_int,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    local: c_int,
    completion: Declared,
    data: *const c_void,
) -> c_int {
    let watcher = own(watcher, context);
    let removal = Removal {
        path,
        kind,
        watcher,
        local,
    };
    let function = function_of(completion);
    let tag = Tag::of_callback(Callback { function, data });
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe { handle.ask_removal(removal, tag) })
}

/// Removes everybody's watches from a path.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aremove_all_watches(
    zh: *mut ZHandle,
    path: *const c_char,
    kind: c_int,
    local: c_int,
    completion: Declared,
    data: *const c_void,
) -> c_int {
    let removal = Removal {
        path,
        kind,
        watcher: None,
        local,
    };
    let function = function_of(completion);
    let tag = Tag::of_callback(Callback { function, data });
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe { handle.ask_removal(removal, tag) })
}

/// Removes the watches of one watcher from a path, and sleeps until they are gone.
///
/// # Safety
/// As the header says.
#[cfg(not(feature = "single-threaded"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_remove_watches(
    zh: *mut ZHandle,
    path: *const c_char,
    kind: c_int,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    local: c_int,
) -> c_int {
    let watcher = own(watcher, context);
    let removal = Removal {
        path,
        kind,
        watcher,
        local,
    };
    // SAFETY: the same contract.
    crate::sync_calls::wait(zh, crate::tag::Room::Nothing, |handle, tag| unsafe {
        handle.ask_removal(removal, tag)
    })
}

/// Removes everybody's watches from a path, and sleeps until they are gone.
///
/// # Safety
/// As the header says.
#[cfg(not(feature = "single-threaded"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_remove_all_watches(
    zh: *mut ZHandle,
    path: *const c_char,
    kind: c_int,
    local: c_int,
) -> c_int {
    let removal = Removal {
        path,
        kind,
        watcher: None,
        local,
    };
    // SAFETY: the same contract.
    crate::sync_calls::wait(zh, crate::tag::Room::Nothing, |handle, tag| unsafe {
        handle.ask_removal(removal, tag)
    })
}
