//! Whom the outcome of a request is for: a caller's function, or a caller who waits.
//!
//! Invariant: every tag that the core has taken is answered once; one that was refused is not, by anything but the return code. A tag that is dropped unanswered, which only a panic of ours brings about, answers
//! `ZSYSTEMERROR`: a waiting caller wakes, a function is called from where its thread picks up what was orphaned.

use std::cell::RefCell;
use std::ffi::c_int;
use std::ffi::c_void;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::Thread;

use zoa_client_core::WatcherId;

use crate::abi::AclCompletion;
use crate::abi::AclVector;
use crate::abi::DataCompletion;
use crate::abi::Stat;
use crate::abi::StatCompletion;
use crate::abi::StringCompletion;
use crate::abi::StringStatCompletion;
use crate::abi::StringVector;
use crate::abi::StringsCompletion;
use crate::abi::StringsStatCompletion;
use crate::abi::VoidCompletion;
use crate::abi::ZooOpResult;
use crate::codes::ZSYSTEMERROR;

/// A function of the caller's, by the shape of what it is told; `None` when the caller wants to be told nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    Void(Option<VoidCompletion>),
    Stat(Option<StatCompletion>),
    Data(Option<DataCompletion>),
    Strings(Option<StringsCompletion>),
    StringsStat(Option<StringsStatCompletion>),
    Text(Option<StringCompletion>),
    TextStat(Option<StringStatCompletion>),
    Acl(Option<AclCompletion>),
    Multi(Option<VoidCompletion>, Results),
}

/// Where the results of a multi go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Results {
    pub(crate) first: *mut ZooOpResult,
    pub(crate) count: usize,
}

/// A function and what is handed back to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callback {
    pub(crate) function: Function,
    pub(crate) data: *const c_void,
}

// SAFETY: `data` is only handed back; the results of a multi belong to the library until its function is called, by the
// interface's contract, and one thread at a time has this value.
unsafe impl Send for Callback {}

/// Where a waiting caller wants what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    Nothing,
    Stat(*mut Stat),
    Data {
        buffer: *mut u8,
        len: *mut c_int,
        stat: *mut Stat,
    },
    Strings {
        strings: *mut StringVector,
        stat: *mut Stat,
    },
    Path {
        buffer: *mut std::ffi::c_char,
        len: c_int,
        stat: *mut Stat,
    },
    Acl {
        acl: *mut AclVector,
        stat: *mut Stat,
    },
    Multi(Results),
}

/// A caller who waits. It stands on that caller's stack.
#[derive(Debug)]
pub(crate) struct Call {
    is_done: AtomicBool,
    rc: std::sync::atomic::AtomicI32,
    thread: Thread,
    room: Room,
}

impl Call {
    pub(crate) fn new(room: Room) -> Self {
        Self {
            is_done: AtomicBool::new(false),
            rc: std::sync::atomic::AtomicI32::new(ZSYSTEMERROR),
            thread: std::thread::current(),
            room,
        }
    }

    /// Sleeps until the answer is there.
    pub(crate) fn wait(&self) -> c_int {
        while !self.is_done.load(Ordering::Acquire) {
            std::thread::park();
        }
        self.rc.load(Ordering::Relaxed)
    }
}

/// The right to answer a [`Call`], once.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Option<*const Call>,
    is_armed: bool,
}

// SAFETY: the caller's thread only sleeps until the call is answered, so whoever has this has the call's room for itself.
unsafe impl Send for Waiting {}

impl Waiting {
    /// # Safety
    /// The call stays where it is until it is answered.
    pub(crate) const unsafe fn new(call: *const Call) -> Self {
        Self {
            call: Some(call),
            is_armed: false,
        }
    }

    /// Where the caller wants what.
    pub(crate) fn room(&self) -> Room {
        match self.call {
            // SAFETY: unanswered, so the call is still there.
            Some(call) => unsafe { (*call).room },
            None => Room::Nothing,
        }
    }

    /// Answers. The thread is to be unparked, once no lock is held.
    pub(crate) fn answer(mut self, rc: c_int) -> Option<Thread> {
        self.finish(rc)
    }

    fn finish(&mut self, rc: c_int) -> Option<Thread> {
        let call = self.call.take()?;
        // SAFETY: unanswered until the store below, so the call is still there; after it nothing of it is touched.
        unsafe {
            let thread = (*call).thread.clone();
            (*call).rc.store(rc, Ordering::Relaxed);
            (*call).is_done.store(true, Ordering::Release);
            Some(thread)
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.is_armed
            && let Some(thread) = self.finish(ZSYSTEMERROR)
        {
            thread.unpark();
        }
    }
}

/// Whom an outcome is for.
#[derive(Debug)]
pub(crate) enum To {
    Callback(Orphanable),
    Waiting(Waiting),
}

/// What goes with a request through the core.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) to: To,
    /// Whom the request's watch is for.
    pub(crate) watcher: Option<WatcherId>,
    /// Whether the outcome counts as good when the server could not be asked.
    pub(crate) is_local: bool,
}

impl Tag {
    pub(crate) const fn of_callback(callback: Callback) -> Self {
        Self::new(To::Callback(Orphanable {
            callback: Some(callback),
            is_armed: false,
        }))
    }

    pub(crate) const fn of_call(waiting: Waiting) -> Self {
        Self::new(To::Waiting(waiting))
    }

    const fn new(to: To) -> Self {
        Self {
            to,
            watcher: None,
            is_local: false,
        }
    }

    /// From here on it must be answered, or, after a refusal, disarmed.
    pub(crate) const fn arm(&mut self, is_armed: bool) {
        match &mut self.to {
            To::Callback(callback) => callback.is_armed = is_armed,
            To::Waiting(waiting) => waiting.is_armed = is_armed,
        }
    }
}

/// A callback that is not lost when it is dropped.
#[derive(Debug)]
pub(crate) struct Orphanable {
    callback: Option<Callback>,
    is_armed: bool,
}

impl Orphanable {
    pub(crate) fn take(mut self) -> Option<Callback> {
        self.callback.take()
    }
}

thread_local! {
    static ORPHANS: RefCell<Vec<Callback>> = const { RefCell::new(Vec::new()) };
}

impl Drop for Orphanable {
    fn drop(&mut self) {
        if self.is_armed
            && let Some(callback) = self.callback.take()
        {
            // At the end of a thread there is nobody left to be told.
            let _ = ORPHANS.try_with(|orphans| orphans.borrow_mut().push(callback));
        }
    }
}

/// Callbacks whose requests were dropped on this thread.
pub(crate) fn take_orphans() -> Vec<Callback> {
    ORPHANS.with_borrow_mut(std::mem::take)
}
