//! Requests that are not yet told how they ended: those in flight, in the order of their replies, and those that wait for a
//! connection, encoded already.
//!
//! Invariant: xids rise along both lines, so the head of the first is the only request whose reply may come (G-03).

use std::collections::VecDeque;
use std::sync::Arc;

use zoa_proto::OpCode;
use zoa_proto::WatcherType;
use zoa_proto::Xid;

use crate::event::WatcherId;
use crate::watches::WatchKind;

/// A request and what its reply will change.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) xid: Xid,
    pub(crate) op: OpCode,
    pub(crate) submitted_ms: u64,
    /// In flight: the offset behind its last byte. Waiting: its length.
    pub(crate) end: u64,
    pub(crate) intent: Option<Box<Intent>>,
    /// Its paths are the server's: nothing is stripped off the reply.
    pub(crate) outside_chroot: bool,
    /// `None` for the client's own closeSession.
    pub(crate) tag: Option<T>,
}

/// What the reply to a request does to the watch table.
#[derive(Debug)]
pub(crate) enum Intent {
    /// Registers a watch, if the reply says so.
    Watch {
        path: Arc<str>,
        watcher: WatcherId,
        kind: WatchKind,
        /// The kind it is if the reply says NONODE; `None` for no watch then.
        if_missing: Option<WatchKind>,
    },
    /// Removes watches, if the reply says so, or in any case if `local`.
    Unwatch {
        path: Arc<str>,
        watcher_type: WatcherType,
        watcher: Option<WatcherId>,
        local: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Pending<T> {
    in_flight: VecDeque<Entry<T>>,
    waiting: VecDeque<Entry<T>>,
    waiting_bytes: VecDeque<u8>,
    /// Registrations among all of them.
    watches: usize,
    last_xid: i32,
}

impl<T> Pending<T> {
    pub(crate) const fn new() -> Self {
        Self {
            in_flight: VecDeque::new(),
            waiting: VecDeque::new(),
            waiting_bytes: VecDeque::new(),
            watches: 0,
            last_xid: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.in_flight.len() + self.waiting.len()
    }

    /// Registrations that the replies may bring.
    pub(crate) const fn watches(&self) -> usize {
        self.watches
    }

    /// Bytes that wait for a connection.
    pub(crate) fn waiting_len(&self) -> usize {
        self.waiting_bytes.len()
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next xid: positive, and after the greatest comes 1 again.
    pub(crate) fn take_xid(&mut self) -> Xid {
        self.last_xid = self.last_xid.checked_add(1).unwrap_or(1);
        Xid(self.last_xid)
    }

    /// Adds a request whose bytes are in the outbox.
    pub(crate) fn push_in_flight(&mut self, entry: Entry<T>) {
        self.watches += usize::from(is_registration(&entry));
        self.in_flight.push_back(entry);
    }

    /// Adds a request that waits for a connection.
    pub(crate) fn push_waiting(&mut self, mut entry: Entry<T>, frame: &[u8]) {
        self.watches += usize::from(is_registration(&entry));
        entry.end = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        self.waiting.push_back(entry);
        self.waiting_bytes.extend(frame);
    }

    /// All that waited is in flight now, its bytes behind the offset `start`. Hands the bytes to `take`.
    pub(crate) fn flush_waiting(&mut self, start: u64, mut take: impl FnMut(&[u8])) {
        let mut end = start;
        for mut entry in self.waiting.drain(..) {
            end += entry.end;
            entry.end = end;
            self.in_flight.push_back(entry);
        }
        let (first, second) = self.waiting_bytes.as_slices();
        take(first);
        take(second);
        self.waiting_bytes = VecDeque::new();
    }

    /// The request whose reply is due.
    pub(crate) fn head(&self) -> Option<&Entry<T>> {
        self.in_flight.front()
    }

    /// The request that has waited longest for a connection.
    pub(crate) fn waiting_head(&self) -> Option<&Entry<T>> {
        self.waiting.front()
    }

    /// Takes the request whose reply is due.
    pub(crate) fn pop_in_flight(&mut self) -> Option<Entry<T>> {
        let entry = self.in_flight.pop_front()?;
        self.watches -= usize::from(is_registration(&entry));
        Some(entry)
    }

    /// Takes the request that has waited longest.
    pub(crate) fn pop_waiting(&mut self) -> Option<Entry<T>> {
        let entry = self.waiting.pop_front()?;
        self.watches -= usize::from(is_registration(&entry));
        let len = usize::try_from(entry.end).unwrap_or(usize::MAX);
        self.waiting_bytes
            .drain(..len.min(self.waiting_bytes.len()));
        Some(entry)
    }

    /// Whether a request that is pending may register a watch on this path.
    pub(crate) fn may_register(&self, path: &str) -> bool {
        let mut all = self.in_flight.iter().chain(&self.waiting);
        all.any(|entry| {
            matches!(entry.intent.as_deref(), Some(Intent::Watch { path: watched, .. }) if **watched == *path)
        })
    }
}

fn is_registration<T>(entry: &Entry<T>) -> bool {
    matches!(entry.intent.as_deref(), Some(Intent::Watch { .. }))
}

#[cfg(test)]
mod tests {
    use super::Entry;
    use super::Pending;
    use zoa_proto::OpCode;
    use zoa_proto::Xid;

    fn entry(pending: &mut Pending<u8>, tag: u8) -> Entry<u8> {
        Entry {
            xid: pending.take_xid(),
            op: OpCode::Delete,
            submitted_ms: 0,
            end: 0,
            intent: None,
            outside_chroot: false,
            tag: Some(tag),
        }
    }

    #[test]
    fn what_waited_goes_out_in_order_and_knows_where_it_ends() {
        let mut pending = Pending::new();
        for (tag, frame) in [(1, &b"aaa"[..]), (2, b"bb"), (3, b"cccc")] {
            let entry = entry(&mut pending, tag);
            pending.push_waiting(entry, frame);
        }
        assert_eq!(pending.pop_waiting().and_then(|entry| entry.tag), Some(1));
        assert_eq!(pending.waiting_len(), 6);
        let mut sent = Vec::new();
        pending.flush_waiting(100, |bytes| sent.extend_from_slice(bytes));
        assert_eq!(sent, b"bbcccc");
        assert_eq!(pending.pop_in_flight().map(|entry| entry.end), Some(102));
        assert_eq!(pending.pop_in_flight().map(|entry| entry.end), Some(106));
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn xids_start_again_at_one_and_never_touch_the_reserved_ones() {
        let mut pending = Pending::<()>::new();
        assert_eq!(pending.take_xid(), Xid(1));
        pending.last_xid = i32::MAX - 1;
        assert_eq!(pending.take_xid(), Xid(i32::MAX));
        assert_eq!(pending.take_xid(), Xid(1));
    }
}
