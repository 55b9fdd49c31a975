//! The digest of a tree: one number that two replicas share exactly when their states agree (G-16).
//!
//! ```text
//! digest = sum over znodes (stat term + data term) + sum over sessions, mixed with the counters
//! ```
//!
//! A sum does not depend on order, and a change takes the old term out and puts the new one in, so
//! that it is always at hand; data have a term of their own so that a new child does not cost a
//! walk over its parent's data. Path, stat, data and ACL count, in the raw form that is stored.
//!
//! It is *not* a defence against an adversary, it is keyed with nothing secret, and it is not the
//! reference's digest (which only its own servers compare).

use zoa_proto::Zxid;

use crate::members::MemberLines;
use crate::node::Node;
use crate::session::Session;

// Odd constants with about as many ones as zeros; any such would do.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP: u64 = 0xd6e8_feb8_6659_fd93;
const LAST: u64 = 0xa076_1d64_78bd_642f;

/// The hash of a znode's path: each name is folded into the hash of the path above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PathHash(pub(crate) u64);

impl PathHash {
    pub(crate) const ROOT: Self = Self(SEED);

    /// The hash of the child of this name.
    pub(crate) fn child(self, name: &[u8]) -> Self {
        Self(hash_bytes(self.0, name))
    }

    /// The hash of a path as it stands in a request.
    pub(crate) fn of(path: &str) -> Self {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.fold(Self::ROOT, |above, name| above.child(name.as_bytes()))
    }
}

/// The share of a znode's stat and ACL; `raw_owner` is [`crate::node::Lifetime::raw_owner`].
pub(crate) fn stat_term(path: PathHash, node: &Node, raw_owner: i64, acl_digest: u64) -> u64 {
    let (stat, versions) = (&node.stat, &node.versions);
    let data_and_children = u64::from(versions.version.cast_unsigned()) << 32
        | u64::from(versions.cversion.cast_unsigned());
    let mut hash = fold(path.0 ^ STEP, stat.czxid.0 ^ SEED);
    hash = fold(hash ^ stat.mzxid.0, stat.pzxid.0 ^ STEP);
    hash = fold(
        hash ^ stat.ctime_ms.cast_unsigned(),
        stat.mtime_ms.cast_unsigned() ^ LAST,
    );
    hash = fold(
        hash ^ data_and_children,
        u64::from(versions.aversion.cast_unsigned()) ^ SEED,
    );
    hash = fold(hash ^ raw_owner.cast_unsigned(), acl_digest ^ STEP);
    fold(hash ^ LAST, path.0)
}

/// The share of a znode's data; null and empty differ.
pub(crate) fn data_term(path: PathHash, data: Option<&[u8]>) -> u64 {
    match data {
        None => fold(path.0 ^ LAST, SEED),
        Some(bytes) => fold(hash_bytes(path.0 ^ LAST, bytes), STEP),
    }
}

/// The share of a session.
pub(crate) fn session_term(session: &Session) -> u64 {
    let mut hash = hash_bytes(session.id().0.cast_unsigned() ^ STEP, session.password());
    hash = fold(hash ^ u64::from(session.timeout_ms().cast_unsigned()), SEED);
    fold(
        hash ^ session.owner().connection,
        LAST ^ u64::from(session.owner().server.0),
    )
}

/// The share of the servers of the ensemble; without servers there is none.
pub(crate) fn members_term(members: &MemberLines) -> u64 {
    if members.is_empty() {
        return 0;
    }
    hash_bytes(SEED ^ STEP, members.to_string().as_bytes())
}

/// The digest of the whole: the sum of the terms and what else decides the next transaction.
pub(crate) fn finish(sum: u64, last_zxid: Zxid, zxid_term: u64, semantics: u32) -> u64 {
    let hash = fold(sum ^ SEED, last_zxid.0 ^ STEP);
    fold(hash ^ zxid_term, u64::from(semantics) ^ LAST) ^ sum
}

/// Hashes bytes, 16 at a time.
pub(crate) fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let len = u64::try_from(bytes.len()).expect("usize has 64 bits or fewer");
    let mut hash = fold(seed ^ LAST, len ^ STEP);
    let (pairs, rest) = bytes.as_chunks::<16>();
    for pair in pairs {
        let both = u128::from_le_bytes(*pair);
        hash = fold(low(both) ^ hash, high(both) ^ STEP) ^ hash.rotate_left(23);
    }
    if !rest.is_empty() {
        let mut padded = [0; 16];
        for (to, from) in padded.iter_mut().zip(rest) {
            *to = *from;
        }
        let both = u128::from_le_bytes(padded);
        hash = fold(low(both) ^ hash, high(both) ^ SEED) ^ hash.rotate_left(23);
    }
    fold(hash ^ SEED, LAST)
}

/// The 128-bit product of two words, its halves combined: every bit of the result depends on
/// every bit of both.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    low(product) ^ high(product)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low half is what is wanted"
)]
const fn low(value: u128) -> u64 {
    value as u64
}

const fn high(value: u128) -> u64 {
    low(value >> 64)
}

#[cfg(test)]
mod tests {
    use super::PathHash;
    use super::data_term;
    use super::hash_bytes;

    #[test]
    fn every_bit_and_the_length_count() {
        let base = [0x5au8; 40];
        let mut seen = vec![hash_bytes(7, &base)];
        for byte in 0..base.len() {
            for bit in 0..8 {
                let mut other = base;
                other[byte] ^= 1 << bit;
                seen.push(hash_bytes(7, &other));
            }
        }
        for len in 0..base.len() {
            seen.push(hash_bytes(7, &base[..len]));
        }
        for len in 0..20 {
            seen.push(hash_bytes(7, &vec![0; len + 1]));
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn where_the_slashes_stand_counts() {
        let paths = ["/", "/ab", "/a/b", "/ab/c", "/a/bc", "/b/a"];
        for (index, left) in paths.iter().enumerate() {
            for right in paths.iter().skip(index + 1) {
                assert_ne!(PathHash::of(left), PathHash::of(right), "{left} {right}");
            }
        }
        assert_eq!(PathHash::of("/a/b"), PathHash::ROOT.child(b"a").child(b"b"));
    }

    #[test]
    fn null_data_are_not_empty_data() {
        assert_ne!(
            data_term(PathHash::ROOT, None),
            data_term(PathHash::ROOT, Some(b""))
        );
    }
}
