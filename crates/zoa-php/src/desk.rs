//! What one PHP thread keeps for the request it serves: its mailbox, and who is to be called for what.
//!
//! Invariant: no borrow of it is held while PHP code may run, and callables may run PHP code when they are dropped.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::Arc;

use crate::mailbox::Mailbox;
use crate::registration::Registration;

/// The desk of one PHP thread.
#[derive(Debug)]
pub(crate) struct Desk {
    mailbox: RefCell<Arc<Mailbox>>,
    registrations: RefCell<BTreeMap<u64, Rc<Registration>>>,
    last_number: Cell<u64>,
    /// The fibers in which a callback runs right now; null is none.
    delivering: RefCell<Vec<*const c_void>>,
}

thread_local! {
    // Leaked, so that nothing of PHP's is freed after PHP has ended.
    static DESK: &'static Desk = Box::leak(Box::new(Desk {
        mailbox: RefCell::new(Mailbox::of_this_thread()),
        registrations: RefCell::default(),
        last_number: Cell::new(0),
        delivering: RefCell::default(),
    }));
}

impl Desk {
    /// The desk of this thread.
    pub(crate) fn here() -> &'static Self {
        DESK.with(|desk| *desk)
    }

    /// In a forked child: a new mailbox, since the old one's lock may be held by a thread that is not there; and nobody is to be
    /// called for what the parent's sessions see.
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

    pub(crate) fn add(&self, number: u64, registration: Registration) -> Rc<Registration> {
        let registration = Rc::new(registration);
        let added = Rc::clone(&registration);
        self.registrations.borrow_mut().insert(number, added);
        registration
    }

    pub(crate) fn registration(&self, number: u64) -> Option<Rc<Registration>> {
        self.registrations.borrow().get(&number).map(Rc::clone)
    }

    /// Takes a registration out. To drop it may run PHP code.
    pub(crate) fn remove(&self, number: u64) -> Option<Rc<Registration>> {
        self.registrations.borrow_mut().remove(&number)
    }

    /// Takes all registrations of a session out. To drop them may run PHP code.
    pub(crate) fn remove_of(&self, session: u64) -> Vec<Rc<Registration>> {
        let mut registrations = self.registrations.borrow_mut();
        let numbers: Vec<u64> = registrations
            .iter()
            .filter(|(_, registration)| registration.session() == session)
            .map(|(number, _)| *number)
            .collect();
        numbers
            .iter()
            .filter_map(|number| registrations.remove(number))
            .collect()
    }

    /// The first registration that fits.
    pub(crate) fn find(
        &self,
        fits: impl Fn(&Registration) -> bool,
    ) -> Option<(u64, Rc<Registration>)> {
        let registrations = self.registrations.borrow();
        let mut all = registrations.iter();
        all.find(|(_, registration)| fits(registration))
            .map(|(number, registration)| (*number, Rc::clone(registration)))
    }

    /// Nobody is to be called any more.
    pub(crate) fn clear(&self) {
        loop {
            // PHP code that runs while they are dropped may add more.
            let registrations = std::mem::take(&mut *self.registrations.borrow_mut());
            if registrations.is_empty() {
                break;
            }
            drop(registrations);
        }
        self.delivering.borrow_mut().clear();
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
