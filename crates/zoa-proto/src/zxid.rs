//! The transaction id, and the only conversions between its signed wire form and its parts.
//!
//! It is not a Raft index: it counts transactions of the tree, 32 bits of epoch over 32 bits of
//! counter, and is part of the replicated state.
//!
//! Invariant: `Zxid::new(z.epoch(), z.counter()) == z` and `Zxid::from_wire(z.to_wire()) == z`
//! for every `z` (G-17 orders by it).

// The wire carries a signed 64-bit integer, the value is two unsigned halves: the casts below are
// reinterpretations of the same bits, on purpose.
#![allow(clippy::as_conversions)]

use std::fmt;

/// A transaction id: epoch in the high 32 bits, counter in the low 32.
///
/// Orders as an unsigned number, which is the order in which transactions were applied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Zxid(pub u64);

impl Zxid {
    /// The zxid before the first transaction; also what a new client has seen.
    pub const ZERO: Self = Self(0);

    /// Wire -1: the header of an event that no transaction fired (made by setWatches) and of some
    /// refusals. It names no transaction and must not be compared: as a number it is the largest.
    pub const NONE: Self = Self(u64::MAX);

    /// Puts the two halves together.
    #[must_use]
    pub const fn new(epoch: u32, counter: u32) -> Self {
        Self((epoch as u64) << 32 | counter as u64)
    }

    /// The epoch: rises with the leader's term, or when the counter is used up.
    #[must_use]
    pub const fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The counter within the epoch.
    #[must_use]
    pub const fn counter(self) -> u32 {
        self.0 as u32
    }

    /// Reads the wire's signed form; any value is allowed, -1 becomes [`Zxid::NONE`].
    #[must_use]
    pub const fn from_wire(wire: i64) -> Self {
        Self(wire as u64)
    }

    /// Reads a zxid that a client claims to have seen.
    ///
    /// The reference compares these as signed numbers, so a negative one is older than
    /// everything: it becomes [`Zxid::ZERO`] here.
    #[must_use]
    pub const fn from_wire_seen(wire: i64) -> Self {
        if wire < 0 {
            Self::ZERO
        } else {
            Self(wire as u64)
        }
    }

    /// The signed form for the wire.
    #[must_use]
    pub const fn to_wire(self) -> i64 {
        self.0 as i64
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zxid({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Zxid;

    #[test]
    fn halves_come_back_out() {
        let zxid = Zxid::new(0xdead_beef, 0x0bad_cafe);
        assert_eq!(zxid.epoch(), 0xdead_beef);
        assert_eq!(zxid.counter(), 0x0bad_cafe);
        assert_eq!(zxid.0, 0xdead_beef_0bad_cafe);
        assert_eq!(zxid.to_string(), "0xdeadbeef0badcafe");
        assert_eq!(format!("{zxid:?}"), "Zxid(0xdeadbeef0badcafe)");
    }

    #[test]
    fn the_wire_form_is_the_same_bits() {
        for wire in [0, 1, -1, i64::MIN, i64::MAX] {
            assert_eq!(Zxid::from_wire(wire).to_wire(), wire);
        }
        assert_eq!(Zxid::from_wire(-1), Zxid::NONE);
    }

    #[test]
    fn a_negative_zxid_seen_is_older_than_everything() {
        assert_eq!(Zxid::from_wire_seen(-1), Zxid::ZERO);
        assert_eq!(Zxid::from_wire_seen(i64::MIN), Zxid::ZERO);
        assert_eq!(Zxid::from_wire_seen(7), Zxid(7));
    }

    #[test]
    fn a_later_epoch_is_a_later_zxid() {
        assert!(Zxid::new(1, u32::MAX) < Zxid::new(2, 0));
        assert!(Zxid::new(2, 0) < Zxid::new(2, 1));
    }
}
