//! What a server can do, as it announces it in its hello: the ground of rolling upgrades (G-24).
//!
//! ```text
//!   peer protocol  each connection is spoken in the lower of the two versions
//!   semantics      how transactions are applied: the lowest of all members holds, and rises by an entry (`ensemble/upgrade.rs`)
//! ```
//!
//! Both are numbers that only rise, and a program knows all from the first that it still speaks up to its newest. A hello of a later
//! version has more fields behind those known here; they are passed over. `docs/decisions/0011-versions-of-members.md` says why.

use zoa_tree::SEMANTICS_FIRST;
use zoa_tree::SEMANTICS_NEWEST;

/// The first version of the peer protocol in which servers tell one another where the leader is.
pub(crate) const VERSION_OF_LEADER_AT: u16 = 3;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Versions {
    /// The newest version of the peer protocol (`docs/formats/peer.md`).
    pub peer: u16,
    /// The newest version of the rules by which transactions are applied (`docs/formats/txn.md`).
    pub semantics: u32,
}

impl Versions {
    /// The first there were: hellos of version 1 do not say which rules their server knows.
    pub const FIRST: Self = Self {
        peer: 1,
        semantics: SEMANTICS_FIRST,
    };

    /// Those of this program.
    pub const THIS: Self = Self {
        peer: if cfg!(feature = "previous-formats") {
            1
        } else {
            VERSION_OF_LEADER_AT
        },
        semantics: SEMANTICS_NEWEST,
    };
}

impl Default for Versions {
    fn default() -> Self {
        Self::THIS
    }
}
