//! Who a connection is: pairs of scheme and id, as encoded bytes that are walked where they lie.
//!
//! ```text
//! >i count, then count times: ustring scheme, ustring id
//! ```
//!
//! They are gathered by the core as a connection authenticates, travel inside every transaction
//! and are compared with ACLs here; how they were proved is not known here.
//!
//! Invariant: the bytes of an [`Identities`] decode without error, so walking cannot fail.

use std::fmt;

use zoa_proto::jute::Reader;
use zoa_proto::jute::Writer;

/// The scheme whose holder passes every check.
const SUPER: &str = "super";

/// One thing a connection is known as.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity<'a> {
    /// How it was proved: `ip`, `digest`, `super`, ...
    pub scheme: &'a str,
    /// As what.
    pub id: &'a str,
}

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // G-25: the id of a digest is the hash of a password.
        let user = self.id.split(':').next().unwrap_or_default();
        write!(f, "{}:{user}", self.scheme)
    }
}

/// All that a connection is known as, borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Identities<'a>(&'a [u8]);

impl<'a> Identities<'a> {
    /// Nobody in particular.
    pub const NONE: Self = Self(&[]);

    /// Takes encoded bytes; `None` if they are not what [`IdentitiesBuf`] writes.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::NONE);
        }
        let mut reader = Reader::new(bytes);
        // A pair is at least two lengths.
        for _ in 0..reader.count(8).ok()? {
            reader.ustring().ok()?;
            reader.ustring().ok()?;
        }
        (reader.remaining() == 0).then_some(Self(bytes))
    }

    /// The encoded bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Each identity, in the order in which they were added.
    pub fn iter(self) -> impl Iterator<Item = Identity<'a>> {
        let mut reader = Reader::new(self.0);
        let count = reader.count(8).unwrap_or(0);
        (0..count).map_while(move |_| {
            Some(Identity {
                scheme: reader.ustring().ok()?,
                id: reader.ustring().ok()?,
            })
        })
    }

    /// Whether one of them is the superuser.
    #[must_use]
    pub fn has_super(self) -> bool {
        self.iter().any(|identity| identity.scheme == SUPER)
    }
}

impl fmt::Debug for Identities<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// All that a connection is known as, owned.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct IdentitiesBuf(Vec<u8>);

impl IdentitiesBuf {
    /// Adds an identity; one that is there already is not added again.
    pub fn add(&mut self, identity: Identity<'_>) {
        if self.as_ref().iter().any(|held| held == identity) {
            return;
        }
        let count = self.as_ref().iter().count() + 1;
        let mut head = Vec::new();
        Writer::new(&mut head).count(count);
        self.0.splice(..self.0.len().min(head.len()), head);
        let mut writer = Writer::new(&mut self.0);
        writer.ustring(identity.scheme);
        writer.ustring(identity.id);
    }

    /// Borrows them.
    #[must_use]
    pub fn as_ref(&self) -> Identities<'_> {
        Identities(&self.0)
    }
}

impl fmt::Debug for IdentitiesBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl<'i> FromIterator<Identity<'i>> for IdentitiesBuf {
    fn from_iter<I: IntoIterator<Item = Identity<'i>>>(identities: I) -> Self {
        let mut buf = Self::default();
        for identity in identities {
            buf.add(identity);
        }
        buf
    }
}

#[cfg(test)]
mod tests {
    use super::Identities;
    use super::IdentitiesBuf;
    use super::Identity;

    const IP: Identity<'_> = Identity {
        scheme: "ip",
        id: "127.0.0.1",
    };
    const USER: Identity<'_> = Identity {
        scheme: "digest",
        id: "user:hash=",
    };

    #[test]
    fn identities_come_back_in_order_and_once() {
        let buf: IdentitiesBuf = [IP, USER, IP].into_iter().collect();
        assert_eq!(buf.as_ref().iter().collect::<Vec<_>>(), [IP, USER]);
        assert_eq!(
            Identities::decode(buf.as_ref().as_bytes()),
            Some(buf.as_ref())
        );
    }

    #[test]
    fn only_the_scheme_super_is_the_superuser() {
        let mut buf: IdentitiesBuf = [
            IP,
            Identity {
                scheme: "digest",
                id: "super:x",
            },
        ]
        .into_iter()
        .collect();
        assert!(!buf.as_ref().has_super());
        buf.add(Identity {
            scheme: "super",
            id: "",
        });
        assert!(buf.as_ref().has_super());
    }

    #[test]
    fn bytes_that_end_early_or_late_are_refused() {
        let buf: IdentitiesBuf = [IP, USER].into_iter().collect();
        let bytes = buf.as_ref().as_bytes();
        for len in 1..bytes.len() {
            assert_eq!(Identities::decode(&bytes[..len]), None, "{len}");
        }
        let mut long = bytes.to_vec();
        long.push(0);
        assert_eq!(Identities::decode(&long), None);
        assert_eq!(Identities::decode(&[0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(Identities::decode(&[]), Some(Identities::NONE));
    }

    #[test]
    fn no_hash_of_a_password_is_shown() {
        let buf: IdentitiesBuf = [USER].into_iter().collect();
        assert_eq!(format!("{buf:?}"), "[digest:user]");
    }
}
