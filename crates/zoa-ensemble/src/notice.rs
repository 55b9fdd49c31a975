//! What an operator should read: what is so, and what can be done.

mod other_lines;

pub use other_lines::OtherLines;

use std::fmt;

use zoa_log::ClusterId;
use zoa_proto::PeerId;

use crate::hello::answer::HelloRefusal;
use crate::node_id::NodeId;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeLevel {
    /// Rare, and worth a line.
    Info,
    /// Something unusual that may pass.
    Warning,
    /// A human must look.
    Error,
}

/// See the module. Its text is what the log says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// This server is empty and waits until the founding can begin.
    WaitsForFounding {
        /// Configured servers that have not been heard of.
        missing: Vec<PeerId>,
    },
    /// This server is empty, and may not take part in a founding without the marker `initialize`.
    MustNotFound,
    /// A peer's zoo.cfg names other servers.
    OtherFounders {
        /// Whose.
        peer: PeerId,
    },
    /// The ensemble goes by other servers than zoo.cfg names.
    OtherLines(OtherLines),
    /// This server is empty, the ensemble exists, and nobody leads it.
    NobodyToJoin {
        /// Members of the ensemble that are there.
        members: Vec<PeerId>,
        /// Servers as empty as this one.
        empty: Vec<PeerId>,
    },
    /// Members of different clusters are there.
    TwoClusters {
        /// A member of one.
        one: PeerId,
        /// A member of another.
        other: PeerId,
    },
    /// The ensemble was founded.
    Founded {
        /// Its identity.
        cluster: ClusterId,
    },
    /// This server joins an ensemble that exists.
    Joins {
        /// Its identity.
        cluster: ClusterId,
        /// Under which id.
        node: NodeId,
    },
    /// A peer does not accept this server.
    RefusedBy {
        /// Which peer.
        peer: PeerId,
        /// Why.
        refusal: HelloRefusal,
    },
    /// The ensemble goes on without this server, or with another one in its place.
    NoMember,
    /// The other disks were given up: what this one holds is the state of a new cluster from here on.
    Forced {
        /// Its identity.
        cluster: ClusterId,
    },
    /// A server takes the place of the one that had its `myid` before, whose disk is gone.
    Replaces {
        /// The server.
        peer: PeerId,
        /// Its id from here on.
        node: NodeId,
        /// Its id before.
        before: NodeId,
    },
    /// Newer rules hold in the replicated state: every server knows them.
    NewerRules {
        /// Their version.
        version: u32,
    },
    /// This server catches up with its leader, and serves no client until it has, for longer than initLimit.
    CatchesUp {
        /// Since when, in milliseconds.
        for_ms: u64,
        /// Entries that are missing still of what the leader had committed when it was found.
        missing: u64,
    },
    /// More waits for a leader than may.
    TooMuchWaits,
    /// Nobody leads, or no quorum is heard of: this server serves no client until that changes, but for those that only read where
    /// that is allowed.
    NoQuorum {
        /// Peers that are connected.
        connected: Vec<PeerId>,
    },
}

