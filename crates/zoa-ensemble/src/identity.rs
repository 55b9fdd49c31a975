//! Who this server is: what it says in a hello, and what it needs to judge another's.
//!
//! Small and without secrets, so that a driver may share it between the threads that make connections.

use zoa_proto::PeerId;
use zoa_raft::Members;

use crate::config::Founders;
use crate::hello::Hello;
use crate::hello::HelloState;
use crate::hello::Purpose;
use crate::versions::Versions;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Rises when what earlier hellos said is wrong; a link that was made with one of those is ended.
    pub epoch: u64,
    /// `myid`.
    pub me: PeerId,
    /// How far this server is.
    pub state: HelloState,
    /// Who its zoo.cfg names.
    pub founders: Founders,
    /// Whether its dataDir has the marker `initialize`.
    pub initialize: bool,
    /// Its own `server.N` line, as text.
    pub line: String,
    /// Who takes part, as far as this server knows.
    pub members: Members,
    /// What it can do.
    pub versions: Versions,
    /// The rules by which the state of its cluster applies transactions, as far as it knows: who does not know them cannot take part.
    pub semantics: u32,
}

impl Identity {
    /// What this server says on a connection to `to`.
    #[must_use]
    pub fn hello(&self, to: PeerId, purpose: Purpose) -> Hello {
        Hello {
            me: self.me,
            to,
            purpose,
            state: self.state,
            founders: self.founders.clone(),
            initialize: self.initialize,
            line: self.line.clone(),
            versions: self.versions,
        }
    }
}
