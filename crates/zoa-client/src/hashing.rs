//! A hasher keyed from outside, like every hash map of this project.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// Builds hashers with the key that was drawn at the client's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyedHasher(pub(crate) [u64; 2]);

impl BuildHasher for KeyedHasher {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        let [k0, k1] = self.0;
        SipHasher13::new_with_keys(k0, k1)
    }
}
