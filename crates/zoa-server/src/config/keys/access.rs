//! Who may do what.

use crate::config::error::ConfigError;
use crate::config::given::Given;
use crate::config::secret::Secret;

keys! {
    "DigestAuthenticationProvider.superDigest" => |draft, given|
        draft.config.access.super_digest = Some(digest(given)?),
    "DigestAuthenticationProvider.enabled" => |draft, given|
        draft.config.access.digest_enabled = given.boolean()?,
    // The digests in ACLs are made with it, and only this one is known here.
    "DigestAuthenticationProvider.digestAlg" => |_draft, given| given.one_of(&[("SHA1", ())])?,
    "skipACL" => |draft, given| draft.config.access.skip_acl = given.yes_or_no()?,
    "enableEagerACLCheck" => |draft, given|
        draft.config.access.eager_acl_check = given.boolean()?,
    "enforceQuota" => |draft, given| draft.config.access.enforce_quota = given.boolean()?,
    "sessionRequireClientSASLAuth" => |draft, given|
        draft.config.access.authentication_required |= given.boolean()?,
    "enforce.auth.enabled" => |draft, given|
        draft.config.access.authentication_required |= given.boolean()?,
    "reconfigEnabled" => |draft, given|
        draft.config.access.reconfig_enabled = given.boolean()?,
}

fn digest(given: &Given) -> Result<Secret, ConfigError> {
    let expected = "a user, a colon and the base64 of the SHA-1 of user:password";
    match given.value.split_once(':') {
        Some((user, digest)) if !user.is_empty() && !digest.is_empty() => given.secret(expected),
        Some(_) | None => Err(given.bad(expected)),
    }
}
