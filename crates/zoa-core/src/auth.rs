//! Who a connection is: what an `addauth` packet adds to its identities.
//!
//! The server that holds the connection decides this, once; the identities then travel inside every write, so that apply needs no
//! configuration. What a connection is by its certificate (x509) it is from its beginning; nobody becomes it by a packet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest;
use sha1::Sha1;
use zoa_tree::Identity;

use crate::config::SuperDigest;

/// The scheme whose bearer passes every check.
const SUPER: &str = "super";

/// What an authentication packet brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// These identities are the connection's from now on, as `(scheme, id)`.
    Granted(Vec<(&'static str, String)>),
    /// The original answers AUTHFAILED and closes.
    Failed,
}

/// Judges one authentication packet.
pub(crate) fn authenticate(
    scheme: &str,
    token: &[u8],
    address: &str,
    super_digest: Option<&SuperDigest>,
) -> Verdict {
    match scheme {
        "digest" => digest(token, super_digest),
        "ip" => Verdict::Granted(vec![("ip", address.to_owned())]),
        _ => Verdict::Failed,
    }
}

/// The `digest` scheme never fails: who claims a name becomes `name:hash` and no one else.
fn digest(token: &[u8], super_digest: Option<&SuperDigest>) -> Verdict {
    let id = digest_id(&String::from_utf8_lossy(token));
    let mut granted = Vec::with_capacity(2);
    if super_digest.is_some_and(|known| equal_in_constant_time(known.0.as_bytes(), id.as_bytes())) {
        granted.push((SUPER, String::new()));
    }
    granted.push(("digest", id));
    Verdict::Granted(granted)
}

/// `user:base64(sha1(user:password))`, the id that ACLs of scheme `digest` hold.
pub fn digest_id(user_and_password: &str) -> String {
    let user = user_and_password.split(':').next().unwrap_or_default();
    let hash = Sha1::digest(user_and_password.as_bytes());
    format!("{user}:{}", STANDARD.encode(hash))
}

/// What whoAmI shows of an identity: of a digest the name, not the hash.
pub(crate) fn shown_user<'a>(identity: &Identity<'a>) -> &'a str {
    match identity.scheme {
        "digest" => identity.id.split(':').next().unwrap_or_default(),
        _ => identity.id,
    }
}

/// The identity every connection has from its address.
pub(crate) fn address_identity(address: &str) -> Identity<'_> {
    Identity {
        scheme: "ip",
        id: address,
    }
}

/// The identity a connection has from its certificate.
pub(crate) fn certificate_identity(subject: &str) -> Identity<'_> {
    Identity {
        scheme: "x509",
        id: subject,
    }
}

/// Takes as long for a wrong guess as for a right one of the same length.
fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .fold(0, |differences, (x, y)| differences | (x ^ y))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_ids_are_those_of_the_original() {
        assert_eq!(
            digest_id("super:test"),
            "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
        );
    }

    #[test]
    fn the_super_user_is_known_by_the_digest() {
        let known = SuperDigest("super:D/InIHSb7yEEbrWz8b9l71RjZJU=".to_owned());
        let Verdict::Granted(granted) = authenticate("digest", b"super:test", "::1", Some(&known))
        else {
            panic!("digest never fails");
        };
        assert_eq!(granted.first(), Some(&("super", String::new())));
        let Verdict::Granted(granted) = authenticate("digest", b"super:guess", "::1", Some(&known))
        else {
            panic!("digest never fails");
        };
        assert!(granted.iter().all(|(scheme, _)| *scheme == "digest"));
    }

    #[test]
    fn an_unknown_scheme_fails() {
        assert_eq!(authenticate("sasl", b"", "::1", None), Verdict::Failed);
        assert_eq!(authenticate("nonsense", b"x", "::1", None), Verdict::Failed);
    }
}
