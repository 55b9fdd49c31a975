//! The way of a request into the core, from whatever thread: judged, encoded, and sent at once where that is best.
//!
//! A caller who will wait sends by itself: one system call and no other thread. Of requests that nobody waits for, the first goes out
//! at once, too; further ones while it is under way are left for the I/O thread, which sends all there are in one write.
//! Invariant: whatever is left is sent within one turn of the I/O thread: it is awake, or woken.

use std::ffi::c_int;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;
use zoa_client_core::Rejected;
use zoa_client_core::Submission;
use zoa_proto::Request;

use crate::abi::ZHandle;
use crate::clock;
use crate::codes;
use crate::codes::ZBADARGUMENTS;
use crate::codes::ZCLOSING;
use crate::codes::ZINVALIDSTATE;
use crate::codes::ZOK;
use crate::codes::ZSYSTEMERROR;
use crate::driver::State;
use crate::handle::Handle;
use crate::log::Level;
use crate::registry;
use crate::tag::Tag;
use crate::tag::To;
use crate::watchers::Watcher;

/// Runs a call of the interface: finds the handle, and lets no panic out.
pub(crate) fn enter(
    zh: *const ZHandle,
    call: impl FnOnce(&Arc<Handle>) -> Result<(), c_int>,
) -> c_int {
    guarded(|| match registry::find(zh) {
        Ok(handle) => call(&handle).err().unwrap_or(ZOK),
        Err(rc) => rc,
    })
}

/// Lets no panic out.
pub(crate) fn guarded(call: impl FnOnce() -> c_int) -> c_int {
    std::panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or(ZSYSTEMERROR)
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) request: Request<'a>,
    pub(crate) watcher: Option<Watcher>,
    /// The path is the server's, whatever the chroot.
    pub(crate) outside_chroot: bool,
}

impl<'a> From<Request<'a>> for Ask<'a> {
    fn from(request: Request<'a>) -> Self {
        Self {
            request,
            watcher: None,
            outside_chroot: false,
        }
    }
}

impl Handle {
    /// Hands a request to the core.
    ///
    /// # Errors
    /// The return code of the interface; the tag is forgotten then.
    pub(crate) fn submit(&self, ask: Ask<'_>, tag: Tag) -> Result<(), c_int> {
        self.log(Level::Debug, c"zoo_submit", || {
            format!("Sending {}", ask.request.op().name())
        });
        self.take(tag, |state, mut tag| {
            let watcher = ask.watcher.map(|watcher| state.watchers.name(watcher));
            tag.watcher = watcher;
            let submission = Submission {
                request: ask.request,
                watcher,
                outside_chroot: ask.outside_chroot,
            };
            state.core.submit(clock::now_ms(), submission, tag)
        })
    }

    /// Hands something to the core under the lock, and has it sent.
    pub(crate) fn take(
        &self,
        mut tag: Tag,
        give: impl FnOnce(&mut State, Tag) -> Result<(), Rejected<Tag>>,
    ) -> Result<(), c_int> {
        let is_waited_for = matches!(tag.to, To::Waiting(_));
        self.check(is_waited_for)?;
        tag.arm(true);
        let mut state = self.state.lock();
        let given = give(&mut state, tag);
        match given {
            Ok(()) => {
                self.send(state, is_waited_for);
                Ok(())
            }
            Err(Rejected { error, mut tag }) => {
                if let Some(watcher) = tag.watcher {
                    state.watchers.settle(watcher);
                }
                tag.arm(false);
                Err(codes::of_submit_error(error))
            }
        }
    }

    /// Whether a request can be taken at all.
    fn check(&self, is_waited_for: bool) -> Result<(), c_int> {
        if self.is_closing.load(Ordering::Acquire) {
            return Err(ZCLOSING);
        }
        if self.state_code() < 0 || (is_waited_for && self.is_io_thread()) {
            return Err(ZINVALIDSTATE);
        }
        Ok(())
    }

    /// Whether this is the thread that a synchronous call would wait for: a log callback called in.
    #[cfg(not(feature = "single-threaded"))]
    pub(crate) fn is_io_thread(&self) -> bool {
        self.threads.is_io(std::thread::current().id())
    }

    #[cfg(feature = "single-threaded")]
    #[expect(clippy::unused_self, reason = "its twin needs it")]
    pub(crate) const fn is_io_thread(&self) -> bool {
        false
    }

    fn send(&self, mut state: MutexGuard<'_, State>, is_waited_for: bool) {
        let is_alone = state.core.pending_count() == 1;
        if is_waited_for || is_alone || cfg!(feature = "single-threaded") {
            state.write(clock::now_ms());
        }
        if state.needs_turn() {
            self.signal(&mut state);
        }
    }
}

/// The null check that comes before everything.
pub(crate) fn check_null<T>(pointer: *const T) -> Result<(), c_int> {
    if pointer.is_null() {
        Err(ZBADARGUMENTS)
    } else {
        Ok(())
    }
}
