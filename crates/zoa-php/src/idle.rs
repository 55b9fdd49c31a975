//! Clients that wait for the next request of a worker process, so that not each request makes and ends a session.
//!
//! Only where a process serves many requests, and only clients that carry nothing of the request that ends: no ephemerals, no
//! identities, no watches. One that carries something is closed with its object, as ever.

use std::cell::RefCell;
use std::rc::Rc;

use zoa_client::SessionState;
use zoa_client::TlsOptions;
use zoa_client::blocking::Client;

use crate::engine::serves_requests;
use crate::limits::IDLE_CLIENTS_MAX;
use crate::process::OfProcess;
use crate::settings;

/// What clients must agree in to stand for each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sameness {
    pub(crate) connect_string: String,
    pub(crate) timeout_ms: u32,
    pub(crate) keeps_host_order: bool,
    pub(crate) tls: Option<TlsOptions>,
}

type Idle = Vec<(Sameness, Rc<OfProcess<Client>>)>;

thread_local! {
    static IDLE: RefCell<Idle> = const { RefCell::new(Vec::new()) };
}

/// Whether clients are kept here at all.
fn is_wanted() -> bool {
    match settings::persistent() {
        0 => false,
        1 => true,
        _ => serves_requests(),
    }
}

/// A client to go on with, if one is kept and still alive.
pub(crate) fn take(sameness: &Sameness) -> Option<Rc<OfProcess<Client>>> {
    loop {
        let taken = IDLE.with_borrow_mut(|idle| {
            let at = idle.iter().position(|(kept, _)| kept == sameness)?;
            Some(idle.swap_remove(at).1)
        })?;
        // Those that have ended in the meantime, and a parent process's, are dropped.
        if taken.get().is_some_and(is_fit) {
            return Some(taken);
        }
    }
}

/// Keeps a client; gives it back when it cannot be kept, to be closed.
pub(crate) fn keep(
    sameness: Sameness,
    client: Rc<OfProcess<Client>>,
) -> Option<Rc<OfProcess<Client>>> {
    let is_clean = client
        .get()
        .is_some_and(|client| is_fit(client) && client.handle().watch_count() == 0);
    let has_room = IDLE.with_borrow(|idle| idle.len() < IDLE_CLIENTS_MAX);
    if !is_clean || !has_room || !is_wanted() {
        return Some(client);
    }
    IDLE.with_borrow_mut(|idle| idle.push((sameness, client)));
    None
}

fn is_fit(client: &Client) -> bool {
    let handle = client.handle();
    handle.state() == SessionState::Connected && handle.pending_count() == 0
}

/// Closes all; for the end of the process.
pub(crate) fn end() {
    for (_, client) in IDLE.take() {
        if let Some(client) = client.get() {
            let _ = client.close();
        }
    }
}
