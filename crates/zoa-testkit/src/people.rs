//! The few users that simulated clients log in as, with the identities that logging in gives them.
//!
//! The hashes were computed once, outside of this project's code (`base64(sha1("user:password"))`), so that a mistake in the
//! server's hashing is not repeated here.

use crate::op::Identity;

/// The code for a login that failed; the server closes the connection behind it.
pub const AUTH_FAILED: i32 = -115;

/// The value of `superDigest` that simulated servers run with: user `super`, password `test`.
pub const SUPER_DIGEST: &str = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";

/// A user who can log in with the digest scheme.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// What the client sends: `user:password`.
    pub login: &'static str,
    /// What the server makes of it.
    pub digest: &'static str,
}

/// All users there are. The first two own things, the third never does, the last may do everything.
pub const PEOPLE: [Person; 4] = [
    Person {
        login: "alice:wonder",
        digest: "alice:8y0lhh/7xkdEiwhX7vo9i+/Nmzc=",
    },
    Person {
        login: "bob:builder",
        digest: "bob:4rsXV9JgUbFl9ZE40xENilxlRV8=",
    },
    Person {
        login: "carol:sings",
        digest: "carol:SY53OMYGTbA3/9d7QVCsT1/Zv1g=",
    },
    Person {
        login: "super:test",
        digest: SUPER_DIGEST,
    },
];

/// Whether the server knows this scheme in auth packets.
pub(crate) fn is_scheme(scheme: &str) -> bool {
    scheme == "digest"
}

/// Adds what a login gives to the identities of a connection.
pub(crate) fn add(identities: &mut Vec<Identity>, scheme: &str, auth: &[u8]) {
    if !is_scheme(scheme) {
        return;
    }
    for person in PEOPLE
        .iter()
        .filter(|person| person.login.as_bytes() == auth)
    {
        let mut gained = vec![Identity::new("digest", person.digest)];
        if person.digest == SUPER_DIGEST {
            gained.insert(0, Identity::new("super", ""));
        }
        for identity in gained {
            if !identities.contains(&identity) {
                identities.push(identity);
            }
        }
    }
}
