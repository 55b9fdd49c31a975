//! Access control: stored ACLs, who passes them, which ones may be set.
//!
//! ```text
//! request -> fixup -> encoded bytes -> AclTable (equal ones once) -> AclHandle -> allows?
//! ```
//!
//! It does not authenticate: it compares identities that the core has gathered. There is no
//! inheritance; each znode has an ACL of its own (reference 2.7, G-08).

pub(crate) mod fixup;
mod index;
pub(crate) mod scheme;
pub(crate) mod table;

use std::fmt;
use std::sync::Arc;

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::Acls;
use zoa_proto::Perms;
use zoa_proto::jute::Reader;

use crate::acl::index::AclIndex;
use crate::acl::scheme::Scheme;
use crate::digest;
use crate::identities::Identities;

/// The ACL of a znode; cheap to clone, and stays valid after the znode is gone.
#[derive(Clone)]
pub struct AclHandle(Arc<StoredAcl>);

/// An ACL as it is kept: a jute vector, and what most checks need of it.
struct StoredAcl {
    bytes: Box<[u8]>,
    /// What `world:anyone` may do: answers nearly every check without a walk.
    world: Perms,
    /// Of a long ACL.
    index: Option<Box<AclIndex>>,
    digest: u64,
}

impl AclHandle {
    /// Takes a jute vector of ACL entries; `None` if the bytes are not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let list = reader
            .vector::<Acls>()
            .ok()
            .filter(|_| reader.remaining() == 0)?;
        let to_world = list.iter().filter(is_world).map(|entry| entry.perms);
        Some(Self(Arc::new(StoredAcl {
            bytes: bytes.into(),
            world: to_world.fold(Perms::NONE, Perms::union),
            index: AclIndex::of(list),
            digest: digest::hash_bytes(0, bytes),
        })))
    }

    /// The entries, in the order in which they were set.
    #[must_use]
    pub fn list(&self) -> AclList<'_> {
        Reader::new(&self.0.bytes)
            .vector::<Acls>()
            .unwrap_or_default()
    }

    /// The entries as a jute vector.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    pub(crate) fn digest(&self) -> u64 {
        self.0.digest
    }

    /// Whether one of the permissions is given to one of the identities.
    #[inline]
    #[must_use]
    pub fn allows(&self, wanted: Perms, identities: Identities<'_>) -> bool {
        self.0.world.intersects(wanted) || self.allows_somebody(wanted, identities)
    }

    fn allows_somebody(&self, wanted: Perms, identities: Identities<'_>) -> bool {
        // The reference takes an ACL without entries as "no ACL".
        if self.list().is_empty() || identities.has_super() {
            return true;
        }
        match &self.0.index {
            Some(index) => index.allows(wanted, identities),
            None => self.allows_by_walk(wanted, identities),
        }
    }

    fn allows_by_walk(&self, wanted: Perms, identities: Identities<'_>) -> bool {
        self.list()
            .iter()
            .filter(|entry| entry.perms.intersects(wanted))
            .any(|entry| {
                Scheme::of(entry.scheme).is_some_and(|scheme| {
                    let same_scheme = identities.iter().filter(|held| held.scheme == entry.scheme);
                    same_scheme
                        .into_iter()
                        .any(|held| scheme.matches(held.id, entry.id))
                })
            })
    }
}

fn is_world(entry: &AclRef<'_>) -> bool {
    entry.scheme == "world" && entry.id == "anyone"
}

impl PartialEq for AclHandle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.bytes == other.0.bytes
    }
}

impl Eq for AclHandle {}

