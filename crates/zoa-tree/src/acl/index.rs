//! A long ACL, put in order once so that nobody who is checked against it pays for its length.
//!
//! ```text
//! entries -> digests, sorted by id     an identity is looked up in O(log n)
//!         -> networks, parsed          an address is compared with numbers
//! ```
//!
//! An event asks for the verdict of everyone who watches, and each may have many identities: a walk over the entries for each of them
//! would let one long ACL hold up the whole server. Not here: `world`, which every ACL knows without a walk, and the superuser.
//!
//! Invariant: the permissions found are those that a walk over the entries finds.

use core::net::IpAddr;

use zoa_proto::AclList;
use zoa_proto::Perms;

use crate::acl::scheme::Network;
use crate::acl::scheme::Scheme;
use crate::acl::scheme::parse_address;
use crate::identities::Identities;

/// Entries that are walked: an ACL with more of them is put in order.
const WALKED: usize = 8;

/// The entries of an ACL in an order that is quick to search.
pub(super) struct AclIndex {
    /// Each id once, sorted, with all that it may do.
    digests: Box<[(Box<str>, Perms)]>,
    /// Likewise.
    subjects: Box<[(Box<str>, Perms)]>,
    networks: Box<[(Network, Perms)]>,
}

impl AclIndex {
    /// `None` when the ACL is short.
    pub(super) fn of(list: AclList<'_>) -> Option<Box<Self>> {
        if list.len() <= WALKED {
            return None;
        }
        let mut digests: Vec<(Box<str>, Perms)> = Vec::new();
        let mut subjects: Vec<(Box<str>, Perms)> = Vec::new();
        let mut networks = Vec::new();
        for entry in list.iter() {
            match Scheme::of(entry.scheme) {
                Some(Scheme::Digest) => digests.push((entry.id.into(), entry.perms)),
                Some(Scheme::Ip) => {
                    networks.extend(Network::parse(entry.id).map(|network| (network, entry.perms)));
                }
                Some(Scheme::X509) => subjects.push((entry.id.into(), entry.perms)),
                None => {}
            }
        }
        Some(Box::new(Self {
            digests: each_once(digests),
            subjects: each_once(subjects),
            networks: networks.into(),
        }))
    }

    /// Whether one of the permissions is given to one of the identities.
    pub(super) fn allows(&self, wanted: Perms, identities: Identities<'_>) -> bool {
        identities.iter().any(|held| match Scheme::of(held.scheme) {
            Some(Scheme::Digest) => perms_of(&self.digests, held.id).intersects(wanted),
            Some(Scheme::X509) => perms_of(&self.subjects, held.id).intersects(wanted),
            Some(Scheme::Ip) => {
                parse_address(held.id).is_some_and(|address| self.allows_address(wanted, address))
            }
            None => false,
        })
    }

    fn allows_address(&self, wanted: Perms, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|(network, perms)| perms.intersects(wanted) && network.has(address))
    }
}
/// Sorted, with all that an id may do at its one place.
fn each_once(mut ids: Vec<(Box<str>, Perms)>) -> Box<[(Box<str>, Perms)]> {
    ids.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    ids.dedup_by(|(id, perms), (kept_id, kept_perms)| {
        let is_same = id == kept_id;
        if is_same {
            *kept_perms = kept_perms.union(*perms);
        }
        is_same
    });
    ids.into()
}

fn perms_of(ids: &[(Box<str>, Perms)], id: &str) -> Perms {
    let found = ids.binary_search_by(|(held, _)| (**held).cmp(id));
    let entry = found.ok().and_then(|at| ids.get(at));
    entry.map_or(Perms::NONE, |(_, perms)| *perms)
}
