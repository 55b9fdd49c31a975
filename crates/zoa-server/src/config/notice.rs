//! What a user should hear at start though it stops nothing.

use std::fmt;

use crate::config::error::Place;

/// One such thing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Nobody knows this key.
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// The key.
        key: String,
        /// A key that looks much like it.
        suggestion: Option<&'static str>,
    },
    /// Keys that mean something to the original and can mean nothing here.
    Meaningless(Vec<String>),
    /// Keys for things that this version does not do.
    NotServed(Vec<String>),
    /// A key that stands twice; the later one counts, as in the original.
    GivenTwice {
        /// Where it stands the second time.
        place: Place,
        /// The key.
        key: String,
    },
    /// The original would not sync any more; this server does.
    AlwaysSyncs {
        /// Where that was asked for.
        place: Place,
    },
    /// Fewer snapshots were to be kept than the original allows.
    RetainRaised {
        /// Where that was asked for.
        place: Place,
        /// So many are kept.
        retain: usize,
    },
    /// Old snapshots go after each new one, not by the clock.
    PurgesWithSnapshots {
        /// Where an interval was asked for.
        place: Place,
    },
    /// No such four-letter word exists.
    UnknownWord {
        /// Where it stands.
        place: Place,
        /// The word.
        word: String,
    },
    /// Whoever can reach the port may read and change what has no ACL.
    OpenToNetwork {
        /// The host and port.
        listens_on: String,
    },
}

impl Notice {
    /// Whether it is a warning; other notices are for information.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::UnknownKey { .. }
            | Self::NotServed(_)
            | Self::GivenTwice { .. }
            | Self::RetainRaised { .. }
            | Self::UnknownWord { .. }
            | Self::OpenToNetwork { .. } => true,
            Self::Meaningless(_) | Self::AlwaysSyncs { .. } | Self::PurgesWithSnapshots { .. } => {
                false
            }
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey {
                place,
                key,
                suggestion,
            } => {
                write!(
                    f,
                    "{place}: {} is not a setting that is known here",
                    key.escape_debug()
                )?;
                match suggestion {
                    Some(known) => write!(f, "; did you mean {known}?"),
                    None => Ok(()),
                }
            }
            Self::Meaningless(keys) => write!(
                f,
                "settings without a meaning for this server, which has no such part: {}",
                keys.join(", ")
            ),
            Self::NotServed(keys) => {
                write!(
                    f,
                    "settings for what this version does not do: {}",
                    keys.join(", ")
                )
            }
            Self::GivenTwice { place, key } => {
                write!(
                    f,
                    "{place}: {key} stands here a second time; this one counts"
                )
            }
            Self::AlwaysSyncs { place } => write!(
                f,
                "{place}: forceSync is not obeyed: this server always syncs before it answers"
            ),
            Self::RetainRaised { place, retain } => {
                write!(
                    f,
                    "{place}: {retain} snapshots are kept, the least that is safe"
                )
            }
            Self::PurgesWithSnapshots { place } => write!(
                f,
                "{place}: old snapshots go right after each new one, not every so many hours"
            ),
            Self::UnknownWord { place, word } => {
                write!(
                    f,
                    "{place}: no four-letter word is called {}",
                    word.escape_debug()
                )
            }
            Self::OpenToNetwork { listens_on } => write!(
                f,
                "clients are served on {listens_on}, beyond this machine, and nobody must \
                 authenticate: whoever reaches it may read and change all that no ACL protects"
            ),
        }
    }
}
