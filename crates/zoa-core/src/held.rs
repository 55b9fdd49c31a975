//! What this server holds in memory for its clients, counted for those who look. It decides nothing: each number has its bound in
//! [`crate::limits`], which whoever makes it grow looks at. Serves G-22.

use zoa_tree::IdentitiesBuf;

use crate::core::Core;
use crate::lane::Lane;

/// For all clients together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Writes that are not answered yet.
    pub outstanding: usize,
    /// Their bytes, as they are proposed.
    pub outstanding_len: usize,
    /// Bytes for which long lists have room.
    pub lists_len: usize,
    /// Watches.
    pub watches: usize,
    /// Bytes of the paths that are watched, each counted for every connection that watches it.
    pub watched_len: usize,
    /// Signs of life of connections that are over, and of which nobody was told yet.
    pub parted: usize,
}

/// For one connection, by its lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldByLane {
    /// Bytes that wait to be sent, those that wait behind a long list too.
    pub outbox_len: usize,
    /// Bytes of events in them.
    pub events_len: usize,
    /// Writes that are not answered yet, and reads behind them.
    pub pending: usize,
    /// Those reads.
    pub parked: usize,
    /// Their bytes.
    pub parked_len: usize,
    /// Bytes of its identities.
    pub identities_len: usize,
}

impl Core {
    /// What is held for all clients together.
    pub fn held(&self) -> Held {
        let (watches, watched_len) = self.watches.lock().held_by_all();
        Held {
            outstanding: self.outstanding(),
            outstanding_len: self.outstanding_len(),
            lists_len: self.list_room.taken_len(),
            watches,
            watched_len,
            parted: self.parted.lock().len(),
        }
    }
}

impl Lane {
    /// What is held for this connection, beside what its own task has.
    pub fn held(&self) -> HeldByLane {
        let state = self.lock();
        let (parked, parked_len) = state.pipeline.parked();
        HeldByLane {
            outbox_len: state.outbox_len(),
            events_len: state.events_len(),
            pending: state.pipeline.len(),
            parked,
            parked_len,
            identities_len: IdentitiesBuf::as_ref(&state.identities).as_bytes().len(),
        }
    }
}
