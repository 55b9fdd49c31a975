//! What a client asked for becomes the ACL that is stored.
//!
//! The order of things is the reference's (PrepRequestProcessor.fixupACL): duplicates go first,
//! then each entry is checked, and `auth` becomes one entry for each identity that was proved; so
//! entries that become equal by that stay twice.
//!
//! Invariant: what is written is a jute vector of at most `ACL_LEN_MAX` bytes, whatever was asked.

use hashbrown::HashSet;
use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::Acls;
use zoa_proto::ErrorCode;
use zoa_proto::VectorItem as _;
use zoa_proto::jute::Writer;

use crate::acl::AclHandle;
use crate::acl::is_world;
use crate::acl::scheme::Scheme;
use crate::hash_key::HashKey;
use crate::identities::Identities;
use crate::limits::ACL_LEN_MAX;
use crate::tree::Tree;
use crate::txn::Settings;

/// Longest list that is searched for duplicates by comparing all with all.
const COMPARED_MAX: usize = 8;

impl Tree {
    /// Writes the ACL to store into the scratch buffer; errors as [`fix_up_acl`].
    pub(crate) fn fix_up_acl(
        &mut self,
        asked: AclList<'_>,
        identities: Identities<'_>,
        settings: Settings,
    ) -> Result<(), ErrorCode> {
        let out = &mut self.acl_scratch;
        if let Some(acl) = self.acls.last_if_settled(asked) {
            out.clear();
            out.extend_from_slice(acl.as_bytes());
            return Ok(());
        }
        fix_up_acl(asked, identities, settings, self.key, out)
    }
}

/// Whether this ACL, a jute vector, stays as it is whoever asks for it, whatever the settings.
pub(crate) fn is_settled(acl: &AclHandle, key: HashKey) -> bool {
    let mut out = Vec::new();
    let fixed = fix_up_acl(acl.list(), Identities::NONE, Settings::NONE, key, &mut out);
    fixed.is_ok() && out == acl.as_bytes()
}

/// Writes the ACL to store as a jute vector into `out`, which is emptied first; INVALIDACL if it
/// is empty, too long, or has an id that is not valid.
fn fix_up_acl(
    asked: AclList<'_>,
    identities: Identities<'_>,
    settings: Settings,
    key: HashKey,
    out: &mut Vec<u8>,
) -> Result<(), ErrorCode> {
    if asked.is_empty() || asked.bytes().len() > ACL_LEN_MAX {
        return Err(ErrorCode::InvalidAcl);
    }
    out.clear();
    Writer::new(out).count(0);
    let mut count = 0;
    let mut seen = HashSet::with_hasher(key);
    for (index, entry) in asked.iter().enumerate() {
        let is_new = if asked.len() > COMPARED_MAX {
            seen.insert(entry)
        } else {
            !asked.iter().take(index).any(|before| before == entry)
        };
        if is_new {
            count += fix_up_entry(entry, identities, settings, out)?;
        }
        if out.len() > ACL_LEN_MAX {
            return Err(ErrorCode::InvalidAcl);
        }
    }
    let count = i32::try_from(count).map_err(|_| ErrorCode::InvalidAcl)?;
    for (to, from) in out.iter_mut().zip(count.to_be_bytes()) {
        *to = from;
    }
    Ok(())
}

/// Writes what this entry stands for; returns how many entries that is.
fn fix_up_entry(
    entry: AclRef<'_>,
    identities: Identities<'_>,
    settings: Settings,
    out: &mut Vec<u8>,
) -> Result<usize, ErrorCode> {
    let mut writer = Writer::new(out);
    if entry.scheme == "auth" {
        return expand_auth(entry, identities, &mut writer);
    }
    let is_served = |scheme: &Scheme| match scheme {
        Scheme::X509 => settings.contains(Settings::X509_ACLS),
        Scheme::Digest | Scheme::Ip => true,
    };
    let scheme = Scheme::of(entry.scheme).filter(is_served);
    if !is_world(&entry) && !scheme.is_some_and(|scheme| scheme.is_valid(entry.id)) {
        return Err(ErrorCode::InvalidAcl);
    }
    Acls::encode(&entry, &mut writer);
    Ok(1)
}

