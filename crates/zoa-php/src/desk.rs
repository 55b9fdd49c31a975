//! What one PHP thread keeps for the request it serves: its mailbox, and who is to be called for what.
//!
//! Invariant: no borrow of it is held while PHP code may run, and callables may run PHP code when they are dropped.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::Stream;
use crate::mailbox::Mailbox;
use crate::registration::Registration;

/// Who is to be called.
#[derive(Debug, Default)]
struct Registrations {
    by_number: BTreeMap<u64, Rc<Registration>>,
    /// The numbers of those that watch, by session and path: a program may watch many paths, each with few callables.
    watching: BTreeMap<u64, BTreeMap<String, Vec<u64>>>,
}

impl Registrations {
    fn add(&mut self, number: u64, registration: Rc<Registration>) {
        if let Some(watch) = registration.watch() {
            let paths = self.watching.entry(registration.session()).or_default();
            paths.entry(watch.path.clone()).or_default().push(number);
        }
        self.by_number.insert(number, registration);
    }

    fn remove(&mut self, number: u64) -> Option<Rc<Registration>> {
        let registration = self.by_number.remove(&number)?;
        if let Some(watch) = registration.watch()
            && let Some(paths) = self.watching.get_mut(&registration.session())
            && let Some(numbers) = paths.get_mut(&watch.path)
        {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                paths.remove(&watch.path);
            }
        }
        Some(registration)
    }

    fn remove_of(&mut self, session: u64) -> Vec<Rc<Registration>> {
        self.watching.remove(&session);
        let numbers: Vec<u64> = self
            .by_number
            .iter()
            .filter(|(_, registration)| registration.session() == session)
            .map(|(number, _)| *number)
            .collect();
        numbers
            .iter()
            .filter_map(|number| self.by_number.remove(number))
            .collect()
    }
}

/// The desk of one PHP thread.
#[derive(Debug)]
pub(crate) struct Desk {
    mailbox: RefCell<Arc<Mailbox>>,
    registrations: RefCell<Registrations>,
    last_number: Cell<u64>,
    /// The fibers in which a callback runs right now; null is none.
    delivering: RefCell<Vec<*const c_void>>,
    /// Where lines for a log are written to, for the length of the request.
    log_stream: RefCell<Option<Rc<Stream>>>,
}

thread_local! {
    // Leaked, so that nothing of PHP's is freed after PHP has ended.
    static DESK: &'static Desk = Box::leak(Box::new(Desk {
        mailbox: RefCell::new(Mailbox::of_this_thread()),
        registrations: RefCell::default(),
        last_number: Cell::new(0),
        delivering: RefCell::default(),
        log_stream: RefCell::default(),
    }));
}

impl Desk {
    /// The desk of this thread.
    pub(crate) fn here() -> &'static Self {
        DESK.with(|desk| *desk)
    }

    /// In a forked child: a new mailbox, since the old one's lock may be held by a thread that is not there; and nobody is to be
    /// called for what the parent's sessions see. A callback that forked goes on in the child, and is still under way there.
    pub(crate) fn renew_after_fork() {
        let desk = Self::here();
        let old = desk.mailbox.replace(Mailbox::of_this_thread());
        std::mem::forget(old);
        desk.clear();
    }

    /// The thread ends: whoever still wakes it touches nothing of it.
    pub(crate) fn end_thread() {
        // A thread that never called in has no desk, and one that is far gone can make none.
        let _ = DESK.try_with(|desk| desk.mailbox.borrow().forget_thread());
    }

    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.mailbox.borrow())
    }

    /// A number for a registration.
    pub(crate) fn next_number(&self) -> u64 {
        let number = self.last_number.get() + 1;
        self.last_number.set(number);
        number
    }

    pub(crate) fn add(&self, number: u64, registration: Rc<Registration>) {
        self.registrations.borrow_mut().add(number, registration);
    }

    pub(crate) fn registration(&self, number: u64) -> Option<Rc<Registration>> {
        let registrations = self.registrations.borrow();
        registrations.by_number.get(&number).map(Rc::clone)
    }

    /// Takes a registration out. To drop it may run PHP code.
    pub(crate) fn remove(&self, number: u64) -> Option<Rc<Registration>> {
        self.registrations.borrow_mut().remove(number)
    }

    /// Takes all registrations of a session out. To drop them may run PHP code.
    pub(crate) fn remove_of(&self, session: u64) -> Vec<Rc<Registration>> {
        self.registrations.borrow_mut().remove_of(session)
    }

    /// The first registration that watches this path for this session and fits.
    pub(crate) fn find_watching(
        &self,
        (session, path): (u64, &str),
        fits: impl Fn(&Registration) -> bool,
    ) -> Option<Rc<Registration>> {
        let registrations = self.registrations.borrow();
        let numbers = registrations.watching.get(&session)?.get(path)?;
        let mut all = numbers
            .iter()
            .filter_map(|number| registrations.by_number.get(number));
        all.find(|registration| fits(registration)).map(Rc::clone)
    }

    /// Whether anybody may still be called for what happens, lines for a log apart.
    pub(crate) fn expects_news(&self) -> bool {
        let registrations = self.registrations.borrow();
        let mut all = registrations.by_number.values();
        all.any(|registration| !registration.is_log())
    }

    /// Where lines for a log are written to.
    pub(crate) fn log_stream(&self) -> Option<Rc<Stream>> {
        self.log_stream.borrow().clone()
    }

    /// Writes lines for a log here from now on. The one before is given back: to drop it may run PHP code.
    pub(crate) fn set_log_stream(&self, stream: Option<Stream>) -> Option<Rc<Stream>> {
        self.log_stream.replace(stream.map(Rc::new))
    }

    /// The request ends.
    pub(crate) fn end_request(&self) {
        drop(self.set_log_stream(None));
        self.clear();
        // What bailed out came past its end.
        self.delivering.borrow_mut().clear();
    }

    /// Nobody is to be called any more.
    fn clear(&self) {
        loop {
            // PHP code that runs while they are dropped may add more.
            let registrations = std::mem::take(&mut *self.registrations.borrow_mut());
            if registrations.by_number.is_empty() {
                break;
            }
            drop(registrations);
        }
        while self.mailbox().pop().is_some() {}
    }

    /// Whether a callback runs in this fiber.
    pub(crate) fn is_delivering_in(&self, fiber: *const c_void) -> bool {
        self.delivering.borrow().contains(&fiber)
    }

    pub(crate) fn start_delivery(&self, fiber: *const c_void) {
        self.delivering.borrow_mut().push(fiber);
    }

    pub(crate) fn end_delivery(&self, fiber: *const c_void) {
        let mut delivering = self.delivering.borrow_mut();
        if let Some(at) = delivering.iter().rposition(|other| *other == fiber) {
            delivering.remove(at);
        }
    }
}
