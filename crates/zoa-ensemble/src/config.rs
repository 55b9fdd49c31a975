//! What an ensemble is told at its birth: the settings, and what the disk held.

use std::fmt;

use zoa_log::ClusterId;
use zoa_proto::PeerId;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_raft::RaftError;
use zoa_raft::Recovery;
use zoa_tree::MemberLines;
use zoa_tree::MemberRole;
use zoa_tree::Settings;

use crate::node_id::NodeId;
use crate::versions::Versions;

/// The settings of one server's part in its ensemble.
#[derive(Clone, Debug)]
pub struct EnsembleConfig {
    /// `myid`; 1 for a server alone without one.
    pub me: PeerId,
    /// The `server.N` lines of zoo.cfg. With none or one, this server is alone: it founds itself, and has no links.
    pub lines: MemberLines,
    /// Milliseconds of one tick of the replication (not `tickTime`): the pace of [`crate::Event::Tick`].
    pub raft_tick_ms: u64,
    /// Ticks without a leader before an election, at least; up to twice as many are drawn.
    pub election_ticks: usize,
    /// Ticks from one heartbeat to the next.
    pub heartbeat_ticks: usize,
    /// `initLimit * tickTime`: milliseconds that a server may take to catch up with its leader before it says so. It is never given up:
    /// to begin anew would not be faster.
    pub init_ms_max: u64,
    /// `syncLimit * tickTime`: milliseconds without a leader after which this server stops serving.
    pub quiet_ms_max: u64,
    /// `db.autocreate`: whether this server takes part in a founding without the marker `initialize`. It joins what exists in any case.
    pub may_found: bool,
    /// The marker file `initialize` lies in dataDir: a quorum of empty servers that have it may found.
    pub initialize: bool,
    /// The marker file `force-new-ensemble` lies in dataDir: what this disk holds goes on, without the other disks. Who reads the disk
    /// has seen to that before ([`Recovery::alone`], in a new cluster); nothing is left to do but to say so and remove the marker.
    pub force_new_ensemble: bool,
    /// Seeds the election timeouts.
    pub seed: u64,
    /// Who hears what the Raft library has to say.
    pub notices: Notices,
    /// What decides about transactions that others forward while this server leads, whatever they are set to.
    pub settings: Settings,
    /// What this server says that it can do: [`Versions::THIS`], but in tests of upgrades.
    pub versions: Versions,
}

impl EnsembleConfig {
    /// Who the founding of these lines is about.
    pub(crate) fn founders(&self) -> Founders {
        if self.is_alone() {
            return Founders {
                participants: vec![self.me],
                observers: Vec::new(),
            };
        }
        let with = |role| {
            let lines = self.lines.iter().filter(move |(_, line)| line.role == role);
            lines.map(|(id, _)| id).collect()
        };
        Founders {
            participants: with(MemberRole::Participant),
            observers: with(MemberRole::Observer),
        }
    }

    /// The line of a server, as text.
    pub(crate) fn line_of(&self, peer: PeerId) -> String {
        let line = self.lines.get(peer);
        line.map(ToString::to_string).unwrap_or_default()
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.lines.len() <= 1
    }

    pub(crate) fn check(&self) -> Result<(), EnsembleError> {
        let why = if self.me.0 == 0 {
            "myid is 0, which is nobody's".to_owned()
        } else if !self.is_alone() && self.lines.participants().next().is_none() {
            "no server.N line is that of a participant".to_owned()
        } else if self.raft_tick_ms == 0 {
            "a tick takes no time".to_owned()
        } else if self.heartbeat_ticks == 0 || self.election_ticks <= self.heartbeat_ticks {
            "an election must take more ticks than a heartbeat, and a heartbeat at least one"
                .to_owned()
        } else {
            return Ok(());
        };
        Err(EnsembleError::Config(why))
    }
}

/// The servers that a founding is about, by their roles. Their addresses do not matter: each server may see the others under
/// other names, and itself under none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Founders {
    /// Those that will vote, lowest id first.
    pub participants: Vec<PeerId>,
    /// Those that will not, lowest id first.
    pub observers: Vec<PeerId>,
}

impl Founders {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.participants.iter().chain(&self.observers).copied()
    }

    /// The members that the founding makes of them.
    #[must_use]
    pub fn members(&self) -> Members {
        let ids = |peers: &[PeerId]| -> Vec<u64> {
            let ids = peers.iter().map(|peer| NodeId::founding(*peer).raft());
            ids.collect()
        };
        Members {
            voters: ids(&self.participants),
            learners: ids(&self.observers),
            ..Members::default()
        }
    }
}

/// A server that has agreed to a founding which may or may not have happened. It has promised nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// The cluster that is to be founded.
    pub cluster: ClusterId,
    /// By whom.
    pub founders: Founders,
}

/// What the disk held at the start.
#[derive(Debug)]
pub enum Start {
    /// Nothing of any cluster. The random bytes come from a secure source.
    Empty {
        /// For the identity of a cluster, or for this server's new incarnation.
        random: [u8; 32],
    },
    /// What [`crate::Step::Prepare`] wrote, and no log.
    Prepared {
        /// As it was written.
        prepared: Prepared,
        /// As for an empty one.
        random: [u8; 32],
    },
    /// A data directory with a log.
    Founded {
        /// Whose data it is.
        cluster: ClusterId,
        /// Under which id this server speaks.
        node: NodeId,
        /// The log, read to its end.
        recovery: Box<Recovery>,
    },
}

/// Why there is no ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnsembleError {
    /// The settings contradict each other; says how.
    Config(String),
    /// The data is another server's.
    OtherServer {
        /// Whose data it is.
        found: PeerId,
        /// `myid`.
        me: PeerId,
    },
    /// The log cannot be what this server has written, or the replication's settings are wrong.
    Raft(RaftError),
}

impl fmt::Display for EnsembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(why) => write!(f, "the settings of the ensemble are wrong: {why}"),
            Self::OtherServer { found, me } => write!(
                f,
                "the data directory is that of server {}, but myid says {}: give each server its own data directory, or write {} \
                 into myid",
                found.0, me.0, found.0
            ),
            Self::Raft(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EnsembleError {}

impl From<RaftError> for EnsembleError {
    fn from(error: RaftError) -> Self {
        Self::Raft(error)
    }
}