/// Gives the permissions to everything that the connection has proved to be.
fn expand_auth(
    entry: AclRef<'_>,
    identities: Identities<'_>,
    writer: &mut Writer<'_>,
) -> Result<usize, ErrorCode> {
    let mut count = 0;
    for held in identities.iter() {
        if Scheme::of(held.scheme).is_some_and(Scheme::is_authenticated) {
            Acls::encode(
                &AclRef {
                    scheme: held.scheme,
                    id: held.id,
                    ..entry
                },
                writer,
            );
            count += 1;
        }
    }
    if count == 0 {
        Err(ErrorCode::InvalidAcl)
    } else {
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use zoa_proto::AclList;
    use zoa_proto::AclRef;
    use zoa_proto::Acls;
    use zoa_proto::ErrorCode;
    use zoa_proto::Perms;
    use zoa_proto::VectorItem as _;
    use zoa_proto::jute::Writer;

    use super::fix_up_acl;
    use super::is_settled;
    use crate::acl::AclHandle;
    use crate::hash_key::HashKey;
    use crate::identities::IdentitiesBuf;
    use crate::identities::Identity;
    use crate::limits::ACL_LEN_MAX;
    use crate::txn::Settings;

    type Entry<'a> = (u32, &'a str, &'a str);

    fn fixed(asked: &[Entry<'_>], who: &[(&str, &str)]) -> Result<Vec<String>, ErrorCode> {
        fixed_with(Settings::NONE, asked, who)
    }

    fn fixed_with(
        settings: Settings,
        asked: &[Entry<'_>],
        who: &[(&str, &str)],
    ) -> Result<Vec<String>, ErrorCode> {
        let identities: IdentitiesBuf = who
            .iter()
            .map(|(scheme, id)| Identity { scheme, id })
            .collect();
        let entries = asked.iter().map(|(perms, scheme, id)| AclRef {
            perms: Perms(*perms),
            scheme,
            id,
        });
        let (mut scratch, mut out) = (Vec::new(), vec![9; 9]);
        let list = AclList::collect_into(entries, &mut scratch);
        fix_up_acl(
            list,
            identities.as_ref(),
            settings,
            HashKey([3, 4]),
            &mut out,
        )?;
        let acl = AclHandle::decode(&out).unwrap();
        let text = |entry: AclRef<'_>| format!("{}:{}:{}", entry.scheme, entry.id, entry.perms.0);
        Ok(acl.list().iter().map(text).collect())
    }

    #[test]
    fn an_empty_acl_is_invalid() {
        assert_eq!(fixed(&[], &[]), Err(ErrorCode::InvalidAcl));
    }

    #[test]
    fn unknown_schemes_and_bad_ids_are_invalid() {
        let bad = [
            ("world", "nobody"),
            ("", ""),
            ("super", "x"),
            ("sasl", "joe"),
            ("digest", "joe"),
            ("ip", "here"),
        ];
        for (scheme, id) in bad {
            let asked = [(1, "world", "anyone"), (31, scheme, id)];
            assert_eq!(
                fixed(&asked, &[]),
                Err(ErrorCode::InvalidAcl),
                "{scheme}:{id}"
            );
        }
    }

    #[test]
    fn subjects_of_certificates_may_be_named_where_certificates_are_shown() {
        let who = [("x509", "CN=worker,O=Example")];
        let (named, asked) = ([(1, "x509", "CN=worker")], [(3, "auth", "")]);
        assert_eq!(fixed(&named, &[]), Err(ErrorCode::InvalidAcl));
        let with = |asked| fixed_with(Settings::X509_ACLS, asked, &who);
        assert_eq!(with(&named).unwrap(), ["x509:CN=worker:1"]);
        assert_eq!(with(&asked).unwrap(), ["x509:CN=worker,O=Example:3"]);
        assert_eq!(with(&[(1, "x509", "worker")]), Err(ErrorCode::InvalidAcl));
    }

    #[test]
    fn duplicates_go_and_the_order_stays_in_short_and_long_lists() {
        let asked = [
            (1, "ip", "1.1.1.1"),
            (31, "world", "anyone"),
            (1, "ip", "1.1.1.1"),
            (2, "ip", "1.1.1.1"),
        ];
        let expected = ["ip:1.1.1.1:1", "world:anyone:31", "ip:1.1.1.1:2"];
        assert_eq!(fixed(&asked, &[]).unwrap(), expected);
        assert_eq!(fixed(&asked.repeat(20), &[]).unwrap(), expected);
    }

    #[test]
    fn auth_becomes_the_proved_identities_and_needs_one() {
        let who = [
            ("ip", "1.1.1.1"),
            ("digest", "a:x"),
            ("super", ""),
            ("digest", "b:y"),
        ];
        let asked = [(3, "auth", "whatever"), (3, "digest", "a:x")];
        assert_eq!(
            fixed(&asked, &who).unwrap(),
            ["digest:a:x:3", "digest:b:y:3", "digest:a:x:3"]
        );
        assert_eq!(fixed(&asked, &who[..1]), Err(ErrorCode::InvalidAcl));
    }

    #[test]
    fn what_is_stored_of_a_settled_acl_does_not_depend_on_who_asks() {
        let settled = |entries: &[Entry<'_>]| {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes);
            writer.count(entries.len());
            for (perms, scheme, id) in entries {
                let perms = Perms(*perms);
                Acls::encode(&AclRef { perms, scheme, id }, &mut writer);
            }
            let acl = AclHandle::decode(&bytes).unwrap();
            is_settled(&acl, HashKey([3, 4]))
        };
        assert!(settled(&[
            (31, "world", "anyone"),
            (1, "digest", "a:x"),
            (3, "ip", "10.0.0.0/8")
        ]));
        assert!(!settled(&[(31, "auth", "")]));
        assert!(!settled(&[(31, "world", "anyone"), (31, "auth", "")]));
        // `auth` may have become what stands beside it; asked for, it is stored once.
        assert!(!settled(&[(1, "digest", "a:x"), (1, "digest", "a:x")]));
        // It is the settings that decide about these.
        assert!(!settled(&[(31, "x509", "CN=worker")]));
        assert!(!settled(&[(31, "world", "nobody")]));
        assert!(!settled(&[]));
    }

    #[test]
    fn an_acl_beyond_acl_len_max_is_invalid_as_asked_and_as_expanded() {
        let id = format!("u:{}", "h".repeat(1000));
        let long: Vec<Entry<'_>> = (0..100)
            .map(|perms| (perms, "digest", id.as_str()))
            .collect();
        assert!(100 * id.len() > ACL_LEN_MAX);
        assert_eq!(fixed(&long, &[]), Err(ErrorCode::InvalidAcl));
        let auth: Vec<Entry<'_>> = (0..100).map(|perms| (perms, "auth", "")).collect();
        assert_eq!(fixed(&auth, &[("digest", &id)]), Err(ErrorCode::InvalidAcl));
        assert_eq!(
            fixed(&auth[..60], &[("digest", &id)]).map(|acl| acl.len()),
            Ok(60)
        );
    }
}
