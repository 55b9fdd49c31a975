//! The secret under every hash table whose keys come from outside.
//!
//! Names of znodes are chosen by clients, so a table with a known hash function could be filled
//! with collisions. It is *not* part of the replicated state: two replicas with different keys
//! must reach the same outcomes and the same digest (G-16).

use std::fmt;
use std::hash::BuildHasher;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// Key of the hash tables, from a secure random source at start; never logged.
#[derive(Clone, Copy)]
pub struct HashKey(pub [u64; 2]);

impl HashKey {
    /// Hashes a name that is unique within a number, such as a child within its parent.
    pub(crate) fn hash_name(&self, within: u32, name: &[u8]) -> u64 {
        let mut hasher = self.build_hasher();
        hasher.write_u32(within);
        hasher.write(name);
        hasher.finish()
    }

    /// Hashes bytes.
    pub(crate) fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

impl BuildHasher for HashKey {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        let Self([first, second]) = *self;
        SipHasher13::new_with_keys(first, second)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // G-25: whoever knows the key can fill the tables with collisions.
        f.write_str("HashKey(..)")
    }
}
