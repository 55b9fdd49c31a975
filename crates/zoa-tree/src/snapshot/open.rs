//! What the tree remembers of a snapshot that is being taken.
//!
//! ```text
//! slots of znodes 0..n, then of sessions n..n+m     position: all before it have been walked
//! preserved: old versions of what changed ahead of the position, in pieces of a few 100 KiB
//! ```
//!
//! Steps run under the shared lock and write only the two counters here; writers hold the lock
//! alone and read them. So the lock orders everything and relaxed atomics are enough.
//!
//! Invariant: memory is bounded by the tree as it was at the beginning, since nothing is preserved
//! twice; a piece that was taken is given back at the next write.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::limits::PRESERVED_PIECE_LEN;
use crate::node::NodeId;

/// A snapshot that was begun.
#[derive(Debug)]
pub(crate) struct OpenSnapshot {
    number: u32,
    node_slots: u64,
    session_slots: u64,
    position: AtomicU64,
    /// Old versions; pieces that were taken are empty.
    preserved: Vec<Vec<u8>>,
    pieces_taken: AtomicUsize,
    pieces_dropped: usize,
}

/// How much of the old versions a cursor has taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Taken {
    piece: usize,
    offset: usize,
}

impl OpenSnapshot {
    pub(crate) const fn new(number: u32, node_slots: u64, session_slots: u64) -> Self {
        Self {
            number,
            node_slots,
            session_slots,
            position: AtomicU64::new(0),
            preserved: Vec::new(),
            pieces_taken: AtomicUsize::new(0),
            pieces_dropped: 0,
        }
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// One more than the last position.
    pub(crate) const fn slots_end(&self) -> u64 {
        self.node_slots + self.session_slots
    }

    pub(crate) fn set_position(&self, position: u64) {
        self.position.store(position, Relaxed);
    }

    /// The session slot at a position, if it is not one of a znode.
    pub(crate) fn session_number(&self, position: u64) -> Option<u32> {
        u32::try_from(position.checked_sub(self.node_slots)?).ok()
    }

    /// Whether the walk has been at this znode.
    pub(crate) fn has_node(&self, id: NodeId) -> bool {
        u64::from(id.0) < self.position.load(Relaxed)
    }

    /// Whether the walk has been at this session.
    pub(crate) fn has_session(&self, number: u32) -> bool {
        self.node_slots + u64::from(number) < self.position.load(Relaxed)
    }

    /// Where an old version is to be written.
    pub(crate) fn preserved_mut(&mut self) -> &mut Vec<u8> {
        let taken = self.pieces_taken.load(Relaxed);
        for piece in self
            .preserved
            .iter_mut()
            .take(taken)
            .skip(self.pieces_dropped)
        {
            *piece = Vec::new();
        }
        self.pieces_dropped = taken;
        let has_room = |piece: &Vec<u8>| piece.len() < PRESERVED_PIECE_LEN;
        if self.preserved.len() == taken || !self.preserved.last().is_some_and(has_room) {
            self.preserved.push(Vec::new());
        }
        self.preserved
            .last_mut()
            .expect("one was pushed if there was none")
    }

    /// Appends what was preserved and not yet taken, at most one piece; true if that was all.
    pub(crate) fn take_preserved(&self, taken: &mut Taken, out: &mut Vec<u8>) -> bool {
        let Some(piece) = self.preserved.get(taken.piece) else {
            return true;
        };
        out.extend_from_slice(piece.get(taken.offset..).unwrap_or_default());
        taken.offset = piece.len();
        let is_last = taken.piece + 1 == self.preserved.len();
        if piece.len() >= PRESERVED_PIECE_LEN || !is_last {
            *taken = Taken {
                piece: taken.piece + 1,
                offset: 0,
            };
            self.pieces_taken.store(taken.piece, Relaxed);
        }
        is_last
    }
}