impl Notice {
    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> NoticeLevel {
        match self {
            Self::WaitsForFounding { .. }
            | Self::Founded { .. }
            | Self::Joins { .. }
            | Self::NewerRules { .. }
            | Self::Replaces { .. } => NoticeLevel::Info,
            Self::OtherFounders { .. }
            | Self::OtherLines(_)
            | Self::MustNotFound
            | Self::RefusedBy { .. }
            | Self::NoQuorum { .. }
            | Self::CatchesUp { .. }
            | Self::TooMuchWaits
            | Self::Forced { .. } => NoticeLevel::Warning,
            Self::NobodyToJoin { .. } | Self::TwoClusters { .. } | Self::NoMember => {
                NoticeLevel::Error
            }
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitsForFounding { missing } => write!(
                f,
                "this server is empty and waits for {}: an ensemble is founded when all servers that zoo.cfg names are there and \
                 agree; to found it with a quorum of them, put an empty file `initialize` into their dataDirs and restart them",
                Servers(missing)
            ),
            Self::MustNotFound => f.write_str(
                "this server is empty, and db.autocreate=false forbids it to found an ensemble. If data was here, its disk is not \
                 mounted or lost; to found a new ensemble put an empty file `initialize` into the dataDir of each server and restart it",
            ),
            Self::OtherFounders { peer } => write!(
                f,
                "server {} names other server.N lines in its zoo.cfg than this one: the ensemble can be founded when ids and roles \
                 are the same on all servers",
                peer.0
            ),
            Self::OtherLines(difference) => difference.fmt(f),
            Self::NobodyToJoin { members, empty } => nobody_to_join(f, members, empty),
            Self::TwoClusters { one, other } => write!(
                f,
                "servers {} and {} are members of different ensembles: this empty server joins neither until its server.N lines name \
                 servers of one",
                one.0, other.0
            ),
            Self::Founded { cluster } => write!(f, "the ensemble is founded: cluster {cluster}"),
            Self::Joins { cluster, node } => {
                write!(f, "this server joins cluster {cluster} as server {node}")
            }
            Self::NewerRules { version } => write!(
                f,
                "every server has been upgraded: rules of version {version} hold from here on, which earlier programs do not know"
            ),
            Self::RefusedBy { peer, refusal } => {
                write!(f, "server {} refuses this one: {refusal}", peer.0)
            }
            Self::NoMember => f.write_str(
                "the ensemble goes on without this server: it was taken out, or another disk has its myid. It serves no client. To let \
                 it join again, stop it, move its data away and start it empty",
            ),
            Self::Forced { cluster } => write!(
                f,
                "force-new-ensemble: what this disk holds goes on as cluster {cluster}, with this server as the only one that votes; \
                 writes that only the others had are lost. The others join when they are started empty; never start them with their \
                 old data, since enough of them would go on as the old ensemble, beside this one"
            ),
            Self::Replaces { peer, node, before } => write!(
                f,
                "server {} began again with an empty disk: it takes the place of {before} as {node}",
                peer.0
            ),
            Self::CatchesUp { for_ms, missing } => write!(
                f,
                "this server has been catching up with its leader for {} s, which is longer than initLimit, and serves no client until \
                 it has: {missing} entries are missing still. It goes on; if this number does not fall, look at the network between \
                 them and at this server's disk",
                for_ms / 1000
            ),
            Self::TooMuchWaits => f.write_str(
                "more writes wait for a leader than may: they are given up, and their connections end",
            ),
            Self::NoQuorum { connected } => write!(
                f,
                "no quorum is heard of, so this server serves no client, but with readonlymode.enabled=true those that asked for \
                 read-only; connected: {}",
                Servers(connected)
            ),
        }
    }
}

fn nobody_to_join(f: &mut fmt::Formatter<'_>, members: &[PeerId], empty: &[PeerId]) -> fmt::Result {
    write!(
        f,
        "this server's disk is empty, but the ensemble exists: {} hold its data, and none of them leads. If `zkServer.sh status` shows a \
         leader elsewhere, write its server.N line into this server's zoo.cfg. If there is none, too many lost their data, as {} did, and an \
         empty server must not vote: bring back the disks, or start more of those that hold the data; if they are lost for good, put an \
         empty file `force-new-ensemble` into the dataDir of the server with the newest data (restart each; the highest \
         newest_term in the line `recovered` of its log, and then the highest newest_index) and start it again: what it holds goes on, \
         and writes that it had not heard of are lost. None of the others may ever be started with its old data again",
        Servers(members),
        Servers(empty)
    )
}

/// A list of servers in words.
struct Servers<'a>(&'a [PeerId]);

impl fmt::Display for Servers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no server"),
            [one] => write!(f, "server {}", one.0),
            [first, rest @ ..] => {
                write!(f, "servers {}", first.0)?;
                rest.iter().try_for_each(|peer| write!(f, ", {}", peer.0))
            }
        }
    }
}
