//! Hash maps whose keys are not predictable from outside: paths are hostile input.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// Builds SipHash-1-3 hashers with a secret that was passed in at start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyedHasher(pub(crate) [u64; 2]);

impl BuildHasher for KeyedHasher {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        let [k0, k1] = self.0;
        SipHasher13::new_with_keys(k0, k1)
    }
}
