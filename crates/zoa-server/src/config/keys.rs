//! Every key that is known, and what becomes of it.
//!
//! A key is either set (the tables below, by subject), or means nothing to this server, or asks for
//! what this version does not do (`unused.rs`). Nothing is dropped in silence: what is in no table is
//! an unknown key, and the user hears of it.

/// Writes a table of keys, one line a key: its name, and the assignment that its value makes.
macro_rules! keys {
    ($($name:literal => |$draft:ident, $given:ident| $body:expr,)*) => {
        pub(super) static KEYS: &[crate::config::keys::Key] = &[$(crate::config::keys::Key {
            name: $name,
            set: |$draft, $given| {
                $body;
                Ok(())
            },
        },)*];
    };
}

mod access;
mod basic;
mod ensemble;
mod requests;
mod snapshots;
mod unused;

use crate::config::draft::Draft;
use crate::config::error::ConfigError;
use crate::config::given::Given;

/// A key that sets something.
pub(super) struct Key {
    name: &'static str,
    set: fn(&mut Draft, &Given) -> Result<(), ConfigError>,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was set.
    Set,
    /// It means something to the original only.
    Meaningless,
    /// This version does not do what it is about.
    NotServed,
    /// Nobody knows it.
    Unknown,
}

/// The least likeness of two names to ask "did you mean?".
const LIKENESS_MIN: f64 = 0.8;

/// Sets what the key of `given` is for.
///
/// # Errors
///
/// When the value is not one this key can have.
pub(super) fn apply(draft: &mut Draft, given: &Given) -> Result<Fate, ConfigError> {
    if let Some(key) = tables().find(|key| key.name == given.key) {
        (key.set)(draft, given)?;
        return Ok(if unused::is_obeyed(given) {
            Fate::Set
        } else {
            Fate::NotServed
        });
    }
    let fate = unused::fate(given);
    if fate == Fate::Unknown && ensemble::apply_numbered(draft, given)? {
        return Ok(Fate::Set);
    }
    Ok(fate)
}

/// The known key that looks most like this one.
pub(super) fn suggest(key: &str) -> Option<&'static str> {
    let likeness = |known: &&'static str| {
        strsim::normalized_damerau_levenshtein(
            &known.to_ascii_lowercase(),
            &key.to_ascii_lowercase(),
        )
    };
    let names = tables().map(|key| key.name).chain(unused::names());
    let scored = names.map(|name| (likeness(&name), name));
    let (best, name) = scored.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best >= LIKENESS_MIN).then_some(name)
}

fn tables() -> impl Iterator<Item = &'static Key> {
    [
        access::KEYS,
        basic::KEYS,
        ensemble::KEYS,
        requests::KEYS,
        snapshots::KEYS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_key_stands_in_two_tables() {
        let mut seen = BTreeSet::new();
        for name in tables().map(|key| key.name).chain(unused::names()) {
            assert!(seen.insert(name), "{name} stands twice");
        }
    }

    // What people really write: the administrator's guide, the container images, the forums.
    #[test]
    fn keys_of_the_original_are_known() {
        for key in [
            "admin.enableServer",
            "audit.impl.class",
            "authProvider.1",
            "authProvider.sasl",
            "commitProcessor.numWorkerThreads",
            "connection_throttle_tokens",
            "fastleader.maxNotificationInterval",
            "jvm.pause.info-threshold.ms",
            "kerberos.removeHostFromPrincipal",
            "leader.maxConcurrentSnapSyncs",
            "learner.asyncSending",
            "log.dir",
            "metricsProvider.exportJvmInfo",
            "multiAddress.enabled",
            "netty.advancedFlowControl.enabled",
            "nio.numSelectorThreads",
            "observer.syncEnabled",
            "quorum.auth.enableSasl",
            "quorum.cnxn.threads.size",
            "request_throttle_drop_stale",
            "server.realm",
            "snapshot.compression.method",
            "ssl.quorum.trustStore.location",
            "superUser.1",
            "watchManagerName",
        ] {
            let place = crate::config::error::Place::CommandLine;
            let (key, value) = (key.to_owned(), "on".to_owned());
            let given = Given {
                place,
                key,
                value,
                hidden: false,
            };
            let fate = apply(&mut Draft::default(), &given);
            assert_ne!(fate.as_ref().ok(), Some(&Fate::Unknown), "{}", given.key);
        }
    }

    #[test]
    fn misspelled_keys_find_their_namesake() {
        let check = |key: &str, expected: Option<&str>| assert_eq!(suggest(key), expected, "{key}");
        check("ticktime", Some("tickTime"));
        check("tickTme", Some("tickTime"));
        check("dataLogdir", Some("dataLogDir"));
        check("maxClientConnections", None);
        check("maxClientCnxn", Some("maxClientCnxns"));
        check("autopurge.purgeIntervall", Some("autopurge.purgeInterval"));
        check("4lw.command.whitelist", Some("4lw.commands.whitelist"));
        check("somethingElse", None);
        check("", None);
    }
}
