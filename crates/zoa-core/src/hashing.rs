//! Hash maps whose keys are not predictable from outside: names and session ids are hostile input.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;
use zoa_tree::HashKey;

/// Builds SipHash-1-3 hashers with a secret that was passed in at start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyedHasher([u64; 2]);

impl KeyedHasher {
    pub(crate) fn new(key: HashKey) -> Self {
        Self(key.0)
    }
}

impl BuildHasher for KeyedHasher {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        let [k0, k1] = self.0;
        SipHasher13::new_with_keys(k0, k1)
    }
}
