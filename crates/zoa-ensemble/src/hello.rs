//! What two servers say first on a connection: who they are, whom they mean, and how far they are.
//!
//! ```text
//!   A (dials)                          B
//!     | -- Hello ----------------------> |  judge
//!     | <-------- Hello, its answer ---- |  (the answer says yes, or why not)
//!     | -- answer ---------------------> |
//!     | == frames of A ================> |
//! ```
//!
//! A hello says what was so when the connection was made. A server that becomes somebody else (founded, joined) ends its connections and
//! says so anew. Byte by byte: `docs/formats/peer.md`.

pub(crate) mod answer;
pub(crate) mod judge;
mod wire;

pub use wire::HelloError;

use zoa_log::ClusterId;
use zoa_proto::PeerId;

use crate::config::Founders;
use crate::node_id::NodeId;
use crate::versions::Versions;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// `myid` of the server that speaks.
    pub me: PeerId,
    /// Whom it believes to speak to. 0 when it answers: then it may not know.
    pub to: PeerId,
    /// What the connection is for.
    pub purpose: Purpose,
    /// How far it is.
    pub state: HelloState,
    /// Who its zoo.cfg names.
    pub founders: Founders,
    /// Whether its dataDir has the marker `initialize`.
    pub initialize: bool,
    /// Its own `server.N` line, as text; may be empty.
    pub line: String,
    /// What it can do.
    pub versions: Versions,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Frames from the server that dialed.
    Messages,
    /// One snapshot from the server that dialed.
    Snapshot,
}

/// How far a server is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HelloState {
    /// It has no data of any cluster.
    Empty,
    /// It has agreed to a founding.
    Prepared {
        /// Of this cluster.
        cluster: ClusterId,
    },
    /// It wants to take part in a cluster that exists, and has heard nothing of its members yet.
    Joining {
        /// The cluster.
        cluster: ClusterId,
        /// Its id.
        node: NodeId,
    },
    /// It has the members of its cluster.
    Member {
        /// The cluster.
        cluster: ClusterId,
        /// Its id.
        node: NodeId,
        /// The place in the log as of which it knows the members.
        members_index: u64,
    },
}

impl HelloState {
    /// The cluster whose data it has.
    #[must_use]
    pub fn cluster(self) -> Option<ClusterId> {
        match self {
            Self::Empty | Self::Prepared { .. } => None,
            Self::Joining { cluster, .. } | Self::Member { cluster, .. } => Some(cluster),
        }
    }

    /// Its id in that cluster.
    #[must_use]
    pub fn node(self) -> Option<NodeId> {
        match self {
            Self::Empty | Self::Prepared { .. } => None,
            Self::Joining { node, .. } | Self::Member { node, .. } => Some(node),
        }
    }
}

impl Hello {
    /// The bytes, at most [`HELLO_LEN_MAX`](crate::limits::HELLO_LEN_MAX).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a hello from all of these bytes.
    ///
    /// # Errors
    /// When no server of a version that this one knows writes such bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, HelloError> {
        wire::decode(bytes)
    }
}
