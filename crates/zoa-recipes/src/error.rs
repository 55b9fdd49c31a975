//! Why a recipe could not do what it was asked.

use zoa_proto::ErrorCode;

use crate::keeper::Failure;
use crate::keeper::Known;

/// Why a recipe could not do what it was asked. Lost connections are not among the reasons: recipes outlast them.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The session has ended: make a new client and begin again.
    #[error("the session has ended")]
    SessionEnded,
    /// The server refused a request, or the client did not take it.
    #[error("{path}: {code}")]
    Refused {
        /// What it was about.
        path: String,
        /// Why.
        code: ErrorCode,
    },
    /// Somebody else deleted what this recipe had put there.
    #[error("{path} was deleted by somebody else")]
    Deleted {
        /// What is gone.
        path: String,
    },
    /// The client's chroot does not exist, so that nothing can be made in it.
    #[error(
        "{path} cannot be made: the path at the end of the connect string, the chroot, does not exist; create it with a client \
         that has none"
    )]
    NoChroot {
        /// What was to be made.
        path: String,
    },
    /// So many places were made in this line that the server has no numbers left for it, and nobody could tell who comes first.
    #[error(
        "{path} has no sequence numbers left: delete it when nobody uses it, or use another path"
    )]
    NoNumbersLeft {
        /// The line.
        path: String,
    },
    /// A znode holds what this recipe cannot read.
    #[error("{path} holds {what}")]
    Content {
        /// Which.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// It broke off, and some of it was done before.
    #[error("{error}; {} were taken before", accepted.len())]
    InPart {
        /// The names of those that were accepted before, in the order in which they were given; of others, it is as the error says.
        accepted: Vec<String>,
        /// Why it broke off.
        error: Box<Self>,
    },
    /// More bytes than are allowed there.
    #[error("{len} bytes are too many for {path}, {len_max} are allowed")]
    TooLong {
        /// Where they were to be.
        path: String,
        /// How many there are.
        len: usize,
        /// How many there may be.
        len_max: usize,
    },
    /// The limit that was set is reached.
    #[error("{path} is full: {count} of {count_max} are there; {} were taken before", accepted.len())]
    Full {
        /// What is full.
        path: String,
        /// How many there are.
        count: usize,
        /// How many there may be.
        count_max: usize,
        /// The names of those that were accepted before, in the order in which they were given; the others were not.
        accepted: Vec<String>,
    },
}

impl Error {
    pub(crate) fn new(path: &str, failure: &Failure) -> Self {
        match failure.known {
            Known::Ended => Self::SessionEnded,
            Known::Refused | Known::NotApplied | Known::Unknown | Known::Rejected => {
                Self::Refused {
                    path: path.to_owned(),
                    code: failure.code,
                }
            }
        }
    }

    pub(crate) fn content(path: &str, what: impl Into<String>) -> Self {
        Self::Content {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}
