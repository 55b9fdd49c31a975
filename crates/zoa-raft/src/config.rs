//! What a raft loop is told at its birth.

use crate::notices::Notices;

/// The settings of one raft loop. Who the members are, recovery knows.
#[derive(Clone, Debug)]
pub struct RaftConfig {
    /// This server's raft id; not 0. It need not be a member's: a joiner is none yet, a removed
    /// server none any more.
    pub id: u64,
    /// Ticks without a leader before an election, at least; up to twice as many are drawn.
    pub election_tick: usize,
    /// Ticks from one heartbeat of the leader to the next; fewer than `election_tick`.
    pub heartbeat_tick: usize,
    /// Seeds the election timeouts, the one random thing in here.
    pub seed: u64,
    /// Who hears what the replication has to say.
    pub notices: Notices,
}

impl RaftConfig {
    pub(crate) fn check(&self) -> Result<(), RaftError> {
        let why = if self.id == 0 {
            "0 is nobody's id"
        } else if self.heartbeat_tick == 0 || self.election_tick <= self.heartbeat_tick {
            "an election must take more ticks than a heartbeat, and a heartbeat at least one"
        } else {
            return Ok(());
        };
        Err(RaftError::Config(why.to_owned()))
    }
}

/// Why a raft loop could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RaftError {
    /// The settings contradict each other; says how.
    Config(String),
    /// An entry is missing between the snapshot and the first entry of the log, or inside the log.
    Gap {
        /// The index that should have come.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// Terms go down along the log, or are above the newest term that was stored.
    TermsOutOfOrder {
        /// Where.
        index: u64,
    },
    /// The log has another entry than the snapshot at the snapshot's index.
    NotTheSnapshotsLog {
        /// The snapshot's index.
        index: u64,
    },
    /// The log ends before the snapshot, or before what was known to be committed.
    LogEndsEarly {
        /// The last index the log must have.
        expected: u64,
        /// The last index it has.
        found: u64,
    },
    /// The entry changes the ensemble's members in a way this version does not know.
    BadChange {
        /// Where.
        index: u64,
    },
    /// No ensemble can have such members; says why.
    Members(String),
}

impl std::fmt::Display for RaftError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(why) => write!(f, "the replication's settings are wrong: {why}"),
            Self::Gap { expected, found } => {
                write!(
                    f,
                    "the log has a gap: entry {expected} should come, entry {found} came"
                )
            }
            Self::TermsOutOfOrder { index } => {
                write!(f, "the log is damaged: the term of entry {index} cannot be")
            }
            Self::NotTheSnapshotsLog { index } => write!(
                f,
                "log and snapshot do not belong together: their terms differ at entry {index}"
            ),
            Self::LogEndsEarly { expected, found } => write!(
                f,
                "the log ends at entry {found}, but must reach entry {expected} at least"
            ),
            Self::BadChange { index } => write!(
                f,
                "entry {index} changes the ensemble's members in a way this version does not know"
            ),
            Self::Members(why) => write!(f, "no ensemble can have such members: {why}"),
        }
    }
}

impl std::error::Error for RaftError {}