impl fmt::Debug for AclHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use zoa_proto::Acl;
    use zoa_proto::Acls;
    use zoa_proto::Perms;
    use zoa_proto::VectorItem as _;
    use zoa_proto::jute::Writer;

    use super::AclHandle;
    use crate::identities::IdentitiesBuf;
    use crate::identities::Identity;

    fn handle(entries: &[(u32, &str, &str)]) -> AclHandle {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.count(entries.len());
        for (perms, scheme, id) in entries {
            let entry = Acl {
                perms: Perms(*perms),
                scheme: (*scheme).into(),
                id: (*id).into(),
            };
            Acls::encode(&entry.as_ref(), &mut writer);
        }
        AclHandle::decode(&bytes).unwrap()
    }

    fn check(entries: &[(u32, &str, &str)], wanted: Perms, who: &[(&str, &str)], expected: bool) {
        let identities: IdentitiesBuf = who
            .iter()
            .map(|(scheme, id)| Identity { scheme, id })
            .collect();
        let allowed = handle(entries).allows(wanted, identities.as_ref());
        assert_eq!(allowed, expected, "{entries:?} {wanted:?} {who:?}");
    }

    #[test]
    fn world_is_everybody_and_gives_only_what_it_says() {
        check(&[(1, "world", "anyone")], Perms::READ, &[], true);
        check(&[(1, "world", "anyone")], Perms::WRITE, &[], false);
        check(
            &[(1, "world", "someone")],
            Perms::READ,
            &[("world", "someone")],
            false,
        );
    }

    #[test]
    fn a_digest_id_must_be_equal() {
        let acl = &[(31, "digest", "u:h")];
        check(acl, Perms::ADMIN, &[("digest", "u:h")], true);
        check(acl, Perms::ADMIN, &[("digest", "u:i")], false);
        check(acl, Perms::ADMIN, &[("ip", "u:h")], false);
    }

    #[test]
    fn the_superuser_passes_everything() {
        check(
            &[(0, "digest", "u:h")],
            Perms::ADMIN,
            &[("super", "")],
            true,
        );
        check(&[], Perms::ADMIN, &[], true);
    }

    #[test]
    fn one_of_several_permissions_is_enough() {
        let wanted = Perms::READ.union(Perms::ADMIN);
        check(
            &[(16, "ip", "10.0.0.0/8")],
            wanted,
            &[("ip", "10.1.2.3")],
            true,
        );
        check(
            &[(16, "ip", "10.0.0.0/8")],
            wanted,
            &[("ip", "11.1.2.3")],
            false,
        );
        check(
            &[(2, "ip", "10.0.0.0/8")],
            wanted,
            &[("ip", "10.1.2.3")],
            false,
        );
    }

    /// Goal: who is asked for by many identities against many entries is judged quickly, and as a walk would judge.
    #[test]
    fn a_long_acl_is_put_in_order_and_says_what_a_walk_says() {
        for count in 0..40_u32 {
            let entries: Vec<(u32, &str, String)> = (0..count)
                .map(|number| match number % 4 {
                    0 | 1 => (number % 32, "digest", format!("u{}:h", number % 7)),
                    2 => (number % 32, "ip", format!("10.{}.0.0/16", number % 5)),
                    _ => (31, "sasl", format!("u{}:h", number % 7)),
                })
                .collect();
            let entries: Vec<_> = entries
                .iter()
                .map(|(perms, scheme, id)| (*perms, *scheme, id.as_str()))
                .collect();
            let acl = handle(&entries);
            assert_eq!(acl.0.index.is_some(), count > 8, "{count} entries");
            for who in 0..8 {
                for held in [
                    ("digest", format!("u{who}:h")),
                    ("ip", format!("10.{who}.1.2")),
                    ("sasl", format!("u{who}:h")),
                ] {
                    let others = [("digest", "nobody:h"), ("ip", "not an address")];
                    let identities: IdentitiesBuf = others
                        .into_iter()
                        .chain([(held.0, held.1.as_str())])
                        .map(|(scheme, id)| Identity { scheme, id })
                        .collect();
                    for wanted in [1, 2, 4, 8, 16, 3, 31].map(Perms) {
                        let identities = identities.as_ref();
                        assert_eq!(
                            acl.allows(wanted, identities),
                            acl.list().is_empty() || acl.allows_by_walk(wanted, identities),
                            "{entries:?} {wanted:?} {held:?}"
                        );
                    }
                }
            }
        }
    }
}
