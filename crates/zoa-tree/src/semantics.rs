//! The rules by which transactions are applied have a number, and it is part of the replicated state.
//!
//! ```text
//!   version 1   everything up to kind 9 of `docs/formats/txn.md`
//!   version 2   kind 10 as well: the entry that raises the version
//! ```
//!
//! Whoever adds a kind of transaction, or changes what one does, adds a version here, lets [`Txn`](crate::Txn) be proposed only while the
//! state has it, and lets apply obey the version that the state has. The version rises by an entry, which a leader proposes once every
//! member has announced that it knows it; it never falls. So a rolling upgrade cannot make replicas differ, and a program that does not
//! know the version refuses the data instead of guessing (G-24).

/// The version of a state in which it was never raised.
pub const SEMANTICS_FIRST: u32 = 1;

/// The newest version that this program knows. Built with `previous-formats` it knows what the version before it knew.
pub const SEMANTICS_NEWEST: u32 = if cfg!(feature = "previous-formats") {
    1
} else {
    2
};
